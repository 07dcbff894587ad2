"""Lists that people and offices make, read as hostile: CSV or XLSX by content, everything bounded, faults by line.

CSV is UTF-8 (with or without BOM) when all of it is, windows-1251 otherwise; XLSX is read from its first sheet. Cells
come out as clean text: NFC, single plain spaces, trimmed.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from pipelines.errors import OperatorError
from pipelines.formulas import bared
from pipelines.reference.workbook import sheet_rows
from pipelines.workbook import WorkbookError

MAX_BYTES = 64_000_000
MAX_ROWS = 300_000
MAX_CELLS = 64
MAX_CELL_LENGTH = 10_000
_SHOWN = 10
_QUOTED = 80

_EXCEL_ERRORS = {
    *("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"),
    *("#Н/Д", "#ССЫЛКА!", "#ЗНАЧ!", "#ДЕЛ/0!", "#ИМЯ?", "#ПУСТО!", "#ЧИСЛО!"),
}


class ReferenceFileError(OperatorError):
    """A list that cannot be imported; the message names the file and each fault with its line."""


class Findings:
    """Remarks about a file: those about the whole, and the first ones about lines; the rest is counted."""

    def __init__(self) -> None:
        self._whole: list[str] = []
        self._lines: list[str] = []
        self._count = 0

    def note(self, message: str) -> None:
        """A remark about the whole file; said once each, so they are few."""
        self._whole.append(message)

    def add(self, message: str, *, line: int) -> None:
        """A remark about a line of the CSV file or a row of the sheet, counted from 1."""
        self._count += 1
        if len(self._lines) < _SHOWN:
            self._lines.append(f"line {line}: {message}")

    def __bool__(self) -> bool:
        return bool(self._whole or self._lines)

    def shown(self) -> tuple[str, ...]:
        """What is worth telling, bounded: lines beyond the first are only counted."""
        more = self._count - len(self._lines)
        return (*self._whole, *self._lines, *([f"and {more:,} more"] if more else []))


class Faults(Findings):
    """What makes a file unusable. Reading goes on, so that one run names as much as it can."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def stop(self, message: str, *, line: int | None = None, cause: Exception | None = None) -> NoReturn:
        """A fault after which reading cannot go on.

        Raises:
            ReferenceFileError: this fault and those before it.
        """
        if line is None:
            self.note(message)
        else:
            self.add(message, line=line)
        raise self._error() from cause

    def check(self) -> None:
        """Go on only when nothing was found.

        Raises:
            ReferenceFileError: naming the file, and the lines.
        """
        if self:
            raise self._error()

    def _error(self) -> ReferenceFileError:
        return ReferenceFileError(f"{quoted(self._file.name)}: {'; '.join(self.shown())}")


@dataclass(frozen=True)
class Column:
    """A column of a list.

    Attributes:
        name: column of the table.
        titles: headings under which it is found; the first one is what we write ourselves.
        required: without it the list is refused; the cells may still be empty.
    """

    name: str
    titles: tuple[str, ...]
    required: bool = False

    @property
    def title(self) -> str:
        """The heading we write."""
        return self.titles[0]


class Record(NamedTuple):
    """Cells of one line of a file without a header."""

    line: int
    cells: list[str]


class Entry(NamedTuple):
    """One row of a list: values of the columns that the list has, by column name."""

    line: int
    values: dict[str, str]


def quoted(value: str) -> str:
    """A value of a file as evidence in a message: bounded, and harmless to a terminal and a log."""
    return repr(value if len(value) <= _QUOTED else f"{value[:_QUOTED]}…")


def list_entries(file: Path, columns: Sequence[Column], faults: Faults, remarks: Findings) -> Iterator[Entry]:
    """The rows of a list with a header, as they are read. Empty rows are passed over.

    A column that no title names is left out and remarked. Faults of single rows are added to `faults` and the row is
    left out.

    Raises:
        ReferenceFileError: not a list at all: unreadable, too large, or without a required column.
    """
    records = iter(file_records(file, faults))
    head = next(records, None)
    if head is None:
        faults.stop("is empty")
    places = _places(head, columns, faults, remarks)
    for line, cells in records:
        if any(cells[len(head.cells) :]):
            faults.add(f"more than {len(head.cells)} cells, as the header has", line=line)
            continue
        values = {name: cells[place] if place < len(cells) else "" for name, place in places.items()}
        broken = next((v for v in values.values() if v in _EXCEL_ERRORS), None)
        if broken:
            faults.add(f"a cell holds Excel's error {broken}", line=line)
        elif any(values.values()):
            yield Entry(line, values)


