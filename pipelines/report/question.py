"""What an operator is asked about a load that waits: the numbers, a picture of its outcome, the report (P6, P7)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.model import LoadFacts
from pipelines.report.russian import number

_BAR = 30
_REPORT_LINES = 40
_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#+!|~&-]")

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
    numbers = [(name, _shown(held[key])) for key, name in _NAMES.items() if key in held]
    lines = [line.strip() for line in report_text.splitlines() if line.strip()][:_REPORT_LINES]
    return "\n\n".join(
        (
            _table(("Показатель", "Значение"), numbers),
            _table(("Что будет", "", ""), _picture(held)),
            "**Отчёт поставщика**",
            "  \n".join(map(_literally, lines)),
        )
    )


def _picture(held: dict[str, object]) -> list[tuple[str, ...]]:
    """Bars of what would happen, to one scale each."""
    bars: list[tuple[str, ...]] = []
    visible, hidden = _count(held, "visible"), _count(held, "would_hide")
    if visible:
        bars += [_bar("Видно сейчас", visible, visible), _bar("Останется", visible - hidden, visible)]
    compared = _count(held, "compared")
    for name in _MOVES:
        if compared and name in held:
            bars += [_bar("Сравнимых цен", compared, compared), _bar("Изменятся", _count(held, name), compared)]
    return bars


def _bar(name: str, part: int, whole: int) -> tuple[str, ...]:
    filled = round(_BAR * part / whole)
    return name, "█" * filled + "░" * (_BAR - filled), number(part)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---",) * len(head), *(tuple(map(_literally, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _literally(text: str) -> str:
    """Text that Markdown shows as it is: values of the supplier's are among it."""
    return _MARKUP.sub(r"\\\g<0>", text)


def _count(held: dict[str, object], name: str) -> int:
    value = held.get(name, 0)
    return value if isinstance(value, int) else 0


def _shown(value: object) -> str:
    return number(value) if isinstance(value, int) else str(value)[:60]
