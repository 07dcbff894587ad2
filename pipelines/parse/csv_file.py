"""A CSV file as rows of cells, each with its exact line: delimiter by the header, quotes judged, nothing swallowed.

Any of LF, CR LF and CR ends a line. A line without quotes is cut at its delimiters; one with quotes is read by the
strict grammar of CSV, over as many lines as its quotes ask for. What that grammar refuses is never guessed silently:

* quotes inside a text that were not doubled (`"Ромашка" ООО`) are kept as they are, if the row then has as many cells
  as there are columns; counted and reported (F6);
* a quote that runs away, over lines that are rows themselves or to no end, costs its own row, and the lines after it
  are read as rows of their own;
* a file that ends inside a row is truncated: rejected whole (F5).
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from pipelines.columns import HEADERS, Headers
from pipelines.errors import SupplierError
from pipelines.formulas import bared
from pipelines.model import FeedFormat, Issue, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.csv_header import CsvTable, find_table
from pipelines.parse.decode import utf8_blocks
from pipelines.parse.encoding import UTF_8, prove_encoding
from pipelines.parse.sniff import Sniffed
from pipelines.parse.table import CELL_LIMIT, TableReader
from pipelines.parse.writer import RawWriter

LINE_LIMIT = 4 << 20  # characters
_CONTROL = bytes(set(range(0x20)) - set(b"\t\n\r"))  # as in XML
_BUFFER_BYTES = 256 << 10
_SHOWN = 100
_ARTICLE = re.compile(r"\s*\S{1,40}\s*")
_AMOUNT = re.compile(r"\s*\d[\d\s.,\u00a0\u202f\u2009]*(₽|руб\.?)?\s*")


def prove_table_encoding(open_source: Callable[[], BinaryIO], *, bom: str | None) -> str:
    """The encoding of a table, which declares none: by its mark, UTF-8, or windows-1251 if it looks like Russian.

    Raises:
        SupplierError: `table_encoding_invalid`, with the first line that does not fit.
    """
    try:
        return prove_encoding(open_source, bom=bom, declared=None).encoding
    except SupplierError as error:
        neither = "байты не в UTF-8 и не похожи на русский текст в windows-1251"
        raise SupplierError(
            "table_encoding_invalid", line=error.line, detail=error.detail if bom else neither
        ) from error


def read_csv(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a CSV file into raw offers at `out`.

    Raises:
        SupplierError: `table_encoding_invalid`, `table_column_missing`, `table_truncated`, `table_limit`,
            `table_header_changed`, `no_offers`.
    """
    encoding = prove_table_encoding(open_source, bom=sniffed.bom)
    with open_source() as source:
        head = b"".join(islice(utf8_blocks(source, offset=sniffed.root_offset, encoding=encoding), 1))
    table = find_table(head, Headers(options.tags))
    if table is None:
        raise SupplierError("table_column_missing", detail=HEADERS["sku"])
    with open_source() as source, RawWriter(out) as writer:
        clean = _CleanText(utf8_blocks(source, offset=sniffed.root_offset, encoding=encoding))
        with io.TextIOWrapper(io.BufferedReader(clean, _BUFFER_BYTES), UTF_8, newline="") as text:
            rows = CsvRows(text, table, writer)
            rows.read()
        if not writer.rows:
            raise SupplierError("no_offers")
    return ParseResult(
        format=FeedFormat.CSV,
        encoding=encoding,
        read=writer.rows,
        issues=(*clean.issues(), *rows.issues()),
        spellings=rows.spellings,
    )


