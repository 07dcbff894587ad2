"""Records that were cut out of a document, parsed as it would parse them, and proven to be whole (F5).

Some of them at a time become one small document, in which each of them, or all of them together, have a wrapper. Its
name is drawn at random when the process starts, so no file can open or close one. If the parser accepts that document
and finds in every wrapper nothing but records, then these are balanced: whatever one left open would have swallowed the
end of its wrapper. The wrappers stand as deep as lists of records do and bind the same namespaces, the parser has the
options of the plain path, and lines and repairs come from the same code.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Self
from xml.sax.saxutils import quoteattr

from lxml import etree

from pipelines.parse.document import STRICT
from pipelines.parse.encoding import UTF_8
from pipelines.parse.frame import Namespaces
from pipelines.parse.pieces import Piece, one_piece
from pipelines.parse.repair import Repairs
from pipelines.parse.slices import SLICE_LIMIT, Unproven, last_boundary, mark_of, slice_ends

_WRAPPER = f"w{secrets.token_hex(8)}"
_CHUNK_BYTES = 128 << 10  # as a tree it stays in the processor's cache
_NEXT = f"</{_WRAPPER}><{_WRAPPER}>".encode()


@dataclass(frozen=True)
class Context:
    """What the meaning of a slice depends on besides its bytes.

    Attributes:
        encoding: of the bytes; ASCII in it is ASCII.
        namespaces: bound around the records.
        tags: of the link, for YML: raw column -> a tag of its own.
        record: name of the elements that are records.
        picture_base_url: of the link, for CommerceML.
    """

    encoding: str
    namespaces: Namespaces = ()
    tags: dict[str, str] = field(default_factory=dict)
    record: str = "offer"
    picture_base_url: str | None = None

    def as_json(self) -> str:
        """As JSON, the same for equal contexts."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `as_json` told."""
        values = json.loads(text)
        return cls(**values | {"namespaces": tuple((prefix, uri) for prefix, uri in values["namespaces"])})


class Wrapping:
    """Parses slices of one context."""

    def __init__(self, context: Context) -> None:
        self._encoding = context.encoding
        self._mark = mark_of(context.record, UTF_8)
        bound = " ".join(f"xmlns{f':{p}' if p else ''}={quoteattr(uri)}" for p, uri in context.namespaces)
        # As deep as `yml_catalog/shop/offers`, so that the limit of depth is met no later.
        self._open = f"<r {bound}><s><{_WRAPPER}>".encode()
        self._close = f"</{_WRAPPER}></s></r>".encode()

    def utf8(self, data: bytes) -> bytes:
        """Slices in UTF-8.

        UTF-8 itself is checked by the XML parser, which refuses what is not UTF-8 wherever it stands.

        Raises:
            Unproven: they are not in the encoding.
        """
        try:
            return data if self._encoding == UTF_8 else data.decode(self._encoding).encode()
        except UnicodeDecodeError as error:
            raise Unproven("bytes are not", self._encoding) from error

    def chunks(self, body: bytes) -> Iterator[bytes]:
        """The parts of a run in UTF-8 that are parsed at a time.

        Raises:
            Unproven: a slice is too long.
        """
        begin = 0
        while begin < len(body):
            end = self._chunk_end(body, begin)
            yield body[begin:end]
            begin = end

    def _chunk_end(self, body: bytes, begin: int) -> int:
        """Where a chunk of a few slices ends."""
        reach = begin + _CHUNK_BYTES
        while reach < len(body):
            end = last_boundary(body, begin, reach, self._mark)
            if end:
                return end
            reach += _CHUNK_BYTES
            if reach > begin + SLICE_LIMIT:
                raise Unproven("a slice is too long")
        if len(body) - begin > SLICE_LIMIT:
            raise Unproven("a slice is too long")
        return len(body)

    def parse(self, body: bytes, *, each: bool = False, options: Mapping[str, Any] = STRICT) -> etree._Element:
        """The wrappers around the slices in UTF-8 of a chunk: one, or one for each of them.

        Raises:
            etree.XMLSyntaxError: the parser refuses them.
            Unproven: they are not whole.
        """
        slices = [body[start:end] for start, end in pairwise([0, *slice_ends(body)])] if each else [body]
        parser = etree.XMLParser(**options)
        parser.feed(self._open + _NEXT.join(slices) + self._close)
        wrappers = parser.close()[0]
        if len(wrappers) != len(slices):
            raise Unproven("a slice is not whole")
        return wrappers

    def parse_repaired(
        self, body: bytes, line: int, repairs: Repairs, *, each: bool = False
    ) -> tuple[etree._Element, Piece]:
        """(wrappers, where their elements are) of a chunk that starts at `line`, after repairs where it needs them.

        Raises:
            SupplierError: it cannot be repaired.
            Unproven: the slices are not whole, or not well-formed.
        """
        try:
            return self.parse(body, each=each), one_piece(body, line=line)
        except etree.XMLSyntaxError:
            # What can be repaired is refused by the parser without exception, so nothing else is searched for it.
            # Bytes that are not UTF-8 cannot: halves of a character would join where a control character parts them.
            if not _is_utf8(body):
                raise Unproven("bytes are not UTF-8") from None
            piece = one_piece(body, line=line, repairs=repairs)
        try:
            return self.parse(piece.body, each=each), piece
        except etree.XMLSyntaxError as error:
            raise Unproven("not well-formed", error.msg) from error


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
