"""YML: a stream of pieces -> rows of raw offers, every value as sent, with its line (section 3 of the rules, F5, F7).

The parser is lxml's incremental one, the machinery of `iterparse` fed by hand: between two pieces there is a moment to drop
what is finished, so that neither offers nor anything around them (categories, promotions, tags nobody knows) stays in
memory. The tree is left behind in document order, which is also the order of the lines that come with the pieces: every
element is counted off against its line exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from pipelines.errors import InternalError, SupplierError
from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS, Issue
from pipelines.parse.malformed import supplier_error
from pipelines.parse.pieces import Piece
from pipelines.parse.writer import COLUMN_INDEX, RawWriter, Row

OFFER_BYTES_LIMIT = 4 << 20
OFFER_ELEMENTS_LIMIT = 50_000
DISTINCT_TAGS_LIMIT = 2_000
UNKNOWN_TAGS_LISTED = 50
_TAG_SHOWN = 100

# Every option that hardens the parser is given, whatever today's defaults are.
PARSER_OPTIONS = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "no_network": True,
    "recover": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
    "remove_blank_text": False,
    "strip_cdata": True,
    "ns_clean": False,
    "collect_ids": False,
}

# Tags of the Yandex dialect that are known and not loaded; anything else is reported as unknown.
IGNORED_TAGS = frozenset(
    """
    adult age aliases author barcode bid boxCount buyurl cbid cofinance_price collection collectionId condition country_of_origin
    cpa credit-template delivery delivery-options disabled downloadable enable_auto_discounts expiry fee group_id ISBN keywords
    language local_delivery_cost manufacturer manufacturer_warranty market_category min-quantity min_price oldprice
    orderingTime page_extent part period-of-validity-days pickup pickup-options publisher purchase_price rec sales_notes
    seller_warranty series service-life-days set-ids step-quantity store tn-ved-codes url vendor_code volume warranty-days
    warehouse_name wprice year
    """.casefold().split()
)

_SCALAR, _DESCRIPTION, _PICTURE, _PARAM, _REGIONS, _OUTLETS, _LAST_WINS, _IGNORED, _UNKNOWN = range(9)

_WIDTH = len(COLUMN_INDEX)
_ORDINAL, _LINE = COLUMN_INDEX["ordinal"], COLUMN_INDEX["line"]
_SKU, _AVAILABLE = COLUMN_INDEX["sku"], COLUMN_INDEX["available"]
_PICTURES, _OUTLET_ROWS = COLUMN_INDEX["pictures"], COLUMN_INDEX["outlets"]
_PARAMS, _REGION_ROWS, _REPEATED = COLUMN_INDEX["params"], COLUMN_INDEX["regions"], COLUMN_INDEX["repeated"]

_KINDS: dict[str, tuple[int, int]] = {
    **{tag.casefold(): (_SCALAR, COLUMN_INDEX[column]) for column, tag in RAW_SCALARS.items() if column != "sku"},
    **dict.fromkeys(IGNORED_TAGS, (_IGNORED, 0)),
    "description": (_DESCRIPTION, COLUMN_INDEX["description"]),
    RAW_SCALARS["position_codes"].casefold(): (_LAST_WINS, COLUMN_INDEX["position_codes"]),
    "picture": (_PICTURE, _PICTURES),
    "param": (_PARAM, _PARAMS),
    "regions": (_REGIONS, _REGION_ROWS),
    "outlets": (_OUTLETS, _OUTLET_ROWS),
}
_COLUMN_OF_INDEX = {index: name for name, index in COLUMN_INDEX.items()}
# A region's values lie in its tuple as (value, line) pairs; `code` comes first and is the attribute.
_REGION_INDEX = {tag.casefold(): 2 * i for i, tag in enumerate(RAW_REGION_SCALARS.values()) if i}
_REGION_WIDTH = 2 * len(RAW_REGION_SCALARS)


def parse_yml(pieces: Iterable[Piece], writer: RawWriter, *, first_line: int) -> YmlReader:
    """Read a whole document into `writer`; the returned reader knows the spellings and the unknown tags.

    Raises:
        SupplierError: `xml_malformed`, `xml_truncated`, `xml_limit`, `no_offers`.
        InternalError: elements and lines went out of step.
    """
    reader = YmlReader(writer, first_line)
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    return reader


class YmlReader:
    """The state of one document being read."""

    def __init__(self, writer: RawWriter, first_line: int) -> None:
        self._writer = writer
        self._parser = etree.XMLPullParser(events=("start",), tag="{*}yml_catalog", **PARSER_OPTIONS)
        self._root: etree._Element | None = None
        self._entered = 0  # how many elements of the open path, from the root down, were counted off
        self._lines: list[int] = []  # lines of the elements not yet counted off
        self._next = 0
        self._first_line = first_line
        self._last_line = first_line
        self._open_offer: etree._Element | None = None
        self._open_bytes = 0
        self._tags: dict[str, tuple[int, int]] = {}
        self._spellings: dict[str, str] = {}
        self._unknown: dict[str, list[int]] = {}  # tag -> [count, first line]

    # --- the document -------------------------------------------------------------------------------------------------

    def feed(self, piece: Piece) -> None:
        """Parse one piece and write the offers that are complete with it."""
        self._lines = self._lines[self._next :] + piece.lines
        self._next = 0
        try:
            self._parser.feed(piece.body)
        except etree.XMLSyntaxError as error:
            raise self._supplier_error(error, at_end=False) from error
        self._last_line += piece.body.count(b"\n")
        self._open_bytes += len(piece.body)
        self._drain(complete=False)
        self._writer.account(len(piece.body))

    def close(self) -> None:
        """Prove that the document ended, write the last offers, and check the count of elements."""
        try:
            self._parser.close()
        except etree.XMLSyntaxError as error:
            raise self._supplier_error(error, at_end=True) from error
        self._drain(complete=True)
        if self._next != len(self._lines):
            msg = f"{len(self._lines) - self._next} lines are left over at the end of the document"
            raise InternalError(msg)
        if not self._writer.written:
            raise SupplierError("no_offers")

    def _supplier_error(self, error: etree.XMLSyntaxError, *, at_end: bool) -> SupplierError:
        return supplier_error(error, first_line=self._first_line, last_line=self._last_line, at_end=at_end)

    def _drain(self, *, complete: bool) -> None:
        for _, element in self._parser.read_events():
            if self._root is None:
                self._root = element
        if self._root is None:
            return
        if not self._entered:
            self._take(1)
            self._entered = 1
        self._entered = 1 + self._leave(self._root, 0, self._entered - 1, complete=complete)

    def _leave(self, parent: etree._Element, depth: int, entered: int, *, complete: bool) -> int:
        """Count off and drop the finished children of `parent`, which stands `depth` below the root.

        The last child stays unless `complete`: it may still be open, and the parser may still add to the text
        after it. `entered` is how many elements of the open path below `parent` were counted off before; the new
        number is returned.
        """
        children = list(parent)
        holds_offers = (
            depth in (1, 2)
            and _local(parent.tag) == "offers"
            and (depth == 1 or _local(parent.getparent().tag) == "shop")
        )
        for position, child in enumerate(children):
            last = position == len(children) - 1
            if holds_offers and _local(child.tag) == "offer":
                if last and not complete:
                    self._watch(child)
                    entered = 0
                    break
                self._offer(child)
                entered = 0
                continue
            if entered:
                entered -= 1
            else:
                self._take(1)
            below = self._leave(child, depth + 1, entered, complete=complete or not last)
            entered = 1 + below if last and not complete else 0
        del parent[: None if complete else -1]
        return entered

    def _take(self, count: int) -> int:
        """Count off `count` elements; the index of the first one's line."""
        first = self._next
        self._next += count
        if self._next > len(self._lines):
            raise InternalError("the document has more elements than start tags were seen")
        return first

    def _watch(self, offer: etree._Element) -> None:
        """Bound the memory an unfinished offer can take."""
        if offer is not self._open_offer:
            self._open_offer = offer
            self._open_bytes = 0
        elif self._open_bytes > OFFER_BYTES_LIMIT:
            limit = f"один товар больше {OFFER_BYTES_LIMIT >> 20} МБ"
            raise SupplierError("xml_limit", line=self._lines[self._next], detail=limit)

    # --- one offer ----------------------------------------------------------------------------------------------------

    def _offer(self, offer: etree._Element) -> None:
        lines = self._lines
        at = self._next
        row: Row = [None] * _WIDTH
        row[_ORDINAL] = self._writer.written
        row[_LINE] = line = lines[at]
        repeated: list[tuple[str, str, int]] = []
        pictures: list[tuple[str, int]] = []
        params: list[tuple[str | None, str, str | None, int]] = []
        row[_PICTURES], row[_PARAMS], row[_REPEATED] = pictures, params, repeated
        row[_OUTLET_ROWS], row[_REGION_ROWS] = [], []
        sku = offer.get("id")
        if sku is not None:
            row[_SKU], row[_SKU + 1] = sku, line
        available = offer.get("available")
        if available is not None:
            row[_AVAILABLE], row[_AVAILABLE + 1] = available, line
        tags = self._tags
        at += 1
        for child in offer:
            tag = child.tag
            known = tags.get(tag)
            if known is None:
                known = self._learn(tag)
            kind, index = known
            nested = len(child)
            line = lines[at]
            if kind == _SCALAR:
                value = (child.text or "") if not nested else "".join(child.itertext())
                if row[index] is None:
                    row[index] = value
                    row[index + 1] = line
                else:
                    repeated.append((_local(tag), value, line))
            elif kind == _PARAM:
                value = (child.text or "") if not nested else "".join(child.itertext())
                params.append((child.get("name"), value, child.get("unit"), line))
            elif kind == _PICTURE:
                pictures.append((child.text or "" if not nested else "".join(child.itertext()), line))
            elif kind == _DESCRIPTION:
                value = (child.text or "") if not nested else _inner_markup(child)
                if row[index] is None:
                    row[index] = value
                    row[index + 1] = line
                else:
                    repeated.append((_local(tag), value, line))
            elif kind == _REGIONS:
                self._regions(child, at, row, repeated)
            elif kind == _OUTLETS:
                self._outlets(child, at, row)
            elif kind == _LAST_WINS:
                if row[index] is not None:
                    repeated.append((_local(tag), row[index], row[index + 1]))
                row[index] = "".join(child.itertext())
                row[index + 1] = line
            elif kind == _UNKNOWN:
                self._count_unknown(tag, line)
            at += 1 if not nested else _size(child)
        if at - self._next > OFFER_ELEMENTS_LIMIT:
            limit = f"в одном товаре больше {OFFER_ELEMENTS_LIMIT} меток"
            raise SupplierError("xml_limit", line=row[_LINE], detail=limit)
        self._take(at - self._next)
        self._writer.add(row)

    def _regions(self, regions: etree._Element, at: int, row: Row, repeated: list[tuple[str, str, int]]) -> None:
        lines = self._lines
        at += 1
        for region in regions:
            if _local(region.tag).casefold() != "region":
                self._count_unknown(region.tag, lines[at])
                at += _size(region)
                continue
            values: list[str | int | None] = [None] * _REGION_WIDTH
            code = region.get("id")
            if code is not None:
                values[0], values[1] = code, lines[at]
            self._spellings.setdefault("regions", _local(region.tag))
            at += 1
            for child in region:
                index = _REGION_INDEX.get(_local(child.tag).casefold())
                if index is None:
                    self._count_unknown(child.tag, lines[at])
                elif values[index] is None:
                    values[index] = "".join(child.itertext())
                    values[index + 1] = lines[at]
                else:
                    repeated.append((_local(child.tag), "".join(child.itertext()), lines[at]))
                at += _size(child)
            row[_REGION_ROWS].append(tuple(values))

    def _outlets(self, outlets: etree._Element, at: int, row: Row) -> None:
        for offset, outlet in enumerate(outlets.iter()):
            stock = outlet.get("instock")
            if offset and stock is not None:
                row[_OUTLET_ROWS].append((stock, self._lines[at + offset]))

    # --- tags ---------------------------------------------------------------------------------------------------------

    def _learn(self, tag: str) -> tuple[int, int]:
        """What a tag means that was not seen before in this document (F7)."""
        if len(self._tags) >= DISTINCT_TAGS_LIMIT:
            raise SupplierError("xml_limit", detail=f"больше {DISTINCT_TAGS_LIMIT} разных меток")
        local = _local(tag)
        known = _KINDS.get(local.casefold(), (_UNKNOWN, 0))
        self._tags[tag] = known
        if known[0] not in (_IGNORED, _UNKNOWN, _REGIONS, _OUTLETS):
            self._spellings.setdefault(_COLUMN_OF_INDEX[known[1]], local)
        return known

    def _count_unknown(self, tag: str, line: int) -> None:
        self._unknown.setdefault(_local(tag)[:_TAG_SHOWN], [0, line])[0] += 1

    def spellings(self) -> dict[str, str]:
        """Raw column -> the tag as the supplier wrote it first."""
        return {
            **RAW_SCALARS,
            "pictures": "picture",
            "params": "param",
            "regions": "region",
            "outlets": "outlet",
        } | self._spellings

    def issues(self) -> Iterator[Issue]:
        """Tags nobody knows, once each, in the order of their first appearance."""
        unknown = list(self._unknown.items())
        for tag, (count, line) in unknown[:UNKNOWN_TAGS_LISTED]:
            yield Issue("unknown_tags", line=line, field=tag, sent=str(count))
        if len(unknown) > UNKNOWN_TAGS_LISTED:
            yield Issue("unknown_tags_more", sent=str(len(unknown) - UNKNOWN_TAGS_LISTED))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _size(element: etree._Element) -> int:
    return sum(1 for _ in element.iter())


def _inner_markup(element: etree._Element) -> str:
    """The content of an element that holds markup, as the HTML it was meant to be."""
    lead = etree.Element("x")
    lead.text = element.text
    parts = [etree.tostring(lead, encoding="unicode", method="html")[3:-4]]
    parts += [etree.tostring(child, encoding="unicode", method="html", with_tail=True) for child in element]
    return "".join(parts)
