"""Slices of a cut YML file -> raw offers: each slice proven to be exactly one offer (F5).

Some slices at a time become one small document, in which each of them has a wrapper of its own. The wrapper's name is
drawn at random when the process starts, so no file can open or close one. If the parser accepts that document and finds
in every wrapper one offer and nothing else, then every slice is one balanced offer: whatever a slice left open would
have swallowed the wrapper after it. The wrappers stand as deep as offers do and bind the same namespaces, the parser
has the options of the plain path, and lines and repairs come from the same code.
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
from pipelines.parse.document import STRICT
from pipelines.parse.facts import Facts
from pipelines.parse.frame import Namespaces
from pipelines.parse.pieces import one_piece
from pipelines.parse.slices import SLICE_LIMIT, Unproven, slice_ends
from pipelines.parse.writer import Rows
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

    def read(self, data: bytes, line: int) -> int:
        """Read neighbouring slices, as `slices.Run` has them, that start at `line`; their number is returned.

        Raises:
            Unproven: they are not one offer each.
        """
        before = self._rows.rows
        try:
            body = self._decode(data)
            begin = 0
            chunk: list[bytes] = []
            ends = slice_ends(body)
            for start, end in pairwise([0, *ends]):
                if end - start > SLICE_LIMIT:
                    raise Unproven("a slice is too long")
                chunk.append(body[start:end])
                if end - begin >= BLOCK_BYTES or end == len(body):
                    line = self._read_chunk(body[begin:end], chunk, line)
                    begin, chunk = end, []
        except UnicodeDecodeError as error:
            raise Unproven("bytes are not", self._context.encoding) from error
        except SupplierError as error:
            raise Unproven(error.code) from error
        if self._rows.rows - before != len(ends):
            raise Unproven("repairs made other slices")
        return len(ends)

    def _decode(self, data: bytes) -> bytes:
        text = data.decode(self._context.encoding)
        return data if self._context.encoding == "utf-8" else text.encode()

    def _read_chunk(self, body: bytes, slices: list[bytes], line: int) -> int:
        piece = one_piece(body, line=line, repairs=self._facts.repairs)
        if piece.body != body:
            slices = [piece.body[start:end] for start, end in pairwise([0, *slice_ends(piece.body)])]
        parser = etree.XMLParser(**STRICT)
        try:
            parser.feed(self._open + _NEXT.join(slices) + self._close)
            root = parser.close()
        except etree.XMLSyntaxError as error:
            raise Unproven("not well-formed", error.msg) from error
        wrappers = root[0]
        if len(wrappers) != len(slices):
            raise Unproven("a slice is not whole")
        at = 0
        for wrapper in wrappers:
            if len(wrapper) != 1 or wrapper.text or (wrapper[0].tail or "").strip(" \t\r\n"):
                raise Unproven("a slice is not one offer")
            at += self._offers.read(wrapper[0], piece.lines, at)
        if at != len(piece.lines):
            raise Unproven("elements and lines went out of step")
        return piece.end_line
