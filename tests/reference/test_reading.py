"""Lists of people and offices: encodings, delimiters, workbooks, limits, and files that mean harm."""

import datetime
import io
import zipfile
from contextlib import suppress

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.errors import OperatorError
from pipelines.formulas import bared, shielded
from pipelines.reference import ReferenceFileError, reading
from pipelines.reference import workbook as workbook_limits
from pipelines.reference.reading import Column, Faults, Findings, file_records, list_entries

COLUMNS = (Column("code", ("Код",), required=True), Column("name", ("Наименование", "Имя")))


def entries(file):
    faults, remarks = Faults(file), Findings()
    found = list(list_entries(file, COLUMNS, faults, remarks))
    faults.check()
    return [(entry.line, entry.values) for entry in found], remarks.shown()


def workbook(*rows, sheets=1):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for _ in range(sheets - 1):
        book.create_sheet().append(["not", "read"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("delimiter", [";", ","])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_list_is_read_however_excel_saved_it(write, encoding, delimiter, ending):
    text = ending.join([f"Код{delimiter}Имя", f'006{delimiter}"Метр{delimiter} «м»"', "", f"7{delimiter}", ""])
    assert entries(write(text, encoding=encoding)) == (
        [(2, {"code": "006", "name": f"Метр{delimiter} «м»"}), (4, {"code": "7", "name": ""})],
        (),
    )


def test_one_byte_outside_utf8_makes_the_whole_file_windows_1251(write):
    """However far into the file it stands."""
    content = b"code;name\n" + b"1;ab\n" * 250_000 + "2;Метр\n".encode("cp1251")
    assert entries(write(content))[0][-1][1]["name"] == "Метр"


def test_a_file_in_neither_encoding_is_refused(write):
    with pytest.raises(ReferenceFileError, match="neither UTF-8 nor windows-1251"):
        entries(write(b"code\n\x98"))


def test_utf16_is_refused(write):
    with pytest.raises(ReferenceFileError):
        entries(write("Код;Имя\n1;a".encode("utf-16")))


def test_titles_are_matched_without_case_stars_and_quotes(write):
    assert entries(write("*КОД : ;« имя »\n1;a\n"))[0] == [(2, {"code": "1", "name": "a"})]


def test_unused_columns_are_remarked_and_empty_ones_are_not(write):
    found, remarks = entries(write("Код;Цвет;;\n1;red;;\n"))
    assert found == [(2, {"code": "1"})]
    assert remarks == ("line 1: column 'Цвет' is not used",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n;;\n", "is empty"),
        ("Имя\n1\n", "line 1: no column «Код»"),
        ("Код;Имя;код\n", "line 1: column 'код' stands twice"),
        ("Код;Имя\n1;a;b\n", "line 2: more than 2 cells"),
        ('Код;Имя\n1;"a\n2;b\n', "line 2: not CSV: unexpected end of data"),
        ('Код;Имя\n1;a\n2;"b"c\n', "line 3: not CSV"),
        ("Код;Имя\n1;a\x00b\n", r"line 2: a character that does not print, in 'a\\x00b'"),
        ("Код;Имя\n1;\u202eevil\n", "line 2: a character that does not print"),
        ("Код;Имя\n1;#Н/Д\n", "line 2: a cell holds Excel's error #Н/Д"),
        ("Код;Имя\n1;" + "x" * 140_000, "line 2: not CSV: field larger"),
    ],
)
def test_a_fault_is_named_with_file_and_line(write, text, message):
    with pytest.raises(ReferenceFileError, match=rf"^'list.csv': .*{message}"):
        entries(write(text))


def test_the_line_is_where_the_row_begins_whatever_was_quoted_before(write):
    with pytest.raises(ReferenceFileError, match="line 5: "):
        entries(write('Код;Имя\n1;"a\nb"\n\n2;#N/A\n'))


def test_spaces_and_forms_of_letters_are_made_plain(write):
    assert entries(write("Код;Имя\n1; Кабель\u00a0 Й\n"))[0][0][1]["name"] == "Кабель Й"


def test_a_cell_may_have_10000_characters_and_no_more(write):
    assert len(entries(write("Код\n" + "я" * 10_000))[0][0][1]["code"]) == 10_000
    with pytest.raises(ReferenceFileError, match="line 2: a cell of more than 10,000"):
        entries(write("Код\n" + "я" * 10_001))


def test_a_row_may_have_64_cells_and_no_more(write):
    assert entries(write("Код" + ";" * 63 + "\n1\n"))[0]
    with pytest.raises(ReferenceFileError, match="line 1: more than 64 cells"):
        entries(write("Код" + ";" * 64 + "\n1\n"))


def test_a_file_may_have_300000_rows_and_no_more(write):
    rows = "Код\n" + "1\n" * 299_999
    assert len(entries(write(rows))[0]) == 299_999
    with pytest.raises(ReferenceFileError, match="line 300001: more than 300,000 rows"):
        entries(write(rows + "1\n"))


def test_a_file_beyond_the_size_limit_is_not_opened(write, tmp_path):
    file = write("Код\n1\n")
    with file.open("r+b") as opened:
        opened.truncate(reading.MAX_BYTES + 1)
    with pytest.raises(ReferenceFileError, match="larger than 64 MB"):
        entries(file)


def test_many_faults_are_counted_and_ten_are_told(write):
    with pytest.raises(ReferenceFileError) as caught:
        entries(write("Код\n" + "#N/A\n" * 1_000))
    assert str(caught.value).count("line ") == 10
    assert str(caught.value).endswith("and 990 more")


def test_a_missing_file_is_the_operators(tmp_path):
    with pytest.raises(OperatorError, match="cannot read"):
        entries(tmp_path / "none.csv")


def test_a_workbook_is_known_by_content_and_its_cells_become_text(write):
    rows = [
        ["Код", "Имя", None],
        [6, "Метр"],
        [178618.0, 0.1],
        [None, None, None],
        ["006", datetime.datetime(2026, 1, 31)],  # noqa: DTZ001 - a cell has no zone
        [True, "=1+1"],
        [7, "'=как есть"],
        [8, "две_x000D_\nстроки"],
    ]
    found, remarks = entries(write(workbook(*rows, sheets=2), "list.csv"))
    assert found == [
        (2, {"code": "6", "name": "Метр"}),
        (3, {"code": "178618", "name": "0.1"}),
        (5, {"code": "006", "name": "2026-01-31"}),
        (6, {"code": "1", "name": ""}),  # a formula that nobody has computed has no value
        (7, {"code": "7", "name": "'=как есть"}),
        (8, {"code": "8", "name": "две строки"}),
    ]
    assert remarks == ()


def test_a_workbook_may_not_unpack_beyond_the_limit(write):
    content = io.BytesIO(workbook(["Код"], ["1"]))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"0" * (workbook_limits.MAX_UNPACKED_BYTES + 1))
    assert len(content.getvalue()) < 100_000
    with pytest.raises(ReferenceFileError, match="more than 32 MB unpacked"):
        entries(write(content.getvalue()))


