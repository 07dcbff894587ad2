"""Suppliers' values in our sentences: data, never markup."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.report.wording import PLACEHOLDERS, fill, issue_code, plain, quote


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
