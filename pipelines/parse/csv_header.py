"""The header of a CSV file in its first bytes: what makes a text a table of goods, and tells its delimiter.

The delimiter is the one under which most columns are known; statistics of characters would be fooled by decimal commas.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass

from pipelines.columns import Headers
from pipelines.parse.table import Layout, understand

DELIMITERS = (";", ",", "\t", "|")
HEADER_ROWS = 20  # the header is one of the first rows; titles and dates may stand above it
HEAD_BYTES = 256 << 10
_SEP = re.compile(r"\ufeff?\"?sep=(.)\"?[;,\t|]*\s*", re.IGNORECASE)


@dataclass(frozen=True)
class CsvTable:
    """Where the table of a CSV file begins, and how its cells are separated."""

    delimiter: str
    header_line: int
    skipped: int  # lines above the header, besides one with `sep=`
    layout: Layout


def find_table(head: bytes, headers: Headers) -> CsvTable | None:
    """The table in a file that begins with `head`, in UTF-8 or windows-1251; None when there is no header (F1).

    Raises:
        SupplierError: `table_limit`.
    """
    text = _readable(head[:HEAD_BYTES])
    lines = io.StringIO(text, newline="").readlines()
    said = _SEP.fullmatch(lines[0]) if lines else None
    skipped = 1 if said else 0
    delimiters = (said[1],) if said and said[1] in DELIMITERS else DELIMITERS
    best: CsvTable | None = None
    for delimiter in delimiters:
        table = _find_header(lines, skipped, delimiter, headers)
        if table is not None and (best is None or table.layout.known > best.layout.known):
            best = table
    return best


def _readable(head: bytes) -> str:
    """The head as text in one of the two encodings; the whole file is the one to prove which."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head)  # a character that is cut off waits for its end
    except UnicodeDecodeError:
        return head.decode("windows-1251", "replace")


def _find_header(lines: list[str], skipped: int, delimiter: str, headers: Headers) -> CsvTable | None:
    reader = csv.reader(lines[skipped:], delimiter=delimiter)
    while reader.line_num < len(lines) - skipped and reader.line_num < HEADER_ROWS:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except csv.Error:
            return None
        layout = understand(cells, headers)
        if layout is not None:
            return CsvTable(delimiter, line, line - 1 - skipped, layout)
    return None
