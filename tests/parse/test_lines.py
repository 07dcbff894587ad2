"""Lines in the raw Parquet: of every offer and every value, exact in files of any length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.model import RAW_SCALARS, ParseResult

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]

VALUES = st.sampled_from(
    ["", "1", "a\nb", "\n\n", "<![CDATA[<offer>\n]]>", "<!-- <name>\n --> x", "<b>\nжирно</b>\n<i/>"]
)
SPACES = st.sampled_from(["", "\n", "\n\n  ", "<!--\n<offer id='x'/>-->", "<?a\n?>"])
TAGS = st.sampled_from(["name", "price", "vendor", "description", "url", "picture", "strange", "units", "quantity"])
CHILDREN = st.builds(lambda s, t, v: f"{s}<{t}>{v}</{t}>", SPACES, TAGS, VALUES)
PARAMS = st.builds(lambda s, v: f"{s}<param\n name='a>b'\n unit='x'>{v}</param>", SPACES, VALUES)
REGIONS = st.builds(
    lambda s, v: f"{s}<regions>{s}<region\nid='ЦФО'>{s}<price>{v}</price></region></regions>", SPACES, VALUES
)
OFFERS = st.builds(
    lambda s, c: f"{s}<offer\nid='1'\n>{''.join(c)}</offer>", SPACES, st.lists(CHILDREN | PARAMS | REGIONS, max_size=8)
)
HEADERS = st.sampled_from(
    ["", "<name>\n</name>", "<categories>\n<category id='1'>\n</category><category/></categories>\n"]
)


def expat_says(document: bytes) -> list[dict[str, Any]]:
    """Lines of offers and of their direct children, by a parser that has nothing to do with ours."""
    parser = expat.ParserCreate()
    path: list[str] = []
    offers: list[dict[str, Any]] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        path.append(name)
        line = parser.CurrentLineNumber
        if path[:4] == ["yml_catalog", "shop", "offers", "offer"]:
            if len(path) == 4:
                offers.append({"line": line, "children": [], "regions": []})
            elif len(path) == 5:
                offers[-1]["children"].append((name, line))
            elif path[4:] == ["regions", "region"]:
                offers[-1]["regions"].append(line)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: path.pop()
    parser.Parse(document, True)
    return offers


def check(document: bytes, rows: list[dict[str, Any]]) -> None:
    expected = expat_says(document)
    assert [r["line"] for r in rows] == [e["line"] for e in expected]
    columns = {tag: column for column, tag in RAW_SCALARS.items()}
    for row, offer in zip(rows, expected, strict=True):
        children = offer["children"]
        first = {tag: line for tag, line in reversed(children) if tag in columns}
        assert {t: row[f"{columns[t]}_line"] for t in first} == first
        assert [p["line"] for p in row["params"]] == [line for tag, line in children if tag == "param"]
        assert [p["line"] for p in row["pictures"]] == [line for tag, line in children if tag == "picture"]
        assert [r["code_line"] for r in row["regions"]] == offer["regions"]
        seen: set[str] = set()
        repeated = [line for tag, line in children if tag in columns and (tag in seen or seen.add(tag))]
        assert [r["line"] for r in row["repeated"]] == repeated


@given(st.lists(OFFERS, min_size=1, max_size=6), HEADERS, SPACES, HEADERS)
@settings(max_examples=200)
def test_lines_of_offers_and_values_are_those_of_expat(
    read: Read, offers: list[str], header: str, space: str, footer: str
) -> None:
    text = (
        f"{space}<yml_catalog>\n<shop>{header}<offers>{''.join(offers)}{space}</offers>{footer}</shop>\n</yml_catalog>"
    )
    document = b'<?xml version="1.0" encoding="utf-8"?>\n' + text.encode()
    check(document, read(document)[1])


def test_lines_are_exact_where_libxml2_counts_no_more(read: Read) -> None:
    """Past line 65 535, with values over several lines, across many blocks."""
    offers = "".join(
        f"<offer id='{i}'\n available='true'>\n<name>\n\nКабель {i}</name><!--\n-->\n<param name='a'>\n{i}</param>"
        f"<price>{i}</price>\n</offer>\n"
        for i in range(12_000)
    )
    document = f"<yml_catalog><shop>\n<offers>\n{offers}</offers></shop></yml_catalog>".encode()
    assert document.count(b"\n") > 70_000
    check(document, read(document)[1])


def test_lines_are_exact_past_line_five_million(read: Read) -> None:
    filler = "\n" * 100_000
    offers = "".join(f"<offer id='{i}'><name>x{filler}</name><price>{i}</price></offer>" for i in range(52))
    rows = read(f"<yml_catalog><shop><offers>{offers}</offers></shop></yml_catalog>".encode())[1]
    assert [(r["line"], r["price_line"]) for r in rows] == [(1 + i * 100_000, 1 + (i + 1) * 100_000) for i in range(52)]


def test_lines_count_what_was_cut_before_the_document(read: Read, feed: Callable[..., bytes]) -> None:
    offer = "<offer id='1'><name>x</name></offer>"
    doctype = '\n<!DOCTYPE yml_catalog\n SYSTEM "shops.dtd">\n<!--\n-->'
    document = feed(offer, doctype=doctype)
    assert read(b"\n<b>Notice</b>\n\n" + document)[1][0]["name_line"] == 10
    assert document.count(b"\n", 0, document.index(b"<offer ")) + 1 == 7


def test_lines_of_utf16_are_those_of_the_text(read: Read, feed: Callable[..., bytes]) -> None:
    document = b"\xff\xfe" + feed("<offer id='ы'><name>Ċ\nĊ</name>\n<price>1</price></offer>", encoding="utf-16-le")
    result, rows = read(document)
    assert (result.encoding, rows[0]["line"], rows[0]["price_line"]) == ("utf-16", 3, 5)
