"""Lists that people edit: characteristics, VAT rates, rubricator, mappings, positions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reference import ReferenceFileError, shipped_reference
from pipelines.reference.hierarchy import CIRCLE, depths
from pipelines.reference.tables import keyed


@pytest.fixture
def keyed_table(table):
    def rows(name, key, **party):
        return {row[key]: row for row in table(name, **party)}

    return rows


# --- characteristics (N3) --------------------------------------------------------------------------------------------


def shipped_characteristics():
    return keyed(shipped_reference().path("characteristics"), "name")


def test_N3_the_imported_list_wins_and_known_synonyms_stay(put, keyed_table):
    put("characteristics", "Название,Код ОКЕИ\nДлина,6\nНовая,\n")
    rows = keyed_table("characteristics", "name")
    assert list(rows) == ["Длина", "Новая"]
    assert (rows["Длина"]["base_unit_okei"], rows["Длина"]["base_unit"]) == ("006", "м")
    assert rows["Длина"]["synonyms"] == shipped_characteristics()["Длина"]["synonyms"]
    assert (rows["Новая"]["value_type"], rows["Новая"]["synonyms"]) == ("text", "")


def test_N3_one_that_was_renamed_to_a_synonym_inherits_under_its_new_name(put, keyed_table):
    put("characteristics", "Название\nДлина изделия\n")
    row = keyed_table("characteristics", "name")["Длина изделия"]
    assert row["base_unit"] == "мм"
    assert row["synonyms"].split("|")[0] == "длина"
    assert "длина изделия" not in row["synonyms"].split("|")
    assert "length" in row["synonyms"].split("|")


def test_N3_a_synonym_lends_nothing_while_its_characteristic_is_listed(put, keyed_table):
    put("characteristics", "Название\nДлина\nДлина изделия\n")
    rows = keyed_table("characteristics", "name")
    assert (rows["Длина изделия"]["base_unit"], rows["Длина изделия"]["synonyms"]) == ("", "")
    assert "длина изделия" not in rows["Длина"]["synonyms"].split("|")


def test_N3_a_synonym_column_is_the_whole_truth(put, keyed_table):
    put("characteristics", 'Название;Синонимы\nДлина;"Длинна | L ;длинна|длина"\nШирина;\n')
    rows = keyed_table("characteristics", "name")
    assert (rows["Длина"]["synonyms"], rows["Ширина"]["synonyms"]) == ("длинна|l", "")


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("166", "", ("166", "кг")),
        ("6", "", ("006", "м")),
        ("", "кг", ("166", "кг")),
        ("кг", "", ("166", "кг")),
        ("", "шт.", ("796", "шт.")),
        ("166", "кило", ("166", "кило")),
        ("", "мА·ч", ("", "мА·ч")),
        ("", "", ("", "")),
    ],
)
def test_N3_a_unit_is_a_code_or_a_text(put, keyed_table, code, text, expected):
    made = put("characteristics", f"Название;Единица (ОКЕИ);Единица измерения\nНечто;{code};{text}\n")
    row = keyed_table("characteristics", "name")["Нечто"]
    assert (row["base_unit_okei"], row["base_unit"]) == expected
    assert row["value_type"] == ("number" if expected[1] else "text")
    assert made.remarks == ()


def test_N3_an_unknown_unit_is_kept_as_text_and_remarked(plan):
    assert plan("characteristics", "Название;ЕИ\nНечто;попугай\n").remarks == (
        "line 2: unit 'попугай' has no code of OKEI and is kept as text",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Название;Код ОКЕИ\nА;5784\n", "line 2: OKEI has no unit '5784' in force"),
        ("Название;Код ОКЕИ\nА;2931\n", "line 2: OKEI has no unit '2931' in force"),
        ("Название;Тип значения\nА;дата\n", "line 2: a type of value is one of число"),
        ("Название\nА\n а \n", "line 3: 'а' stands in line 2 already"),
        ("Название;Группа\n;x\n", "line 2: a name has 1 to 255"),
        ("Название\n" + "я" * 256, "line 2: a name has 1 to 255"),
        ("Название;Синонимы\nА;б|в\nГ;В\n", "line 3: 'в' is 'А' already"),
        ("Название;Синонимы\nА;г\nГ;\n", "line 2: 'г' is 'Г' already"),
        ("Название\n\n", "holds no characteristics"),
    ],
)
def test_N3_a_faulty_list_is_refused_by_line(plan, text, message):
    with pytest.raises(ReferenceFileError, match=message):
        plan("characteristics", text)


def test_N3_a_name_may_have_255_characters(plan):
    assert plan("characteristics", "Название\n" + "я" * 255).edition.rows == 1


# --- VAT rates (O7) --------------------------------------------------------------------------------------------------

RATES = "Ставка;Действует с;Действует по;Включена\n0;;;да\n10;;;да\n18;;31.12.2018;да\n20;;;1\n22;01.01.2026;;yes\n"


def test_O7_rates_are_the_list_and_notes_stay(put, keyed_table):
    put("vat_rates", RATES + "5 %;2025-01-01;;да\n7;;;нет\n12,5;;;no\n")
    rows = keyed_table("vat_rates", "rate")
    assert rows["5"]["enabled"] == "yes"
    assert rows["5"]["accepted_from"] == "2025-01-01"
    assert rows["18"]["accepted_to"] == "2018-12-31"
    assert rows["20"]["note"] == "stays accepted after 2025 for supplies agreed earlier"
    assert rows["12.5"] == {"rate": "12.5", "accepted_from": "", "accepted_to": "", "enabled": "no", "note": ""}


def test_O7_switching_one_rate_on_is_one_change(plan):
    path = shipped_reference().path("vat_rates")
    made = plan("vat_rates", path.read_text(encoding="utf-8").replace("5,2025-01-01,,no", "5,2025-01-01,,yes"))
    assert made.difference.examples_changed == ("5: enabled: no → yes",)
    assert (made.difference.added, made.difference.removed, made.difference.changed) == (0, 0, 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("100;;;да", "line 9: a rate is a percentage such as 20, not '100'"),
        ("-1;;;да", "line 9: a rate is a percentage"),
        ("1e1;;;да", "line 9: a rate is a percentage"),
        ("NO_VAT;;;да", "line 9: a rate is a percentage"),
        ("20;;;да", "line 9: rate 20 stands in line 5 already"),
        ("8;31.02.2026;;да", "line 9: not a day: '31.02.2026'"),
        ("8;2026-01-02;2026-01-01;да", "line 9: the period ends before it begins"),
        ("8;;;может быть", "line 9: «Включена» is yes or no, not 'может быть'"),
    ],
)
def test_O7_a_faulty_rate_is_refused_by_line(plan, row, message):
    with pytest.raises(ReferenceFileError, match=message):
        plan("vat_rates", f"{RATES}5;;;да\n7;;;да\n{row}\n")


def test_O7_a_period_of_one_day_is_a_period(plan):
    assert plan("vat_rates", f"{RATES}5;;;да\n7;;;да\n8;2026-01-01;2026-01-01;да\n").edition.rows == 8


def test_O7_a_rate_that_spellings_mean_cannot_be_left_out(plan):
    with pytest.raises(ReferenceFileError, match=r"rate 10 is missing, but .* of suppliers means it"):
        plan("vat_rates", RATES.replace("10;;;да\n", ""))


# --- rubricator (O16) ------------------------------------------------------------------------------------------------


def test_O16_levels_are_counted_where_the_list_gives_none(put, keyed_table):
    put("rubricator", "ID,Родитель,Название\n178618,10,Мыло хозяйственное\n10,1,Мыло\n1,0,Хозтовары\n")
    assert {code: row["level"] for code, row in keyed_table("rubricator", "id").items()} == {
        "178618": "3",
        "10": "2",
        "1": "1",
    }


def test_O16_a_later_list_replaces_the_rubricator(put, rubricator, keyed_table):
    made = put("rubricator", rubricator.replace("178619;10;Мыло жидкое;3\n", "").replace("хозяйственное", "72 %"))
    assert made.difference.examples_removed == ("178619 · 10 · Мыло жидкое · 3",)
    assert made.difference.examples_changed == ("178618: name: Мыло хозяйственное → Мыло 72 %",)
    assert "178619" not in keyed_table("rubricator", "id")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1;;А;\n2;9;Б;\n", "line 3: parent '9' is not in the list"),
        ("1;2;А;\n2;1;Б;\n", "line 2: the parents of category '1' lead in a circle"),
        ("1;1;А;\n", "line 2: the parents of category '1' lead in a circle"),
        ("1;;А;\n2;1;Б;\n3;2;В;\n4;3;Г;\n", "line 5: category '4' would stand at level 4"),
        ("1;;А;\n2;1;Б;3\n", "line 3: category '2' stands at level 2, the list says '3'"),
        ("1;;А;\n1;;А;\n", "line 3: category '1' stands in line 2 already"),
        (";;А;\n", "line 2: the id of a category"),
        ("1;;;\n", "line 2: the name of a category"),
        ("123456789012345678901;;А;\n", "line 2: the id of a category has 1 to 20"),
        ("", "holds no categories"),
    ],
)
def test_O16_a_rubricator_is_three_levels_without_gaps_or_circles(plan, rows, message):
    with pytest.raises(ReferenceFileError, match=message):
        plan("rubricator", "ID;Родитель;Название;Уровень\n" + rows)


@given(st.dictionaries(st.integers(0, 12), st.integers(0, 12), max_size=13))
def test_O16_depths_are_the_steps_to_the_top(parents):
    texts = {str(item): str(parent) for item, parent in parents.items()}
    for item, depth in depths(texts).items():
        steps, at = 0, item
        while at in texts and steps <= len(texts):
            at, steps = texts[at], steps + 1
        assert depth == (CIRCLE if steps > len(texts) else steps)


# --- a supplier's categories (O16) -----------------------------------------------------------------------------------

TEMPLATE = "Код категорий;Наименование категории;Код родительской категории;Активна;ID категории B2B-Center\n"
A = {"shop": "main", "supplier": "a"}


@pytest.fixture
def upload(put, plan, rubricator):
    def done(rows, *, only_plan=False):
        return (plan if only_plan else put)("category_mapping", TEMPLATE + rows, **A)

    return done


def test_O16_the_template_becomes_a_mapping(upload, keyed_table):
    upload("k1;Моющие;;1;\nk2;Мыло;k1;;178618\n")
    assert keyed_table("category_mapping", "code", **A) == {
        "k1": {"code": "k1", "name": "Моющие", "parent_code": "", "category_id": ""},
        "k2": {"code": "k2", "name": "Мыло", "parent_code": "k1", "category_id": "178618"},
    }


def test_O16_an_upload_adds_replaces_and_deletes_and_leaves_the_rest(upload, keyed_table):
    upload("k1;Моющие;;1;\nk2;Мыло;k1;;178618\nk3;Жидкое;k1;;178619\n")
    made = upload("k2;Мыло;k1;1;178619\nk3;;;0;\nk4;Прочее;k1;;\n")
    assert (made.difference.added, made.difference.removed, made.difference.changed) == (1, 1, 1)
    mapping = keyed_table("category_mapping", "code", **A)
    assert {code: row["category_id"] for code, row in mapping.items()} == {"k1": "", "k2": "178619", "k4": ""}


def test_O16_the_active_column_may_be_missing(put, rubricator, table):
    put("category_mapping", TEMPLATE.replace("Активна;", "") + "k1;Мыло;;178618\n", **A)
    assert [row["code"] for row in table("category_mapping", **A)] == ["k1"]


def test_O16_a_deleted_row_need_not_make_sense(upload, table):
    made = upload("k1;Мыло;;;178618\nk9;;;0;нет такой\n")
    assert made.remarks == ("line 3: category 'k9' was to be deleted and is not stored",)
    assert len(table("category_mapping", **A)) == 1


def test_O16_the_same_row_twice_is_one(upload, table):
    upload("k1;Мыло;;;178618\nk1;Мыло;;;178618\n")
    assert len(table("category_mapping", **A)) == 1


def test_O16_a_mapping_emptied_row_by_row_is_an_empty_table(upload, table):
    upload("k1;Мыло;;;178618\n")
    upload("k1;;;0;\n")
    assert table("category_mapping", **A) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("k1;Мыло;;;10\n", "line 2: category '10' of the rubricator is not a leaf but of level 2"),
        ("k1;Мыло;;;1\n", "not a leaf but of level 1"),
        ("k1;Мыло;;;5\n", "line 2: the rubricator has no category '5'"),
        ("k1;Мыло;;;178618\nk1;Мыло;;;178619\n", "line 3: category 'k1' stands in line 2 already, with other values"),
        ("k1;Мыло;;2;178618\n", "line 2: «Активна» is 1, 0 or empty, not '2'"),
        (";Мыло;;;178618\n", "line 2: the code of a category"),
        ("x" * 101 + ";Мыло;;;178618\n", "line 2: the code of a category has 1 to 100"),
        ("k1;А;k2;;\nk2;Б;k1;;\n", "line 2: the parents of category 'k1' lead in a circle"),
        ("", "holds no categories"),
    ],
)
def test_O16_a_faulty_mapping_is_refused_by_line(upload, rows, message):
    with pytest.raises(ReferenceFileError, match=message):
        upload(rows, only_plan=True)


def test_O16_a_circle_with_stored_rows_is_found(upload):
    upload("k1;А;k2;;\nk2;Б;;;\n")
    with pytest.raises(ReferenceFileError, match="line 2: the parents of category 'k2' lead in a circle"):
        upload("k2;Б;k1;;\n", only_plan=True)


def test_O16_odd_hierarchies_are_remarked(upload):
    assert upload("k1;А;k0;;178618\nk2;Б;k1;;\n").remarks == (
        "line 2: parent 'k0' is not among the categories",
        "line 2: category 'k1' is bound although it has categories below it",
    )


def test_O16_without_a_rubricator_there_is_nothing_to_compare_with(plan):
    with pytest.raises(ReferenceFileError, match="no rubricator yet"):
        plan("category_mapping", TEMPLATE + "k1;Мыло;;;178618\n", **A)


# --- a buyer's positions (O17) ---------------------------------------------------------------------------------------


def test_O17_a_directory_is_read(put, keyed_table):
    put("positions", "Код позиции;Наименование;ЕИ\n1208576;Папка;шт\n0373658;Ручка;\n", shop="main")
    assert keyed_table("positions", "code", shop="main") == {
        "1208576": {"code": "1208576", "name": "Папка", "unit": "шт", "note": ""},
        "0373658": {"code": "0373658", "name": "Ручка", "unit": "", "note": ""},
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('"1,2";А\n', "line 2: the code of a position has 1 to 100 characters and no comma"),
        (";А\n", "line 2: the code of a position"),
        ("x" * 101 + ";А\n", "line 2: the code of a position"),
        ("1;\n", "line 2: the name of a position"),
        ("1;А\n1;Б\n", "line 3: position '1' stands in line 2 already"),
        ("", "holds no positions"),
    ],
)
def test_O17_a_faulty_directory_is_refused_by_line(plan, rows, message):
    with pytest.raises(ReferenceFileError, match=message):
        plan("positions", "Код;Наименование\n" + rows, shop="main")


def test_O17_a_code_may_have_100_characters(plan):
    assert plan("positions", "Код;Наименование\n" + "x" * 100 + ";А\n", shop="main").edition.rows == 1
