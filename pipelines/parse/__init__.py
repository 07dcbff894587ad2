"""Bytes -> raw offers: the format by content, the encoding by proof, repairs by rule, then the format's own reader.

Values in, values out: no network, database, clock or environment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipelines.errors import SupplierError
from pipelines.model import FeedFormat, ParseResult
from pipelines.parse.commerceml.file_set import is_set
from pipelines.parse.commerceml.keys import short_key
from pipelines.parse.sniff import HEAD_BYTES, Sniffed, sniff
from pipelines.parse.watched import open_watched

if TYPE_CHECKING:
    from pipelines.options import LinkOptions

__all__ = ["parse", "parse_file", "short_key"]


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
    from pipelines.options import LinkOptions

    options = options or LinkOptions()
    with open_source() as source:
        head = source.read(HEAD_BYTES)
        whole = not source.read(1)
    if is_set(head):
        _check_format(FeedFormat.COMMERCEML, expected)
        from pipelines.parse.commerceml.exchange import read_set

        return read_set(open_source, out, options, given_keys)
    sniffed = sniff(head, whole=whole)
    _check_format(sniffed.format, expected)
    return _read(open_source, sniffed, out, options, given_keys)


def _read(
    open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions, given_keys: Path | None
) -> ParseResult:
    """Read a file that was recognised; what reads the other formats is not even imported."""
    match sniffed.format:
        case FeedFormat.YML:
            from pipelines.parse.yml import read_yml

            return read_yml(open_source, sniffed, out, options)
        case FeedFormat.COMMERCEML:
            from pipelines.parse.commerceml.exchange import read_file

            return read_file(open_source, sniffed, out, options, given_keys)
        case FeedFormat.CSV:
            from pipelines.parse.table_file import read_table

            return read_table(open_source, sniffed, out, options)
        case FeedFormat.JSON:
            from pipelines.parse.json_items import read_json

            return read_json(open_source, sniffed, out, options)
    raise SupplierError("format_unsupported", detail=sniffed.format)


def parse_file(
    source: Path,
    out: Path,
    tell: Callable[[float], None],
    *,
    expected: FeedFormat | None = None,
    options: LinkOptions | None = None,
    given_keys: Path | None = None,
) -> ParseResult:
    """`parse` for a local file; `tell` hears the share of it that has been read, each time it is read."""
    return parse(lambda: open_watched(source, tell), out, expected=expected, options=options, given_keys=given_keys)


def _check_format(found: FeedFormat, expected: FeedFormat | None) -> None:
    if expected is not None and found is not expected:
        raise SupplierError("format_unexpected", detail=f"{found} вместо {expected}")
