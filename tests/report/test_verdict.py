"""What a load came to, in sentences (R2, P2, P4, P6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import InternalError
from pipelines.model import Counts, DecisionVerdict, HoldReason, Issue, LoadFacts, LoadKind, LoadStatus, WhyNot
from pipelines.report import LoadReport, build, verdict

NBSP = "\N{NO-BREAK SPACE}"
HELD = {"reason": "too_many_hidden", "would_hide": 9300, "visible": 12018}


@pytest.fixture
def report_on(
    make_load: Callable[..., LoadFacts], write_issues: Callable[[Iterable[Issue]], Path]
) -> Callable[..., LoadReport]:
    def report(previous: LoadFacts | None = None, visible: int | None = None, **changes: Any) -> LoadReport:
        return build(make_load(**changes), write_issues([]), None, {}, previous, visible=visible)

    return report


@pytest.mark.parametrize(
    ("changes", "tone", "said"),
    [
        ({"counts": Counts(read=1, accepted=1)}, "good", "Прайс-лист загружен полностью: принят 1 товар из 1."),
        ({"counts": Counts(read=3, accepted=3)}, "good", "Прайс-лист загружен полностью: приняты 3 товара из 3."),
        (
            {"counts": Counts(read=5, accepted=5, errors=1)},
            "attention",
            "Прайс-лист загружен полностью: принято 5 товаров из 5.",
        ),
        (
            {"counts": Counts(read=2004, accepted=1990, rejected=14)},
            "attention",
            "Прайс-лист загружен частично: принято 1 990 товаров из 2 004, не принято 14.",
        ),
        (
            {"counts": Counts(read=22, accepted=21, rejected=1), "dry_run": True},
            "attention",
            "Пробная загрузка: принят 21 товар из 22, не принят 1.",
        ),
        (
            {"status": LoadStatus.HELD, "held": HELD},
            "attention",
            "Прайс-лист загружен, но скрытие 9 300 товаров ждёт подтверждения.",
        ),
        (
            {"status": LoadStatus.HELD, "held": {"would_hide": 51, "visible": 60}, "dry_run": True},
            "attention",
            "Пробная загрузка: скрытие 51 товара потребовало бы подтверждения.",
        ),
        ({"status": LoadStatus.REJECTED}, "bad", "Прайс-лист отклонён целиком, каталог не изменён."),
        (
            {"status": LoadStatus.REJECTED, "reason": "link_unreachable"},
            "bad",
            "Прайс-лист не загружен, каталог не изменён.",
        ),
        (
            {"status": LoadStatus.FAILED},
            "neutral",
            "Прайс-лист не обработан из-за сбоя на нашей стороне, каталог не изменён.",
        ),
        ({"status": LoadStatus.UNCHANGED}, "neutral", "Состояние загрузки: без изменений."),
        ({"status": LoadStatus.QUEUED}, "neutral", "Состояние загрузки: ожидает."),
        ({"status": LoadStatus.RUNNING}, "neutral", "Состояние загрузки: обрабатывается."),
    ],
)
def test_R2_headline(report_on: Callable[..., LoadReport], changes: dict[str, Any], tone: str, said: str) -> None:
    report = report_on(**changes)
    assert verdict.headline(report).replace(NBSP, " ") == said
    assert verdict.tone(report) == tone


@pytest.fixture
def said_to(report_on: Callable[..., LoadReport]) -> Callable[..., str]:
    def said(**changes: Any) -> str:
        return " ".join(verdict.buyers(report_on(**changes))).replace(NBSP, " ")

    return said


def test_R2_what_buyers_see_now(said_to: Callable[..., str], make_load: Callable[..., LoadFacts]) -> None:
    counts = Counts(read=5, accepted=5)
    assert said_to(previous=make_load(), visible=21, counts=counts) == "Покупатели видят 21 товар."
    assert "первая загрузка" in said_to(counts=counts)
    assert "ничего не изменилось" in said_to(dry_run=True, visible=21)


def test_P4_rejected_offers_keep_their_last_good_version(
    said_to: Callable[..., str], make_load: Callable[..., LoadFacts]
) -> None:
    said, counts = "остаётся в каталоге в прежнем виде", Counts(read=2, accepted=1, rejected=1)
    assert said in said_to(previous=make_load(), counts=counts)
    assert said not in said_to(previous=make_load(), counts=Counts(read=2, accepted=2))
    assert said not in said_to(counts=counts)


def test_F5_a_rejected_file_leaves_the_data_of_the_last_good_load(
    said_to: Callable[..., str], report_on: Callable[..., LoadReport], make_load: Callable[..., LoadFacts]
) -> None:
    good = make_load(finished_at=datetime(2026, 11, 21, 4, 15, tzinfo=UTC))
    seen = "Покупатели видят прежние данные от 21 ноября 2026, 07:15 (МСК)"
    assert said_to(previous=good, status=LoadStatus.REJECTED) == f"{seen}."
    assert said_to(previous=good, status=LoadStatus.REJECTED, visible=2) == f"{seen}: 2 товара."
    assert "первая загрузка" in said_to(status=LoadStatus.REJECTED)
    bad = make_load(status=LoadStatus.REJECTED)
    assert said_to(previous=bad, status=LoadStatus.REJECTED) == "Товаров из этого прайс-листа в каталоге пока нет."
    assert report_on(previous=bad).good_since is None


def test_R3_a_hold_says_what_was_not_done_and_what_to_do(report_on: Callable[..., LoadReport]) -> None:
    said = " ".join(verdict.advice(report_on(status=LoadStatus.HELD, held=HELD))).replace(NBSP, " ")
    assert "нет 9 300 из 12 018 товаров" in said
    assert "ничего не скрыли" in said
    assert "исправьте" in said
    assert "4812" in said
    assert "Если ничего не делать" in said


def test_our_failure_asks_nothing_of_the_supplier(report_on: Callable[..., LoadReport]) -> None:
    assert "ничего делать не нужно" in " ".join(verdict.advice(report_on(status=LoadStatus.FAILED)))
    assert verdict.advice(report_on()) == []


def test_P6_every_reason_of_the_gate_has_its_sentence() -> None:
    assert set(verdict.ACTUALIZATION_REASONS) == {reason.value for reason in WhyNot}


def test_P6_actualization_applied_or_why_not(make_load: Callable[..., LoadFacts]) -> None:
    assert verdict.actualization(make_load()).startswith(f"Выполнена: скрыты 3{NBSP}товара")
    one = verdict.actualization(make_load(counts=Counts(hidden=1))).replace(NBSP, " ")
    assert one == "Выполнена: скрыт 1 товар, которого нет в файле. Вернётся в файл — вернётся в каталог."
    assert "21 товар, которого нет" in verdict.actualization(make_load(counts=Counts(hidden=21))).replace(NBSP, " ")
    assert "скрывать нечего" in verdict.actualization(make_load(counts=Counts(read=1, accepted=1)))
    assert "было бы скрыто" in verdict.actualization(make_load(dry_run=True))
    for reason, sentence in verdict.ACTUALIZATION_REASONS.items():
        facts = {"requested": True, "applied": False, "why_not": reason}
        assert verdict.actualization(make_load(actualization=facts)) == sentence
    assert verdict.actualization(make_load(actualization={})) == verdict.ACTUALIZATION_REASONS["not_requested"]


def test_a_reason_without_a_sentence_is_our_bug(make_load: Callable[..., LoadFacts]) -> None:
    with pytest.raises(InternalError, match="tired"):
        verdict.actualization(make_load(actualization={"applied": False, "why_not": "tired"}))


HOLDS = {
    HoldReason.TOO_MANY_HIDDEN: ({"would_hide": 60, "visible": 100}, "скрытие 60 товаров ждёт", "нет 60 из 100"),
    HoldReason.PRICE_JUMPS: (
        {"jumped": 21, "compared": 90, "ratio": "3"},
        "не опубликован и ждёт",
        "У 21 товара из 90",
    ),
    HoldReason.PRICE_FACTOR: (
        {"moved": 95, "compared": 100, "factor": "100"},
        "не опубликован и ждёт",
        "Цены 95 товаров из 100 стали в 100 раз больше",
    ),
    HoldReason.UNLIKE_PAST: ({}, "не опубликован и ждёт", "не похож на прошлые"),
    HoldReason.PRICES_KEPT: ({"kept": 2, "limit": "10"}, "загружен", "Цены 2 товаров изменились в 10 раз"),
}


@pytest.mark.parametrize("reason", HoldReason)
def test_P7_every_hold_says_what_waits_what_to_do_and_what_happens_otherwise(
    report_on: Callable[..., LoadReport], reason: HoldReason
) -> None:
    numbers, headline, waits = HOLDS[reason]
    status = LoadStatus.HELD if reason.stops else LoadStatus.PROCESSED
    held = {"reason": reason.value, "would_hide": 0, "visible": 0} | numbers
    report = report_on(status=status, held=held)
    assert headline in verdict.headline(report).replace(NBSP, " ")
    assert verdict.took_part(report.load) is reason.publishes
    said = " ".join(verdict.advice(report)).replace(NBSP, " ")
    assert waits in said
    assert "номер загрузки, 4812" in said
    assert "Если ничего не делать" in said
    trial = report_on(status=status, held=held, dry_run=True)
    assert len(verdict.advice(trial)) == 1


@pytest.mark.parametrize("factor", ["100", "0.01", "vat", "1/vat"])
def test_P7_every_factor_has_its_words(report_on: Callable[..., LoadReport], factor: str) -> None:
    held = {"reason": "price_factor", "moved": 5, "compared": 5, "factor": factor}
    assert "возможно" in verdict.advice(report_on(status=LoadStatus.HELD, held=held))[0]


@pytest.mark.parametrize("outcome", DecisionVerdict)
def test_R3_what_was_decided_takes_the_place_of_what_waits(
    report_on: Callable[..., LoadReport], outcome: DecisionVerdict
) -> None:
    said = verdict.advice(
        report_on(held=HELD, decision={"verdict": outcome.value, "who": "anna", "why": "<b>да</b>", "by_load": 4813})
    )
    assert len(said) == 2
    assert "Если ничего не делать" not in " ".join(said)
    assert "<b>да</b>" in said[1]
    assert "anna" not in " ".join(said)


def test_P10_a_load_that_undoes_another_says_so(report_on: Callable[..., LoadReport]) -> None:
    assert "Загрузка №\N{NO-BREAK SPACE}4790 отменена" in verdict.headline(
        report_on(kind=LoadKind.ROLLBACK, origin=4790)
    )


def test_P8_published_is_not_always_seen(report_on: Callable[..., LoadReport]) -> None:
    hidden = replace(report_on(previous=None), visible=100, statistics={"visible": 0})
    assert "магазин пока не показывает" in verdict.buyers(hidden)[0]
    unbound = replace(hidden, statistics={"visible": 40})
    assert "40\N{NO-BREAK SPACE}товаров из 100 опубликованных" in verdict.buyers(unbound)[0]
