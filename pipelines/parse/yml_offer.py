"""One YML offer -> one raw row: which tag goes into which column, and what is said of the rest (section 3, F7).

Values are taken as sent: the text of a tag whatever it is made of, untrimmed; the description with the markup in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS
from pipelines.parse.document import local_name, markup_of, text_of
from pipelines.parse.facts import Facts
from pipelines.parse.rows import COLUMN_INDEX, ROW_WIDTH, Rows

ELEMENTS_LIMIT = 50_000

# Tags of the Yandex dialect that are known and not loaded; any other tag without a column is reported as unknown.
_YANDEX_TAGS = """
    additional adult age aliases artist author barcode bid binding boxCount buyurl cbid cofinance_price collection
    collectionId condition country country_of_origin cpa credit-template date days delivery delivery-options director
    disabled discount downloadable enable_auto_discounts expiry fee format group_id hall hall_part included is_kids
    is_premiere ISBN keywords language local_delivery_cost manufacturer manufacturer_warranty market_category meal
    media min-quantity min_price oldprice orderingTime originalName page_extent part performance_type performed_by
    period-of-validity-days pickup pickup-options place price_max price_min publisher purchase_price rec
    recording_length region room sales_notes seller_warranty series service-life-days set-ids starring step-quantity
    storage store table_of_contents tn-ved-codes title transport url volume warranty-days worldRegion wprice year
