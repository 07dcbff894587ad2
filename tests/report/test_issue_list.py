"""The complete issue list as Excel opens it (R1)."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import Issue
from pipelines.report import write_csv, write_xlsx
from pipelines.report.issue_list import CELL_LIMIT

WriteIssues = Callable[[Iterable[Issue]], Path]
TITLES = ["Важность", "Код", "Артикул", "Файл", "Строка", "Поле", "Прислано", "Опубликовано"]
TITLES += ["Что случилось", "Что сделать"]
PRICE = Issue("price_invalid", ordinal=0, line=204_817, part="offers.xml", sku="00123", field="price", sent="от 100")


def read_csv(issues: Path, tmp_path: Path) -> list[list[str]]:
    path = tmp_path / "issues.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        write_csv(issues, out)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";"))


def read_xlsx(issues: Path, tmp_path: Path, **options: Any) -> Any:
    path = tmp_path / "issues.xlsx"
    write_xlsx(issues, path, **options)
    return openpyxl.load_workbook(path)["Замечания"]


def rows(sheet: Any) -> list[list[object]]:
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def test_R1_the_lists_are_complete_and_in_file_order(write_issues: WriteIssues, tmp_path: Path) -> None:
    issues = write_issues(Issue(code, ordinal=n, line=n + 1, sku=str(n)) for n, code in enumerate(ISSUE_CODES))
    sheet, table = read_xlsx(issues, tmp_path), read_csv(issues, tmp_path)
    assert [row[1] for row in rows(sheet)[1:]] == [row[1] for row in table[1:]] == list(ISSUE_CODES)
    assert table[0] == [cell.value for cell in sheet[1]] == TITLES


def test_R1_a_row_says_all_there_is_to_say(write_issues: WriteIssues, tmp_path: Path) -> None:
    issues = write_issues([PRICE, Issue("unknown_tags", field="kol", sent="7")])
    sheet = read_xlsx(issues, tmp_path)
    said = ["Ошибка", "price_invalid", "00123", "offers.xml", 204_817, "price", "от 100", None]
    said += ["Цена «от 100» не читается.", ISSUE_CODES["price_invalid"].remedy]
    assert rows(sheet)[1] == said
    assert read_csv(issues, tmp_path)[1] == ["" if value is None else str(value) for value in said]
    assert rows(sheet)[2][:7] == ["К сведению", "unknown_tags", None, None, None, "kol", "7"]


def test_R1_the_sheet_has_a_frozen_header_a_filter_and_text_cells(write_issues: WriteIssues, tmp_path: Path) -> None:
    sheet = read_xlsx(write_issues([PRICE] * 3), tmp_path)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:J4"
    assert {
        cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row if cell.value and cell.column != 5
    } == {"s"}


HOSTILE = ["=HYPERLINK(0)", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "a\r\nb", "x\u202ey\x00"]


@pytest.mark.parametrize("text", HOSTILE)
def test_R1_nothing_is_computed(write_issues: WriteIssues, tmp_path: Path, text: str) -> None:
    issues = write_issues([Issue("price_invalid", ordinal=0, line=1, sku=text, part=text, field=text, sent=text)])
    sheet = read_xlsx(issues, tmp_path)
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "n"}
    for cell in read_csv(issues, tmp_path)[1]:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert not set(cell) & set("\r\n\x00\u202e")


@pytest.mark.parametrize("number", ["-5", "+7", "-1,5", "-12.50"])
def test_numbers_stay_numbers(write_issues: WriteIssues, tmp_path: Path, number: str) -> None:
    assert read_csv(write_issues([Issue("quantity_negative", ordinal=0, sent=number)]), tmp_path)[1][6] == number


@pytest.mark.parametrize(("number", "listed", "note"), [(4, 4, None), (5, 3, "И ещё 2"), (9, 3, "И ещё 6")])
def test_a_full_sheet_says_what_is_missing(
    write_issues: WriteIssues, tmp_path: Path, number: int, listed: int, note: str | None
) -> None:
    issues = write_issues(Issue("price_invalid", ordinal=n, line=n + 1) for n in range(number))
    table = rows(read_xlsx(issues, tmp_path, sheet_rows=5))
    assert [row[4] for row in table[1:] if row[4]] == list(range(1, listed + 1))
    assert len(table) <= 5
    if note:
        assert str(table[-1][0]).startswith(note)
    assert len(read_csv(issues, tmp_path)) == number + 1


def test_a_full_sheet_has_what_matters_most(write_issues: WriteIssues, tmp_path: Path) -> None:
    kinds = ["unknown_tags", "price_rounded", "price_invalid"]
    issues = write_issues(Issue(code, ordinal=n, line=n + 1) for n, code in enumerate(kinds * 3))
    listed = [(row[1], row[4]) for row in rows(read_xlsx(issues, tmp_path, sheet_rows=7))[1:-1]]
    assert listed == [(kinds[2], 3), (kinds[2], 6), (kinds[2], 9), (kinds[1], 2), (kinds[1], 5)]


def test_a_cell_holds_no_more_than_excel_takes(write_issues: WriteIssues, tmp_path: Path) -> None:
    sheet = read_xlsx(write_issues([Issue("price_invalid", ordinal=0, sent="x" * (CELL_LIMIT + 1))]), tmp_path)
    assert max(len(str(cell.value)) for cell in sheet[2]) == CELL_LIMIT


def test_no_issues_are_a_header(write_issues: WriteIssues, tmp_path: Path) -> None:
    assert rows(read_xlsx(write_issues([]), tmp_path)) == [TITLES]
    assert read_csv(write_issues([]), tmp_path) == [TITLES]


MEASURE = """
import resource, sys
from pathlib import Path
from pipelines.report import write_csv, write_xlsx
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
issues, few, folder = map(Path, sys.argv[1:])
write_xlsx(few, folder / "few.xlsx")
before = peak()
write_xlsx(issues, folder / "issues.xlsx")
with (folder / "issues.csv").open("w", encoding="utf-8-sig", newline="") as out:
    write_csv(issues, out)
print(peak() - before)
"""


def test_a_hundred_thousand_rows_need_less_than_150_mb(write_issues: WriteIssues, tmp_path: Path) -> None:
    issues = write_issues(
        Issue("price_invalid", ordinal=n, line=n + 1, sku=f"A-{n}", field="price", sent=f"от {n} руб.")
        for n in range(100_000)
    )
    command = [sys.executable, "-c", MEASURE, str(issues), str(write_issues([PRICE])), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert float(done.stdout) < 150
