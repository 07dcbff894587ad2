"""What a load came to, in sentences: the verdict, what buyers see now, the hold, actualisation (R2, P2, P6)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from pipelines.errors import InternalError
from pipelines.model import DecisionVerdict, HoldReason, LoadFacts, LoadKind, LoadStatus
from pipelines.report.russian import NBSP, counted, moment, number, times, word
from pipelines.report.summary import PUBLISHED, LoadReport
from pipelines.report.wording import quote

# Why goods missing from the file were not hidden: every reason that the gate before publishing knows.
ACTUALIZATION_REASONS: dict[str, str] = {
    "not_requested": "Не запрошена: товары, которых нет в файле, остаются в каталоге.",
    "delta": "Не выполнена: файл содержит только изменения, по нему нельзя судить о снятых с продажи товарах.",
    "nothing_accepted": "Не выполнена: ни один товар из файла не принят. Ничего не скрыто.",
    "mostly_rejected": "Не выполнена: не принято больше половины товаров файла. Ничего не скрыто.",
    "held": "Ждёт подтверждения. Ничего не скрыто.",
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
    if load.kind is LoadKind.ROLLBACK:
        return f"Загрузка №{NBSP}{load.origin} отменена оператором: каталог возвращён к состоянию до неё."
    match load.status:
        case LoadStatus.PROCESSED:
            return _processed(load)
        case LoadStatus.HELD:
            return _held(load)
        case LoadStatus.REJECTED:
            # A file that nobody got was not rejected.
            what = "не загружен" if load.reason == "link_unreachable" else "отклонён целиком"
            return f"Прайс-лист {what}, каталог не изменён."
        case LoadStatus.FAILED:
            return "Прайс-лист не обработан из-за сбоя на нашей стороне, каталог не изменён."
        case LoadStatus.UNCHANGED | LoadStatus.QUEUED | LoadStatus.RUNNING:
            return f"Состояние загрузки: {load.status.label.lower()}."


def _held(load: LoadFacts) -> str:
    reason = _hold_reason(load)
    if reason is HoldReason.TOO_MANY_HIDDEN:
        hidden = counted(_number(load, "would_hide"), "of_offers")
        if load.dry_run:
            return f"Пробная загрузка: скрытие {hidden} потребовало бы подтверждения."
        return f"Прайс-лист загружен, но скрытие {hidden} ждёт подтверждения."
    if load.dry_run:
        return f"Пробная загрузка: прайс-лист потребовал бы подтверждения. {reason.label}"
    return f"Прайс-лист не опубликован и ждёт подтверждения. {reason.label}"


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
    if took_part(load):
        seen = _seen(report)
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
    return ["Товаров из этого прайс-листа в каталоге пока нет."]


def _seen(report: LoadReport) -> list[str]:
    if report.visible is None:
        return []
    shown = (report.statistics or {}).get("visible", report.visible)
    if shown == report.visible:
        return [f"Покупатели видят {counted(shown, 'offer')}."]
    # The supplier is not accredited, or the shop hides what is bound to no category (P8, O16).
    why = "остальные не привязаны к рубрикам" if shown else "магазин пока не показывает ваши товары"
    return [f"Покупатели видят {counted(shown, 'offer')} из {number(report.visible)} опубликованных: {why}."]


def took_part(load: LoadFacts) -> bool:
    """Whether a load has changed the catalog, or would have: all of them but those held or rejected whole."""
    if load.status is LoadStatus.HELD:
        return _hold_reason(load).publishes
    return load.status in PUBLISHED


def advice(report: LoadReport) -> list[str]:
    """What to do about a load that waits for a person or failed on our side; nothing for the other loads."""
    load = report.load
    if load.status is LoadStatus.FAILED:
        return ["Вам ничего делать не нужно: мы разберёмся и загрузим файл ещё раз."]
    if load.decision:
        return _decided(load.decision)
    if not load.held:
        return []
    reason = _hold_reason(load)
    what = _what_waits(load, reason)
    if load.dry_run:
        return [what]
    return [what, *_ADVICE[reason], _TO_OPERATOR[reason].format(load=load.id), _OTHERWISE[reason]]


_INCOMPLETE = "Если это ошибка выгрузки — исправьте её: со следующей успешной загрузкой вопрос снимется сам."
_ADVICE = {
    HoldReason.TOO_MANY_HIDDEN: (
        "Чаще всего это неполная выгрузка, поэтому мы ничего не скрыли.",
        "Новые и изменённые товары уже опубликованы.",
        _INCOMPLETE,
    ),
    HoldReason.PRICE_JUMPS: ("Чтобы покупатели не увидели ошибочных цен, мы ничего не опубликовали.", _INCOMPLETE),
    HoldReason.PRICE_FACTOR: ("Чтобы покупатели не увидели ошибочных цен, мы ничего не опубликовали.", _INCOMPLETE),
    HoldReason.UNLIKE_PAST: ("На всякий случай мы ничего не опубликовали и не скрыли.", _INCOMPLETE),
    HoldReason.PRICES_KEPT: (
        "Всё остальное об этих товарах и все остальные товары уже опубликованы.",
        "Если цены ошибочны — исправьте их в следующей выгрузке.",
    ),
}
_TELL = "назовите оператору каталога номер загрузки, {load}: он подтвердит"
_TO_OPERATOR = {
    HoldReason.TOO_MANY_HIDDEN: f"Если товары сняты с продажи — {_TELL} скрытие.",
    HoldReason.PRICE_JUMPS: f"Если цены верны — {_TELL} их.",
    HoldReason.PRICE_FACTOR: f"Если цены верны — {_TELL} их.",
    HoldReason.UNLIKE_PAST: f"Если в файле всё верно — {_TELL} загрузку.",
    HoldReason.PRICES_KEPT: f"Если цены верны — {_TELL} их.",
}
_OTHERWISE = {
    HoldReason.TOO_MANY_HIDDEN: "Если ничего не делать, покупатели будут видеть эти товары и дальше.",
    HoldReason.PRICE_JUMPS: "Если ничего не делать, покупатели будут видеть прежние данные.",
    HoldReason.PRICE_FACTOR: "Если ничего не делать, покупатели будут видеть прежние данные.",
    HoldReason.UNLIKE_PAST: "Если ничего не делать, покупатели будут видеть прежние данные.",
    HoldReason.PRICES_KEPT: "Если ничего не делать, покупатели будут видеть прежние цены.",
}
_FACTORS = {
    "100": "стали в 100 раз больше (возможно, копейки вместо рублей)",
    "0.01": "стали в 100 раз меньше (возможно, рубли вместо копеек)",
    "vat": "выросли ровно на ставку НДС (возможно, НДС начислен дважды)",
    "1/vat": "уменьшились ровно на ставку НДС (возможно, переданы цены без НДС)",
}


def _what_waits(load: LoadFacts, reason: HoldReason) -> str:
    held = load.held or {}
    compared = number(_number(load, "compared"))
    match reason:
        case HoldReason.TOO_MANY_HIDDEN:
            visible = number(_number(load, "visible"))
            return f"В файле нет {number(_number(load, 'would_hide'))} из {visible} товаров, которые видят покупатели."
        case HoldReason.PRICE_JUMPS:
            return (
                f"У {counted(_number(load, 'jumped'), 'of_offers')} из {compared} сравнимых цена изменилась в разы: "
                f"в {times(float(held['ratio']))} и больше."
            )
        case HoldReason.PRICE_FACTOR:
            moved = counted(_number(load, "moved"), "of_offers")
            return f"Цены {moved} из {compared} {_FACTORS.get(str(held.get('factor')), 'изменились в одно число раз')}."
        case HoldReason.PRICES_KEPT:
            kept = counted(_number(load, "kept"), "of_offers")
            limit = times(float(held["limit"]))
            return f"Цены {kept} изменились в {limit} и больше; покупатели видят прежние цены."
        case HoldReason.UNLIKE_PAST:
            return reason.label


def _decided(decision: Mapping[str, Any]) -> list[str]:
    """What became of a load that waited."""
    match DecisionVerdict(decision["verdict"]):
        case DecisionVerdict.APPROVED:
            said = "Оператор каталога подтвердил эту загрузку: то, что ждало подтверждения, выполнено."
        case DecisionVerdict.REJECTED:
            said = "Оператор каталога не подтвердил эту загрузку: то, что ждало подтверждения, не выполнено."
        case DecisionVerdict.LAPSED:
            said = f"Подтверждение больше не нужно: загружен следующий файл, загрузка №{NBSP}{decision['by_load']}."
        case DecisionVerdict.ROLLED_BACK:
            said = f"Эта загрузка отменена загрузкой №{NBSP}{decision['by_load']}."
    return [said, *([f"Причина: {quote(str(decision['why']), 300)}"] if decision.get("why") else [])]


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
        absent, back = word(hidden, "which"), word(hidden, "will_return")
        return (
            f"Выполнена: {verb} {counted(hidden, 'offer')}, {absent} нет в файле. "
            f"{back.capitalize()} в файл — {back} в каталог."
        )
    reason = facts.get("why_not") or "not_requested"
    try:
        return ACTUALIZATION_REASONS[reason]
    except KeyError as error:
        msg = f"no sentence for the actualisation reason {reason!r}"
        raise InternalError(msg) from error


def _hold_reason(load: LoadFacts) -> HoldReason:
    return HoldReason((load.held or {}).get("reason", HoldReason.TOO_MANY_HIDDEN))


def _number(load: LoadFacts, name: str) -> int:
    return int((load.held or {}).get(name, 0))
