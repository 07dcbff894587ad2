"""A large CommerceML document, cut between its goods or its offers and read by two processes, as YML is (`slices`).

Header and tail are read as one document with an empty record between them, which stands for all that were cut out. When
the walk has passed the header, they are read in its place; if it met this record and no other, then they are the
records of the list that the header ends in, and the tail goes on after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from pipelines.errors import InternalError, SupplierError
from pipelines.parse.commerceml.facts import ItemFacts
from pipelines.parse.commerceml.file_set import SourcePart
from pipelines.parse.commerceml.sections import ROOT, Sections
from pipelines.parse.commerceml.store import ITEM_SCHEMA, RECORDS, Store
from pipelines.parse.decode import BLOCK_BYTES, read_exactly
from pipelines.parse.document import Reader, local_name, read_document, size_of
from pipelines.parse.encoding import UTF_16, Proof, presume_encoding, prove_encoding
from pipelines.parse.frame import Namespaces, bound_at, namespaces_at
from pipelines.parse.pieces import Piece, cut_pieces
from pipelines.parse.slices import Cut, Unproven, mark_of
from pipelines.parse.worker_pool import WorkerPool
from pipelines.parse.wrapping import Context

# A header has the classifier in it. It is the only part that is not cut further.
HEADER_LIMIT = 8 << 20
WORKERS = 2


class Read(NamedTuple):
    """What was read: the line of its end, and what is presumed of its encoding, which reading it has proven."""

    end_line: int
    proof: Proof


def read_cut(
    part: SourcePart, store: Store, sections: Sections, picture_base_url: str | None, *, lines_before: int
) -> Read:
    """Read a document into `store` and `sections`.

    Raises:
        Unproven: not provably the same as the plain way does; what was read is void.
    """
    offset = part.sniffed.root_offset
    try:
        with part.open() as source:
            beginning = read_exactly(source, offset + HEADER_LIMIT)
        proof = _encoding(part, beginning)
        context = Context(
            proof.encoding, record=_first_record(beginning, proof.encoding), picture_base_url=picture_base_url
        )
        line = lines_before + part.sniffed.root_line
        with part.open() as source:
            mark = mark_of(context.record, proof.encoding)
            cut = Cut(source, offset=offset, line=line, mark=mark, header_limit=HEADER_LIMIT)
            end = _Document(cut, context, sections, store).read(line)
    except (SupplierError, InternalError) as error:  # of a document that is cut in the wrong place
        raise Unproven(str(error)) from error
    return Read(end, proof)


def _encoding(part: SourcePart, beginning: bytes) -> Proof:
    sniffed = part.sniffed
    proof = presume_encoding(beginning, bom=sniffed.bom, declared=sniffed.declared)
    proof = proof or prove_encoding(part.open, bom=sniffed.bom, declared=sniffed.declared)
    if proof.encoding == UTF_16:
        raise Unproven("ASCII is not ASCII in this encoding")
    return proof


def _first_record(beginning: bytes, encoding: str) -> str:
    """The name of the records that come first."""
    found = {}
    for record in RECORDS:
        first = mark_of(record, encoding).begin.search(beginning)
        if first is not None:
            found[first.start()] = record
    if not found:
        raise Unproven("no record in the header's reach")
    return found[min(found)]


class _Document:
    def __init__(self, cut: Cut, context: Context, sections: Sections, store: Store) -> None:
        self._cut = cut
        self._sections = sections
        self._store = store
        self._encoding = context.encoding
        self._utf8(cut.lead)  # the encoding is that of the whole file
        self._header = self._utf8(cut.header)
        self._context = replace(context, namespaces=namespaces_at(context.record, self._header))
        self._found: list[tuple[str, Namespaces]] = []

    def read(self, line: int) -> int:
        """Read it; its root element stands at `line`. The line of its end is returned."""
        end = read_document(
            self._pieces(line),
            ROOT,
            self._sections.route_to(self._meet),
            first_line=line,
            names=self._sections.facts.names,
            account=self._store.account,
        )
        if self._found != [(self._context.record, self._context.namespaces)]:
            raise Unproven("records outside the slices", len(self._found) - 1)
        return end

    def _meet(self, _kind: int) -> Reader:
        return self._pass_over

    def _pass_over(self, record: etree._Element, _lines: list[int], _start: int) -> int:
        """Take note of a record of the frame, which should be the one that stands for all others."""
        self._found.append((local_name(record.tag), bound_at(record)))
        return size_of(record)

    def _pieces(self, line: int) -> Iterator[Piece]:
        repairs = self._sections.facts.repairs
        header = self._header + f"<{self._context.record}/>".encode()
        blocks = (header[begin : begin + BLOCK_BYTES] for begin in range(0, len(header), BLOCK_BYTES))
        yield from cut_pieces(blocks, line=line, repairs=repairs)
        with WorkerPool(self._context, workers=WORKERS, schema=ITEM_SCHEMA) as workers:
            for batch, learned in workers.read(self._cut.runs()):
                self._add(batch)
                self._sections.facts.follow(ItemFacts.from_json(learned))
        yield from cut_pieces(iter([self._utf8(self._cut.tail)]), line=self._cut.tail_line, repairs=repairs)

    def _add(self, batch: pa.RecordBatch) -> None:
        """Items take the place in the exchange that they have there."""
        items = self._sections.items
        seq = pc.add(batch["seq"], pa.scalar(self._store.items.rows, pa.int64()))
        section = pa.repeat(pa.scalar(items.section, pa.int64()), batch.num_rows)
        for name, column in (("seq", seq), ("section", section)):
            place = ITEM_SCHEMA.get_field_index(name)
            batch = batch.set_column(place, ITEM_SCHEMA.field(place), column)
        self._store.items.add_batch(batch)
        items.counts[RECORDS[self._context.record]] += batch.num_rows

    def _utf8(self, data: bytes) -> bytes:
        try:
            return data.decode(self._encoding).encode()
        except UnicodeDecodeError as error:
            raise Unproven("bytes are not", self._encoding) from error
