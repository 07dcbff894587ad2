"""F5: what XML can be made to do to its reader, and that nothing is left to what a library thinks best."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import ParseResult
from pipelines.parse.document import STRICT

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]
Refuse = Callable[[bytes], SupplierError]
Feed = Callable[..., bytes]

PIPELINES = Path(__file__).parents[2] / "pipelines"
# What takes a parser by default, or makes one.
_MAKERS = {"XMLParser", "XMLPullParser", "ETCompatXMLParser", "HTMLParser", "HTMLPullParser"}
_READERS = {"iterparse", "parse", "fromstring", "fromstringlist", "XML", "HTML", "XMLID", "iterwalk"}


def test_every_option_of_the_parser_is_given() -> None:
    """`iterparse` resolved entities for years after the plain parser had stopped to (CVE-2026-41066)."""
    options = set(re.findall(r"(\w+)(?:: \w+ )?=", etree.XMLParser.__doc__.partition(")")[0]))
    assert {"resolve_entities", "load_dtd", "no_network", "huge_tree", "recover"} <= options
    assert options - set(STRICT) == {"target"}  # it replaces the tree, and we want one
    dangerous = {"resolve_entities", "load_dtd", "dtd_validation", "attribute_defaults", "decompress", "huge_tree"}
    assert {STRICT[name] for name in dangerous | {"recover"}} == {False}
    assert STRICT["no_network"] is True


def test_every_parser_is_made_with_these_options() -> None:
    made, read = [], []
    for path in PIPELINES.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                name, owner = call.func.attr, call.func.value
                if isinstance(owner, ast.Name) and owner.id == "etree":
                    made += [(path.name, call)] if name in _MAKERS else []
                    read += [path.name] if name in _READERS else []
    assert made
    assert read == []
    for name, call in made:
        spread = [keyword.value for keyword in call.keywords if keyword.arg is None]
        assert [value.id for value in spread if isinstance(value, ast.Name)] in (["STRICT"], ["options"]), name


ENTITIES = {
    "a file": "<!DOCTYPE yml_catalog [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
    "an address": "<!DOCTYPE yml_catalog [<!ENTITY x SYSTEM 'http://127.0.0.1:1/'>]>",
    "of parameters": "<!DOCTYPE yml_catalog [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'> %p;]>",
    "a billion laughs": "<!DOCTYPE yml_catalog [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghx", strict=True))
    + "]>",
    "one long text ten thousand times": f"<!DOCTYPE yml_catalog [<!ENTITY x '{'x' * 100_000}'>]>",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1251"])
@pytest.mark.parametrize("doctype", ENTITIES.values(), ids=list(ENTITIES))
def test_declared_entities_are_refused_in_any_encoding(refuse: Refuse, doctype: str, encoding: str) -> None:
    document = f"{doctype}\n<yml_catalog><shop><offers><offer id='1'><name>{'&x;' * 10_000}</name></offer></offers>"
    assert refuse(f"{document}</shop></yml_catalog>".encode(encoding)).code == "xml_doctype_entities"


def test_markup_hidden_in_utf_7_is_text(refuse: Refuse) -> None:
    document = '<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE yml+AF8-catalog+AD4-'
    assert refuse(document.encode()).code == "format_unknown"


def test_an_inclusion_is_a_tag_like_any_other(read: Read, feed: Feed) -> None:
    include = "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:///etc/passwd' parse='text'/>"
    _, rows = read(feed(f"<offer id='1'><name>a{include}b</name></offer>"))
    assert rows[0]["name"] == "ab"


@pytest.mark.parametrize("depth", [257, 2_049, 100_000])
def test_depth(refuse: Refuse, feed: Feed, depth: int) -> None:
    assert refuse(feed("<offer id='1'>" + "<b>" * depth + "</b>" * depth + "</offer>")).code == "xml_limit"


def test_names_of_attributes_end_with_the_tag_that_may_hold_them(read: Read, refuse: Refuse, feed: Feed) -> None:
    def attributes(count: int) -> bytes:
        return feed(f"<offer id='1' {' '.join(f'a{number}=1' for number in range(count))}/>".replace("=1", "='1'"))

    assert read(attributes(10_000))[0].read == 1
    assert refuse(attributes(500_000)).code == "xml_limit"


def test_a_name_may_be_as_long(refuse: Refuse, feed: Feed) -> None:
    assert refuse(feed(f"<offer id='1'><{'a' * 50_001}/></offer>")).code == "xml_limit"


@pytest.mark.parametrize("twentieth", range(1, 20))
def test_a_file_cut_at_any_twentieth_publishes_nothing(refuse: Refuse, feed: Feed, twentieth: int) -> None:
    whole = feed("\n".join(f"<offer id='{number}'><name>Кабель</name></offer>" for number in range(2_000)))
    error = refuse(whole[: len(whole) * twentieth // 20])
    assert error.code in {"xml_truncated", "encoding_invalid"}
    assert error.line is not None


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ("<offer>\n  <name>Кабель</nam></offer>", "закрывающая метка не соответствует открытой, столбец 21"),
        ("<offer>\n  <name>Кабель < 3</name></offer>", "знака < или & должно стоять имя, столбец 17"),
        ("<offer>\n  <name цвет=синий/></offer>", "значение атрибута не в кавычках, столбец 14"),
    ],
)
def test_a_fault_is_told_in_russian_with_its_line_and_column(
    refuse: Refuse, feed: Feed, offer: str, words: str
) -> None:
    """The column, in characters, is where the fault was noticed."""
    error = refuse(feed(offer))
    assert (error.code, error.line) == ("xml_malformed", 4)
    assert words in (error.detail or "")
