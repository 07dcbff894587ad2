"""Bytes -> raw offers: the format by content, the encoding by proof, repairs by rule, then the format's own reader.

Values in, values out: no network, database, clock or environment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.model import FeedFormat, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.decode import utf8_blocks
from pipelines.parse.encoding import prove_encoding
from pipelines.parse.pieces import cut_pieces
from pipelines.parse.repair import Repairs
from pipelines.parse.sniff import HEAD_BYTES, sniff
from pipelines.parse.writer import RawWriter
from pipelines.parse.yml import parse_yml

__all__ = ["parse"]


def parse(
    open_source: Callable[[], BinaryIO],
    out: Path,
    *,
    expected: FeedFormat | None = None,
    options: LinkOptions | None = None,
) -> ParseResult:
    """Read a supplier's file into a Parquet file of `model.RAW_SCHEMA` at `out` (F1, F5, F6, F7).

    `open_source` opens the raw, decompressed file from its beginning each time it is called; it is read two or three
    times. Memory does not depend on the size of the file. The same bytes give the same Parquet, byte for byte.

    Args:
        expected: a file of another format is rejected; None takes any that is known.
        options: settings of the link, all at their defaults when None; `tags` says which raw columns this supplier
            writes in a tag of its own.

    Raises:
        SupplierError: the file is rejected whole; nothing is left at `out`.
    """
    options = options or LinkOptions()
    with open_source() as source:
        head = source.read(HEAD_BYTES)
        whole = not source.read(1)
    sniffed = sniff(head, whole=whole)
    if expected is not None and sniffed.format is not expected:
        raise SupplierError("format_unexpected", detail=f"{sniffed.format} вместо {expected}")
    if sniffed.format is not FeedFormat.YML:
        raise SupplierError("format_unsupported", detail=sniffed.format)
    proof = prove_encoding(open_source, bom=sniffed.bom, declared=sniffed.declared)
    repairs = Repairs()
    line = sniffed.root_line
    with open_source() as source, RawWriter(out) as writer:
        blocks = utf8_blocks(source, offset=sniffed.root_offset, encoding=proof.encoding)
        offers = parse_yml(cut_pieces(blocks, line=line, repairs=repairs), writer, first_line=line, tags=options.tags)
    return ParseResult(
        format=sniffed.format,
        encoding=proof.encoding,
        read=writer.rows,
        issues=tuple(i for i in (sniffed.issue, proof.issue, *repairs.issues(), *offers.issues()) if i is not None),
        spellings=offers.spellings(),
    )
