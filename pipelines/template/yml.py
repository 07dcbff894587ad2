"""The template as YML: the first offer has a comment above each tag, the others show other ways to fill it in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from lxml import etree

from pipelines.columns import COLUMNS, EXAMPLE_OFFERS, NUMBERED, Column
from pipelines.options import ShopOptions
from pipelines.template.explanations import explained

_SHOP = (("name", "Поставщик"), ("company", "ООО «Поставщик»"), ("url", "https://supplier.example/"))


def write_yml(out: Path, shop: ShopOptions, at: datetime) -> list[Path]:
    """Write the feed to `out`."""
    root = etree.Element("yml_catalog", date=at.isoformat(timespec="minutes"))
    store = etree.SubElement(root, "shop")
    for tag, text in _SHOP:
        _add(store, tag, text)
    etree.SubElement(etree.SubElement(store, "currencies"), "currency", id="RUB", rate="1")
    categories = etree.SubElement(store, "categories")
    for category in sorted({value for value in _examples("category_id") if value}):
        _add(categories, "category", f"Категория {category}").set("id", category)
    offers = etree.SubElement(store, "offers")
    for number in range(EXAMPLE_OFFERS):
        _offer(offers, number, shop if number == 0 else None)
    etree.indent(root, "  ")
    out.write_bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    return [out]


def _examples(raw: str) -> Iterator[str]:
    (column,) = (column for column in COLUMNS if column.raw == raw)
    return (column.values(offer, in_yml=True)[0] for offer in range(EXAMPLE_OFFERS))


def _offer(offers: etree._Element, number: int, explain_to: ShopOptions | None) -> None:
    """An example offer; with comments for the suppliers of a shop, if it is given."""
    offer = etree.SubElement(offers, "offer")
    written: set[str] = set()
    for column in COLUMNS:
        if column.group not in NUMBERED:
            _explain(offer, [column], explain_to)
            _put(offer, column, column.values(number, in_yml=True)[0])
        elif column.group not in written:
            written.add(column.group)
            parts = [each for each in COLUMNS if each.group == column.group]
            _explain(offer, parts, explain_to)
            _members(offer, column.group, parts, number)


def _explain(offer: etree._Element, columns: Sequence[Column], shop: ShopOptions | None) -> None:
    if shop is not None:
        for column in columns:
            offer.append(etree.Comment(f" {column.tag}: {column.header}. {explained(column, shop)} "))


def _members(offer: etree._Element, group: str, parts: Sequence[Column], number: int) -> None:
    """The characteristics or the regions of an offer, an element each; regions stand together in `regions`."""
    values = zip(*(part.values(number, in_yml=True) for part in parts), strict=True)
    filled = [member for member in values if any(member)]
    if not filled:
        return
    parent = etree.SubElement(offer, "regions") if group == "regions" else offer
    for member in filled:
        element = etree.SubElement(parent, re.split("[@/]", parts[0].tag)[0])
        for part, value in zip(parts, member, strict=True):
            _put(element, part, value)


def _put(element: etree._Element, column: Column, value: str) -> None:
    """A value where its tag says: an attribute of the element, its text, or an element in it."""
    if not value:
        return
    owner, attribute = column.tag.partition("@")[::2]
    if attribute:
        element.set(attribute, value)
    elif owner == element.tag:
        element.text = value
    else:
        _add(element, owner.rpartition("/")[2], value)


def _add(parent: etree._Element, tag: str, text: str) -> etree._Element:
    child = etree.SubElement(parent, tag)
    child.text = text
    return child
