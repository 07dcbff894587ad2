"""A YML file -> its offers: the children of `offers`, wherever the shop keeps them (F5, F8).

A large file is cut between its offers and read by two processes. What is not provably right then, and every small file,
is read piece by piece: that decides, and says what is wrong with a file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import SupplierError
from pipelines.model import ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.body import Body, is_large
from pipelines.parse.document import read_document
from pipelines.parse.facts import Facts
from pipelines.parse.frame import ROOT, route_to_offers
from pipelines.parse.slices import Unproven
from pipelines.parse.sniff import Sniffed
from pipelines.parse.worker_pool import WorkerPool
from pipelines.parse.writer import RawWriter
from pipelines.parse.yml_cut import open_cut
from pipelines.parse.yml_offer import OfferReader, complete_spellings

WORKERS = 2


def read_yml(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a YML file into raw offers at `out`.

    Raises:
        SupplierError: `encoding_invalid`, `xml_malformed`, `xml_truncated`, `xml_limit`, `no_offers`.
    """
    if is_large(open_source):
        try:
            return read_cut(open_source, sniffed, out, options)
        except Unproven:
            pass
    return read_plainly(open_source, sniffed, out, options)


def read_plainly(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a file piece by piece, as `read_yml`."""
    facts = Facts()
    body = Body(open_source, sniffed, facts.repairs)
    with body.pieces() as pieces, RawWriter(out) as writer:
        offers = OfferReader(writer, facts, options.tags)
        route = route_to_offers(offers.read)
        read_document(pieces, ROOT, route, first_line=body.root_line, names=facts.names, account=writer.account)
        if not writer.rows:
            raise SupplierError("no_offers")
    return ParseResult(
        format=sniffed.format,
        encoding=body.encoding,
        read=writer.rows,
        issues=(*body.remarks, *facts.repairs.issues(), *facts.unknown.issues()),
        spellings=complete_spellings(facts.spellings),
    )


def read_cut(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a file that is cut between its offers, as `read_yml`.

    Raises:
        Unproven: not provably the same as `read_plainly` does; nothing is left at `out`.
    """
    with open_cut(open_source, sniffed, options.tags) as cut, RawWriter(out) as writer:
        facts = Facts()
        with WorkerPool(cut.context, workers=WORKERS) as workers:
            for batch, told in workers.read(cut.runs()):
                ordinals = pc.add(batch.column(0), pa.scalar(writer.rows, pa.int64()))
                writer.add_batch(batch.set_column(0, batch.schema.field(0), ordinals))
                facts.follow(Facts.from_json(told))
        frame = cut.prove()
        frame.before.follow(facts)
        frame.before.follow(frame.after)
        facts = frame.before
    return ParseResult(
        format=sniffed.format,
        encoding=cut.context.encoding,
        read=writer.rows,
        issues=(*cut.remarks, *facts.repairs.issues(), *facts.unknown.issues()),
        spellings=complete_spellings(facts.spellings),
    )
