"""Excel workbooks: the same columns, cells as text, and workbooks that mean harm."""

from __future__ import annotations

import datetime
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from pipelines.errors import SupplierError
from pipelines.model import FeedFormat, ParseResult
from pipelines.parse import xlsx as module
from pipelines.workbook import Limits

Parsed = tuple[ParseResult, list[dict[str, Any]]]
Read = Callable[[bytes], Parsed]
Refuse = Callable[[bytes], SupplierError]

HEAD = ("Идентификатор продукта", "Наименование", "Цена", "Код ОКЕИ", "НДС")


def workbook(*sheets: list[tuple[Any, ...]]) -> bytes:
    """A workbook of these sheets; a cell may be (value, number format)."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append([cell[0] if isinstance(cell, tuple) else cell for cell in row])
            for place, cell in enumerate(row, start=1):
                if isinstance(cell, tuple):
                    sheet.cell(sheet.max_row, place).number_format = cell[1]
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def workbook_of_shared_texts() -> bytes:
    """As Excel saves it: texts in a table of their own."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, ("A1", "Кабель", 1, 796, 20))
    return data.getvalue()


def patched(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part rewritten, or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        parts = {name: old.read(name) for name in old.namelist()}
        parts[part] = change(parts.get(part, b""))
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()


def test_F1_a_workbook_is_read_by_the_same_columns(read: Read) -> None:
    result, rows = read(workbook([HEAD, ("007", "Кабель", 100, "006", 20), (), ("A2", "Провод", 1, 6, "нет")]))
    assert (result.format, result.read, result.issues) == (FeedFormat.CSV, 2, ())
    assert [(r["line"], r["sku"], r["price"], r["unit_okei"], r["vat"]) for r in rows] == [
        (2, "007", "100", "006", "20"),
        (4, "A2", "1", "6", "нет"),
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (1, "1"),
        (100.0, "100"),
        (1200.5, "1200.5"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (123456789012345.0, "123456789012345"),
        (4.6e12, "4600000000000"),
        (1.2345678901234567e19, "1.23456789012346E+19"),
        ((0.2, "0%"), "20%"),
        ((0.07, "0.00%"), "7%"),
        (True, "true"),
        (datetime.date(2026, 2, 1), "2026-02-01"),
        (datetime.datetime(2026, 2, 1, 12, 30), "2026-02-01 12:30:00"),  # noqa: DTZ001 - Excel knows no zones
        (datetime.time(12, 30), "12:30:00"),
        (" 007 ", " 007 "),
        ("две\nстроки", "две\nстроки"),
        ("a_x000D_\nb_x0000__xD800_", "a\nb"),
        ("#N/A", None),
    ],
)
def test_cells_become_the_text_that_is_seen(read: Read, cell: Any, shown: str | None) -> None:
    _, rows = read(workbook([HEAD, ("A1", cell, 1, 796, 20)]))
    assert rows[0]["name"] == shown


def test_formulas_are_the_values_that_were_saved(read: Read) -> None:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, ("A1", "Кабель"))
        sheet.write_formula(1, 2, "=50+50", None, 100)
        sheet.write_formula(1, 3, "=A9", None, "")
    _, rows = read(data.getvalue())
    assert (rows[0]["price"], rows[0]["unit_okei"]) == ("100", "")
    _, rows = read(workbook([HEAD, ("A1", "Кабель", "=50+50", 796, 20)]))  # saved without values
    assert rows[0]["price"] == ""


def test_F6_the_first_sheet_with_a_header_counts(read: Read, refuse: Refuse) -> None:
    notes = [("Наименование нашей фирмы",), ("Прайс-лист",)]
    result, rows = read(workbook(notes, [("Прайс на ноябрь",), HEAD, ("A1", "Кабель", 1, 796, 20)], [HEAD, ("A2",)]))
    assert [(r["sku"], r["line"]) for r in rows] == [("A1", 3)]
    assert [(i.code, i.sent) for i in result.issues] == [("table_rows_skipped", "1")]
    assert refuse(workbook(notes)).code == "table_column_missing"


def test_cells_beyond_the_header_are_nobodys(read: Read) -> None:
    _, rows = read(workbook([HEAD, ("A1", "Кабель", 1, 796, 20, None, "заметка")]))
    assert rows[0]["row_fault"] is None


def test_F8_a_sheet_without_rows(refuse: Refuse) -> None:
    assert refuse(workbook([HEAD])).code == "no_offers"


def test_F1_old_and_protected_workbooks_say_what_to_do(refuse: Refuse) -> None:
    assert refuse(bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 504).code == "workbook_old"


