"""Offers read as columns are those that are read element by element, or are left to that."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generate import feed as generate
from pipelines.model import RAW_SCHEMA
from pipelines.parse.facts import Facts
from pipelines.parse.rows import Rows
from pipelines.parse.slice_reader import SliceReader
from pipelines.parse.slices import Unproven
from pipelines.parse.wrapping import Context
from pipelines.parse.yml_columns import ColumnReader, Irregular
from pipelines.parse.yml_offer import OfferReader

Told = tuple[list[dict[str, Any]], dict[str, Any]]

PLAIN = "<offer id='1'><name>one</name></offer>"
REGULAR = {
    "one": PLAIN,
    "space between": f"{PLAIN}\n\n {PLAIN}\n",
    "an empty tag": "<offer id='1'><name/><vendor></vendor><price />\n</offer>",
    "no id": "<offer><name>one</name></offer>",
    "available": "<offer id='1' available='true'><name>1</name></offer><offer id='2'><vat>1</vat></offer>",
    "an element available": "<offer id='1'><available>true</available></offer>",
    "CDATA": "<offer id='1'><description><![CDATA[<p a='>'>\n&amp;</offer>]]></description></offer>",
    "empty CDATA": "<offer id='1'><description><![CDATA[]]></description><name><![CDATA[]] >]]></name></offer>",
    "references": "<offer id='&amp;&#49;'><name>&lt;a&gt; &amp;amp; &quot;&#1080;&#10;</name><url>&amp;</url></offer>",
    "greater": "<offer id='1'><name>a > b >> c</name></offer>",
    "params": "<offer id='1'><param name='a' unit='b'>c</param><param name='&gt;'/><param>d</param></offer>",
    "attributes on lines": "<offer\n id='1'\n><param\n\tname='a\n\tb'\n>\nc\n</param\n></offer\n>",
    "pictures": "<offer id='1'><picture>a</picture><picture>b</picture></offer><offer id='2'><picture/></offer>",
    "unknown": "<offer id='1'><odd/><odd a='1'>x</odd><strange>y</strange></offer>",
    "ignored": "<offer id='1'><url>x</url><barcode><![CDATA[y]]></barcode></offer>",
    "other letters": "<offer id='1'><NAME>a</NAME><Price>1</Price><ЦЕНА>ж</ЦЕНА></offer>",
    "attributes that nobody knows": "<offer id='1' group='5'><name lang=\"ru\" q='\"'>a</name></offer>",
    "regions": "<offer id='1'><regions><region id='A'><price>1</price>\n<quantity/></region>\n<region id='B'/>"
    "</regions><price>2</price></offer><offer><regions/></offer><offer><regions><region/></regions></offer>",
    "text where none counts": "<offer id='1'>x<regions>y<region>z<price>1</price>&amp;</region></regions></offer>",
    "DOS": "<offer id='1'>\r\n<name>a\r\nb</name>\r\n<vendor><![CDATA[\r\n]]></vendor></offer>",
    "positions": "<offer id='1'><idToImport>7</idToImport></offer>",
}
IRREGULAR = {
    "a comment": "<offer id='1'><!-- x --><name>a</name></offer>",
    "an instruction": "<offer id='1'><?x y?><name>a</name></offer>",
    "markup": "<offer id='1'><name>a<b>c</b></name></offer>",
    "markup in something ignored": "<offer id='1'><delivery-options><option cost='1'/></delivery-options></offer>",
    "text and CDATA": "<offer id='1'><name>a<![CDATA[b]]></name></offer>",
    "CDATA and text": "<offer id='1'><name><![CDATA[b]]> </name></offer>",
    "two of CDATA": "<offer id='1'><name><![CDATA[a]]><![CDATA[b]]></name></offer>",
    "CDATA and a comment": "<offer id='1'><name><![CDATA[a]]><!----></name></offer>",
    "a tag again": "<offer id='1'><price>1</price><price>2</price></offer>",
    "a tag again in other letters": "<offer id='1'><price>1</price><Price>2</Price></offer>",
    "positions again": "<offer id='1'><idToImport>1</idToImport><idToImport>2</idToImport></offer>",
    "available twice": "<offer id='1' available='true'><available>false</available></offer>",
    "outlets": "<offer id='1'><outlets><outlet instock='5'/></outlets></offer>",
    "an odd thing in regions": "<offer id='1'><regions><area/></regions></offer>",
    "an odd thing in a region": "<offer id='1'><regions><region><odd/></region></regions></offer>",
    "a price again in a region": "<offer id='1'><regions><region><price>1</price><price/></region></regions></offer>",
    "markup in a region": "<offer id='1'><regions><region><price><b>1</b></price></region></regions></offer>",
    "a namespace": "<offer id='1'><name xmlns='urn:x'>a</name></offer>",
    "greater in an attribute": "<offer id='1'><param name='a>b'>c</param></offer>",
    "an offer alone": f"<offer id='1'/>{PLAIN}",
    "a carriage return": "<offer id='1'><name>a\rb</name></offer>",
    "another element": f"{PLAIN}<gift/>",
}


def as_columns(body: bytes, line: int = 1) -> Told:
    facts = Facts()
    batch = ColumnReader().read(body, line, OfferReader(Rows(RAW_SCHEMA), facts, {}))
    batch.validate(full=True)
    return batch.to_pylist(), facts.as_json()


def one_by_one(body: bytes, line: int = 1) -> Told:
    reader = SliceReader(Context("utf-8"))
    reader.read(body, line, each=False)
    batch, facts = reader.take()
    return batch.to_pylist(), facts.as_json()


@pytest.mark.parametrize("name", REGULAR)
def test_regular_offers_are_read_as_columns(name: str) -> None:
    body = REGULAR[name].encode()
    assert as_columns(body, 70_000) == one_by_one(body, 70_000)


@pytest.mark.parametrize("name", IRREGULAR)
def test_irregular_offers_are_left(name: str) -> None:
    body = IRREGULAR[name].encode()
    with pytest.raises(Irregular):
        as_columns(body)
    reader = SliceReader(Context("utf-8"))
    if name == "another element":
        with pytest.raises(Unproven):
            reader.read_run(body, 1)
        return
    batch, facts = reader.read_run(body, 1)
    assert (batch.to_pylist(), facts.as_json()) == one_by_one(body)


def test_a_generated_feed_is_regular() -> None:
    body = b"".join(generate(5, encoding="utf-8", bytes_wanted=None, offers_wanted=300))
    body = body[body.index(b"<offer ") : body.rindex(b"</offers>")]
    assert as_columns(body) == one_by_one(body)


def test_links_with_tags_of_their_own_are_read_from_them() -> None:
    reader = SliceReader(Context("utf-8", (), {"name": "odd"}))
    batch, _ = reader.read_run(b"<offer id='1'><name>a</name><odd>b</odd></offer>", 1)
    assert batch["name"].to_pylist() == ["b"]


def test_every_run_is_told_of_its_own_tags() -> None:
    reader = SliceReader(Context("utf-8"))
    runs = [b"<offer id='1'><Name>a</Name><odd/></offer>", b"<offer id='1'><NAME>a</NAME></offer>"]
    facts = [reader.read_run(run, line)[1] for line, run in enumerate(runs, 1)]
    assert [fact.spellings for fact in facts] == [{"name": "Name"}, {"name": "NAME"}]
    assert [fact.unknown.as_json() for fact in facts] == [{"odd": [1, 1]}, {}]


ATTRIBUTES = ("", " a='1'", " name='x'", "\n name=\"y'\"\tunit='&lt;'", " id=''")
ODD_ATTRIBUTES = (" id='>'", " xmlns:z='u'", " a")
WORDS = ("", "1", "a\nb", "&amp;", "<![CDATA[<offer>&\n]]>", ">", "ж")
ODD = ("&#1078;&quot;", "]]", "\r\n", "\r", "<b/>", "<!-- -->", "<?x?>", "x<![CDATA[y]]>", "&", "&nbsp;", "\x01", "<")
USUAL = ("name", "price", "vendor", "description", "url", "odd", "units", "param", "picture", "idToImport", "count")
UNUSUAL = ("Vendor", "available", "regions", "region", "outlets")


def elements(words: tuple[str, ...], tags: tuple[str, ...], attributes: tuple[str, ...]) -> st.SearchStrategy[str]:
    tag, attribute, word = st.sampled_from(tags), st.sampled_from(attributes), st.sampled_from(words)
    whole = st.builds(lambda t, a, v: f"<{t}{a}>{v}</{t}>", tag, attribute, word)
    return whole | st.builds(lambda t, a: f"<{t}{a}/>", tag, attribute)


def name_of(element: str) -> str:
    return re.split(r"[\s/>]", element)[0]


VALUES = elements(WORDS, USUAL, ATTRIBUTES)
STRANGE = elements(WORDS + ODD, USUAL + UNUSUAL, ATTRIBUTES + ODD_ATTRIBUTES)
IN_REGIONS = st.lists(elements(WORDS, ("price", "quantity"), ATTRIBUTES), max_size=2, unique_by=name_of)
REGIONS = st.lists(
    st.builds(lambda a, v: f"<region{a}>{''.join(v)}</region>", st.sampled_from(ATTRIBUTES), IN_REGIONS),
    max_size=3,
).map(lambda each: f"<regions>{''.join(each)}</regions>")
OFFERS = st.builds(
    lambda a, c, s: f"<offer{a}>{s.join(c)}</offer>{s}",
    st.sampled_from(ATTRIBUTES),
    st.lists(VALUES | REGIONS, max_size=8, unique_by=name_of) | st.lists(VALUES | STRANGE, max_size=6),
    st.sampled_from(["", "\n", " \r\n", "x"]),
)


@given(st.lists(OFFERS, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_what_columns_say_is_what_elements_say(offers: list[str]) -> None:
    body = "".join(offers).encode()
    reader = SliceReader(Context("utf-8"))
    try:
        expected = one_by_one(body)
    except Unproven:
        with pytest.raises(Unproven):
            reader.read_run(body, 1)
        return
    batch, facts = reader.read_run(body, 1)
    assert (batch.to_pylist(), facts.as_json()) == expected
