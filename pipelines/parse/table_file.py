"""A table of goods in a file: CSV, or an Excel workbook, by its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipelines.model import ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.csv_file import read_csv
from pipelines.parse.sniff import ZIP_MARK, Sniffed
from pipelines.parse.xlsx import read_workbook


def read_table(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a table into raw offers at `out`.

    Raises:
        SupplierError: as `read_csv` and `read_workbook` do.
    """
    with open_source() as source:
        mark = source.read(len(ZIP_MARK))
    read = read_workbook if mark == ZIP_MARK else read_csv
    return read(open_source, sniffed, out, options)
