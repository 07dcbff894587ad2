"""F6: repairs of references and control characters: only where safe, counted, with the first line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SupplierError
from pipelines.model import Issue, ParseResult
from pipelines.parse.pieces import cut_pieces
from pipelines.parse.repair import Repairs

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]
Refuse = Callable[[bytes], SupplierError]
Feed = Callable[..., bytes]


def repaired(document: bytes, cuts: list[int] | None = None) -> tuple[bytes, tuple[Issue, ...]]:
    edges = sorted({0, len(document), *(c % (len(document) + 1) for c in cuts or [])})
    repairs = Repairs()
    pieces = cut_pieces((document[a:b] for a, b in pairwise(edges)), line=1, repairs=repairs)
    return b"".join(p.body for p in pieces), repairs.issues()


@pytest.mark.parametrize(
    ("sent", "published", "code"),
    [
        ("LCD&TFT", "LCD&TFT", "ampersand_escaped"),
        ("soler & palau", "soler & palau", "ampersand_escaped"),
        ("a?b=1&c=2&d", "a?b=1&c=2&d", "ampersand_escaped"),
        ("cut &amp", "cut &amp", "ampersand_escaped"),
        ("&", "&", "ampersand_escaped"),
        ("&#", "&#", "ampersand_escaped"),
        ("&&amp;", "&&", "ampersand_escaped"),
        ("a&nbsp;b", "a\u00a0b", "html_entity_replaced"),
        ("&laquo;x&raquo;&hellip;", "«x»…", "html_entity_replaced"),
        ("&LT;b&GT; &AMP;", "<b> &", "html_entity_replaced"),
        ("a\x0bb\x00\x1f", "ab", "control_characters_removed"),
    ],
)
def test_F6_repairs_of_text(read: Read, feed: Feed, sent: str, published: str, code: str) -> None:
    result, rows = read(feed(f"<offer id='1'>\n<name>{sent}</name></offer>"))
    assert rows[0]["name"] == published
    assert [(i.code, i.line) for i in result.issues] == [(code, 4)]


@pytest.mark.parametrize(
    "sent",
    [
        "&amp;&lt;&gt;&quot;&apos;",
        "&#38;&#x26;&#1080;",
        "<![CDATA[a & b &nbsp; &foo;]]>",
        "<!-- & &nbsp; &foo; -->",
        "<?x & ?>",
    ],
)
def test_F6_what_is_right_is_not_touched(read: Read, feed: Feed, sent: str) -> None:
    document = feed(f"<offer id='1'><name>{sent}</name></offer>")
    assert read(document)[0].issues == ()
    root = document[document.index(b"<yml") :]
    assert repaired(root) == (root, ())


def test_F6_attributes_are_repaired_too(read: Read, feed: Feed) -> None:
    result, rows = read(feed("<offer id='A&B'><param name='a&nbsp;&quot;&b'>1</param></offer>"))
    assert rows[0]["sku"] == "A&B"
    assert rows[0]["params"][0]["name"] == 'a\u00a0"&b'
    assert [(i.code, i.sent, i.field) for i in result.issues] == [
        ("ampersand_escaped", "2", "&B'>"),
        ("html_entity_replaced", "1", "&nbsp;"),
    ]


@pytest.mark.parametrize("sent", ["AT&T;", "&foo;", "&#0;", "&#11;", "&#xD800;", "&#55357;&#56832;", "&#1114112;"])
def test_F6_what_is_ambiguous_is_refused_at_its_line(refuse: Refuse, feed: Feed, sent: str) -> None:
    for doctype in ("", '<!DOCTYPE yml_catalog SYSTEM "shops.dtd">'):
        error = refuse(feed(f"<offer id='1'>\n\n<name>{sent}</name></offer>", doctype=doctype))
        assert (error.code, error.line) == ("xml_malformed", 5)


def test_F6_repairs_are_counted_with_their_first_line(read: Read, feed: Feed) -> None:
    offers = "".join(f"<offer id='{i}'>\n<name>a & b &nbsp; \x01\n & </name></offer>\n" for i in range(10_000))
    issues = {i.code: (i.sent, i.line) for i in read(feed(offers))[0].issues}
    assert issues == {
        "ampersand_escaped": ("20000", 4),
        "html_entity_replaced": ("10000", 4),
        "control_characters_removed": ("10000", 4),
    }


PARTS = st.sampled_from(
    [
        "&",
        "&amp;",
        "&nbsp;",
        "&#1;",
        ";",
        "\n",
        "\x01",
        "я",  # no letter of ASCII: «&», it and «;» would be the name of an entity that nobody declared
        "<b>",
        "</b>",
        "<!-- & -->",
        "<![CDATA[&nbsp;]]>",
        "<?a &?>",
        "<b a='&'/>",
    ]
)


@given(st.lists(PARTS, max_size=30).map("".join), st.lists(st.integers(0, 500), max_size=20))
@settings(max_examples=300)
def test_F6_repairs_do_not_depend_on_where_blocks_end(body: str, cuts: list[int]) -> None:
    document = f"<a>{body}</a>".encode()
    assert repaired(document, cuts) == repaired(document)


def test_F6_a_text_of_ampersands_costs_a_pass_not_a_pass_for_each() -> None:
    document = b"<a>" + b"&\n" * 500_000 + b"</a>"
    assert repaired(document)[0].count(b"&amp;") == 500_000


@given(st.lists(PARTS, max_size=30).map("".join))
@settings(max_examples=200)
def test_F6_a_repaired_document_needs_no_repair(body: str) -> None:
    once, _ = repaired(f"<a>{body}</a>".encode())
    assert repaired(once) == (once, ())
