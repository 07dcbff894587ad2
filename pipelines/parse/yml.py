"""A YML file -> its offers: the children of `offers`, wherever the shop keeps them (F5, F8)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.model import ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.body import Body
from pipelines.parse.document import read_document
from pipelines.parse.facts import Facts
from pipelines.parse.frame import ROOT, route_to_offers
from pipelines.parse.sniff import Sniffed
from pipelines.parse.writer import RawWriter
from pipelines.parse.yml_offer import OfferReader, complete_spellings


def read_yml(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a YML file into raw offers at `out`.

    Raises:
        SupplierError: `encoding_invalid`, `xml_malformed`, `xml_truncated`, `xml_limit`, `no_offers`.
    """
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
