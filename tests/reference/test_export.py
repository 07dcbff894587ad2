"""Lists that suppliers are given: CSV that Excel opens, XLSX of text, nothing that runs, and a way back."""

import csv
import unicodedata

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.errors import OperatorError
from pipelines.reference import LISTS, Reference, export_list, load_reference, positions
from pipelines.reference.reading import Faults, Findings, list_entries
from pipelines.reference.tables import canonical

FORMS = ["csv", "xlsx"]


@pytest.fixture
def give(library, tmp_path):
    """Export a list and give its file."""

    def given_out(name, form, **party):
        out = tmp_path / f"{name}.{form}"
        export_list(load_reference(library, **party), name, out, form)
        return out

    return given_out


def cells(file):
    if file.suffix == ".csv":
        with file.open(encoding="utf-8-sig", newline="") as text:
            return list(csv.reader(text, delimiter=";"))
    sheet = openpyxl.load_workbook(file).active
    return [[cell.value or "" for cell in row] for row in sheet.iter_rows()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["characteristics", "vat_rates", "rubricator"])
def test_what_is_exported_and_imported_again_differs_in_nothing(give, plan, rubricator, name, form):
    made = plan(name, give(name, form))
    assert not made.difference
    assert made.rows_before == made.edition.rows > 0
    assert made.remarks == ()


@pytest.mark.parametrize("form", FORMS)
def test_lists_of_a_party_come_back_as_well(give, put, plan, rubricator, form):
    party = {"shop": "main", "supplier": "a"}
    put(
        "category_mapping",
        "Код категорий;Наименование категории;Код родительской категории;ID категории B2B-Center\n"
        "007;=Мыло;;178618\n-8;@Пена;007;\n",
        **party,
    )
    put("positions", "Код;Наименование;ЕИ\n0042;+Папка;шт\n", shop="main")
    assert not plan("category_mapping", give("category_mapping", form, **party), **party).difference
    assert not plan("positions", give("positions", form, shop="main"), shop="main").difference


texts = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: text.isprintable() and not text.startswith("#"))  # Excel's errors are refused
)


@settings(max_examples=40)
@given(values=st.lists(texts, min_size=1, max_size=8))
@example(values=["=1+1", "'=1+1", "-8", "007", '";"', "1e5", "_x0041_", "http://x", "{=1}"])
@pytest.mark.parametrize("form", FORMS)
def test_any_text_survives_the_way_out_and_back(tmp_path, form, values):
    table, out = tmp_path / "positions.csv", tmp_path / f"out.{form}"
    table.write_bytes(canonical(["code", "name", "unit", "note"], [{"code": v, "name": v} for v in values]))
    export_list(Reference({"positions": table}, {}), "positions", out, form)
    back = list_entries(out, positions.COLUMNS, Faults(out), Findings())
    assert [(entry.values["code"], entry.values["name"]) for entry in back] == [(v, v) for v in values]


def test_csv_is_what_russian_excel_opens(give):
    content = give("okei", "csv").read_bytes()
    assert content.startswith("\ufeffКод ОКЕИ;Наименование;Условное обозначение;".encode())
    assert b"\r\n003;" in content


def test_a_workbook_is_text_with_a_frozen_header(give):
    sheet = openpyxl.load_workbook(give("okei", "xlsx")).active
    assert sheet.freeze_panes == "A2"
    assert [cell.value for cell in sheet[2]][:3] == ["003", "Миллиметр", "мм"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}


@pytest.mark.parametrize("form", FORMS)
def test_no_cell_is_a_formula(give, put, form):
    put("positions", 'Код;Наименование\n1;"=HYPERLINK(""http://x"")"\n2;+1\n3;-1\n4;@A1\n5;http://x\n', shop="main")
    rows = cells(give("positions", form, shop="main"))[1:]
    if form == "csv":
        assert [row[1][:2] for row in rows] == ["'=", "'+", "'-", "'@", "ht"]
    else:
        sheet = openpyxl.load_workbook(give("positions", form, shop="main")).active
        assert {cell.data_type for cell in sheet["B"]} == {"s"}
        assert all(cell.hyperlink is None for cell in sheet["B"])
        assert [row[1] for row in rows][1:4] == ["+1", "-1", "@A1"]


def test_regions_are_of_three_levels_and_in_force(give):
    rows = {row[0]: row for row in cells(give("regions", "csv"))[1:]}
    assert rows["ЦФО"] == ["ЦФО", "Центральный федеральный округ", "Федеральный округ", ""]
    assert rows["01000000"] == ["01000000", "Алтайский край", "Субъект", "СФО"]
    assert rows["01601000"][2:] == ["Муниципальное образование", "01000000"]
    assert "01612000" not in rows  # replaced by 01512000
    assert "01512000" in rows


def test_units_in_force_only(give):
    codes = [row[0] for row in cells(give("okei", "csv"))[1:]]
    assert "796" in codes
    assert "2931" not in codes
    assert len(codes) == 543


def test_types_of_characteristics_are_in_russian(give):
    head, first = cells(give("characteristics", "csv"))[:2]
    assert head == ["Название", "Единица (ОКЕИ)", "Единица измерения", "Тип значения", "Синонимы"]
    assert first[:4] == ["Длина", "003", "мм", "число"]


@pytest.mark.parametrize("name", ["rubricator", "positions", "category_mapping"])
def test_what_was_never_imported_cannot_be_exported(give, name):
    with pytest.raises(OperatorError, match=f"no {name} yet"):
        give(name, "csv", shop="main", supplier="a")


def test_an_unknown_list_is_refused_with_those_there_are(library, tmp_path):
    with pytest.raises(OperatorError, match=", ".join(LISTS)):
        export_list(load_reference(library), "oktmo", tmp_path / "x.csv", "csv")


def test_an_export_that_cannot_be_written_leaves_nothing(library, tmp_path):
    (tmp_path / "okei.csv").mkdir()
    with pytest.raises(OperatorError, match="cannot write"):
        export_list(load_reference(library), "okei", tmp_path / "okei.csv", "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["okei.csv"]
    with pytest.raises(OperatorError, match="cannot write"):
        export_list(load_reference(library), "okei", tmp_path / "none" / "okei.csv", "csv")
