"""Addresses as they may be shown."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.fetch import masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a/feed.xml", "https://example.com/a/feed.xml"),
        ("https://user:pass@example.com:8443/", "https://***@example.com:8443/"),
        ("https://token@example.com/", "https://***@example.com/"),
        ("https://a@b@example.com/", "https://***@example.com/"),
        ("https://example.com/?key=1&b=&c=2;d=3#frag", "https://example.com/?key=***&***&c=***;d=***"),
        ("https://example.com/?secret", "https://example.com/?***"),
        ("https://example.com/?c2VjcmV0==", "https://example.com/?***"),
        ("https://user:12/34@example.com/", "***"),
        ("https://example.com/?secret&a=1", "https://example.com/?***&a=***"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://пример.рф/прайс.xml", "http://пример.рф/прайс.xml"),
        ("http://user:pa/ss@example.com/", "***"),
        ("not an address", "***"),
        ("http://[x", "***"),
        ("", "***"),
        ("http://h/a\nb\x1b[31m\u202e", "http://h/ab?[31m?"),
    ],
)
def test_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


@given(st.text(), st.text(alphabet="/?#@:&=;%[]\\ xs", max_size=12))
@example("", "/")
@example("", "12/")
def test_secrets_never_show_whatever_surrounds_them(noise: str, odd: str) -> None:
    for url in (
        f"https://u:CANARY{odd}@example.com/{noise}",
        f"https://CANARY:{odd}@example.com/",
        f"https://example.com/?a={odd}CANARY&{noise}",
        f"https://example.com/?CANARY{odd.replace('=', '')}",
        f"https://example.com/#CANARY{noise}",
    ):
        shown = masked(url)
        assert "CANARY" not in shown, url
        assert shown.isprintable()
        assert len(shown) <= 500
