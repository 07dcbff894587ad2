"""The header of a table: which columns it names, in any spelling, and what the columns of groups belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.columns import COLUMNS, COLUMNS_LIMIT, EXAMPLE_OFFERS, NUMBERED, XML_ONLY, Headers, Need, folded
from pipelines.errors import SupplierError
from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS, RAW_SCHEMA, ParseResult
from pipelines.normalize.table_row import FAULTS
from pipelines.parse.table import understand

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]


def test_every_raw_column_has_a_column_of_the_table_or_is_another_word_for_one() -> None:
    named = Counter(column.raw for column in COLUMNS)
    regions = {f"regions.{name}" for name in RAW_REGION_SCALARS}
    params = {f"params.{field.name}" for field in RAW_SCHEMA.field("params").type.value_type} - {"params.line"}
    assert set(named) == {*(set(RAW_SCALARS) - XML_ONLY), "pictures.value", *regions, *params}
    assert set(named.values()) == {1}


def test_every_spelling_means_one_column() -> None:
    spellings = [(folded(s), c.raw) for c in COLUMNS for s in (c.header, *c.aliases)]
    twice = {spelling for spelling, times in Counter(s for s, _ in spellings).items() if times > 1}
    assert not twice


def test_every_column_is_explained_and_exemplified() -> None:
    for column in COLUMNS:
        assert column.explanation.endswith("."), column.raw
        assert len({len(column.values(n)) for n in range(EXAMPLE_OFFERS)}) == 1, column.raw
        assert all(len(column.values(n, in_yml=True)) == len(column.values(n)) for n in range(EXAMPLE_OFFERS))
        if column.need is Need.ALWAYS:
            assert all(column.values(n)[0] for n in range(EXAMPLE_OFFERS)), column.raw


@pytest.mark.parametrize("column", COLUMNS, ids=lambda c: c.raw)
def test_F7_headers_are_found_through_case_spaces_and_signs(column: Any) -> None:
    headers = Headers()
    for spelling in (column.header, *column.aliases):
        for written in (
            spelling,
            spelling.upper(),
            f"* {spelling} *",
            spelling.replace(" ", "  "),
            f"\ufeff{spelling}",
        ):
            found = headers.find(written)
            assert found is not None, written
            assert (found.column.raw, found.number) == (column.raw, None), written
    assert headers.find(column.header).own


@pytest.mark.parametrize("column", [c for c in COLUMNS if c.group], ids=lambda c: c.raw)
def test_F7_numbers_of_groups_stand_with_or_without_a_space(column: Any) -> None:
    for written in (f"{column.header} 12", f"{column.header}12", f"{column.header} № 12*", f"{column.header} (12)"):
        found = Headers().find(written)
        assert found is not None, written
        assert (found.column.raw, found.number) == (column.raw, 12), written


@pytest.mark.parametrize(
    ("written", "raw"),
    [
        ("НДС (yes/no)", "vat"),
        ("Название характеристики1 1..n", "params.name"),  # as the manual prints it
        ("Код региона 1..n", "regions.code"),
        ("Аналог GID/ Аналог ЕНС/ Аналог ОЗМ и т.д.", "analog_gid"),
        ("номер ЕНС", "position_codes"),
        ("Производи\u0442ель\n", "vendor"),
        ("Ед.изм.", "units"),
    ],
)
def test_F7_headers_as_suppliers_write_them(written: str, raw: str) -> None:
    found = Headers().find(written)
    assert found is not None
    assert (found.column.raw, found.number) == (raw, None)


@pytest.mark.parametrize("written", ["", "***", "Цвет", "Цена 2", "Наименование 1", "Название характеристики 1234567"])
def test_O19_other_headers_are_nobodys(written: str) -> None:
    assert Headers().find(written) is None


def layout_of(*cells: str, renamed: dict[str, str] | None = None) -> Any:
    layout = understand(cells, Headers(renamed))
    assert layout is not None
    return layout


def test_O13_members_of_groups_are_ordered_by_their_numbers_and_may_lack_columns() -> None:
    layout = layout_of(
        "Артикул", "Значение характеристики 10", "Название характеристики 10", "Название характеристики 2"
    )
    assert layout.params == ((3, None, None), (2, 1, None))


def test_O13_columns_without_a_number_or_with_a_taken_one_get_the_next_free() -> None:
    name, value = "Название характеристики", "Значение характеристики"
    assert layout_of("Артикул", name, value, name, value).params == ((1, 2, None), (3, 4, None))
    again = layout_of("Артикул", f"{name} 1", f"{value} 1", f"{name} 1", f"{value} 1", f"{name} 2", f"{value} 2")
    assert again.params == ((1, 2, None), (5, 6, None), (3, 4, None))


def test_O1_our_header_counts_before_an_alias_and_the_alias_is_unknown_then() -> None:
    layout = layout_of("Артикул", "Наименование", "Идентификатор продукта*", "Код товара")
    assert layout.scalars["sku"] == 2
    assert layout.unknown == (0, 3)


def test_O6_the_same_header_twice_is_a_repetition() -> None:
    layout = layout_of("Артикул", "Цена", "ЦЕНА*", "Цена с НДС")
    assert (layout.scalars["price"], layout.again, layout.unknown) == (1, ((2, "price"),), (3,))


def test_F7_a_renamed_column_is_not_read_from_its_usual_header() -> None:
    layout = layout_of("Артикул", "Цена", "Ваша цена", renamed={"price": "ваша  цена"})
    assert (layout.scalars["price"], layout.unknown) == (2, (1,))


def test_F3_columns_have_a_limit() -> None:
    known = ("Артикул", "Цена")
    assert layout_of(*known, *["x"] * (COLUMNS_LIMIT - 2)).width == COLUMNS_LIMIT
    with pytest.raises(SupplierError, match="table_limit"):
        layout_of(*known, *["x"] * (COLUMNS_LIMIT - 1))


def test_one_known_column_is_no_header() -> None:
    assert understand(("Цена", "цена", "что-то"), Headers()) is None


def test_O18_regions_of_a_row_are_those_that_say_anything(read: Read) -> None:
    head = "Артикул;Наименование;Код региона 1;Цена региона 1;Цена в регионе 2;Код региона 2;Срок поставки региона 2"
    _, (first, second) = read(f"{head}\nA1;x;ЦФО;100;;;\nA2;x;;;200;45000000;3\n".encode())
    assert [(r["code"], r["price"], r["quantity"]) for r in first["regions"]] == [("ЦФО", "100", None)]
    assert [(r["code"], r["price"], r["delivery_time"]) for r in second["regions"]] == [("45000000", "200", "3")]
    assert [r["code_line"] for r in second["regions"]] == [3]


def test_O13_characteristics_keep_their_order_and_what_is_empty_is_none(read: Read) -> None:
    head = "Артикул;Название характеристики 1;Значение характеристики 1;Ед. изм. характеристики 1"
    head += ";Название характеристики 2;Значение характеристики 2"
    _, rows = read(f"{head}\nA1;Длина;10;мм;Цвет;\nA2;;;мм;;красный\n".encode())
    assert [[(p["name"], p["value"], p["unit"]) for p in r["params"]] for r in rows] == [
        [("Длина", "10", "мм"), ("Цвет", "", None)],
        [("", "красный", None)],
    ]


def test_O14_several_columns_of_pictures_are_one_list(read: Read) -> None:
    _, rows = read("Артикул;Изображение 1;Фото;Изображение 2\nA1;http://a/1;;http://a/2\n".encode())
    assert [p["value"] for p in rows[0]["pictures"]] == ["http://a/1", "http://a/2"]


def test_O17_of_several_columns_of_positions_the_last_one_filled_in_counts(read: Read) -> None:
    result, rows = read("Артикул;ЕНС;GID;ОЗМ\nA1;1;2;3\nA2;1;;\nA3;;;\nA4;1;;1\n".encode())
    assert [r["position_codes"] for r in rows] == ["3", "1", "", "1"]
    assert [[(x["field"], x["value"]) for x in r["repeated"]] for r in rows] == [
        [("ОЗМ", "1"), ("ОЗМ", "2")],
        [],
        [],
        [],
    ]
    assert result.spellings["position_codes"] == "ОЗМ"


def test_issues_name_columns_as_the_supplier_does(read: Read) -> None:
    result, _ = read("АРТИКУЛ*;Цена,  руб;Фото\nA1;1;\n".encode())
    spelt = result.spellings
    assert [spelt[c] for c in ("sku", "price", "pictures")] == ["АРТИКУЛ*", "Цена, руб", "Фото"]
    assert [spelt[c] for c in ("vat", "params", "regions.price")] == [
        "НДС (yes/no)",
        "Название характеристики N",
        "Цена региона N",
    ]
    assert set(RAW_SCALARS) <= set(spelt)


def test_every_fault_of_a_row_is_known_to_the_rules(read: Read) -> None:
    rows = ["A1;x;1;796;5", 'A2;"x;1;796', "A3", f"A4;{'x' * 100_001};1;796", "A5;x;1;796"]
    _, found = read("\n".join(["Артикул;Наименование;Цена;Код ОКЕИ", *rows, ""]).encode())
    assert {r["row_fault"] for r in found} == {*FAULTS, None}
    assert set(NUMBERED) <= set(RAW_SCHEMA.names)