# --- harm ------------------------------------------------------------------------------------------------------------

GOOD = workbook_of_shared_texts()
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    "data",
    [
        GOOD[: len(GOOD) // 2],
        patched(GOOD, SHEET, lambda _: b"<worksheet><sheetData><row>"),
        patched(GOOD, SHEET, lambda data: data.replace(b'<c r="A1"', b'<c r="1A"')),
        patched(GOOD, SHEET, lambda data: data.replace(b"<v>0</v>", b"<v>999999</v>")),
        patched(GOOD, SHEET, lambda data: data.replace(b"<v>796</v>", b"<v>" + b"9" * 5_000 + b"</v>")),
        patched(GOOD, "xl/workbook.xml", lambda _: b"<workbook/>"),
        patched(GOOD, "xl/styles.xml", lambda _: b"<styleSheet"),
    ],
    ids=["cut", "cut-sheet", "bad-place", "bad-string", "long-number", "no-sheets", "bad-styles"],
)
def test_F5_a_broken_workbook_is_the_suppliers_fault(refuse: Refuse, data: bytes) -> None:
    error = refuse(data)
    assert error.code in {"workbook_invalid", "table_column_missing"}
    assert len(error.detail or "") <= 200


@pytest.mark.parametrize("encoding", ["ETF-8", "utf-7", "UCS-4", "windows-1251"])
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_F5_a_part_that_could_not_be_counted_is_not_read(read: Read, refuse: Refuse, part: str, encoding: str) -> None:
    """A reader that knows more encodings would read it, past all limits."""

    def declared(content: bytes) -> bytes:
        body = content.partition(b"?>")[2]
        if encoding == "windows-1251":
            body = body.decode().encode(encoding)
        return f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + body

    data = patched(workbook_of_shared_texts(), part, declared)
    if encoding == "windows-1251":  # known, and true
        assert read(data)[0].read == 1
    else:
        assert refuse(data).code == "workbook_invalid"


def test_F5_entities_are_not_for_workbooks(refuse: Refuse) -> None:
    def bomb(data: bytes) -> bytes:
        head, body = data.split(b"<worksheet", 1)
        return head + b'<!DOCTYPE worksheet [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><worksheet' + body

    error = refuse(patched(GOOD, SHEET, bomb))
    assert (error.code, "DOCTYPE" in (error.detail or "")) == ("table_limit", True)


def limited(monkeypatch: pytest.MonkeyPatch, **changes: int) -> None:
    limits = {"unpacked_bytes": 10_000_000, "strings_bytes": 10_000_000, "strings": 1_000} | changes
    monkeypatch.setattr(module, "LIMITS", Limits(**limits))


@pytest.mark.parametrize(
    ("limit", "value"),
    [("unpacked_bytes", 5_000), ("strings_bytes", 300), ("strings", 5), ("rows", 1), ("elements_at_once", 10)],
)
def test_F3_workbooks_have_limits(
    refuse: Refuse, read: Read, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    limited(monkeypatch)
    assert len(read(GOOD)[1]) == 1
    limited(monkeypatch, **{limit: value})
    assert refuse(GOOD).code == "table_limit"


def test_F3_rows_without_end_and_texts_without_end_are_refused(refuse: Refuse) -> None:
    rows = patched(GOOD, SHEET, lambda data: data.replace(b"</sheetData>", b"<row/>" * 1_048_577 + b"</sheetData>"))
    assert refuse(rows).code == "table_limit"
    crowd = b"<si/>" * 2_000_001 + b"</sst>"
    texts = patched(GOOD, "xl/sharedStrings.xml", lambda data: data.replace(b"</sst>", crowd))
    assert refuse(texts).code == "table_limit"


def test_external_links_are_not_followed(read: Read) -> None:
    link = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'
    _, rows = read(patched(GOOD, "xl/externalLinks/_rels/externalLink1.xml.rels", lambda _: link))
    assert len(rows) == 1


PEAK = """
import resource, sys
from pathlib import Path
from pipelines.parse import parse
parse(lambda: open(sys.argv[1], "rb"), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_follows_the_texts_of_a_workbook_not_its_rows(tmp_path: Path) -> None:
    peaks = []
    for thousands in (1, 4):
        path = tmp_path / f"{thousands}.xlsx"
        with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:  # texts stand in the cells
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, HEAD)
            for n in range(1, thousands * 1_000):
                sheet.write_row(n, 0, (f"A{n}", f"Кабель {n} " + "х" * 500, n, 796, 20))
        command = [sys.executable, "-c", PEAK, str(path), str(path.with_suffix(".parquet"))]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.15 * peaks[0] + 8, peaks