class _CleanText(io.RawIOBase):
    """Blocks of UTF-8 as a stream, without characters that no text has (F6)."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")
        self._line = 1
        self._removed = 0
        self._first: tuple[int, int] | None = None  # line and octet

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stubs allow any buffer
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            clean = block.translate(None, _CONTROL)
            if len(clean) != len(block):
                self._note(block, len(block) - len(clean))
            self._line += _line_ends(block)
            self._rest = memoryview(clean)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _note(self, block: bytes, removed: int) -> None:
        self._removed += removed
        if self._first is None:
            offset, octet = next((i, octet) for i, octet in enumerate(block) if octet in _CONTROL)
            self._first = (self._line + _line_ends(block[:offset]), octet)

    def issues(self) -> Iterator[Issue]:
        """The remark that characters were removed."""
        if self._first is not None:
            line, octet = self._first
            yield Issue("control_characters_removed", line=line, field=f"U+{octet:04X}", sent=str(self._removed))


class _Lines:
    """The lines of a text by number, some of which may be given back to be read again; `account` hears of each."""

    def __init__(self, text: TextIO, account: Callable[[int], None]) -> None:
        self._text = text
        self._account = account
        self._returned: deque[str] = deque()
        self.number = 0  # of the line that was taken last

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._text.readline(LINE_LIMIT)
        if not line:
            raise StopIteration
        self.number += 1
        self._account(len(line))
        if len(line) >= LINE_LIMIT:
            raise SupplierError("table_limit", line=self.number, detail=f"строка длиннее {LINE_LIMIT >> 20} МБ")
        return line

    def give_back(self, lines: list[str]) -> None:
        """These lines, the last ones that were taken, come again."""
        self._returned.extendleft(reversed(lines))
        self.number -= len(lines)


class _RunawayError(Exception):
    """A quoted text went on for longer than any cell may."""


class CsvRows:
    """The rows of one CSV file."""

    def __init__(self, text: TextIO, table: CsvTable, writer: RawWriter) -> None:
        self._lines = _Lines(text, writer.account)
        self._table = table
        self._delimiter = table.delimiter
        self._width = table.layout.width
        self._reader = TableReader(table.layout, writer, header_line=table.header_line)
        self.spellings = self._reader.spellings  # raw column -> the header as the supplier wrote it; complete
        mark = re.escape(table.delimiter)
        self._cell = re.compile(rf'(?:[ ]*"((?:[^"]|"")*)"[ ]*|([^{mark}]*))(?:{mark}|\Z)')
        self._kept_first: tuple[int, str] | None = None  # line and cell
        self._kept_count = 0
        self._seen_short = False
        self._exhausted = False  # the file ended where a quoted text wanted more of it

    def issues(self) -> Iterator[Issue]:
        """What is said of the whole file."""
        if self._table.skipped:
            yield Issue("table_rows_skipped", line=1, sent=str(self._table.skipped))
        if self._kept_first is not None:
            line, cell = self._kept_first
            yield Issue("table_quotes_kept", line=line, field=cell, sent=str(self._kept_count))
        yield from self._reader.issues()

    def read(self) -> None:
        """Write all rows.

        Raises:
            SupplierError: `table_truncated`, `table_limit`, `table_header_changed`.
        """
        self._pass_header()
        for line in self._lines:
            if '"' in line:
                self._quoted(line)
                continue
            cells = line.rstrip("\r\n").split(self._delimiter)
            if len(cells) < self._width:
                self._watch_end(line)
            if "'" in line:
                cells = [bared(cell) for cell in cells]
            self._reader.read(cells, self._lines.number)

    def _pass_header(self) -> None:
        """Go past everything above the table, and past the header, which may be quoted over several lines."""
        for _ in range(self._table.header_line - 1):
            next(self._lines)
        next(csv.reader(self._lines, delimiter=self._delimiter))

    def _watch_end(self, line: str) -> None:
        """Take note of a short row, which ends in `line`: the last row of a file, if no other is short, is cut (F5)."""
        if not line.strip():
            return
        if line.endswith(("\n", "\r")):
            self._seen_short = True
        elif not self._seen_short:
            raise SupplierError("table_truncated", line=self._lines.number, detail=line.strip()[:_SHOWN])

    def _quoted(self, line: str) -> None:
        """Read the row that begins with `line` and has quotes in it."""
        first = self._lines.number
        taken = [line]
        try:
            cells = next(csv.reader(self._following(taken), delimiter=self._delimiter, strict=True))
        except (csv.Error, _RunawayError):
            self._ill_quoted(first, taken)
            return
        if any(self._is_row(swallowed) for swallowed in taken[1:]):
            self._run_away(first, taken)
            return
        if len(cells) < self._width:
            self._watch_end(taken[-1])
        lines = _cell_lines(cells, first, self._width) if len(taken) > 1 else None
        self._reader.read([_lines_fed(bared(cell)) for cell in cells], first, lines)

    def _following(self, taken: list[str]) -> Iterator[str]:
        """The line in `taken`, and those after it for as long as they are asked for, noted there too."""
        yield taken[0]
        size = 0
        for line in self._lines:
            taken.append(line)
            size += len(line)
            if size > CELL_LIMIT:
                raise _RunawayError
            yield line
        self._exhausted = True

    def _ill_quoted(self, first: int, taken: list[str]) -> None:
        """A row that the grammar refuses: quotes not doubled, a quote that runs away, or the end of the file."""
        cells = self._literally(taken[0])
        at_end, self._exhausted = self._exhausted, False
        if len(taken) == 1 and len(cells) >= self._width and not at_end:
            if not "".join(cells[self._width :]).strip():
                self._keep_quotes(first, cells)
            self._reader.read(cells, first)
            return
        if at_end and len(cells) < self._width and not any(self._is_row(line) for line in taken[1:]):
            raise SupplierError("table_truncated", line=first, detail=taken[0].strip()[:_SHOWN])
        self._run_away(first, taken)

    def _keep_quotes(self, line: int, cells: list[str]) -> None:
        self._kept_count += 1
        if self._kept_first is None:
            shown = next(cell for cell in cells if '"' in cell)
            self._kept_first = (line, shown.strip()[:_SHOWN])

    def _run_away(self, first: int, taken: list[str]) -> None:
        """Give up the row of a runaway quote, and read what it swallowed."""
        self._lines.give_back(taken[1:])
        self._reader.reject(self._literally(taken[0]), first, "table_quote_unbalanced", taken[0].strip()[:_SHOWN])

    def _literally(self, line: str) -> list[str]:
        """The cells of one line where a quote counts only if it encloses a whole cell."""
        cells: list[str] = []
        for cell in self._cell.finditer(line.rstrip("\r\n")):
            cells.append(cell[2] if cell[1] is None else cell[1].replace('""', '"'))
            if not cell[0].endswith(self._delimiter):
                break
        return cells

    def _is_row(self, line: str) -> bool:
        """Whether a line looks like a row of this table on its own: as many cells, an article, a price."""
        cells = self._literally(line)
        if len(cells) != self._width or not _ARTICLE.fullmatch(cells[self._table.layout.sku]):
            return False
        places = [p for raw, p in self._table.layout.scalars.items() if raw in {"price", "price_without_nds"}]
        return not places or any(_AMOUNT.fullmatch(cells[place]) for place in places)


def _lines_fed(cell: str) -> str:
    """A text with line feeds at the ends of its lines, as XML has them: what is the same in both is the same text."""
    return cell.replace("\r\n", "\n").replace("\r", "\n") if "\r" in cell else cell


def _line_ends(text: bytes) -> int:
    feeds = text.count(b"\n")
    return feeds + text.count(b"\r") - text.count(b"\r\n") if b"\r" in text else feeds


def _cell_lines(cells: list[str], first: int, width: int) -> list[int]:
    """The line on which each cell of a row over several lines starts."""
    lines = []
    line = first
    for cell in cells:
        lines.append(line)
        if "\n" in cell or "\r" in cell:
            line += cell.count("\n") + cell.count("\r") - cell.count("\r\n")
    return lines + [line] * (width - len(cells))
