"""What a load came to, in sentences: the verdict, what buyers see now, the hold, actualisation (R2, P2, P6)."""

from __future__ import annotations

import enum

from pipelines.errors import InternalError
from pipelines.model import LoadFacts, LoadStatus
from pipelines.report.russian import counted, moment, number, word
from pipelines.report.summary import PUBLISHED, LoadReport

# Why goods missing from the file were not hidden: every reason that the gate before publishing knows.
ACTUALIZATION_REASONS: dict[str, str] = {
    "not_requested": "Не запрошена: товары, которых нет в файле, остаются в каталоге.",
    "delta": "Не выполнена: файл содержит только изменения, по нему нельзя судить о снятых с продажи товарах.",
    "nothing_accepted": "Не выполнена: ни один товар из файла не принят. Ничего не скрыто.",
    "mostly_rejected": "Не выполнена: не принято больше половины товаров файла. Ничего не скрыто.",
    "held": "Ждёт подтверждения: скрылось бы слишком много товаров. Ничего не скрыто.",
    "refused": "Не выполнена: скрытие ждало подтверждения и не подтверждено. Ничего не скрыто.",
    "file_rejected": "Не выполнена: файл отклонён. Ничего не скрыто.",
}


class Tone(enum.StrEnum):
    """How a report looks at the first glance."""

    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"
    NEUTRAL = "neutral"


def tone(report: LoadReport) -> Tone:
    """Good only when nothing was lost."""
    load = report.load
    match load.status:
        case LoadStatus.REJECTED:
            return Tone.BAD
        case LoadStatus.HELD:
            return Tone.ATTENTION
        case LoadStatus.PROCESSED:
            return Tone.ATTENTION if load.counts.rejected or load.counts.errors else Tone.GOOD
        case _:
            return Tone.NEUTRAL


def headline(report: LoadReport) -> str:
    """The verdict in one sentence (R2)."""
    load = report.load
    match load.status:
        case LoadStatus.PROCESSED:
            return _processed(load)
        case LoadStatus.HELD:
            hidden = counted(_would_hide(load), "of_offers")
            if load.dry_run:
                return f"Пробная загрузка: скрытие {hidden} потребовало бы подтверждения."
            return f"Прайс-лист загружен, но скрытие {hidden} ждёт подтверждения."
        case LoadStatus.REJECTED:
            return "Прайс-лист отклонён целиком, каталог не изменён."
        case LoadStatus.FAILED:
            return "Прайс-лист не обработан из-за сбоя на нашей стороне, каталог не изменён."
        case LoadStatus.UNCHANGED | LoadStatus.QUEUED | LoadStatus.RUNNING:
            return f"Состояние загрузки: {load.status.label.lower()}."


def _processed(load: LoadFacts) -> str:
    counts = load.counts
    lead = f"Прайс-лист загружен {'частично' if counts.rejected else 'полностью'}"
    accepted = f"{word(counts.accepted, 'accepted')} {counted(counts.accepted, 'offer')} из {number(counts.read)}"
    rejected = f", не {word(counts.rejected, 'accepted')} {number(counts.rejected)}" if counts.rejected else ""
    return f"{'Пробная загрузка' if load.dry_run else lead}: {accepted}{rejected}."


def buyers(report: LoadReport) -> list[str]:
    """What buyers see now, in a few sentences (R2, P4)."""
    load = report.load
    if load.dry_run:
        return ["Это пробная загрузка: в каталоге ничего не изменилось, ниже показано, что изменилось бы."]
    if load.status in PUBLISHED:
        seen = [] if report.visible is None else [f"Покупатели видят {counted(report.visible, 'offer')}."]
        if report.previous is None:
            seen.append("Это первая загрузка этого прайс-листа.")
        elif load.counts.rejected:
            seen.append("Если непринятый товар был опубликован раньше, он остаётся в каталоге в прежнем виде.")
        return seen
    if report.good_since is not None:
        since = f"Покупатели видят прежние данные от {moment(report.good_since)}"
        return [since + ("." if report.visible is None else f": {counted(report.visible, 'offer')}.")]
    if report.previous is None and load.status is LoadStatus.REJECTED:
        return ["Это первая загрузка: товаров из этого прайс-листа в каталоге пока нет."]
    return ["Покупатели видят прежние данные."]


def advice(report: LoadReport) -> list[str]:
    """What to do about a whole load that waits for a person or failed on our side; nothing for the other loads."""
    load = report.load
    if load.status is LoadStatus.FAILED:
        return ["Вам ничего делать не нужно: мы разберёмся и загрузим файл ещё раз."]
    if load.status is not LoadStatus.HELD:
        return []
    visible = number((load.held or {}).get("visible", 0))
    missing = f"В файле нет {number(_would_hide(load))} из {visible} товаров, которые видят покупатели."
    if load.dry_run:
        return [missing]
    return [
        f"{missing} Чаще всего это неполная выгрузка, поэтому мы ничего не скрыли.",
        "Новые и изменённые товары уже опубликованы.",
        "Если выгрузка неполная — исправьте её: со следующей успешной загрузкой вопрос снимется сам.",
        f"Если товары сняты с продажи — назовите оператору каталога номер загрузки, {load.id}: он подтвердит скрытие.",
        "Если ничего не делать, покупатели будут видеть эти товары и дальше.",
    ]


def actualization(load: LoadFacts) -> str:
    """Whether goods missing from the file were hidden, or why not (P5, P6).

    Raises:
        InternalError: a reason that is not in the closed list.
    """
    facts = load.actualization
    if facts.get("applied"):
        hidden = load.counts.hidden
        if not hidden:
            return "Выполнена: в файле есть все товары, которые видят покупатели, скрывать нечего."
        verb = "было бы скрыто" if load.dry_run else word(hidden, "hidden")
        return (
            f"Выполнена: {verb} {counted(hidden, 'offer')}, которых нет в файле. Вернутся в файл — вернутся в каталог."
        )
    reason = facts.get("why_not") or "not_requested"
    try:
        return ACTUALIZATION_REASONS[reason]
    except KeyError as error:
        msg = f"no sentence for the actualisation reason {reason!r}"
        raise InternalError(msg) from error


def _would_hide(load: LoadFacts) -> int:
    return int((load.held or {}).get("would_hide", 0))
