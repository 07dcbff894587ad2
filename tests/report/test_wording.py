"""Suppliers' values in our sentences: data, never markup."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.report.wording import PLACEHOLDERS, fill, fill_common, in_words, issue_code, plain, quote


@pytest.mark.parametrize("code", ISSUE_CODES)
def test_every_code_can_be_said_with_and_without_values(code: str) -> None:
    entry = ISSUE_CODES[code]
    full: dict[str, str | None] = {name: f"<{name}>" for name in PLACEHOLDERS}
    for template in (entry.message, entry.remedy):
        for values in (full, {}):
            said = fill(template, values)
            assert "{" not in said
            assert "}" not in said


@given(st.text())
def test_values_are_not_interpreted(value: str) -> None:
    assert fill("a {sent} b {published} c", {"sent": value, "published": "{line}"}) == f"a {value} b {{line}} c"


def test_braces_in_values_mean_nothing() -> None:
    values: dict[str, str | None] = {"sent": "{sent} {0} {sent.__class__} {published}", "published": "secret"}
    assert fill("«{sent}»", values) == "«{sent} {0} {sent.__class__} {published}»"


def test_an_unknown_placeholder_is_our_bug() -> None:
    with pytest.raises(InternalError, match="price"):
        fill("{price}", {})


def test_an_unknown_code_is_our_bug() -> None:
    with pytest.raises(InternalError, match="no_such_code"):
        issue_code("no_such_code")


@given(st.text())
def test_plain_text_only_prints(text: str) -> None:
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in plain(text))


def test_plain_shows_what_would_act() -> None:
    assert plain("a\r\nBcc: b\tc\u2028d") == "a  Bcc: b c d"
    assert plain("100\u202e001\u200b\ufeff\x1b[31m") == "100[U+202E]001[U+200B][U+FEFF][U+001B][31m"
    assert plain("Ё — «ёлка»\N{NO-BREAK SPACE}№ 5 🙂") == "Ё — «ёлка»\N{NO-BREAK SPACE}№ 5 🙂"


@given(st.text(max_size=300), st.integers(min_value=4, max_value=100))
def test_quotes_are_bounded(text: str, limit: int) -> None:
    said = quote(text, limit)
    assert len(said) <= limit
    assert said == plain(text) or "…" in said


def test_a_long_quote_keeps_both_its_ends() -> None:
    assert quote("a" * 10, 10) == "a" * 10
    assert quote("abcdefghijkl", 10) == "abcdef…jkl"


@pytest.mark.parametrize(
    ("template", "various", "said"),
    [
        ("Цена «{sent}» не читается.", ["sent"], "Цена не читается."),
        ("Цена «{sent}» не читается.", [], "Цена «от 5» не читается."),
        ("Цена «{sent}» округлена: {published}.", ["sent", "published"], "Цена округлена: …"),
        ("Кода «{sent}» нет; опубликовано «{published}».", ["sent", "published"], "Кода нет."),
        ("Кода «{sent}» нет; опубликовано «{published}».", ["sent"], "Кода нет; опубликовано «шт»."),
        ("Регион не загружен: «{sent}».", ["sent"], "Регион не загружен: «…»."),
        ("Под «{sku}» разные; вот {sent}.", ["sent"], "Под «А» разные."),
    ],
)
def test_R2_a_sentence_about_many_offers_has_no_holes(template: str, various: list[str], said: str) -> None:
    assert fill_common(template, {"sent": "от 5", "published": "шт", "sku": "А"}, various) == said


def test_an_ellipsis_of_the_suppliers_own_is_a_value() -> None:
    assert fill_common("Цена «{sent}» не читается; нет.", {"sent": "…"}, []) == "Цена «…» не читается; нет."


@pytest.mark.parametrize("code", ISSUE_CODES)
def test_every_message_about_many_offers_is_a_sentence(code: str) -> None:
    said = fill_common(ISSUE_CODES[code].message, {}, PLACEHOLDERS)
    assert said[0].isupper()
    assert said[-1] in ".…"
    assert not set("{}") & set(said)
    assert "  " not in said
    assert said.strip(".…") != ""


@pytest.mark.parametrize(
    ("code", "published", "words"),
    [
        ("quantity_negative", "out_of_stock", "закончился"),
        ("availability_unknown", "many", "много"),
        ("vat_unknown", "NO_VAT", "НДС не облагается"),
        ("vat_defaulted", "22", "22"),
        ("name_cut", "many", "many"),
        ("name_cut", None, None),
    ],
)
def test_R1_what_was_published_is_said_in_russian(code: str, published: str | None, words: str | None) -> None:
    assert in_words(ISSUE_CODES[code], published) == words
