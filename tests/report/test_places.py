"""Paths to the places of remarks, proven on documents (R2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pipelines.report.places import xpath

XML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=20)


@given(XML_TEXT)
def test_R2_the_path_leads_to_the_offer_whatever_its_sku(sku: str) -> None:
    catalog = etree.Element("yml_catalog")
    offers = etree.SubElement(etree.SubElement(catalog, "shop"), "offers")
    for each in ("other", sku, 'a"b', "a'b"):
        etree.SubElement(etree.SubElement(offers, "offer", id=each), "price").text = each
    path = xpath("yml", sku=sku, ordinal=1, field="price")
    assert path is not None
    assert [found.text or "" for found in catalog.xpath(path)] == [sku] * (2 if sku in {"other", 'a"b', "a'b"} else 1)


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (None, ""),
        ("price", "/price"),
        ("id", "/@id"),
        ("region/id", "/regions/region/@id"),
        ("region/price", "/regions/region/price"),
        ("цена-розница", "/цена-розница"),
        ("a b", ""),
        ("x]|//*[", ""),
    ],
)
def test_a_field_is_a_step_only_where_it_is_a_name(field: str | None, path: str) -> None:
    assert xpath("yml", sku="1", ordinal=0, field=field) == f'/yml_catalog/shop/offers/offer[@id="1"]{path}'


def test_an_offer_without_sku_is_found_by_position() -> None:
    assert xpath("yml", sku=None, ordinal=11, field=None) == "/yml_catalog/shop/offers/offer[12]"


def test_formats_and_remarks_without_paths() -> None:
    assert xpath("csv", sku="1", ordinal=0, field="Цена") is None
    assert xpath("yml", sku=None, ordinal=None, field="price") is None
    assert xpath("commerceml", sku=None, ordinal=0, field=None) is None
    assert xpath("commerceml", sku="А-1", ordinal=0, field="Цены") == '//*[Артикул="А-1"]'
