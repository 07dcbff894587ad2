"""What an operator is asked about a load that waits: the numbers, a picture of its outcome, the report (P6, P7)."""

from __future__ import annotations

from pipelines.model import LoadFacts
from pipelines.report.russian import number

_BAR = 30
_REPORT_LINES = 40

# Numbers of a hold that are worth a row, with their names; the rest of it is in the report.
_NAMES = {
    "visible": "Видят покупатели сейчас",
    "would_hide": "Из них нет в файле",
    "compared": "Сравнимых цен",
    "jumped": "Цена изменилась в разы",
    "moved": "Цена изменилась в одно число раз",
    "kept": "Оставлена прежняя цена",
    "factor": "Во сколько раз",
    "ratio": "Порог изменения цены, раз",
    "limit": "Порог изменения цены, раз",
    "share_limit": "Порог, доля",
    "count_limit": "Порог, товаров",
}
_MOVES = ("jumped", "moved")


def question_title(load: LoadFacts) -> str:
    """One line: which load waits and for what."""
    message = (load.held or {}).get("message", load.status.label)
    return f"Загрузка {load.id} · {load.supplier} · {load.link}: {message}"


def render_question(load: LoadFacts, report_text: str) -> str:
    """Markdown for the form in which an operator decides.

    Args:
        report_text: the load's report as its supplier reads it.
    """
    held = load.held or {}
    rows = "\n".join(f"| {name} | {_shown(held[key])} |" for key, name in _NAMES.items() if key in held)
    lines = report_text.replace("`", "'").splitlines()[:_REPORT_LINES]
    return "\n\n".join(
        part
        for part in (
            f"| Показатель | Значение |\n| --- | ---: |\n{rows}",
            _fenced(_picture(held)),
            "**Отчёт поставщика**",
            _fenced(lines),
        )
        if part
    )


def _picture(held: dict[str, object]) -> list[str]:
    """Bars of what would happen, to one scale each."""
    lines: list[str] = []
    visible, hidden = _count(held, "visible"), _count(held, "would_hide")
    if visible:
        lines += [_bar("видно сейчас", visible, visible), _bar("останется", visible - hidden, visible)]
    compared = _count(held, "compared")
    for name in _MOVES:
        if compared and name in held:
            lines += [_bar("сравнимых цен", compared, compared), _bar("изменятся", _count(held, name), compared)]
    return lines


def _bar(name: str, part: int, whole: int) -> str:
    filled = round(_BAR * part / whole)
    return f"{name:<14} {'█' * filled}{'░' * (_BAR - filled)} {number(part)}"


def _fenced(lines: list[str]) -> str:
    return "\n".join(("```", *lines, "```")) if lines else ""


def _count(held: dict[str, object], name: str) -> int:
    value = held.get(name, 0)
    return value if isinstance(value, int) else 0


def _shown(value: object) -> str:
    return number(value) if isinstance(value, int) else str(value).replace("|", "/")[:60]
