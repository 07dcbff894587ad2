"""F5, F7, F8 and section 3: values as sent, structure as read, and what is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import SupplierError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import RAW_SCALARS, ParseResult
from pipelines.parse import parse
from pipelines.parse.document import RECORD_BYTES_LIMIT
from pipelines.parse.pieces import TOKEN_LIMIT
from pipelines.parse.tags import DISTINCT_TAGS_LIMIT, UNKNOWN_TAGS_LISTED
from pipelines.parse.yml_offer import ELEMENTS_LIMIT, IGNORED_TAGS

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]
Refuse = Callable[[bytes], SupplierError]
Feed = Callable[..., bytes]


def offer(read: Read, feed: Feed, children: str, attributes: str = "id='1'") -> dict[str, Any]:
    return read(feed(f"<offer {attributes}>{children}</offer>"))[1][0]


# --- values -----------------------------------------------------------------------------------------------------------


def test_every_column_has_its_tag_and_its_line(read: Read, feed: Feed) -> None:
    tags = [tag for column, tag in RAW_SCALARS.items() if column != "sku"]
    row = offer(read, feed, "".join(f"\n<{tag}>v{i}</{tag}>" for i, tag in enumerate(tags)))
    assert [row[c] for c in RAW_SCALARS] == ["1", *(f"v{i}" for i in range(len(tags)))]
    assert [row[f"{c}_line"] for c in RAW_SCALARS] == [3, *range(4, 4 + len(tags))]


def test_absent_is_null_and_empty_is_empty(read: Read, feed: Feed) -> None:
    row = offer(
        read, feed, "<name/><vendor></vendor><model><!-- --></model><price> </price>", attributes="available=''"
    )
    assert (row["name"], row["vendor"], row["model"], row["price"]) == ("", "", "", " ")
    assert (row["sku"], row["sku_line"], row["available"], row["description"]) == (None, None, "", None)
    assert [row[c] for c in ("params", "pictures", "outlets", "regions", "repeated")] == [[]] * 5


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (" a  b\n ", " a  b\n "),
        ("a&lt;b&#1080;&amp;amp;", "a<bи&amp;"),
        ("<![CDATA[<b>]]>x<![CDATA[&amp;]]>", "<b>x&amp;"),
        ("a<!-- no -->b<?no no?>c", "abc"),
        ("a<b>b</b>c<i><u>d</u></i>e", "abcde"),
        ("\u00a0\u200bа\u0301😀", "\u00a0\u200bа\u0301😀"),
    ],
)
def test_text_is_taken_as_sent(read: Read, feed: Feed, sent: str, value: str) -> None:
    row = offer(
        read,
        feed,
        f"<name>{sent}</name><param name='p'>{sent}</param><picture>{sent}</picture><idToImport>{sent}</idToImport>",
    )
    assert (row["name"], row["params"][0]["value"], row["pictures"][0]["value"]) == (value,) * 3
    assert row["position_codes"] == value


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("<![CDATA[<p>1 < 2</p>]]>", "<p>1 < 2</p>"),
        ("&lt;p&gt;x", "<p>x"),
        ("5 &lt; 6 <b>да</b> &amp; нет<br/>конец", "5 &lt; 6 <b>да</b> &amp; нет<br>конец"),
        ("<p></p><ul><li>a</li></ul>", "<p></p><ul><li>a</li></ul>"),
    ],
)
def test_O4_a_description_keeps_the_markup_inside_it(read: Read, feed: Feed, sent: str, value: str) -> None:
    assert offer(read, feed, f"<description>{sent}</description>")["description"] == value


def test_O4_markup_is_the_same_wherever_in_the_file_it_stands(read: Read, feed: Feed) -> None:
    offers = "<offer><description>это <b>да</b></description></offer>\n" * 20_000
    assert {r["description"] for r in read(feed(offers))[1]} == {"это <b>да</b>"}


def test_lists(read: Read, feed: Feed) -> None:
    row = offer(
        read,
        feed,
        "<picture>a</picture><param name='Цвет'/>\n<param unit='кг' name=''>1</param><param>2</param><picture/>"
        "<outlets><outlet id='1' instock='5'/>\n<outlet id='2'/><outlet instock=''/></outlets>",
    )
    assert row["pictures"] == [{"value": "a", "line": 3}, {"value": "", "line": 4}]
    assert row["params"] == [
        {"name": "Цвет", "value": "", "unit": None, "line": 3},
        {"name": "", "value": "1", "unit": "кг", "line": 4},
        {"name": None, "value": "2", "unit": None, "line": 4},
    ]
    assert row["outlets"] == [{"value": "5", "line": 4}, {"value": "", "line": 5}]


def test_O18_regions(read: Read, feed: Feed) -> None:
    row = offer(
        read,
        feed,
        "<regions>\n<region id='ЦФО'><price>1</price>\n<Quantity>2</Quantity><price>3</price><odd/></region><region/>"
        "\n<Region id=''><available>count</available></Region></regions><price>9</price>",
    )
    first, second, third = row["regions"]
    assert {k: v for k, v in first.items() if v is not None} == {
        "code": "ЦФО", "code_line": 4, "price": "1", "price_line": 4, "quantity": "2", "quantity_line": 5,
    }  # fmt: skip
    assert set(second.values()) == {None}
    assert (third["code"], third["code_line"], third["available"]) == ("", 6, "count")
    assert row["repeated"] == [{"field": "region/price", "value": "3", "line": 5}]
    assert (row["price"], row["price_line"]) == ("9", 6)


def test_the_first_of_a_repeated_tag_counts_and_the_rest_is_kept(read: Read, feed: Feed) -> None:
    row = offer(
        read,
        feed,
        "<price>1</price><categoryId>2</categoryId>\n<Price>3</Price><categoryId>4</categoryId><available>false</available>"
        "<description>a</description><description><b/></description>",
        attributes="id='1' available='true'",
    )
    assert (row["price"], row["category_id"], row["available"], row["description"]) == ("1", "2", "true", "a")
    assert [(r["field"], r["value"], r["line"]) for r in row["repeated"]] == [
        ("Price", "3", 4),
        ("categoryId", "4", 4),
        ("available", "false", 4),
        ("description", "<b></b>", 4),
    ]


def test_O17_the_last_position_code_counts(read: Read, feed: Feed) -> None:
    row = offer(read, feed, "<idToImport>1</idToImport>\n<idtoimport>2</idtoimport>\n<IDTOIMPORT>3</IDTOIMPORT>")
    assert (row["position_codes"], row["position_codes_line"]) == ("3", 5)
    assert [(r["field"], r["value"], r["line"]) for r in row["repeated"]] == [
        ("idToImport", "1", 3),
        ("idToImport", "2", 4),
    ]


# --- tags -------------------------------------------------------------------------------------------------------------


def test_F7_tags_match_by_local_name_and_without_regard_to_case(read: Read) -> None:
    document = (
        "<y:yml_catalog xmlns:y='urn:y'><y:shop><y:offers><y:offer id='1'><y:NAME>x</y:NAME>"
        "<z:UnitOkei xmlns:z='urn:z'>796</z:UnitOkei><y:Param name='a'>b</y:Param></y:offer></y:offers></y:shop>"
        "</y:yml_catalog>"
    )
    default = document.replace("y:", "").replace("xmlns:y", "xmlns")
    for text in (document, default, default.replace(" xmlns='urn:y'", "")):
        result, rows = read(text.encode())
        assert (rows[0]["name"], rows[0]["unit_okei"], rows[0]["params"][0]["value"]) == ("x", "796", "b")
        assert result.spellings["name"] == "NAME"
        assert result.issues == ()


def test_spellings_are_complete_and_the_first_seen(read: Read, feed: Feed) -> None:
    result, _ = read(feed("<offer><idtoimport>1</idtoimport></offer><offer><idToImport/><Picture/></offer>"))
    assert result.spellings == {
        **RAW_SCALARS, "position_codes": "idtoimport",
        "pictures": "Picture", "params": "param", "regions": "region", "outlets": "outlet",
    }  # fmt: skip


def test_unknown_tags_are_counted_once_each_with_their_first_line(read: Read, feed: Feed) -> None:
    first = "<offer><url>x</url><oldprice/><kol_vo>\n</kol_vo></offer>\n"
    offers = first + "<offer><kol_vo/><Zakup><name/></Zakup><kol_vo/></offer>"
    result, rows = read(feed(offers))
    assert [(i.code, i.field, i.sent, i.line) for i in result.issues] == [
        ("unknown_tags", "kol_vo", "3", 3),
        ("unknown_tags", "Zakup", "1", 5),
    ]
    assert rows[1]["name"] is None


def test_unknown_tags_are_bounded(read: Read, refuse: Refuse, feed: Feed) -> None:
    def offers(count: int) -> bytes:
        return feed("\n".join(f"<offer><x{i}/></offer>" for i in range(count)))

    assert len(read(offers(UNKNOWN_TAGS_LISTED))[0].issues) == UNKNOWN_TAGS_LISTED
    more = read(offers(UNKNOWN_TAGS_LISTED + 3))[0].issues
    assert len(more) == UNKNOWN_TAGS_LISTED + 1
    assert (more[-1].code, more[-1].sent) == ("unknown_tags_more", "3")
    around = 2  # shop, offers
    assert read(offers(DISTINCT_TAGS_LIMIT - around))[0].read == DISTINCT_TAGS_LIMIT - around
    error = refuse(offers(DISTINCT_TAGS_LIMIT - around + 1))
    assert (error.code, error.line) == ("xml_limit", 3 + DISTINCT_TAGS_LIMIT - around)


@pytest.mark.parametrize(
    "document",
    [
        "<yml_catalog><shop><rest>{}</rest></shop></yml_catalog>",
        "<yml_catalog><shop><offers><offer><name>{}</name></offer></offers></shop></yml_catalog>",
        "<yml_catalog><shop><offers><offer><regions><region>{}</region></regions></offer></offers></shop></yml_catalog>",
    ],
)
def test_F5_distinct_tags_are_bounded_wherever_they_are(refuse: Refuse, document: str) -> None:
    tags = "".join(f"<x{i}/>" for i in range(DISTINCT_TAGS_LIMIT + 1))
    assert refuse(document.format(tags).encode()).code == "xml_limit"


def test_known_tags_are_one_thing_each() -> None:
    assert not IGNORED_TAGS & {t.casefold() for t in RAW_SCALARS.values()}


# --- structure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        "<yml_catalog><shop><offers>{}</offers></shop></yml_catalog>",
        "<yml_catalog><offers>{}</offers></yml_catalog>",
        "<yml_catalog>text<shop><name>x</name><offers>{}</offers><categories><category/></categories></shop></yml_catalog>",
        "<yml_catalog><shop><offers></offers><promos><offer id='no'/></promos><offers>{}</offers></shop></yml_catalog>",
        "<yml_catalog><shop><offers><group><offer id='no'/></group>{}</offers></shop><offer id='no'/></yml_catalog>",
        "<yml_catalog><old><offers><offer id='no'/></offers></old><shop><offers>{}</offers></shop></yml_catalog>",
        "<yml_catalog><shop><offers>{}</offers></shop></yml_catalog>\n<!-- end -->\n",
    ],
)
def test_offers_are_the_children_of_the_shops_offers(read: Read, document: str) -> None:
    rows = read(document.format("<offer id='1'/>\n<offer id='2'><offer id='no'/></offer>").encode())[1]
    assert [r["sku"] for r in rows] == ["1", "2"]


@pytest.mark.parametrize("document", ["<yml_catalog/>", "<yml_catalog><shop><offers/></shop></yml_catalog>"])
def test_F8_no_offers(refuse: Refuse, document: str) -> None:
    assert refuse(document.encode()).code == "no_offers"


def test_F5_blanks_between_offers_are_bounded_like_any_text(read: Read, refuse: Refuse, feed: Feed) -> None:
    def blanks(count: int) -> bytes:
        return feed("<offer id='1'/>" + " \n" * count + "<offer id='2'/>")

    _, rows = read(blanks(2_000_000))
    assert rows[1]["line"] == rows[0]["line"] + 2_000_000
    assert refuse(blanks(6_000_000)).code == "xml_limit"


def test_F5_a_file_cut_anywhere_is_refused(refuse: Refuse, feed: Feed) -> None:
    document = feed("<offer id='1'><name>Кабель</name><!-- x --><a><![CDATA[ < ]]></a>&amp;</offer>\n").rstrip()
    for end in range(document.index(b"<yml") + 13, len(document)):
        error = refuse(document[:end])
        assert (error.code, error.line) in {
            ("xml_truncated", 1 + document.count(b"\n", 0, end)),
            ("encoding_invalid", 3),
        }


@pytest.mark.parametrize(
    ("offers", "line", "words"),
    [
        ("<offer>\n<name>x</nam></offer>", 4, "не соответствует"),
        ("<offer>\n<name>a <hr> b</name></offer>", 4, "не соответствует"),
        ("<offer>\n\n<name a=1/></offer>", 5, "кавычк"),
        ("<offer id='1' id='2'/>", 3, "повторён"),
        ("<offer><name>1 < 2</name></offer>", 3, "имя"),
        ("<offer><g:price/></offer>", 3, "префикс"),
        ("<offer>]]></offer>", 3, "]]>"),
        ("<offer/><?xml version='1.0'?>", 3, "не в начале"),
        ("<offer/><!DOCTYPE a [<!ENTITY b 'c'>]>", 3, ""),
        ("<offer>\ufffe</offer>", 3, "знак"),
        ("</offers></shop></yml_catalog><yml_catalog>", 3, "после закрывающей метки корня"),
        ("</offers></shop></yml_catalog>junk", 3, "после закрывающей метки корня"),
    ],
)
def test_F5_what_is_not_well_formed_is_refused_at_its_line(
    refuse: Refuse, feed: Feed, offers: str, line: int, words: str
) -> None:
    before = "<offer id='0'/>" * 20_000  # offers that were read before the fault are not published either
    error = refuse(feed(before + offers))
    assert (error.code, error.line) == ("xml_malformed", line)
    assert words in (error.detail or "")
    assert any("а" <= c <= "я" for c in error.detail or "")


def test_F5_an_error_past_line_65535_has_its_exact_line(refuse: Refuse, feed: Feed) -> None:
    assert refuse(feed("<offer>\n</offer>\n" * 100_000 + "<offer></x>")).line == 3 + 200_000


# --- limits -----------------------------------------------------------------------------------------------------------


def test_F5_depth(read: Read, refuse: Refuse, feed: Feed) -> None:
    def nested(depth: int) -> bytes:
        return feed("<offer id='1'><name>" + "<b>" * depth + "</b>" * depth + "</name></offer>")

    assert read(nested(250))[0].read == 1
    error = refuse(nested(300))
    assert (error.code, error.line) == ("xml_limit", 3)


def test_F5_one_value(read: Read, refuse: Refuse, feed: Feed) -> None:
    value = "x" * (TOKEN_LIMIT - 1_000)
    assert len(offer(read, feed, f"<name>{value}</name>")["name"]) == len(value)
    assert refuse(feed(f"<offer>\n<name>{'x' * (TOKEN_LIMIT + 300_000)}</name></offer>")).code == "xml_limit"
    assert refuse(feed(f"<offer id='{'x' * (TOKEN_LIMIT + 300_000)}'/>")).code == "xml_limit"


def test_F5_one_offer(refuse: Refuse, feed: Feed) -> None:
    value = "x" * 1_000_000
    error = refuse(
        feed("<offer id='0'/>\n<offer>" + f"<a>{value}</a>" * (RECORD_BYTES_LIMIT // len(value) + 2) + "</offer>")
    )
    assert (error.code, error.line) == ("xml_limit", 4)


def test_F5_elements_of_one_offer(read: Read, refuse: Refuse, feed: Feed) -> None:
    assert len(offer(read, feed, "<param/>" * (ELEMENTS_LIMIT - 1))["params"]) == ELEMENTS_LIMIT - 1
    assert refuse(feed("\n<offer>" + "<param/>" * ELEMENTS_LIMIT + "</offer>")).line == 4


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_same_bytes_give_the_same_file_however_they_arrive(tmp_path: Path, feed: Feed) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1_000) if size and size > 0 else size)

    data = feed("".join(f"<offer id='{i}'><name>Кабель {i}</name></offer>\n" for i in range(6_000)))
    outs = [tmp_path / f"{i}.parquet" for i in range(3)]
    for out, source in zip(outs, (io.BytesIO, Slow, io.BytesIO), strict=True):
        parse(lambda source=source: source(data), out)
    assert len({out.read_bytes() for out in outs}) == 1


def test_every_code_that_parsing_uses_is_listed() -> None:
    room = Path(__file__).parents[2] / "pipelines" / "parse"
    text = "".join(p.read_text(encoding="utf-8") for p in room.rglob("*.py"))
    used = {code for code in ISSUE_CODES if f'"{code}"' in text}
    missing = set(re.findall(r'(?:SupplierError|Issue|_note)\(\s*"(\w+)"', text)) - used
    assert not missing
    assert {"xml_malformed", "unknown_tags_more", "encoding_name_unknown"} <= used
