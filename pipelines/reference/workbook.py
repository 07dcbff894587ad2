"""XLSX as rows of text: the first sheet of a workbook that may mean harm."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

MAX_UNPACKED_BYTES = 32_000_000  # a row of five cells takes some 250 bytes
# Elements that a reader holds at a time: those of one row or one shared string, or all of any other part. Excel's
# widest row has 16,384 cells of up to three elements.
MAX_ELEMENTS_AT_ONCE = 100_000
_FREED_AT = ("row", "si")
_SHEET_ROWS = 1_048_576

# openpyxl raises whatever its parsers stumbled over.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError),
    *(ParseError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError),
)


class WorkbookError(Exception):
    """Why a workbook is not read, in words."""


def sheet_rows(file: Path, *, max_cells: int) -> list[tuple[int, list[str]]]:
    """Rows of the first sheet that hold anything, with their numbers from 1; cells beyond `max_cells` are not read.

    Formulas give the value that was computed when the file was saved.

    Raises:
        WorkbookError: broken, encrypted, or beyond a limit.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(file) as archive:
            _check(archive)
        with file.open("rb") as opened, warnings.catch_warnings():  # by name, it would go by the extension
            warnings.simplefilter("ignore")  # about styles and extensions that do not concern us
            book = openpyxl.load_workbook(opened, read_only=True, data_only=True, keep_links=False)
            try:
                # Limits are given, not taken from the sheet: what it says of its size is only its word.
                rows = book.worksheets[0].iter_rows(max_row=_SHEET_ROWS, max_col=max_cells, values_only=True)
                return [(n, [_text(v) for v in row]) for n, row in enumerate(rows, start=1) if any(v for v in row)]
            finally:
                book.close()
    except (InvalidFileException, *_BROKEN) as error:
        msg = f"not a workbook: {type(error).__name__} {str(error)[:200]!r}"
        raise WorkbookError(msg) from error


def _check(archive: zipfile.ZipFile) -> None:
    """Refuse what would not fit into memory. Sizes that a zip declares hold for reading, so their sum is a bound."""
    if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
        msg = f"a workbook of more than {MAX_UNPACKED_BYTES // 1_000_000} MB unpacked; save it as CSV"
        raise WorkbookError(msg)
    for name in archive.namelist():
        with archive.open(name) as part:
            _Census().take(part)


class _Census:
    """Counts the elements of a part that stand between one that is read as a whole and the next."""

    def __init__(self) -> None:
        self._alive = 0

    def take(self, part: Any) -> None:  # noqa: ANN401 - a binary stream
        """Read a part through; one that is not XML is nobody's to parse.

        Raises:
            WorkbookError: too many elements at once.
        """
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.ParseFile(part)
        except expat.ExpatError:
            return

    def _start(self, _name: str, _attributes: dict[str, str]) -> None:
        self._alive += 1
        if self._alive > MAX_ELEMENTS_AT_ONCE:
            msg = f"a workbook with more than {MAX_ELEMENTS_AT_ONCE:,} elements in one place"
            raise WorkbookError(msg)

    def _end(self, name: str) -> None:
        if name.rpartition(":")[2] in _FREED_AT:
            self._alive = 0


def _text(value: Any) -> str:  # noqa: ANN401 - any value of a sheet
    from openpyxl.utils.escape import unescape

    match value:
        case None:
            return ""
        case str():
            return str(unescape(value))  # Excel writes some characters by number, a line's end as _x000D_
        case bool():
            return str(int(value))
        case float():
            return format(Decimal(repr(value)).normalize(), "f")
        case datetime():
            return value.isoformat().removesuffix("T00:00:00")
        case _:
            return str(value)
