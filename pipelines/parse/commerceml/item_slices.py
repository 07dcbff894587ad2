"""Goods or offers that were cut out of a document -> items: proven to be such records and nothing else (F5)."""

from __future__ import annotations

import pyarrow as pa

from pipelines.errors import SupplierError
from pipelines.parse.commerceml.facts import ItemFacts
from pipelines.parse.commerceml.item import ItemReader
from pipelines.parse.commerceml.store import ITEM_SCHEMA, RECORDS
from pipelines.parse.document import local_name
from pipelines.parse.rows import Rows
from pipelines.parse.slices import Unproven
from pipelines.parse.wrapping import Context, Wrapping


class ItemSliceReader:
    """Reads runs of slices into items; each run counts its own from 0, in a section without a number."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wrapping = Wrapping(context)

    def read_run(self, data: bytes, line: int) -> tuple[pa.RecordBatch, ItemFacts]:
        """Read a run that starts at `line`.

        Raises:
            Unproven: it is not made of records.
        """
        rows, facts = Rows(ITEM_SCHEMA), ItemFacts()
        items = ItemReader(rows, facts, self._context.picture_base_url)
        read = items.reader(RECORDS[self._context.record])
        try:
            for chunk in self._wrapping.chunks(self._wrapping.utf8(data)):
                (wrapper,), piece = self._wrapping.parse_repaired(chunk, line, facts.repairs)
                at = 0
                for item in wrapper:
                    if local_name(item.tag) != self._context.record:
                        raise Unproven("an element between records")
                    at += read(item, piece.lines, at)
                if at != len(piece.lines):
                    raise Unproven("elements and lines went out of step")
                line = piece.end_line
        except SupplierError as error:
            raise Unproven(error.code) from error
        return rows.take(), facts
