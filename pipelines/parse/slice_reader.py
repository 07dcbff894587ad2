"""Slices of a cut YML file -> raw offers: each slice proven to be exactly one offer (F5).

Some slices at a time become one small document, in which each of them, or all of them together, have a wrapper. Its
name is drawn at random when the process starts, so no file can open or close one. If the parser accepts that document
and finds in every wrapper nothing but offers, then these are balanced: whatever one left open would have swallowed the
end of its wrapper. The wrappers stand as deep as offers do and bind the same namespaces, the parser has the options of
the plain path, and lines and repairs come from the same code.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Self
from xml.sax.saxutils import quoteattr

import pyarrow as pa
from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import RAW_SCHEMA
from pipelines.parse.document import STRICT, local_name
from pipelines.parse.encoding import UTF_8
from pipelines.parse.facts import Facts
from pipelines.parse.frame import Namespaces
from pipelines.parse.pieces import one_piece
from pipelines.parse.rows import Rows
from pipelines.parse.slices import SLICE_LIMIT, Unproven, last_boundary, slice_ends
from pipelines.parse.yml_columns import ColumnReader, Irregular
from pipelines.parse.yml_offer import OfferReader

_WRAPPER = f"w{secrets.token_hex(8)}"
# As strict, for a document whose values nobody reads: it is smaller without the space between its tags.
_UNREAD = STRICT | {"remove_blank_text": True}
_HAS_OTHERS = etree.XPath("boolean(*[not(self::offer)])")
_CHUNK_BYTES = 128 << 10  # as a tree it stays in the processor's cache
_NEXT = f"</{_WRAPPER}><{_WRAPPER}>".encode()


@dataclass(frozen=True)
class Context:
    """What the meaning of a slice depends on besides its bytes.

    Attributes:
        encoding: of the bytes; ASCII in it is ASCII.
        namespaces: bound around the offers.
        tags: of the link: raw column -> a tag of its own.
    """

    encoding: str
    namespaces: Namespaces = ()
    tags: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """As JSON, the same for equal contexts."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `as_json` told."""
        values = json.loads(text)
        return cls(values["encoding"], tuple((prefix, uri) for prefix, uri in values["namespaces"]), values["tags"])


class SliceReader:
    """Reads runs of slices into rows; ordinals count from 0 since the last `take`.

    What it read when it raised `Unproven` is lost with it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        bound = " ".join(f"xmlns{f':{p}' if p else ''}={quoteattr(uri)}" for p, uri in context.namespaces)
        # As deep as `yml_catalog/shop/offers`, so that the limit of depth is met no later.
        self._open = f"<r {bound}><s><{_WRAPPER}>".encode()
        self._close = f"</{_WRAPPER}></s></r>".encode()
        self._columns = ColumnReader()
        self._begin()

    def _begin(self) -> None:
        self._facts = Facts()
        self._rows = Rows(RAW_SCHEMA)
        self._offers = OfferReader(self._rows, self._facts, self._context.tags)

    def take(self) -> tuple[pa.RecordBatch, Facts]:
        """The rows that were read since the last call, and what was learned with them."""
        batch, facts = self._rows.take(), self._facts
        self._begin()
        return batch, facts

    def read_run(self, data: bytes, line: int) -> tuple[pa.RecordBatch, Facts]:
        """Read a run as a whole, with `take`: as columns, or offer by offer where it is not regular.

        Raises:
            Unproven: it is not made of offers.
        """
        if self._context.namespaces:
            self.read(data, line, each=False)
            return self.take()
        try:
            body = self._utf8(data)
            batch, facts = self._columns.read(body, line, self._offers), self._facts
            if self._count(body) != batch.num_rows:
                raise Unproven("elements and rows went out of step")
        except (Irregular, etree.XMLSyntaxError):
            self._begin()
            self.read(data, line, each=False)
            return self.take()
        self._begin()
        return batch, facts

    def _utf8(self, data: bytes) -> bytes:
        """UTF-8 itself is checked by the XML parser, which refuses what is not UTF-8 wherever it stands."""
        try:
            return data if self._context.encoding == UTF_8 else data.decode(self._context.encoding).encode()
        except UnicodeDecodeError as error:
            raise Unproven("bytes are not", self._context.encoding) from error

    def _count(self, body: bytes) -> int:
        """Have the parser read a run that no repair is made in; the number of its offers is returned."""
        found = 0
        for begin, end in _chunks(body):
            (wrapper,) = self._parse(body[begin:end], each=False, options=_UNREAD)
            if _HAS_OTHERS(wrapper):
                raise Unproven("an element between offers")
            found += len(wrapper)
        return found

    def read(self, data: bytes, line: int, *, each: bool = True) -> int:
        """Read neighbouring slices, as `slices.Run` has them, that start at `line`; the number of offers is returned.

        Without `each` it is proven that together they are offers and nothing else, which is all that reading a whole
        file needs; with it, that each slice is one.

        Raises:
            Unproven: they are not.
        """
        before = self._rows.rows
        body = self._utf8(data)
        try:
            for begin, end in _chunks(body):
                line = self._read_chunk(body[begin:end], line, each=each)
        except SupplierError as error:
            raise Unproven(error.code) from error
        read = self._rows.rows - before
        if each and read != len(slice_ends(body)):
            raise Unproven("repairs made other slices")
        return read

    def _read_chunk(self, body: bytes, line: int, *, each: bool) -> int:
        try:
            wrappers = self._parse(body, each=each)
        except etree.XMLSyntaxError:
            # What can be repaired is refused by the parser without exception, so nothing else is searched for it.
            piece = one_piece(body, line=line, repairs=self._facts.repairs)
            try:
                wrappers = self._parse(piece.body, each=each)
            except etree.XMLSyntaxError as error:
                raise Unproven("not well-formed", error.msg) from error
        else:
            piece = one_piece(body, line=line)
        at = 0
        for wrapper in wrappers:
            if each and len(wrapper) != 1:
                raise Unproven("a slice is not one offer")
            for offer in wrapper:
                if local_name(offer.tag) != "offer":
                    raise Unproven("an element between offers")
                at += self._offers.read(offer, piece.lines, at)
        if at != len(piece.lines):
            raise Unproven("elements and lines went out of step")
        return piece.end_line

    def _parse(self, body: bytes, *, each: bool, options: Mapping[str, Any] = STRICT) -> etree._Element:
        slices = [body[start:end] for start, end in pairwise([0, *slice_ends(body)])] if each else [body]
        parser = etree.XMLParser(**options)
        parser.feed(self._open + _NEXT.join(slices) + self._close)
        wrappers = parser.close()[0]
        if len(wrappers) != len(slices):
            raise Unproven("a slice is not whole")
        return wrappers


def _chunks(body: bytes) -> Iterator[tuple[int, int]]:
    """Where the parts of a run begin and end that are parsed at a time."""
    begin = 0
    while begin < len(body):
        end = _chunk_end(body, begin)
        yield begin, end
        begin = end


def _chunk_end(body: bytes, begin: int) -> int:
    """Where a chunk of a few slices ends."""
    reach = begin + _CHUNK_BYTES
    while reach < len(body):
        end = last_boundary(body, begin, reach)
        if end:
            return end
        reach += _CHUNK_BYTES
        if reach > begin + SLICE_LIMIT:
            raise Unproven("a slice is too long")
    if len(body) - begin > SLICE_LIMIT:
        raise Unproven("a slice is too long")
    return len(body)
