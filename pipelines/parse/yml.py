"""A YML file -> its offers: the children of `offers`, wherever the shop keeps them (F5, F8)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.model import ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.body import Body
from pipelines.parse.document import Route, read_document
from pipelines.parse.repair import Repairs
from pipelines.parse.sniff import Sniffed
from pipelines.parse.tags import TagNames
from pipelines.parse.writer import RawWriter
from pipelines.parse.yml_offer import OfferReader

ROOT = "yml_catalog"


def read_yml(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a YML file into raw offers at `out`.

    Raises:
        SupplierError: `encoding_invalid`, `xml_malformed`, `xml_truncated`, `xml_limit`, `no_offers`.
    """
    repairs = Repairs()
    body = Body(open_source, sniffed, repairs)
    names = TagNames()
    with body.pieces() as pieces, RawWriter(out) as writer:
        offers = OfferReader(writer, names, options.tags)
        listed = Route(records={"offer": offers.read})
        # Of the shop, or of the root where a file has no shop.
        route = Route(below={"shop": Route(below={"offers": listed}), "offers": listed})
        read_document(pieces, ROOT, route, first_line=body.root_line, names=names, account=writer.account)
        if not writer.rows:
            raise SupplierError("no_offers")
    return ParseResult(
        format=sniffed.format,
        encoding=body.encoding,
        read=writer.rows,
        issues=(*body.remarks, *repairs.issues(), *offers.unknown.issues()),
        spellings=offers.spellings(),
    )