def patched(content, name, change):
    """The workbook with one of its parts rewritten."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(result, "w") as target:
        for entry in source.namelist():
            data = source.read(entry)
            target.writestr(entry, change(data) if entry == name else data)
    return result.getvalue()


def test_a_sheet_that_lies_about_its_size_is_read_as_it_is(write):
    def lie(data):
        return data.replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1:XFD1048576"')

    content = patched(workbook(["Код", "Имя"], [1, "a"]), "xl/worksheets/sheet1.xml", lie)
    assert entries(write(content))[0] == [(2, {"code": "1", "name": "a"})]


@pytest.mark.parametrize(("cells", "fits"), [(99_000, True), (101_000, False)])
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/styles.xml"])
def test_a_workbook_may_not_crowd_its_elements(write, part, cells, fits):
    """A million empty cells in one row are three bytes each in the file, and hundreds in memory."""
    end = b"</sheetData>" if part.endswith("sheet1.xml") else b"</styleSheet>"
    crowd = b'<row r="3">' + b"<c/>" * cells + b"</row>" if part.endswith("sheet1.xml") else b"<x/>" * cells
    content = patched(workbook(["Код"], [1]), part, lambda data: data.replace(end, crowd + end))
    if fits:
        assert len(entries(write(content))[0]) == 1
    else:
        with pytest.raises(ReferenceFileError, match="more than 100,000 elements in one place"):
            entries(write(content))


def test_rows_of_a_workbook_are_no_crowd(write):
    content = workbook(["Код", "Имя"], *([n, "a"] for n in range(20_000)))
    assert len(entries(write(content))[0]) == 20_000


def test_entities_of_a_workbook_are_not_blown_up(write):
    entity = b"".join(
        b'<!ENTITY e%d "%s">' % (level, b"x" * 10 if level == 0 else b"&e%d;" % (level - 1) * 10) for level in range(10)
    )

    def bomb(data):
        head, _, body = data.partition(b"<worksheet")
        body = body.replace(b"<v>1</v>", b"<v>&e9;</v>")
        return head + b"<!DOCTYPE worksheet [" + entity + b"]><worksheet" + body

    content = patched(workbook(["Код"], [1]), "xl/worksheets/sheet1.xml", bomb)
    with pytest.raises(ReferenceFileError, match="not a workbook"):
        entries(write(content))


GOOD = workbook(["Код", "Имя"], ["1", "a"])


@settings(max_examples=60)
@given(place=st.integers(0, len(GOOD) - 1), patch=st.binary(min_size=1, max_size=8), cut=st.booleans())
@example(place=4, patch=b"x", cut=True)
def test_a_damaged_workbook_is_refused_or_read_never_a_crash(write, place, patch, cut):
    content = GOOD[:place] + patch + (b"" if cut else GOOD[place + len(patch) :])
    with suppress(ReferenceFileError):
        entries(write(content))


@given(st.text())
@example("=1+1")
@example("'=1+1")
@example("''-")
def test_a_shielded_cell_never_begins_like_a_formula_and_comes_back(text):
    assert not shielded(text).startswith(("=", "+", "-", "@"))
    assert bared(shielded(text)) == text


def test_offices_files_are_parted_as_told_and_may_hold_quotes_in_quotes(write):
    file = write('"01";"ЗАТО "Сибирский"";1,5\n')
    assert [record.cells for record in file_records(file, Faults(file), delimiter=";")] == [
        ["01", 'ЗАТО Сибирский""', "1,5"]
    ]


def test_a_hostile_file_name_is_escaped_in_messages(write):
    with pytest.raises(ReferenceFileError) as caught:
        entries(write("", "a\x1b[31m\n.csv"))
    assert str(caught.value).isprintable()
