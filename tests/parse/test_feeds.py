"""Real feeds, and small documents of every shape, against readers that are not ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generate import feed as generate
from pipelines.errors import SupplierError
from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS, ParseResult

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]
FEEDS = Path(__file__).parents[2] / ".." / "shared" / "feeds"
real = pytest.mark.skipif(not FEEDS.is_dir(), reason="the folder of real feeds is not here")

COUNTS = {
    "yml/clean_utf8.yml": ("utf-8", 2004),
    "yml/declares_utf8_is_cp1251.yml": ("windows-1251", 2035),
    "yml/duplicate_and_long_ids_cp1251.yml": ("windows-1251", 1963),
    "yml/medical_week_1.xml": ("utf-8", 1172),
    "yml/medical_week_2.xml": ("utf-8", 1107),
    "yml/price_and_stock_only.xml": ("utf-8", 2959),
    "yml/price_and_stock_only_shrunk.xml": ("utf-8", 202),
    "series/1.yml": ("utf-8", 143),
    "series/5.yml": ("utf-8", 142),
}


def naive(text: str) -> list[dict[str, Any]]:
    """What a plain reading of a small document gives; lines and repetitions aside."""
    tags = {tag.lower(): column for column, tag in RAW_SCALARS.items() if column != "sku"}
    rows = []
    for offer in ElementTree.fromstring(text).iterfind("./shop/offers/offer"):
        row: dict[str, Any] = dict.fromkeys(RAW_SCALARS) | {"sku": offer.get("id"), "available": offer.get("available")}
        for child in offer:
            column = tags.get(child.tag.lower())
            if column and (row[column] is None or column == "position_codes"):
                row[column] = "".join(child.itertext())
        row["pictures"] = ["".join(p.itertext()) for p in offer.iterfind("picture")]
        row["params"] = [(p.get("name"), "".join(p.itertext()), p.get("unit")) for p in offer.iterfind("param")]
        row["outlets"] = [o.get("instock") for o in offer.iterfind("outlets/outlet") if o.get("instock") is not None]
        row["regions"] = [
            {"code": r.get("id"), **{c: text_of(r.find(t)) for c, t in list(RAW_REGION_SCALARS.items())[1:]}}
            for r in offer.iterfind("regions/region")
        ]
        rows.append(row)
    return rows


def text_of(element: ElementTree.Element | None) -> str | None:
    return None if element is None else "".join(element.itertext())


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{column: row[column] for column in RAW_SCALARS},
        "pictures": [p["value"] for p in row["pictures"]],
        "params": [(p["name"], p["value"], p["unit"]) for p in row["params"]],
        "outlets": [o["value"] for o in row["outlets"]],
        "regions": [{c: r[c] for c in RAW_REGION_SCALARS} for r in row["regions"]],
    }


@real
@pytest.mark.parametrize("name", COUNTS)
def test_real_feeds_are_read_whole_and_as_a_naive_reader_does(read: Read, name: str) -> None:
    encoding, offers = COUNTS[name]
    data = (FEEDS / name).read_bytes()
    result, rows = read(data)
    assert (result.encoding, result.read) == (encoding, offers)
    text = data.decode(encoding).removeprefix("\ufeff")
    assert [plain(r) for r in rows] == naive(text[text.index("<yml_catalog") :])
    lines = text.split("\n")
    assert all("<offer" in lines[r["line"] - 1] for r in rows)
    assert all("<price" in lines[r["price_line"] - 1] for r in rows if r["price"] is not None)


@real
def test_the_mislabelled_feed_is_said_to_be_so(read: Read) -> None:
    result, rows = read((FEEDS / "yml/declares_utf8_is_cp1251.yml").read_bytes())
    assert [i.code for i in result.issues] == ["encoding_overridden"]
    assert sum(len(r["params"]) for r in rows) == 26_145


@real
@pytest.mark.parametrize(
    ("name", "code", "line"),
    [("root_not_closed.yml", "xml_truncated", 5339), ("raw_html_in_description.yml", "xml_malformed", 33)],
)
def test_F5_real_feeds_that_are_broken(
    refuse: Callable[[bytes], SupplierError], name: str, code: str, line: int
) -> None:
    error = refuse((FEEDS / "yml" / name).read_bytes())
    assert (error.code, error.line) == (code, line)


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_a_generated_feed_is_read_as_a_naive_reader_does(read: Read, encoding: str) -> None:
    data = b"".join(generate(3, encoding=encoding, bytes_wanted=None, offers_wanted=2_500))
    result, rows = read(data)
    assert (result.encoding, result.issues) == (encoding, ())
    text = data.decode(encoding)
    assert [plain(r) for r in rows] == naive(text[text.index("<yml_catalog") :])


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12
)
ESCAPED = TEXT.map(lambda t: t.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&apos;"))
VALUE = ESCAPED | TEXT.map(lambda t: f"<![CDATA[{t.replace(']]>', '')}]]>") | ESCAPED.map(lambda t: f"{t}<b>{t}</b>{t}")
TAG = st.sampled_from([*RAW_SCALARS.values(), "picture", "url", "kol_vo", "NAME"]).filter(lambda t: t != "description")
CHILD = st.builds(lambda t, v: f"<{t}>{v}</{t}>", TAG, VALUE) | st.builds(
    lambda n, v: (
        f"<param name='{n}' unit='{n}'>{v}</param><regions><region id='{n}'><price>{v}</price></region></regions>"
    ),
    ESCAPED,
    VALUE,
)
OFFER = st.builds(lambda i, c: f"<offer id='{i}'>{''.join(c)}</offer>", ESCAPED, st.lists(CHILD, max_size=6))


@given(st.lists(OFFER, min_size=1, max_size=5))
@settings(max_examples=150)
def test_random_offers_are_read_as_a_naive_reader_does(read: Read, offers: list[str]) -> None:
    text = f"<yml_catalog><shop><offers>{''.join(offers)}</offers></shop></yml_catalog>"
    assert [plain(r) for r in read(text.encode())[1]] == naive(text)
