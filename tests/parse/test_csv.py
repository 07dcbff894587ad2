"""CSV: what a table is recognised by, how its rows are cut, and which rows are not to be trusted."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.tables import table as generate
from pipelines.errors import SupplierError
from pipelines.model import FeedFormat, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse import csv_file as limits
from pipelines.parse import parse
from pipelines.parse.csv_header import HEADER_ROWS
from pipelines.parse.table import CELL_LIMIT, UNKNOWN_COLUMNS_LISTED

Parsed = tuple[ParseResult, list[dict[str, Any]]]
Read = Callable[[bytes], Parsed]
Refuse = Callable[[bytes], SupplierError]

HEAD = "Идентификатор продукта;Наименование;Цена;Код ОКЕИ"


def text(*rows: str, head: str = HEAD, end: str = "\n") -> bytes:
    return "".join(row + end for row in (head, *rows)).encode()


def values(row: dict[str, Any], *columns: str) -> list[Any]:
    return [row[column] for column in columns]


def faults(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(r["line"], r["sku"], r["row_fault"]) for r in rows if r["row_fault"]]


# --- recognition -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_F1_a_table_is_known_by_its_header_whatever_separates_it(read: Read, delimiter: str) -> None:
    result, rows = read(text("A1;Кабель;100;006").replace(b";", delimiter.encode()))
    assert (result.format, result.encoding, result.read) == (FeedFormat.CSV, "utf-8", 1)
    assert values(rows[0], "sku", "name", "price", "unit_okei") == ["A1", "Кабель", "100", "006"]


def test_F1_the_delimiter_is_the_one_under_which_most_columns_are_known(read: Read) -> None:
    _, rows = read(text("A1;Кабель;100,5;006", head="Артикул;Наименование, полное;Цена, руб;Код ОКЕИ"))
    assert values(rows[0], "sku", "price", "unit_okei") == ["A1", "100,5", "006"]


@pytest.mark.parametrize("line", ["sep=|", '"sep=|"', "SEP=|", "\ufeffsep=|", "sep=|;;;"])
def test_F1_a_sep_line_says_what_separates(read: Read, line: str) -> None:
    result, rows = read((line + "\n").encode() + text("A1|Кабель|100").replace(b";", b"|"))
    assert [(r["line"], r["sku"]) for r in rows] == [(3, "A1")]
    assert result.issues == ()


@pytest.mark.parametrize(
    ("encoding", "bom", "name"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
        ("windows-1251", b"", "windows-1251"),
    ],
)
def test_F6_encodings_of_tables(read: Read, encoding: str, bom: bytes, name: str) -> None:
    body = text('A1;"Кабель\nмедный";100;006', "A2;Провод;200;006").decode()
    result, rows = read(bom + body.encode(encoding))
    assert result.encoding == name
    assert result.issues == ()  # nothing was declared, so nothing was overruled
    assert [(r["line"], r["name"]) for r in rows] == [(2, "Кабель\nмедный"), (4, "Провод")]


def test_F5_neither_of_the_encodings(refuse: Refuse) -> None:
    body = text(*["A1;Кабель;100;006"] * 3).decode().encode("windows-1251")
    error = refuse(body + b"A2;\x98;100;006\n")
    assert (error.code, error.line) == ("table_encoding_invalid", 1)
    assert error.detail is not None
    assert "windows-1251" in error.detail


def test_F5_a_table_without_articles_names_the_column(refuse: Refuse) -> None:
    error = refuse(text("Кабель;100", head="Наименование;Цена"))
    assert (error.code, error.line, error.detail) == ("table_column_missing", 1, "Идентификатор продукта")


def test_F8_a_table_without_rows(refuse: Refuse) -> None:
    assert refuse(text(";;;", "", HEAD)).code == "no_offers"


def test_F6_the_header_may_stand_below_titles(read: Read, refuse: Refuse) -> None:
    above = "".join(f"Прайс-лист, строка {n};;\n" for n in range(HEADER_ROWS - 1)).encode()
    result, rows = read(above + text("A1;Кабель;100;006"))
    assert rows[0]["line"] == HEADER_ROWS + 1
    assert [(i.code, i.sent) for i in result.issues] == [("table_rows_skipped", str(HEADER_ROWS - 1))]
    assert refuse("Прайс-лист;;\n".encode() + above + text("A1;Кабель;100;006")).code == "format_unknown"


def test_F7_the_link_may_name_a_column(tmp_path: Path) -> None:
    data = text("A1;Кабель;1;100;006", head="Артикул;Наименование;Цена;Опт 2;Код ОКЕИ")
    out = tmp_path / "raw.parquet"
    result = parse(lambda: io.BytesIO(data), out, options=LinkOptions(tags={"price": "опт2"}))
    assert result.spellings["price"] == "Опт 2"
    assert [(i.code, i.field) for i in result.issues] == [("unknown_columns", "Цена")]


# --- rows and their lines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_F5_lines_are_counted_whatever_ends_them(read: Read, end: str) -> None:
    rows = ["A1;Кабель;100;006", "", f'A2;"две{end}строки";100;006', ";;;", "A3;Провод;100;006"]
    _, found = read(text(*rows, end=end))
    assert [(r["sku"], r["line"]) for r in found] == [("A1", 2), ("A2", 4), ("A3", 7)]
    assert found[1]["name"] == "две\nстроки"
    assert values(found[1], "name_line", "price_line") == [4, 5]


def test_F5_lines_are_exact_far_past_65535(read: Read) -> None:
    _, rows = read(text(*(f'A{n};"Кабель\n{n}";1;006' for n in range(34_000))))
    assert rows[-1]["line"] == 2 + 2 * 33_999


def test_F5_a_header_quoted_over_lines(read: Read) -> None:
    _, rows = read(text("A1;Кабель;100;006", head='Артикул;Наименование;Цена;"Код\nОКЕИ"'))
    assert [(r["line"], r["unit_okei"]) for r in rows] == [(3, "006")]


cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r#'", exclude_categories=["Cc", "Cs"]) | st.just("\n"),
    max_size=30,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8), st.sampled_from([";", ",", "\t", "|"]))
def test_F5_what_a_csv_writer_quotes_comes_back(tmp_path_factory: Any, pairs: list[Any], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["Артикул", "Наименование", "Описание", "Цена"])
    writer.writerows([f"A{n}", name, description, "руб"] for n, (name, description) in enumerate(pairs))
    raw = tmp_path_factory.mktemp("csv") / "raw.parquet"
    parse(lambda: io.BytesIO(out.getvalue().encode()), raw)
    rows = pq.read_table(raw).to_pylist()
    assert [(r["name"], r["description"]) for r in rows] == pairs


@settings(max_examples=80)
@given(st.text(st.sampled_from('A1";\n\r,x 5'), max_size=200))
def test_F5_any_text_below_a_header_is_rows_or_a_refusal(tmp_path_factory: Any, body: str) -> None:
    raw = tmp_path_factory.mktemp("csv") / "raw.parquet"
    try:
        outcome = parse(lambda: io.BytesIO((HEAD + "\n" + body).encode()), raw).read > 0
    except SupplierError as error:
        outcome = error.code in {"no_offers", "table_truncated"}
    assert outcome


def test_O6_decimal_commas_do_not_part_a_quoted_price(read: Read) -> None:
    _, rows = read(text('A1,Кабель,"1 200,50",006', head=HEAD.replace(";", ",")))
    assert rows[0]["price"] == "1 200,50"


# --- ragged rows -----------------------------------------------------------------------------------------------------


def test_F5_a_row_with_more_cells_than_columns_is_rejected_with_its_line(read: Read) -> None:
    _, rows = read(text("A1;Кабель; медный;100;006", "A2;Кабель;100;006;;;  ;", "A3;Кабель;100;006"))
    assert faults(rows) == [(2, "A1", "table_row_too_long")]
    assert rows[0]["price"] is None
    assert rows[0]["row_fault_sent"] == "5 вместо 4"


def test_F5_a_row_may_lack_cells_at_its_end_that_nobody_must_fill_in(read: Read) -> None:
    head = HEAD + ";Код позиции закупщика;Наличие товара"
    _, rows = read(text("A1;Кабель;100;006;1;много", "A2;Кабель;100;006", "A3;Кабель;100", head=head))
    assert faults(rows) == [(4, "A3", "table_row_too_short")]
    assert values(rows[1], "unit_okei", "available", "position_codes") == ["006", None, None]


def test_F5_one_of_two_prices_is_enough_for_a_whole_row(read: Read) -> None:
    _, rows = read(text("A1;Кабель;006;100", head="Артикул;Наименование;Код ОКЕИ;Цена;Цена без НДС"))
    assert faults(rows) == []


def test_F5_the_header_repeated_is_passed_over(read: Read) -> None:
    _, rows = read(text("A1;Кабель;100;006", HEAD.upper() + ";;", "A2;Кабель;100;006"))
    assert [r["sku"] for r in rows] == ["A1", "A2"]


def test_F5_another_header_below_the_first_one(refuse: Refuse) -> None:
    error = refuse(text("A1;Кабель;100;006", "Идентификатор продукта;Цена;Наименование;Код ОКЕИ", "A2;5;Кабель;006"))
    assert (error.code, error.line) == ("table_header_changed", 3)


# --- quotes ----------------------------------------------------------------------------------------------------------


def test_F6_quotes_that_were_not_doubled_are_kept_and_counted(read: Read) -> None:
    result, rows = read(text('A1;"Ромашка" ООО;100;"006"', 'A2;"Б" и "В";100;006', 'A3;1/2";100;006'))
    assert [r["name"] for r in rows] == ['"Ромашка" ООО', '"Б" и "В"', '1/2"']
    assert rows[0]["unit_okei"] == "006"
    (issue,) = result.issues
    assert (issue.code, issue.line, issue.field, issue.sent) == ("table_quotes_kept", 2, '"Ромашка" ООО', "2")


@pytest.mark.parametrize(
    "after",
    [
        'A2;Кабель 3";300;006',  # the quote closes in the next row, and the grammar of CSV is content
        'A2;"Кабель 3";300;006',
        "A2;Кабель;300;006",
        'A2;Кабель;300;"006"',
    ],
)
def test_F5_a_runaway_quote_costs_its_own_row_and_no_other(read: Read, after: str) -> None:
    _, rows = read(text('A1;"Труба 1/2;200;006', after, "A3;Провод;400;006"))
    assert faults(rows) == [(2, "A1", "table_quote_unbalanced")]
    assert [(r["sku"], r["price"], r["line"]) for r in rows[1:]] == [("A2", "300", 3), ("A3", "400", 4)]


def test_F5_a_quote_may_swallow_no_more_than_a_cell_may_hold(read: Read) -> None:
    def rows_of(filler: int) -> list[dict[str, Any]]:
        line = "x" * 99 + "\n"
        body = HEAD + '\nA1;"' + line * (filler // 100) + '";100;006\nA2;Кабель;100;006\n'
        return read(body.encode())[1]

    assert faults(rows_of(CELL_LIMIT - 1_000)) == []
    swallowed = rows_of(CELL_LIMIT + 1_000)
    assert faults(swallowed)[0] == (2, "A1", "table_quote_unbalanced")
    assert swallowed[-1]["price"] == "100"


@pytest.mark.parametrize("length", [CELL_LIMIT, CELL_LIMIT + 1])
def test_F5_a_cell_may_be_as_long(read: Read, length: int) -> None:
    _, rows = read(text(f"A1;{'x' * length};100;006", f'A2;"{"x" * length}";100;006'))
    assert [fault for *_, fault in faults(rows)] == (["table_cell_too_long"] * 2 if length > CELL_LIMIT else [])


def test_F5_texts_over_lines_with_delimiters_are_no_rows(read: Read) -> None:
    description = "Цвета: белый; чёрный; синий; серый\nРазмеры: 1; 2; 3; 4"
    _, rows = read(text(f'A1;"{description}";100;006'))
    assert [r["name"] for r in rows] == [description]


def test_F5_a_line_may_be_as_long(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINE_LIMIT", 1_000)
    error = refuse(text("A1;Кабель;100;006", "A2;" + "x" * 1_000 + ";100;006"))
    assert (error.code, error.line) == ("table_limit", 3)


def test_F5_a_file_that_ends_inside_a_row_is_truncated(read: Read, refuse: Refuse) -> None:
    whole = text("A1;Кабель;100;006", "A2;Кабель;100;006")
    for rest in ("A3", "A3;Каб", "A3;Кабель;100", 'A3;"Каб', 'A3;"Каб\nель', 'A3;"', 'A3;"Кабель";1'):
        error = refuse(whole + rest.encode())
        assert (error.code, error.line) == ("table_truncated", 4), rest
    assert len(read(whole + "A3;Кабель;100;006".encode())[1]) == 3
    assert len(read(whole + b"   ")[1]) == 2


def test_F5_short_rows_that_are_a_habit_are_no_truncation(read: Read) -> None:
    _, rows = read(text("A1;Кабель", "A2;Кабель;100;006") + "A3;Каб".encode())
    assert faults(rows) == [(2, "A1", "table_row_too_short"), (4, "A3", "table_row_too_short")]


# --- values ----------------------------------------------------------------------------------------------------------


def test_F6_errors_of_excel_are_values_that_were_not_sent(read: Read) -> None:
    result, rows = read(text("A1;#Н/Д;100;006", "A2;Кабель;#REF!;#Ссылка!", "A3;#1 кабель;100;006"))
    assert values(rows[0], "name", "name_line") == [None, None]
    assert values(rows[1], "price", "unit_okei") == [None, None]
    assert rows[2]["name"] == "#1 кабель"
    assert [(i.code, i.line, i.field, i.sent) for i in result.issues] == [("table_errors_dropped", 2, "#Н/Д", "3")]


def test_F6_control_characters_are_removed_and_reported_with_their_line(read: Read) -> None:
    result, rows = read(text("A1;Ка\x00бель;100;006", "A2;Ка\x0bбель\tмедный;100;006", end="\r"))
    assert [r["name"] for r in rows] == ["Кабель", "Кабель\tмедный"]
    (issue,) = result.issues
    assert (issue.code, issue.line, issue.field, issue.sent) == ("control_characters_removed", 2, "U+0000", "2")


def test_the_apostrophe_before_a_formula_is_no_part_of_the_text(read: Read) -> None:
    _, rows = read(text("A1;'=1+1;100;006", "A2;''=1;100;006", "A3;'Кабель';100;006", 'A4;"\'@x";100;006'))
    assert [r["name"] for r in rows] == ["=1+1", "'=1", "'Кабель'", "@x"]


def test_O19_unknown_columns_are_counted_and_listed_once(read: Read) -> None:
    unknown = [f"Столбец {chr(ord('а') + n % 30)}{n // 30 * 'x'}" for n in range(UNKNOWN_COLUMNS_LISTED + 2)]
    head = ";".join([HEAD, *unknown])
    result, _ = read(text("A1;Кабель;100;006;красный", "A2;Кабель;100;006;", "A3;Кабель;100;006;синий", head=head))
    listed = [i for i in result.issues if i.code == "unknown_columns"]
    assert [(i.field, i.line, i.sent) for i in listed[:2]] == [(unknown[0], 2, "2"), (unknown[1], 1, "0")]
    assert len(listed) == UNKNOWN_COLUMNS_LISTED
    assert [(i.code, i.sent) for i in result.issues[len(listed) :]] == [("unknown_columns_more", "2")]


# --- the whole -------------------------------------------------------------------------------------------------------


def test_the_same_bytes_give_the_same_file_however_they_arrive(tmp_path: Path) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1_000) if size and size > 0 else size)

    data = b"".join(generate(1, encoding="windows-1251", bytes_wanted=2_000_000))
    outs = [tmp_path / f"{i}.parquet" for i in range(3)]
    for out, source in zip(outs, (io.BytesIO, Slow, io.BytesIO), strict=True):
        parse(lambda source=source: source(data), out)
    assert len({out.read_bytes() for out in outs}) == 1


PEAK = """
import resource, sys
from pathlib import Path
from pipelines.parse import parse
parse(lambda: open(sys.argv[1], "rb"), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    peaks = []
    for megabytes in (3, 9):
        path = tmp_path / f"{megabytes}.csv"
        with path.open("wb") as out:
            out.writelines(generate(1, encoding="utf-8", bytes_wanted=megabytes * 1_000_000))
        command = [sys.executable, "-c", PEAK, str(path), str(path.with_suffix(".parquet"))]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.15 * peaks[0] + 8, peaks
