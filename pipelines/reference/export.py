"""Reference tables as lists that people read, edit and import again: CSV that Excel opens, or XLSX with text cells."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.errors import OperatorError
from pipelines.formulas import shielded
from pipelines.reference import category_mapping, characteristics, positions, rubricator, vat_rates
from pipelines.reference.reading import Column
from pipelines.reference.tables import Reference, Row, rows_of

Format = Literal["csv", "xlsx"]

_LEVELS = {"subject": "Субъект", "municipality": "Муниципальное образование"}
_REGIONS = (
    Column("code", ("Код региона",)),
    Column("name", ("Наименование",)),
    Column("level", ("Уровень",)),
    Column("parent", ("Код вышестоящего региона",)),
)
_OKEI = (
    Column("code", ("Код ОКЕИ",)),
    Column("name_ru", ("Наименование",)),
    Column("symbol_ru", ("Условное обозначение",)),
    Column("symbol_intl", ("Международное обозначение",)),
    Column("section", ("Раздел",)),
)
# What suppliers need; groups and notes are ours.
_CHARACTERISTICS = tuple(c for c in characteristics.COLUMNS if c.name not in {"group", "note"})
_WIDEST = 60


@dataclass(frozen=True)
class List:
    """A list that can be given out.

    Attributes:
        table: where its rows come from.
        rows: makes them of the tables; by default the rows of the table as they are.
    """

    table: str
    columns: Sequence[Column]
    rows: Callable[[Reference], Iterator[Row]] | None = None


def _regions(reference: Reference) -> Iterator[Row]:
    """Federal districts by abbreviation, then subjects and municipalities in force by code (N2)."""
    for district in rows_of(reference.path("federal_districts")):
        yield {"code": district["abbr"], "name": district["name"], "level": "Федеральный округ", "parent": ""}
    for row in rows_of(reference.path("oktmo")):
        if not row["valid_to"]:
            parent = row["parent_code8"] or row["federal_district"]
            yield {"code": row["code8"], "name": row["name_ru"], "level": _LEVELS[row["level"]], "parent": parent}


def _units(reference: Reference) -> Iterator[Row]:
    return (row for row in rows_of(reference.path("okei")) if row["status"] == "active")


def _base_characteristics(reference: Reference) -> Iterator[Row]:
    for row in rows_of(reference.path("characteristics")):
        yield {**row, "value_type": characteristics.TYPES[row["value_type"]]}


LISTS: Mapping[str, List] = {
    "category_mapping": List("category_mapping", category_mapping.COLUMNS),
    "characteristics": List("characteristics", _CHARACTERISTICS, _base_characteristics),
    "okei": List("okei", _OKEI, _units),
    "positions": List("positions", positions.COLUMNS),
    "regions": List("oktmo", _REGIONS, _regions),
    "rubricator": List("rubricator", rubricator.COLUMNS),
    "vat_rates": List("vat_rates", vat_rates.COLUMNS),
}


def export_list(reference: Reference, name: str, out: Path, form: Format) -> int:
    """Write a list to a file, which appears whole or not at all.

    Args:
        name: a name of `LISTS`.

    Returns:
        The number of rows.

    Raises:
        OperatorError: no such list, nothing imported to make it of, or the file cannot be written.
    """
    if name not in LISTS:
        msg = f"no list {name!r}; there are {', '.join(LISTS)}"
        raise OperatorError(msg)
    chosen = LISTS[name]
    path = reference.find(chosen.table)
    if path is None:
        msg = f"there is no {name} yet: import it first"
        raise OperatorError(msg)
    rows = chosen.rows(reference) if chosen.rows else rows_of(path)
    write = _write_xlsx if form == "xlsx" else _write_csv
    try:
        aside = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            count = write(aside, name, chosen.columns, rows)
            aside.replace(out)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        msg = f"cannot write {out}: {error.strerror}"
        raise OperatorError(msg) from error
    return count


def _write_csv(path: Path, _name: str, columns: Sequence[Column], rows: Iterator[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([column.title for column in columns])
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the number of rows is what we return
            writer.writerow([shielded(row[column.name]) for column in columns])
    return count


def _write_xlsx(path: Path, name: str, columns: Sequence[Column], rows: Iterator[Row]) -> int:
    import xlsxwriter

    count = 0
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for place, column in enumerate(columns):
            sheet.set_column(place, place, min(_WIDEST, 2 * len(column.title)))
            sheet.write_string(0, place, column.title, bold)
        for count, row in enumerate(rows, start=1):
            for place, column in enumerate(columns):
                # Text, whatever it looks like: codes keep their zeros, and nothing is a formula.
                sheet.write_string(count, place, row[column.name])
    return count
