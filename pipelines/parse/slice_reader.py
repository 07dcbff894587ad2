"""Slices of a cut YML file -> raw offers: each slice proven to be exactly one offer (F5)."""

from __future__ import annotations

import pyarrow as pa
from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import RAW_SCHEMA
from pipelines.parse.document import STRICT, local_name
from pipelines.parse.facts import Facts
from pipelines.parse.rows import Rows
from pipelines.parse.slices import Unproven, slice_ends
from pipelines.parse.wrapping import Context, Wrapping
from pipelines.parse.yml_columns import ColumnReader, Irregular
from pipelines.parse.yml_offer import OfferReader

# As strict, for a document whose values nobody reads: it is smaller without the space between its tags.
_UNREAD = STRICT | {"remove_blank_text": True}
_HAS_OTHERS = etree.XPath("boolean(*[not(self::offer)])")


class SliceReader:
    """Reads runs of slices into rows; ordinals count from 0 since the last `take`.

    What it read when it raised `Unproven` is lost with it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wrapping = Wrapping(context)
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
            body = self._wrapping.utf8(data)
            batch, facts = self._columns.read(body, line, self._offers), self._facts
            if self._count(body) != batch.num_rows:
                raise Unproven("elements and rows went out of step")
        except (Irregular, etree.XMLSyntaxError):
            self._begin()
            self.read(data, line, each=False)
            return self.take()
        self._begin()
        return batch, facts

    def _count(self, body: bytes) -> int:
        """Have the parser read a run that no repair is made in; the number of its offers is returned."""
        found = 0
        for chunk in self._wrapping.chunks(body):
            (wrapper,) = self._wrapping.parse(chunk, options=_UNREAD)
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
        body = self._wrapping.utf8(data)
        try:
            for chunk in self._wrapping.chunks(body):
                line = self._read_chunk(chunk, line, each=each)
        except SupplierError as error:
            raise Unproven(error.code) from error
        read = self._rows.rows - before
        if each and read != len(slice_ends(body)):
            raise Unproven("repairs made other slices")
        return read

    def _read_chunk(self, body: bytes, line: int, *, each: bool) -> int:
        wrappers, piece = self._wrapping.parse_repaired(body, line, self._facts.repairs, each=each)
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
