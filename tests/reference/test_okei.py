"""N1: Rosstat's OKEI file refreshes names."""

import pytest

from pipelines.reference import ReferenceFileError, shipped_reference
from pipelines.reference.okei import plain_name
from pipelines.reference.tables import keyed


def shipped():
    return keyed(shipped_reference().path("okei"), "code")


SECTIONS = {"международные": "1", "национальные": "2", "четырехзначные национальные": "3"}
GROUPS = ["length", "area", "volume", "mass", "technical", "time", "economic", "drug_dosage"]


def notation(name):
    """A plain name as the file prints it, which is windows-1251."""
    for plain, printed in (("⁻⁴", "[-4*]"), ("²", "2"), ("³", "[3*]")):
        name = name.replace(plain, printed)
    return name


def official(**changed):
    """The shipped units as Rosstat's file, some with another name; an empty name leaves the unit out."""
    lines = ['"1";"0";" ";"Международные единицы измерения"\n']
    for code, row in shipped().items():
        name = changed.get(code, row["name_ru"])
        if row["status"] == "active" and name:
            group = GROUPS.index(row["group"]) + 1
            lines.append(f'"{SECTIONS[row["section"]]}";"{group}";"{code}";"{notation(name)}"\n')
    return "".join(lines).encode("cp1251")


@pytest.fixture
def units(table):
    return lambda: {row["code"]: row for row in table("okei")}


def test_N1_the_same_names_are_no_difference(plan):
    assert not plan("okei", official()).difference


def test_N1_names_are_refreshed_and_symbols_stay(put, units):
    made = put("okei", official(**{"796": "Штука (единица)"}))
    assert (made.difference.added, made.difference.removed, made.difference.changed) == (0, 0, 1)
    assert units()["796"] == {**shipped()["796"], "name_ru": "Штука (единица)"}


def test_N1_a_unit_that_is_gone_is_excluded_and_kept(put, units):
    put("okei", official(**{"796": ""}))
    assert units()["796"] == {**shipped()["796"], "status": "excluded"}
    put("okei", official())
    assert units()["796"] == shipped()["796"]


def test_N1_annex_units_were_never_in_the_file_and_stay(put, units):
    put("okei", official(**{"796": ""}))
    assert {c for c, r in units().items() if r["status"] == "annex"} == {
        c for c, r in shipped().items() if r["status"] == "annex"
    }


def test_N1_a_new_unit_joins_without_a_symbol(put, units):
    made = put("okei", official() + '"3";"8";"9999";"Новая доза"\n'.encode("cp1251"))
    told = {name: units()["9999"][name] for name in ("name_ru", "symbol_ru", "status", "group")}
    assert told == {"name_ru": "Новая доза", "symbol_ru": "", "status": "active", "group": "drug_dosage"}
    assert any("9999" in remark for remark in made.remarks)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Ар^(100 м2)", "Ар (100 м²)"),
        ("Литр;^кубический дециметр[*]", "Литр; кубический дециметр"),
        ("Карат (2·10[-4*] кг)", "Карат (2·10⁻⁴ кг)"),
        ("Корд (3,63 м[3*])", "Корд (3,63 м³)"),
        ("Киллограмм в секунду", "Килограмм в секунду"),
        ("Тонна-танид", "Тонно-танид"),
        ("Дюйм (25,4 мм)", "Дюйм (25,4 мм)"),
        ("Штук в 20-футовом эквиваленте (ДФЭ)", "Штук в 20-футовом эквиваленте (ДФЭ)"),
    ],
)
def test_N1_notation_and_misprints_of_the_file_are_undone(name, plain):
    assert plain_name(name) == plain


def test_N1_shipped_names_are_plain():
    assert all(plain_name(row["name_ru"]) == row["name_ru"] for row in shipped().values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("796;Штука\n", "line 1: 4 fields"),
        ('"1";"1";"06";"Метр"\n', "line 1: not a unit"),
        ('"4";"1";"006";"Метр"\n', "line 1: not a unit"),
        ('"1";"9";"006";"Метр"\n', "line 1: not a unit"),
        ('"1";"1";"006";""\n', "line 1: not a unit"),
        ('"1";"1";"006";"Метр"\n"1";"1";"006";"Метр"\n', "line 2: unit 006 stands twice"),
        ('"1";"0";" ";"Заголовок"\n', "holds no units"),
    ],
)
def test_N1_another_layout_is_refused_by_line(plan, text, message):
    with pytest.raises(ReferenceFileError, match=message):
        plan("okei", text)
