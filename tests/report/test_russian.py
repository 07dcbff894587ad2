"""Russian numbers, dates and plural forms (R1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines.report import russian

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (0, "товаров"),
        (1, "товар"),
        (2, "товара"),
        (4, "товара"),
        (5, "товаров"),
        (10, "товаров"),
        (11, "товаров"),
        (12, "товаров"),
        (14, "товаров"),
        (20, "товаров"),
        (21, "товар"),
        (22, "товара"),
        (25, "товаров"),
        (100, "товаров"),
        (101, "товар"),
        (111, "товаров"),
        (112, "товаров"),
        (121, "товар"),
        (1_000, "товаров"),
        (1_001, "товар"),
        (1_011, "товаров"),
        (1_000_002, "товара"),
    ],
)
def test_R1_plural_forms(value: int, form: str) -> None:
    assert russian.word(value, "offer") == form


def test_every_word_has_three_forms_for_every_number() -> None:
    for name in russian._FORMS:
        assert all(russian.word(value, name) for value in range(200))


def test_R1_thousands_are_parted_by_no_break_spaces() -> None:
    assert russian.number(999) == "999"
    assert russian.number(1_000) == f"1{NBSP}000"
    assert russian.number(1_234_567) == f"1{NBSP}234{NBSP}567"
    assert russian.counted(11_842, "offer") == f"11{NBSP}842{NBSP}товара"


def test_R1_moments_name_their_zone() -> None:
    said = f"22{NBSP}ноября 2026, 07:15 (МСК)"
    assert russian.moment(datetime(2026, 11, 22, 4, 15, tzinfo=UTC)) == said
    assert russian.moment(datetime(2026, 11, 22, 14, 15, tzinfo=timezone(timedelta(hours=10)))) == said


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        russian.moment(datetime(2026, 11, 22, 4, 15))  # noqa: DTZ001 - what is tested


@pytest.mark.parametrize(("value", "said"), [(1, "1 раз"), (3.0, "3 раза"), (10, "10 раз"), (2.5, "2,5 раза")])
def test_R1_times_agree_with_their_number(value: float, said: str) -> None:
    assert russian.times(value) == said.replace(" ", NBSP)


def test_R1_sizes_have_a_decimal_comma() -> None:
    assert russian.size(12_400_000) == f"12,4{NBSP}МБ"
    assert russian.size(300_000_000) == f"300{NBSP}МБ"
    assert russian.size(1_000) == f"1{NBSP}КБ"
    assert russian.size(999) == f"999{NBSP}байт"
