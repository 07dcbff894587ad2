"""What to do is said in the words of the supplier's own format (R2)."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from pipelines.columns import COLUMNS, Headers
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import FeedFormat
from pipelines.parse.commerceml.offers import SPELLINGS
from pipelines.remedies import COMMERCEML, TABLE, remedy
from pipelines.report import pages

CODES = list(ISSUE_CODES.values())
SAID = [*TABLE.items(), *COMMERCEML.items()]
TAGS = re.compile(r'<[\w!/?]|[a-z_]+="')

# What no table can be told: of XML itself, of tags that tables have no column for, of other formats, of descriptions.
NOT_OF_TABLES = {
    *("format_unknown", "format_unsupported", "xml_truncated", "xml_doctype_entities", "encoding_overridden"),
    *("encoding_name_unknown", "leading_bytes_skipped", "type_prefix_ignored", "units_differ", "vat_and_nds_differ"),
    *("prices_converted", "pictures_without_address"),
}


def test_every_remedy_with_tags_has_words_for_tables() -> None:
    tagged = {code.code for code in CODES if TAGS.search(code.remedy)}
    assert tagged
    assert tagged - set(TABLE) == NOT_OF_TABLES


@pytest.mark.parametrize(("code", "words"), SAID)
def test_other_words_belong_to_a_code_and_know_no_more_than_its_own(code: str, words: str) -> None:
    blanks = set(re.findall(r"{(\w+)}", words))
    assert blanks <= set(re.findall(r"{(\w+)}", ISSUE_CODES[code].remedy))


@pytest.mark.parametrize(("code", "words"), TABLE.items())
def test_a_table_is_told_columns_that_it_knows(code: str, words: str) -> None:
    assert not TAGS.search(words)
    headers = re.findall(r"«([^«»]+)» = ", words)
    assert all(Headers().find(header) for header in headers), headers


@pytest.mark.parametrize(("code", "words"), COMMERCEML.items())
def test_an_exchange_is_told_tags_that_it_knows(code: str, words: str) -> None:
    tags = {element.tag for piece in pages._parted(words)[1::2] for element in parsed(piece).iter()} - {"pieces"}
    of_an_exchange = {"Изготовитель", "СтавкаНалога", "Ширина", "Высота", "Наименование", "Ставка", "Описание"}
    assert tags <= of_an_exchange | set(SPELLINGS.values())


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.code)
def test_what_is_to_be_pasted_into_xml_is_well_formed(code) -> None:
    for template in (code.remedy, remedy(code, FeedFormat.COMMERCEML)):
        for piece in pages._parted(template.replace("{published}", "1"))[1::2]:
            if re.match(r"<\w[^<>]*>[^<>]", piece) and "</" in piece:
                parsed(piece)


def parsed(piece: str) -> etree._Element:
    whole = piece if "</" in piece or "<" not in piece else f"{piece[:-1]}/>"
    return etree.fromstring(f"<pieces>{whole}</pieces>")


@pytest.mark.parametrize(
    ("code", "feed_format", "words"),
    [
        ("price_invalid", None, "<price>1200.50</price>"),
        ("price_invalid", "yml", "<price>1200.50</price>"),
        ("price_invalid", "csv", "«Цена» = 1200.50"),
        ("price_invalid", "commerceml", "<ЦенаЗаЕдиницу>1200.50</ЦенаЗаЕдиницу>"),
        ("price_invalid", "json", '"price": "1200.50"'),
        ("unit_missing", "json", '"unitOkei": "796", "units": "шт"'),
        ("sku_missing", "json", '"id": "A-100"'),
        ("availability_contradicted", "json", '"available": "count"'),
        ("region_unknown", "json", '"id": "11508000"'),
        ("name_composed", "json", '"name"'),
        ("prices_differ", "csv", "Проверьте обе цены"),
    ],
)
def test_R2_a_remedy_speaks_the_language_of_the_file(code: str, feed_format: str | None, words: str) -> None:
    assert words in remedy(ISSUE_CODES[code], feed_format)


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.code)
def test_an_offer_of_json_is_told_no_tags(code) -> None:
    if code.scope == "offer":
        assert not TAGS.search(remedy(code, FeedFormat.JSON))


def test_headers_of_remedies_are_ours() -> None:
    assert {header for words in TABLE.values() for header in re.findall(r"«([^«»]+)» = ", words)} <= {
        *(column.titled(1) for column in COLUMNS)
    }