"""
IGNORED_TAGS = frozenset(_YANDEX_TAGS.casefold().split())

# Columns of lists, and the tag each one is usually written as.
_LIST_TAGS = {"pictures": "picture", "params": "param", "regions": "region", "outlets": "outlet"}
_SCALAR_COLUMNS = {tag.casefold(): column for column, tag in RAW_SCALARS.items() if column != "sku"}
_REGION_INDEX = {tag.casefold(): 2 * i for i, tag in enumerate(RAW_REGION_SCALARS.values()) if i}

_LINE, _SKU, _AVAILABLE = COLUMN_INDEX["line"], COLUMN_INDEX["sku"], COLUMN_INDEX["available"]
_POSITION_CODES, _DESCRIPTION = COLUMN_INDEX["position_codes"], COLUMN_INDEX["description"]
_EMPTY_ROW = [None] * ROW_WIDTH
PARAM, PICTURE, IGNORED, UNKNOWN, REGIONS, OTHER = range(-1, -7, -1)

Row = list[Any]
# Reads one child of an offer: (element, its line's index, the row) -> the number of elements in it, itself included.
_Reader = Callable[[etree._Element, int, Row], int]


class OfferReader:
    """Reads the offers of one document, one after another, into rows."""

    def __init__(self, rows: Rows, facts: Facts, tags: Mapping[str, str]) -> None:
        self._rows = rows
        self._names = facts.names
        self._unknown = facts.unknown
        self._spellings = facts.spellings
        # A column that the link reads from a tag of its own is not read from the usual one.
        self._columns = {t: c for t, c in _SCALAR_COLUMNS.items() if c not in tags}
        self._columns |= {tag.casefold(): column for column, tag in tags.items()}
        self._lines: list[int] = []
        # Tag as it comes -> what it is, for the frequent ones: its place in the row, or one of the first three above.
        self._places: dict[str, int] = {}
        self._readers: dict[str, _Reader] = {}
        self._region_places: dict[str, int] = {}
        self._add_param = rows.lists["params"].append
        self._add_picture = rows.lists["pictures"].append

    def read(self, offer: etree._Element, lines: list[int], start: int) -> int:
        """Add one offer whose elements stand at `lines[start:]`; the number of its elements is returned.

        Raises:
            SupplierError: `xml_limit`.
        """
        self._lines = lines
        row: Row = _EMPTY_ROW.copy()
        row[0] = self._rows.rows
        row[_LINE] = lines[start]
        self._attribute(offer, "id", _SKU, row)
        self._attribute(offer, "available", _AVAILABLE, row)
        place_of, add_param, add_picture = self._places.get, self._add_param, self._add_picture
        at = start + 1
        for child in offer:
            place = place_of(child.tag)
            if place is None or len(child):
                at += self._other(child, at, row)
                continue
            if place >= 0:
                if row[place] is None:
                    row[place] = child.text or ""
                    row[place + 1] = lines[at]
                else:
                    self._scalar(child, at, row)
            elif place == PARAM:
                get = child.get
                add_param((get("name"), child.text or "", get("unit"), lines[at]))
            elif place == PICTURE:
                add_picture((child.text or "", lines[at]))
            at += 1
        if at - start > ELEMENTS_LIMIT:
            limit = f"в одном товаре больше {ELEMENTS_LIMIT} меток"
            raise SupplierError("xml_limit", line=lines[start], detail=limit)
        self._rows.add(row)
        return at - start

    def _attribute(self, offer: etree._Element, name: str, index: int, row: Row) -> None:
        value = offer.get(name)
        if value is not None:
            row[index], row[index + 1] = value, row[_LINE]

    def _other(self, child: etree._Element, at: int, row: Row) -> int:
        """Read a child that is not frequent or not plain text; the number of its elements is returned."""
        tag = child.tag
        reader = self._readers.get(tag) or self._learn(tag, self._lines[at])
        return reader(child, at, row)

    # --- readers of children ------------------------------------------------------------------------------------------

    def _scalar(self, child: etree._Element, at: int, row: Row) -> int:
        index = COLUMN_INDEX[self._columns[local_name(child.tag).casefold()]]
        value = markup_of(child) if index == _DESCRIPTION else text_of(child)
        if row[index] is None:
            row[index], row[index + 1] = value, self._lines[at]
        elif index == _POSITION_CODES:  # the last one wins (O17)
            self._repeat(self._spellings["position_codes"], row[index], row[index + 1])
            row[index], row[index + 1] = value, self._lines[at]
        else:
            self._repeat(local_name(child.tag), value, self._lines[at])
        return self._size(child, at)

    def _param(self, child: etree._Element, at: int, _row: Row) -> int:
        self._add_param((child.get("name"), text_of(child), child.get("unit"), self._lines[at]))
        return self._size(child, at)

    def _picture(self, child: etree._Element, at: int, _row: Row) -> int:
        self._add_picture((text_of(child), self._lines[at]))
        return self._size(child, at)

    def _outlets(self, child: etree._Element, at: int, _row: Row) -> int:
        for place, outlet in enumerate(child.iter(), at):
            stock = outlet.get("instock")
            if place > at and stock is not None:
                self._rows.lists["outlets"].append((stock, self._lines[place]))
        return self._size(child, at)

    def _regions(self, child: etree._Element, start: int, row: Row) -> int:
        at = start + 1
        for region in child:
            if local_name(region.tag).casefold() == _LIST_TAGS["regions"]:
                self._spellings.setdefault("regions", local_name(region.tag))
                at += self._region(region, at)
            else:
                at += self._count_unknown(region, at, row)
        return at - start

    def _region(self, region: etree._Element, start: int) -> int:
        values: list[str | int | None] = [None] * (2 * len(RAW_REGION_SCALARS))
        code = region.get("id")
        if code is not None:
            values[0], values[1] = code, self._lines[start]
        at = start + 1
        for child in region:
            index = self._region_places.get(child.tag)
            if index is None:
                index = self._learn_in_region(child.tag)
            if index < 0:
                at += self._count_unknown(child, at, values)
                continue
            text = text_of(child)
            if values[index] is None:
                values[index], values[index + 1] = text, self._lines[at]
            else:
                self._repeat(f"region/{local_name(child.tag)}", text, self._lines[at])
            at += self._size(child, at) if len(child) else 1
        self._rows.lists["regions"].append(values)
        return at - start

    def _ignore(self, child: etree._Element, at: int, _row: Row) -> int:
        """Pass over a known tag that is not loaded."""
        return self._size(child, at)

    def _size(self, element: etree._Element, at: int) -> int:
        """The number of elements in `element`, itself included."""
        if not len(element):
            return 1
        count = 0
        for inner in element.iter():
            self._names.meet(inner.tag, self._lines[at])
            count += 1
        return count

    def _count_unknown(self, child: etree._Element, at: int, _row: Row) -> int:
        self._unknown.meet(local_name(child.tag), self._lines[at])
        self._names.meet(child.tag, self._lines[at])
        return self._size(child, at)

    def _repeat(self, field: str, value: str, line: int) -> None:
        self._rows.lists["repeated"].append((field, value, line))

    # --- tags ---------------------------------------------------------------------------------------------------------

    def _learn(self, tag: str, line: int) -> _Reader:
        """What to do with a tag that was not met before in this document: by local name, whatever its case (F7)."""
        self._names.meet(tag, line)
        name = local_name(tag)
        folded = name.casefold()
        reader: _Reader = self._count_unknown
        column = self._columns.get(folded)
        if column is not None:
            reader = self._scalar
            self._spellings.setdefault(column, name)
            if column != "position_codes":
                self._places[tag] = COLUMN_INDEX[column]
        elif folded == _LIST_TAGS["params"]:
            reader = self._param
            self._spellings.setdefault("params", name)
            self._places[tag] = PARAM
        elif folded == _LIST_TAGS["pictures"]:
            reader = self._picture
            self._spellings.setdefault("pictures", name)
            self._places[tag] = PICTURE
        elif folded == "regions":
            reader = self._regions
        elif folded == "outlets":
            reader = self._outlets
        elif folded in IGNORED_TAGS or folded in _SCALAR_COLUMNS:
            reader = self._ignore
            self._places[tag] = IGNORED
        self._readers[tag] = reader
        return reader

    def meaning(self, tag: str, line: int) -> int:
        """What a child of an offer is, by its tag, which may be met for the first time at `line`.

        Its place in the row, or one of `PARAM`, `PICTURE`, `IGNORED`, `UNKNOWN`, `REGIONS` and `OTHER`.
        """
        reader = self._readers.get(tag) or self._learn(tag, line)
        place = self._places.get(tag)
        if place is not None:
            return place
        if reader == self._scalar:
            return COLUMN_INDEX[self._columns[local_name(tag).casefold()]]
        if reader == self._regions:
            return REGIONS
        return UNKNOWN if reader == self._count_unknown else OTHER

    def meaning_in_region(self, tag: str) -> int:
        """The place of a region's child in the region's values, negative when it has none."""
        return self._learn_in_region(tag)

    def is_region(self, tag: str) -> bool:
        """Whether a child of the regions is one."""
        name = local_name(tag)
        if name.casefold() != _LIST_TAGS["regions"]:
            return False
        self._spellings.setdefault("regions", name)
        return True

    def count_unknown(self, tag: str, line: int, count: int) -> None:
        """Note so many children that nobody knows, the first of them at `line`."""
        self._unknown.meet(local_name(tag), line, count)

    def _learn_in_region(self, tag: str) -> int:
        """The place of a region's child in the region's values, negative when it has none."""
        place = _REGION_INDEX.get(local_name(tag).casefold(), -1)
        if place >= 0:
            self._region_places[tag] = place
        return place


def complete_spellings(found: Mapping[str, str]) -> dict[str, str]:
    """Raw column -> the tag as the supplier wrote it first; columns that were not met have their usual tag."""
    return {**RAW_SCALARS, **_LIST_TAGS, **found}
