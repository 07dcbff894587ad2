"""A run of regular offers -> columns, with no Python object for a value: where the values are is found in the bytes.

Offers are regular as nearly all are: values are text, a CDATA section or nothing; only regions have something inside;
no tag that may stand once stands twice. A run with anything else is `Irregular` and read element by element, by
`yml_offer.OfferReader`, which also decides here what tags mean.

Nothing here checks that the run is well-formed: what comes out counts only if the XML parser accepts the same bytes. In
what it accepts, a `<` outside CDATA begins a tag (comments and instructions are irregular), the first `>` after it ends
it unless it stands in an attribute, and then the tag up to there is no tag. Tags with attributes are read by the XML
parser itself, each different one once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import RAW_SCHEMA
from pipelines.parse.document import STRICT
from pipelines.parse.rows import COLUMN_INDEX
from pipelines.parse.yml_offer import ELEMENTS_LIMIT, IGNORED, OTHER, PARAM, PICTURE, REGIONS, UNKNOWN, OfferReader

_LESS, _GREATER, _SLASH, _BANG, _QUESTION, _AMPERSAND, _LINE_FEED = b"<>/!?&\n"
_CDATA, _CDATA_END = b"<![CDATA[", b"]]>"
_HEADS_KEPT = 50_000
_REGIONS_INSIDE = 3  # an offer, its regions, a region, its values
_Numbers = npt.NDArray[np.intp]
_Flags = npt.NDArray[np.bool_]


class Irregular(Exception):  # noqa: N818 - nothing is wrong with it
    """The run has to be read element by element."""


class _Head(NamedTuple):
    """A start tag: its name, and the attributes that mean something somewhere."""

    tag: str
    name: str | None
    unit: str | None
    id: str | None
    available: str | None


class _Heads:
    """The different start tags that were met, as they are written, and what they say; a code is a place in each column.

    Attributes:
        names: the different names of tags.
        tag: of each head, its place in `names`.
        name, unit, id: its attributes.
    """

    def __init__(self) -> None:
        self._written = self.name = self.unit = self.id = pa.array([], pa.string())
        self._kinds: dict[str, int] = {}
        self.tag: _Numbers = np.zeros(0, np.intp)

    @property
    def names(self) -> list[str]:
        return list(self._kinds)

    def codes(self, written: pa.StringArray) -> _Numbers:
        """The codes of start tags, each given without its angle brackets."""
        codes = pc.index_in(written, value_set=self._written)
        if codes.null_count:
            self._learn(written.filter(codes.is_null()).unique())
            codes = pc.index_in(written, value_set=self._written)
        return np.asarray(codes, np.intp)

    def _learn(self, new: pa.StringArray) -> None:
        heads = read_heads(new.to_pylist())
        tags = [self._kinds.setdefault(head.tag, len(self._kinds)) for head in heads]
        self.tag = np.append(self.tag, tags)
        self._written = pa.concat_arrays([self._written, new])
        self.name = pa.concat_arrays([self.name, pa.array([head.name for head in heads], pa.string())])
        self.unit = pa.concat_arrays([self.unit, pa.array([head.unit for head in heads], pa.string())])
        self.id = pa.concat_arrays([self.id, pa.array([head.id for head in heads], pa.string())])


class ColumnReader:
    """Reads runs; remembers the tags it met."""

    def __init__(self) -> None:
        self._heads = _Heads()

    def read(self, body: bytes, line: int, offers: OfferReader) -> pa.RecordBatch:
        """The rows of a run in UTF-8 that starts at `line`; `offers` says what tags mean, and notes them.

        Raises:
            Irregular: they cannot be told; what was noted in `offers` is void.
        """
        if b"\r" in body:
            body = body.replace(b"\r\n", b"\n")  # as XML does; a line feed is in both
            if b"\r" in body:
                raise Irregular("a carriage return alone")
        try:
            if len(self._heads.tag) > _HEADS_KEPT:
                self._heads = _Heads()
            return _Run(body, line, offers, self._heads).batch()
        except (UnicodeDecodeError, SupplierError, etree.XMLSyntaxError, pa.ArrowInvalid) as error:
            raise Irregular("for the plain path to tell") from error


def read_heads(tags: list[str]) -> list[_Head]:
    """Start tags as the XML parser understands them."""
    elements = _children("".join(f"<{tag}/>" for tag in tags).encode(), len(tags))
    if any(element.nsmap for element in elements):
        raise Irregular("a namespace")
    return [_Head(str(e.tag), e.get("name"), e.get("unit"), e.get("id"), e.get("available")) for e in elements]


def _children(content: bytes, count: int) -> list[etree._Element]:
    parser = etree.XMLParser(**STRICT)
    parser.feed(b"<r>" + content + b"</r>")
    found = list(parser.close())
    if len(found) != count:
        raise Irregular("not what was expected")
    return found


class _Run:
    """One run: its start tags in order, and what belongs to each."""

    def __init__(self, body: bytes, line: int, offers: OfferReader, known: _Heads) -> None:
        self._body = body
        self._offers = offers
        octets = np.frombuffer(body, np.uint8)
        marks, closing, cdata = _marks(body, octets)
        starts = np.flatnonzero(~closing)  # as places in `marks`
        at = marks[starts]
        ends = np.flatnonzero(octets == _GREATER)
        place = np.searchsorted(ends, at)
        if not at.size or place[-1] >= ends.size:
            raise Irregular("no tags, or an open one")
        stop = ends[place]
        alone: _Flags = octets[stop - 1] == _SLASH
        following = np.append(marks, len(body))[starts + 1]
        if (stop > following).any():
            raise Irregular("a tag in a tag")
        steps = np.where(closing, -1, 1)
        steps[starts[alone]] = 0
        self._depth = (np.cumsum(steps) - steps)[starts]
        if self._depth[0] or self._depth.min() < 0 or self._depth.max() > _REGIONS_INSIDE:
            raise Irregular("not the depth of offers")
        begins, self._simple = self._find_values(stop + 1, np.where(alone, stop + 1, following), cdata)
        ends_in_text = np.append(closing, np.False_)[starts + 1]
        self._simple &= alone | ends_in_text
        self._find_references(octets)
        feeds = np.flatnonzero(octets == _LINE_FEED)
        self._lines = np.searchsorted(feeds, at) + line
        self._texts = _between(body, begins, self._ends)
        heads = _between(body, at + 1, stop - alone)
        self._offer_of = np.cumsum(self._depth == 0) - 1
        self._number = int(self._offer_of[-1]) + 1
        if np.bincount(self._offer_of).max() > ELEMENTS_LIMIT or alone[self._depth == 0].any():
            raise Irregular("an offer that is too long, or empty")
        self._offer_heads = read_heads(heads.take(pa.array(2 * np.flatnonzero(self._depth == 0))).to_pylist())
        inner = np.flatnonzero(self._depth > 0)
        self._codes = np.zeros(at.size, np.intp)  # of offers themselves these are not asked for
        self._codes[inner] = known.codes(heads.take(pa.array(2 * inner)))
        self._heads, self._names = known, known.names
        self._tags: _Numbers = known.tag[self._codes] if inner.size else self._codes

    def _find_values(
        self, begins: _Numbers, ends: _Numbers, cdata: tuple[_Numbers, _Numbers]
    ) -> tuple[_Numbers, _Flags]:
        """Where values begin, and whether they are one text or one CDATA section; sets `_ends` and `_raw`."""
        opens, closes = cdata
        simple = np.ones(begins.size, np.bool_)
        self._raw = simple.copy()  # text, in which references count
        if opens.size:
            first = np.searchsorted(opens, begins)
            holds = np.append(opens, np.iinfo(np.intp).max)[first] < ends
            section = np.minimum(first, opens.size - 1)
            whole = holds & (opens[section] == begins) & (closes[section] == ends)
            simple = ~holds | whole
            self._raw = ~holds
            begins = np.where(whole, begins + len(_CDATA), begins)
            ends = np.where(whole, ends - len(_CDATA_END), ends)
        self._begins, self._ends = begins, ends
        return begins, simple

    def _find_references(self, octets: npt.NDArray[np.uint8]) -> None:
        """Note the values in which references stand."""
        self._referring = np.zeros(self._begins.size, np.bool_)
        references = np.flatnonzero(octets == _AMPERSAND)
        holder = np.searchsorted(self._begins, references, side="right") - 1
        inside = (holder >= 0) & (references < self._ends[holder])
        self._referring[holder[inside]] = True
        self._referring &= self._raw

    # --- columns ------------------------------------------------------------------------------------------------------

    def batch(self) -> pa.RecordBatch:
        """The rows."""
        rows = np.flatnonzero(self._depth == 0)
        found: dict[str, pa.Array] = {
            "ordinal": pa.array(np.arange(self._number)),
            "line": pa.array(self._lines[rows]),
        }
        for column, values in (
            ("sku", [head.id for head in self._offer_heads]),
            ("available", [head.available for head in self._offer_heads]),
        ):
            found[column] = pa.array(values, pa.string())
            found[f"{column}_line"] = self._lines_of(rows, found[column])
        if any(head.tag != "offer" for head in self._offer_heads):
            raise Irregular("another element")
        children = np.flatnonzero(self._depth == 1)
        meanings = self._meanings(children)
        self._check_regions(meanings)
        of_child = meanings[self._tags[children]]
        names = {index: name for name, index in COLUMN_INDEX.items()}
        for place in np.unique(of_child).tolist():
            which = children[of_child == place]
            if place >= 0:
                column = names[place]
                if column in found and found[column].null_count < self._number:
                    raise Irregular("an attribute and an element")
                found[column], found[f"{column}_line"] = self._column(which, self._offer_of[which], self._number)
        found["params"] = self._params(children[of_child == PARAM])
        found["pictures"] = self._pictures(children[of_child == PICTURE])
        found["regions"] = self._regions()
        arrays = [found[f.name] if f.name in found else _nothing(f.type, self._number) for f in RAW_SCHEMA]
        return pa.RecordBatch.from_arrays(arrays, schema=RAW_SCHEMA)

    def _meanings(self, children: _Numbers) -> _Numbers:
        """What each tag means as a child of an offer; notes what is unknown."""
        tags = self._tags[children]
        meanings = np.full(len(self._names), IGNORED)
        counts = np.bincount(tags, minlength=meanings.size)
        for tag, first in self._in_order(children):
            name, line = self._names[tag], int(self._lines[first])
            meaning = self._offers.meaning(name, line)
            if meaning == OTHER:
                raise Irregular("outlets")
            if meaning == UNKNOWN:
                self._offers.count_unknown(name, line, int(counts[tag]))
            meanings[tag] = meaning
        return meanings

    def _in_order(self, which: _Numbers) -> list[tuple[int, int]]:
        """The tags of some elements as they appear first, and where."""
        first = np.full(len(self._names), -1)
        first[self._tags[which[::-1]]] = which[::-1]  # the last that is set is the first there is
        return sorted(((tag, at) for tag, at in enumerate(first.tolist()) if at >= 0), key=lambda each: each[1])

    def _check_regions(self, meanings: _Numbers) -> None:
        """Only regions may have something inside."""
        places = np.arange(self._depth.size)
        parents = np.maximum.accumulate(np.where(self._depth == 1, places, 0))[self._depth == 2]
        if (meanings[self._tags[parents]] != REGIONS).any():
            raise Irregular("something inside a value")

    def _column(self, which: _Numbers, rows: _Numbers, number: int) -> tuple[pa.Array, pa.Array]:
        """Values and lines of the elements `which`, one in each of some rows."""
        if (np.diff(rows) <= 0).any():
            raise Irregular("a tag again")
        places = np.zeros(number, np.intp)
        places[rows] = which
        missing = np.ones(number, np.bool_)
        missing[rows] = False
        return self._values(places, missing), pa.array(self._lines[places], mask=missing)

    def _values(self, places: _Numbers, missing: _Flags) -> pa.Array:
        if not self._simple[places][~missing].all():
            raise Irregular("a value that is not one text")
        values = self._texts.take(pa.array(2 * places, mask=missing))
        referring = self._referring[places] & ~missing
        if referring.any():
            raw = [self._body[self._begins[place] : self._ends[place]] for place in places[referring]]
            texts = [e.text or "" for e in _children(b"".join(b"<a>%s</a>" % text for text in raw), len(raw))]
            values = pc.replace_with_mask(values, pa.array(referring), pa.array(texts, pa.string()))
        return values

    def _lines_of(self, which: _Numbers, attributes: pa.Array) -> pa.Array:
        """The lines of attributes of the elements `which`."""
        return pa.array(self._lines[which], mask=attributes.is_null().to_numpy(zero_copy_only=False))

    def _params(self, which: _Numbers) -> pa.Array:
        codes = pa.array(self._codes[which])
        names, units = self._heads.name.take(codes), self._heads.unit.take(codes)
        values = self._values(which, np.zeros(which.size, np.bool_))
        return self._lists("params", [names, values, units, pa.array(self._lines[which])], self._offer_of[which])

    def _pictures(self, which: _Numbers) -> pa.Array:
        values = self._values(which, np.zeros(which.size, np.bool_))
        return self._lists("pictures", [values, pa.array(self._lines[which])], self._offer_of[which])

    def _regions(self) -> pa.Array:
        regions = np.flatnonzero(self._depth == 2)
        for tag, _ in self._in_order(regions):
            if not self._offers.is_region(self._names[tag]):
                raise Irregular("not a region")
        fields = list(RAW_SCHEMA.field("regions").type.value_type)
        columns: list[pa.Array | None] = [None] * len(fields)
        ids = self._heads.id.take(pa.array(self._codes[regions]))
        columns[0], columns[1] = ids, self._lines_of(regions, ids)
        inside = np.flatnonzero(self._depth == _REGIONS_INSIDE)
        region_of = (np.cumsum(self._depth == 2) - 1)[inside]
        places = np.full(len(self._names), -1)
        for tag, _ in self._in_order(inside):
            places[tag] = self._offers.meaning_in_region(self._names[tag])
        of_value = places[self._tags[inside]]
        for place in np.unique(of_value).tolist():
            if place < 0:
                raise Irregular("unknown in a region")
            which = of_value == place
            if place == 0 and ids.null_count < len(ids):
                raise Irregular("an attribute and an element")
            columns[place], columns[place + 1] = self._column(inside[which], region_of[which], regions.size)
        arrays = [pa.nulls(regions.size, f.type) if c is None else c for c, f in zip(columns, fields, strict=True)]
        return self._lists("regions", arrays, self._offer_of[regions])

    def _lists(self, name: str, columns: list[pa.Array], rows: _Numbers) -> pa.Array:
        kind = RAW_SCHEMA.field(name).type
        offsets = np.zeros(self._number + 1, np.int32)
        np.cumsum(np.bincount(rows, minlength=self._number), out=offsets[1:])
        structs = pa.StructArray.from_arrays(columns, fields=list(kind.value_type))
        return pa.ListArray.from_arrays(pa.array(offsets), structs, type=kind)


def _marks(body: bytes, octets: npt.NDArray[np.uint8]) -> tuple[_Numbers, _Flags, tuple[_Numbers, _Numbers]]:
    """(where tags begin, which of them are end tags, where CDATA sections begin and end)."""
    marks = np.flatnonzero(octets == _LESS)
    following = octets[np.minimum(marks + 1, len(body) - 1)]
    begins, ends = [], []
    end = 0
    for begin in marks[(following == _BANG) | (following == _QUESTION)].tolist():
        if begin < end:
            continue
        if not body.startswith(_CDATA, begin):
            raise Irregular("a comment or an instruction")
        end = body.find(_CDATA_END, begin + len(_CDATA)) + len(_CDATA_END)
        if end < begin:
            raise Irregular("CDATA is not closed")
        begins.append(begin)
        ends.append(end)
    opens, closes = np.array(begins, np.intp), np.array(ends, np.intp)
    if begins:
        section = np.searchsorted(opens, marks, side="right") - 1
        outside = (section < 0) | (marks >= closes[section])
        marks, following = marks[outside], following[outside]
    return marks, following == _SLASH, (opens, closes)


def _between(body: bytes, begins: _Numbers, ends: _Numbers) -> pa.StringArray:
    """Strings in `body`, at even places; what is between them is at odd ones. Nothing is copied."""
    offsets = np.empty(2 * begins.size, np.int32)
    offsets[0::2], offsets[1::2] = begins, ends
    return pa.StringArray.from_buffers(offsets.size - 1, pa.py_buffer(offsets), pa.py_buffer(body))


def _nothing(kind: pa.DataType, number: int) -> pa.Array:
    if not pa.types.is_list(kind):
        return pa.nulls(number, kind)
    structs = pa.StructArray.from_arrays([pa.nulls(0, f.type) for f in kind.value_type], fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(np.zeros(number + 1, np.int32)), structs, type=kind)