def _places(head: Record, columns: Sequence[Column], faults: Faults, remarks: Findings) -> dict[str, int]:
    """Where each column stands."""
    known = {_folded(title): column.name for column in columns for title in (column.name, *column.titles)}
    places: dict[str, int] = {}
    for place, title in enumerate(head.cells):
        name = known.get(_folded(title))
        if name is None:
            if title:
                remarks.add(f"column {quoted(title)} is not used", line=head.line)
        elif name in places:
            faults.stop(f"column {quoted(title)} stands twice", line=head.line)
        else:
            places[name] = place
    missing = [column.title for column in columns if column.required and column.name not in places]
    if missing:
        faults.stop(f"no column {', '.join(f'«{title}»' for title in missing)}", line=head.line)
    return places


def _folded(title: str) -> str:
    return " ".join(title.casefold().replace("ё", "е").strip("*:\"'«» ").split())


def file_records(file: Path, faults: Faults, *, delimiter: str | None = None) -> Iterator[Record]:
    """The lines of a file with their clean cells, without those that are empty.

    Args:
        delimiter: of an office's CSV file; None: `;` or `,`, whichever parts the first line into more cells.

    Raises:
        ReferenceFileError: the file is not readable as CSV or XLSX, or beyond a limit.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            packed = opened.read(4) == b"PK\x03\x04"
    except OSError as error:
        msg = f"cannot read {quoted(str(file))}: {error.strerror}"
        raise OperatorError(msg) from error
    if size > MAX_BYTES:
        faults.stop(f"is larger than {MAX_BYTES // 1_000_000} MB")
    raw = _sheet_rows(file, faults) if packed else _csv_rows(file, faults, delimiter)
    for count, (line, cells) in enumerate(raw):
        if count >= MAX_ROWS:
            faults.stop(f"more than {MAX_ROWS:,} rows", line=line)
        if len(cells) > MAX_CELLS:
            faults.stop(f"more than {MAX_CELLS} cells", line=line)
        clean = [_clean(cell) for cell in cells]
        fault = next(filter(None, map(_fault, clean)), None)
        if fault:
            faults.add(fault, line=line)
        elif any(clean):
            yield Record(line, clean)


def _clean(cell: str) -> str:
    return " ".join(unicodedata.normalize("NFC", cell).split())


def _fault(cell: str) -> str | None:
    if len(cell) > MAX_CELL_LENGTH:
        return f"a cell of more than {MAX_CELL_LENGTH:,} characters"
    if not cell.isprintable():
        return f"a character that does not print, in {quoted(cell)}"
    return None


def _csv_rows(file: Path, faults: Faults, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    with file.open(encoding=_encoding(file, faults), newline="") as text:
        first = text.readline(MAX_CELLS * MAX_CELL_LENGTH)
        text.seek(0)
        # People's lists are judged strictly; offices leave quotes inside quoted names, and count their fields.
        reader = csv.reader(text, delimiter=delimiter or _delimiter(first), strict=delimiter is None)
        line = 1
        try:
            for cells in reader:
                yield line, [bared(cell) for cell in cells]
                line = reader.line_num + 1
        except csv.Error as error:
            faults.stop(f"not CSV: {error}", line=line, cause=error)


def _delimiter(first: str) -> str:
    try:
        return max(";", ",", key=lambda d: len(next(csv.reader([first], delimiter=d), [])))
    except csv.Error:
        return ";"


def _encoding(file: Path, faults: Faults) -> str:
    """UTF-8 if the whole file is, else windows-1251."""
    encoding = next((e for e in ("utf-8-sig", "cp1251") if _decodes(file, e)), None)
    if encoding is None:
        faults.stop("neither UTF-8 nor windows-1251; save it as «CSV UTF-8»")
    return encoding


def _decodes(file: Path, encoding: str) -> bool:
    try:
        with file.open(encoding=encoding, newline="") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _sheet_rows(file: Path, faults: Faults) -> list[tuple[int, list[str]]]:
    try:
        return sheet_rows(file, max_cells=MAX_CELLS)
    except WorkbookError as error:
        faults.stop(str(error), cause=error)
