"""An Excel workbook -> its rows as text: the first sheet that has a table of goods.

A cell becomes the text that the supplier sees in it, without the noise of binary fractions: 0.1+0.2 is 0.3, an integer
has no `.0`, a date is ISO, a share shown in per cent is per cent. Text stays text, leading zeros and all. A formula is
the value that was computed when the book was saved. The line of a row is its number in the sheet.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

from pipelines.columns import COLUMNS_LIMIT, HEADERS, Headers
from pipelines.errors import SupplierError
from pipelines.model import FeedFormat, Issue, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.csv_header import HEADER_ROWS
from pipelines.parse.sniff import Sniffed
from pipelines.parse.table import Layout, TableReader, understand
from pipelines.parse.writer import RawWriter
from pipelines.workbook import BROKEN, SHEET_ROWS, Limits, WorkbookError, check

LIMITS = Limits(unpacked_bytes=300_000_000, strings_bytes=64_000_000, strings=2_000_000)
SHEETS_LIMIT = 50
_QUOTED = 200
# From here on a number has more digits than Excel keeps: what it shows is no longer what was typed.
_EXACT = 10**15
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def read_workbook(
    open_source: Callable[[], BinaryIO], _sniffed: Sniffed, out: Path, options: LinkOptions
) -> ParseResult:
    """Read a workbook into raw offers at `out`.

    Raises:
        SupplierError: `workbook_invalid`, `table_limit`, `table_column_missing`, `table_header_changed`, `no_offers`.
    """
    headers = Headers(options.tags)
    with _opened(open_source, out.parent) as book, RawWriter(out) as writer:
        sheet, line, layout = _find_table(book, headers)
        rows = TableReader(layout, writer, header_line=line)
        for number, cells in _rows(sheet, layout.width):
            if number > line:
                rows.read(cells, number)
                writer.account(sum(map(len, cells)))
        if not writer.rows:
            raise SupplierError("no_offers")
    skipped = [Issue("table_rows_skipped", line=1, sent=str(line - 1))] if line > 1 else []
    return ParseResult(
        format=FeedFormat.CSV,
        encoding="utf-8",
        read=writer.rows,
        issues=(*skipped, *rows.issues()),
        spellings=rows.spellings,
    )


@contextmanager
def _opened(open_source: Callable[[], BinaryIO], scratch: Path) -> Iterator[Any]:
    """The workbook, checked; faults of its parts, whenever they show, are the supplier's."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    with tempfile.TemporaryFile(dir=scratch) as file:
        with open_source() as source:
            shutil.copyfileobj(source, file, 1 << 20)  # a store's stream cannot be read from its end
        _check(file)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about styles and extensions that do not concern us
                book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
                try:
                    yield book
                finally:
                    book.close()
        except SupplierError:
            raise
        except (InvalidFileException, *BROKEN) as error:
            raise SupplierError("workbook_invalid", detail=f"{type(error).__name__} {error}"[:_QUOTED]) from error


def _check(file: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            check(archive, LIMITS)
    except WorkbookError as error:
        raise SupplierError("table_limit", detail=str(error)) from error
    except BROKEN as error:
        raise SupplierError("workbook_invalid", detail=f"{type(error).__name__} {error}"[:_QUOTED]) from error


def _find_table(book: Any, headers: Headers) -> tuple[Any, int, Layout]:  # noqa: ANN401 - openpyxl has no types
    """The sheet, the row of the header in it, and what the header says."""
    for sheet in book.worksheets[:SHEETS_LIMIT]:
        for number, cells in islice(_rows(sheet, COLUMNS_LIMIT), HEADER_ROWS):
            layout = understand(cells, headers)
            if layout is not None:
                return sheet, number, layout
    raise SupplierError("table_column_missing", detail=HEADERS["sku"])


def _rows(sheet: Any, width: int) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401 - openpyxl has no types
    # Limits are given, not taken from the sheet: what it says of its size is only its word.
    rows = sheet.iter_rows(max_row=SHEET_ROWS, max_col=width)
    return ((number, [_text(cell) for cell in row]) for number, row in enumerate(rows, start=1))


def _text(cell: Any) -> str:  # noqa: ANN401, PLR0911 - openpyxl has no types; one case is one line
    match cell.value:
        case None:
            return ""
        case str(text):
            return _unescaped(text) if "_x" in text else text
        case bool(flag):
            return "true" if flag else "false"
        case int(number):
            return str(number)
        case float(number):
            return _number(number * 100) + "%" if "%" in cell.number_format else _number(number)
        case datetime() as moment:
            return moment.isoformat(" ").removesuffix(" 00:00:00")
        case date() | time() as moment:
            return moment.isoformat()
        case other:
            return str(other)


def _number(number: float) -> str:
    """A number with the fifteen digits that Excel keeps; one with more of them as Excel shows it, with an exponent."""
    digits = Decimal(format(number, ".15g"))
    return f"{digits.normalize():E}" if abs(number) >= _EXACT else format(digits, "f")


def _unescaped(text: str) -> str:
    """Text in which Excel wrote some characters by number, a line's end as _x000D_; what is no character is dropped."""
    from openpyxl.utils.escape import unescape

    return _NO_TEXT.sub("", str(unescape(text)).replace("\r\n", "\n").replace("\r", "\n"))
