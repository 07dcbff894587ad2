"""XLSX as rows of text: the first sheet of a workbook that may mean harm."""

from __future__ import annotations

import warnings
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.workbook import BROKEN, SHEET_ROWS, Limits, WorkbookError, check

MAX_UNPACKED_BYTES = 32_000_000  # a row of five cells takes some 250 bytes
MAX_ELEMENTS_AT_ONCE = 100_000
_LIMITS = Limits(
    unpacked_bytes=MAX_UNPACKED_BYTES,
    strings_bytes=MAX_UNPACKED_BYTES,
    strings=MAX_UNPACKED_BYTES,
    elements_at_once=MAX_ELEMENTS_AT_ONCE,
)


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
            check(archive, _LIMITS)
        with file.open("rb") as opened, warnings.catch_warnings():  # by name, it would go by the extension
            warnings.simplefilter("ignore")  # about styles and extensions that do not concern us
            book = openpyxl.load_workbook(opened, read_only=True, data_only=True, keep_links=False)
            try:
                # Limits are given, not taken from the sheet: what it says of its size is only its word.
                rows = book.worksheets[0].iter_rows(max_row=SHEET_ROWS, max_col=max_cells, values_only=True)
                return [(n, [_text(v) for v in row]) for n, row in enumerate(rows, start=1) if any(v for v in row)]
            finally:
                book.close()
    except (InvalidFileException, *BROKEN) as error:
        msg = f"not a workbook: {type(error).__name__} {str(error)[:200]!r}"
        raise WorkbookError(msg) from error


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
