"""Pieces and lines: nothing is lost at a cut, and every line is the one an independent parser tells."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from xml.parsers import expat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SupplierError
from pipelines.parse.pieces import TOKEN_LIMIT, cut_pieces
from pipelines.parse.repair import Repairs

TEXTS = st.sampled_from(
    ["", "a", "\n", " \n\n ", "кабель\n3х2.5", "]]", "--", "?", "&amp;", "&#10;", "a > b", "\r\n", "'\""]
)
ATTRIBUTES = st.sampled_from(["", ' a="1"', "\n a='x>y'\n", ' b="\n/>\n"', ' c="-->]]>?>"', "\n"])
SPECIALS = st.sampled_from(
    [
        "<!---->",
        "<!-- <offer>\n</x> <a -->",
        "<!--\n\n<a>-->",
        "<![CDATA[]]>",
        "<![CDATA[<offer\n id='1'>]]>",
        "<![CDATA[ ]] > -- <!-- <?x \n]]>",
        "<?php <a>\n ?>",
        "<?x?>",
        "<![CDATA[a]]]]><![CDATA[>\n<b>]]>",
    ]
)
NAMES = st.sampled_from(["offer", "name", "param", "a", "цена", "x-1", "y"])


def element(content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    full = st.builds(lambda n, a, c: f"<{n}{a}>{c}</{n}>", NAMES, ATTRIBUTES, content)
    return full | st.builds(lambda n, a: f"<{n}{a}/>", NAMES, ATTRIBUTES)


CONTENT = st.recursive(
    TEXTS | SPECIALS, lambda inner: st.lists(element(inner) | SPECIALS | TEXTS, max_size=8).map("".join), max_leaves=40
)
DOCUMENTS = st.builds(lambda a, c: f"<yml_catalog{a}>{c}</yml_catalog>".encode(), ATTRIBUTES, CONTENT)


def expat_lines(document: bytes) -> list[int]:
    parser = expat.ParserCreate("utf-8")
    lines: list[int] = []
    parser.StartElementHandler = lambda *_: lines.append(parser.CurrentLineNumber)
    parser.Parse(document, True)
    return lines


def blocks_of(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    yield from (data[a:b] for a, b in pairwise(edges))


@given(DOCUMENTS, st.lists(st.integers(0, 10_000), max_size=30))
@settings(max_examples=300)
def test_lines_of_random_documents_are_those_of_expat_wherever_the_blocks_end(document: bytes, cuts: list[int]) -> None:
    pieces = list(cut_pieces(blocks_of(document, cuts), line=1, repairs=Repairs()))
    assert b"".join(p.body for p in pieces) == document
    assert [line for p in pieces for line in p.lines] == expat_lines(document)
    assert pieces[-1].end_line == 1 + document.count(b"\n")
    assert all(p.body.startswith(b"<") for p in pieces[:1])


@given(DOCUMENTS)
@settings(max_examples=50)
def test_lines_do_not_depend_on_block_size_down_to_one_byte(document: bytes) -> None:
    pieces = list(cut_pieces((document[i : i + 1] for i in range(len(document))), line=1, repairs=Repairs()))
    assert b"".join(p.body for p in pieces) == document
    assert [line for p in pieces for line in p.lines] == expat_lines(document)


def test_a_cdata_section_longer_than_the_limit_is_refused_at_its_line() -> None:
    document = b"<a>\n\n<![CDATA[" + b"x" * (TOKEN_LIMIT + 1)
    blocks = (document[i : i + 65536] for i in range(0, len(document), 65536))
    with pytest.raises(SupplierError) as caught:
        list(cut_pieces(blocks, line=7, repairs=Repairs()))
    assert (caught.value.code, caught.value.line) == ("xml_limit", 9)


def test_a_token_of_just_the_limit_passes() -> None:
    token = b"<!--" + b"x" * (TOKEN_LIMIT - 7) + b"-->"
    document = b"<a>" + token + b"</a>"
    blocks = (document[i : i + 65536] for i in range(0, len(document), 65536))
    assert b"".join(p.body for p in cut_pieces(blocks, line=1, repairs=Repairs())) == document
