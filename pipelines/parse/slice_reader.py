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
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Self
from xml.sax.saxutils import quoteattr

import pyarrow as pa
from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import RAW_SCHEMA
from pipelines.parse.decode import BLOCK_BYTES
from pipelines.parse.document import STRICT, local_name
from pipelines.parse.encoding import UTF_8
from pipelines.parse.facts import Facts
from pipelines.parse.frame import Namespaces
from pipelines.parse.pieces import one_piece
from pipelines.parse.rows import Rows
from pipelines.parse.slices import SLICE_LIMIT, Unproven, last_boundary, slice_ends
from pipelines.parse.yml_offer import OfferReader

_WRAPPER = f"w{secrets.token_hex(8)}"
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

    def read(self, data: bytes, line: int, *, each: bool = True) -> int:
        """Read neighbouring slices, as `slices.Run` has them, that start at `line`; the number of offers is returned.

        Without `each` it is proven that together they are offers and nothing else, which is all that reading a whole
        file needs; with it, that each slice is one.

        Raises:
            Unproven: they are not.
        """
        before = self._rows.rows
        try:
            # UTF-8 is checked by the XML parser, which refuses what is not UTF-8 wherever it stands.
            body = data if self._context.encoding == UTF_8 else data.decode(self._context.encoding).encode()
            begin = 0
            while begin < len(body):
                end = _chunk_end(body, begin)
                line = self._read_chunk(body[begin:end], line, each=each)
                begin = end
        except UnicodeDecodeError as error:
            raise Unproven("bytes are not", self._context.encoding) from error
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

    def _parse(self, body: bytes, *, each: bool) -> etree._Element:
        slices = [body[start:end] for start, end in pairwise([0, *slice_ends(body)])] if each else [body]
        parser = etree.XMLParser(**STRICT)
        parser.feed(self._open + _NEXT.join(slices) + self._close)
        wrappers = parser.close()[0]
        if len(wrappers) != len(slices):
            raise Unproven("a slice is not whole")
        return wrappers


def _chunk_end(body: bytes, begin: int) -> int:
    """Where a chunk of a few slices ends."""
    reach = begin + BLOCK_BYTES
    while reach < len(body):
        end = last_boundary(body, begin, reach)
        if end:
            return end
        reach += BLOCK_BYTES
        if reach > begin + SLICE_LIMIT:
            raise Unproven("a slice is too long")
    if len(body) - begin > SLICE_LIMIT:
        raise Unproven("a slice is too long")
    return len(body)
