"""A supplier's goods as a file that can be loaded again: a table by КИМ's columns, or YML. Memory is bounded."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg

from pipelines.columns import COLUMNS, NUMBERED, Column
from pipelines.errors import OperatorError
from pipelines.formulas import shielded
from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS
from pipelines.publish.as_sent import RAW_COLUMNS, Sent, as_sent
from pipelines.publish.selection import Selection, selected_cards

ExportFormat = Literal["csv", "xlsx", "yml"]

# Columns of the table that a card never fills: other ways of saying what the others say.
_FILLED = {*RAW_COLUMNS.values(), "pictures.value"}
_SEPARATOR_OF_PICTURES = " "
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Excel's limit for one cell.
CELL_LIMIT = 32_767
# What CSV's own rule for a SKU lets through (O1), and its shorter limit for a description (O4).
_CSV_DESCRIPTION_LIMIT = 65_000


@dataclass
class Exported:
    """What was written.

    Attributes:
        offers: rows.
        lossy: of them, offers whose row does not load again as this card: a table cannot carry the SKU (O1), the cell
            cannot hold the description, or ends lines otherwise.
    """

    offers: int = 0
    lossy: int = 0


def export(conn: psycopg.Connection[Any], selection: Selection, out: Path, form: ExportFormat) -> Exported:
    """Write the selected offers to a file, which appears whole or not at all.

    Args:
        conn: the catalog; a transaction of its own is used, so that all rows are of one moment.

    Raises:
        OperatorError: the file cannot be written.
    """
    done = Exported()
    with conn.transaction(), _aside(out) as path:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        widths = {} if form == "yml" else _widths(conn, selection)
        _WRITERS[form](path, _counted(selected_cards(conn, selection), done, form), widths)
    return done


def _widths(conn: psycopg.Connection[Any], selection: Selection) -> dict[str, int]:
    """How many numbered columns of each group the widest offer needs."""
    condition, values = selection.condition()
    lengths = ", ".join(f"coalesce(max(jsonb_array_length(o.{group})), 0)" for group in NUMBERED)
    row = conn.execute(f"SELECT {lengths} FROM offers o WHERE {condition}", values).fetchone()
    return dict(zip(NUMBERED, row or (0,) * len(NUMBERED), strict=True))


def _counted(cards: Iterable[Mapping[str, Any]], done: Exported, form: ExportFormat) -> Iterator[Sent]:
    limit = CELL_LIMIT if form == "xlsx" else _CSV_DESCRIPTION_LIMIT
    for card in cards:
        sent = as_sent(card)
        done.offers += 1
        if form != "yml" and not _fits_a_table(sent, limit):
            done.lossy += 1
        yield sent


def _fits_a_table(sent: Sent, description_limit: int) -> bool:
    sku = sent.scalars["sku"]
    plain = sku.isascii() and sku.isalnum() and sku == sku.lower()
    # A line in a cell ends with LF when it is read, as XML has it: a CR does not come back.
    lines_end_alike = not any("\r" in (text or "") for param in sent.params for text in param.values())
    return plain and lines_end_alike and len(sent.scalars.get("description", "")) <= description_limit


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A file beside `out` that takes its place when all went well."""
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        try:
            yield aside
            aside.replace(out)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        msg = f"cannot write {out}: {error.strerror}"
        raise OperatorError(msg) from error


def _table(widths: Mapping[str, int]) -> list[tuple[str, Callable[[Sent], str]]]:
    """Header and value of each column; groups stand member by member."""
    plain = [c for c in COLUMNS if not c.numbered and c.raw in _FILLED]
    columns = [(column.titled(), _reader(column)) for column in plain]
    for group in NUMBERED:
        members = [column for column in COLUMNS if column.group == group]
        columns += [
            (column.titled(n + 1), _reader(column, n)) for n in range(widths.get(group, 0)) for column in members
        ]
    return columns


def _reader(column: Column, place: int = 0) -> Callable[[Sent], str]:
    if column.raw == "pictures.value":
        return lambda sent: _SEPARATOR_OF_PICTURES.join(sent.pictures)
    if not column.numbered:
        return lambda sent: sent.scalars.get(column.raw, "")

    def member(sent: Sent) -> str:
        members: list[Any] = getattr(sent, column.group or "")
        return (members[place].get(column.part) or "") if place < len(members) else ""

    return member


def _write_csv(path: Path, offers: Iterable[Sent], widths: Mapping[str, int]) -> None:
    columns = _table(widths)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([header for header, _ in columns])
        for sent in offers:
            writer.writerow([shielded(read(sent)) for _, read in columns])


def _write_xlsx(path: Path, offers: Iterable[Sent], widths: Mapping[str, int]) -> None:
    import xlsxwriter

    columns = _table(widths)
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Товары")
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for place, (header, _) in enumerate(columns):
            sheet.write_string(0, place, header, bold)
        for row, sent in enumerate(offers, start=1):
            for place, (_, read) in enumerate(columns):
                # Text, whatever it looks like: codes keep their zeros, and nothing is a formula.
                if value := read(sent):
                    sheet.write_string(row, place, value[:CELL_LIMIT])


def _write_yml(path: Path, offers: Iterable[Sent], _widths: Mapping[str, int]) -> None:
    from lxml import etree

    with path.open("wb") as file, etree.xmlfile(file, encoding="UTF-8") as xml:
        xml.write_declaration()
        with xml.element("yml_catalog"), xml.element("shop"), xml.element("offers"):
            xml.write("\n")
            for sent in offers:
                xml.write(_offer_element(sent), "\n")


def _offer_element(sent: Sent) -> Any:  # noqa: ANN401 - an element of lxml
    from lxml import etree

    scalars = dict(sent.scalars)
    offer = etree.Element("offer", id=_writable(scalars.pop("sku")))
    if available := scalars.pop("available", None):
        offer.set("available", available)
    for raw, value in scalars.items():
        etree.SubElement(offer, RAW_SCALARS[raw]).text = _writable(value)
    for address in sent.pictures:
        etree.SubElement(offer, "picture").text = _writable(address)
    for param in sent.params:
        element = etree.SubElement(offer, "param", name=_writable(param["name"] or ""))
        if param["unit"]:
            element.set("unit", _writable(param["unit"]))
        element.text = _writable(param["value"] or "")
    if sent.regions:
        regions = etree.SubElement(offer, "regions")
        for region in sent.regions:
            element = etree.SubElement(regions, "region", id=_writable(region["code"]))
            for raw, value in region.items():
                if raw != "code":
                    etree.SubElement(element, RAW_REGION_SCALARS[raw]).text = value
    return offer


def _writable(text: str) -> str:
    """Text without the characters that XML 1.0 cannot hold; such come from CSV and JSON alone."""
    return _FORBIDDEN.sub("", text)


_WRITERS: dict[ExportFormat, Callable[[Path, Iterable[Sent], Mapping[str, int]], None]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "yml": _write_yml,
}
