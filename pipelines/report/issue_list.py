"""The complete list of a load's remarks as tables that Excel opens: XLSX and CSV (R1).

Both are streamed from the Parquet of issues: memory does not grow with their number. Every value a supplier wrote
passes `plain`; a spreadsheet is given it as text, never as something to compute.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow.compute as pc
import pyarrow.parquet as pq
import xlsxwriter

from pipelines.formulas import shielded
from pipelines.model import Severity
from pipelines.remedies import remedy
from pipelines.report.russian import number
from pipelines.report.wording import fill, in_words, issue_code, plain

# A sheet could hold ten times as many rows, but writing them would take minutes of a load, and nobody reads so far. One
# is the header; the last one says what is missing, when something is. The CSV is always complete.
SHEET_ROWS = 100_002
CELL_LIMIT = 32_767

_BATCH = 5_000
_SEVERITIES = {Severity.ERROR: "Ошибка", Severity.WARNING: "Предупреждение", Severity.INFO: "К сведению"}

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True)
class _Column:
    title: str
    width: int


_COLUMNS = (
    _Column("Важность", 16),
    _Column("Код", 24),
    _Column("Артикул", 20),
    _Column("Файл", 14),
    _Column("Строка", 10),
    _Column("Поле", 16),
    _Column("Прислано", 32),
    _Column("Опубликовано", 32),
    _Column("Что случилось", 60),
    _Column("Что сделать", 60),
)
_LINE = next(index for index, column in enumerate(_COLUMNS) if column.title == "Строка")
_READ = ("code", "sku", "part", "line", "field", "sent", "published")


def write_xlsx(issues: Path, out: Path, feed_format: str | None = None, *, sheet_rows: int = SHEET_ROWS) -> None:
    """Write the list as a workbook: text cells, a frozen header, a filter.

    Rows are in file order. A list that is too long for the sheet begins with the errors, then the warnings, and its
    last row says how many remarks are only in the CSV.

    Args:
        issues: Parquet of `ISSUE_SCHEMA`, in file order.
        out: where the workbook is made.
        feed_format: value of `FeedFormat`, for the words of remedies.
        sheet_rows: rows that the sheet may have, at least three.
    """
    with pq.ParquetFile(issues) as file:
        total = file.metadata.num_rows
    room = sheet_rows - 1
    listed = total if total <= room else room - 1
    # Text stays text: nothing becomes a formula, a link or a number by the way it looks.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "tmpdir": out.parent}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("Замечания")
        header = book.add_format({"bold": True, "bg_color": "#eceff3", "valign": "top"})
        for index, column in enumerate(_COLUMNS):
            sheet.set_column(index, index, column.width)
            sheet.write_string(0, index, column.title, header)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, listed, len(_COLUMNS) - 1)
        severities = [None] if listed == total else list(Severity)
        found = chain.from_iterable(_rows(issues, feed_format, each) for each in severities)
        for row, values in enumerate(islice(found, listed), start=1):
            for index, value in enumerate(values):
                if value and index != _LINE:
                    sheet.write_string(row, index, value[:CELL_LIMIT])
                elif value:
                    sheet.write_number(row, index, int(value))
        if listed < total:
            more = f"И ещё {number(total - listed)}: здесь сначала ошибки, потом предупреждения."
            sheet.write_string(listed + 1, 0, f"{more} Полный список — в файле CSV.")


def write_csv(issues: Path, out: TextIO, feed_format: str | None = None) -> None:
    """Write the list as CSV that Excel opens by a double click: UTF-8 with a mark of it, semicolons (R1).

    Args:
        issues: Parquet of `ISSUE_SCHEMA`, in file order.
        out: a text stream in `utf-8-sig` that leaves line ends alone (`newline=""`).
        feed_format: value of `FeedFormat`, for the words of remedies.
    """
    table = csv.writer(out, delimiter=";", lineterminator="\r\n")
    table.writerow(column.title for column in _COLUMNS)
    table.writerows([_harmless(value) for value in values] for values in _rows(issues, feed_format))


def _rows(issues: Path, feed_format: str | None, severity: Severity | None = None) -> Iterator[list[str]]:
    """The list in file order, all of it or what is of one severity."""
    with pq.ParquetFile(issues) as file:
        for read in file.iter_batches(_BATCH, columns=[*_READ, "severity"]):
            batch = read if severity is None else read.filter(pc.equal(read.column("severity"), severity.value))
            line = pc.cast(batch.column("line"), "string")
            rows = batch.set_column(batch.schema.get_field_index("line"), "line", line).to_pylist()
            yield from (_row(row, feed_format) for row in rows)


def _row(row: dict[str, Any], feed_format: str | None) -> list[str]:
    entry = issue_code(row["code"])
    row["published"] = in_words(entry, row["published"])
    values = {name: None if value is None else plain(value) for name, value in row.items()}
    return [
        _SEVERITIES[entry.severity],
        entry.code,
        values["sku"] or "",
        values["part"] or "",
        values["line"] or "",
        values["field"] or "",
        values["sent"] or "",
        values["published"] or "",
        fill(entry.message, values),
        fill(remedy(entry, feed_format), values),
    ]


def _harmless(value: str) -> str:
    """The value with an apostrophe before what a spreadsheet would compute; numbers stay what they are."""
    return value if _NUMBER.fullmatch(value) else shielded(value)
