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
from pipelines.parse import commerceml
from pipelines.parse.commerceml import short_key
from pipelines.parse.json_items import read_json
from pipelines.parse.sniff import HEAD_BYTES, Sniffed, sniff
from pipelines.parse.table_file import read_table
from pipelines.parse.yml import read_yml

__all__ = ["parse", "short_key"]

# Reads a file that was recognised: (open_source, sniffed, out, options) -> what it learned.
_Reader = Callable[[Callable[[], BinaryIO], Sniffed, Path, LinkOptions], ParseResult]
_READERS: dict[FeedFormat, _Reader] = {FeedFormat.YML: read_yml, FeedFormat.CSV: read_table, FeedFormat.JSON: read_json}


def parse(
    open_source: Callable[[], BinaryIO],
    out: Path,
    *,
    expected: FeedFormat | None = None,
    options: LinkOptions | None = None,
    given_keys: Path | None = None,
) -> ParseResult:
    """Read a supplier's file into a Parquet file of `model.RAW_SCHEMA` at `out` (F1, F5, F6, F7).

    `open_source` opens the raw, decompressed file from its beginning each time it is called; it is read two or three
    times. Memory does not depend on the size of the file. The same bytes give the same Parquet, byte for byte.

    Args:
        expected: a file of another format is rejected; None takes any that is known.
        options: settings of the link, all at their defaults when None; `tags` says which raw columns this supplier
            writes in a tag of its own.
        given_keys: a Parquet file with a column `external_id`, of the offers whose article in the catalog is their
            `short_key`; they keep it, whatever article a later CommerceML file gives them.

    Raises:
        SupplierError: the file is rejected whole; nothing is left at `out`.
    """
    options = options or LinkOptions()
    with open_source() as source:
        head = source.read(HEAD_BYTES)
        whole = not source.read(1)
    if commerceml.is_set(head):
        _check_format(FeedFormat.COMMERCEML, expected)
        return commerceml.read_set(open_source, out, options, given_keys)
    sniffed = sniff(head, whole=whole)
    _check_format(sniffed.format, expected)
    if sniffed.format is FeedFormat.COMMERCEML:
        return commerceml.read_file(open_source, sniffed, out, options, given_keys)
    read = _READERS.get(sniffed.format)
    if read is None:
        raise SupplierError("format_unsupported", detail=sniffed.format)
    return read(open_source, sniffed, out, options)


def _check_format(found: FeedFormat, expected: FeedFormat | None) -> None:
    if expected is not None and found is not expected:
        raise SupplierError("format_unexpected", detail=f"{found} вместо {expected}")
