"""N2: Rosstat's official file. The cut below has its layout; codes, names and check digits are real or consistent."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reference import ReferenceFileError, shipped_reference
from pipelines.reference.oktmo import check_digit
from pipelines.reference.tables import keyed

HEADINGS = [
    ("01", "000", "000", "Муниципальные образования Алтайского края"),
    ("01", "500", "000", "Муниципальные округа Алтайского края/"),
    ("01", "600", "000", "Муниципальные районы Алтайского края/"),
    ("01", "601", "400", "Сельские поселения Алейского муниципального района/"),
    ("01", "601", "100", "Городские поселения Алейского муниципального района/"),
    ("01", "601", "700", "Межселенные территории"),
    ("01", "701", "300", "Внутригородские районы города"),
    ("01", "700", "000", "Городские округа Алтайского края/"),
    ("71", "800", "000", "Муниципальные образования ХМАО"),
    ("71", "810", "000", "Муниципальные районы ХМАО/"),
    ("71", "850", "000", "Городские округа ХМАО/"),
    ("71", "910", "000", "Районы ЯНАО/"),
    ("71", "950", "000", "Округа ЯНАО/"),
    ("08", "620", "000", "Муниципальные районы, прочие"),
]
UNITS = [
    ("01", "601", "000", "Алейский муниципальный район"),
    ("01", "601", "402", "Алейский сельсовет"),
    ("01", "602", "000", "Алтайский район"),
    ("01", "777", "000", "Новый городской округ/"),
    ("01", "777", "101", "Новый Поселок"),
    ("01", "701", "000", "город Барнаул"),
    ("08", "624", "000", "Муниципальный район имени Лазо"),
    ("45", "910", "000", "муниципальный округ Ясенево"),
    ("71", "819", "000", "Сургутский муниципальный район"),
    ("71", "913", "000", "муниципальный округ Красноселькупский район"),
    ("11", "811", "000", "муниципальный район Заполярный район"),
]


def line(ter, kod1, kod2, name, *, kod3="000", section="1", check=None, adopted="14.06.2013", begins="01.01.2014"):
    digit = check_digit(ter + kod1 + kod2 + (kod3 if kod3 != "000" else "")) if check is None else check
    quoted = ";".join(f'"{cell}"' for cell in (ter, kod1, kod2, kod3, digit, section, name, "центр"))
    return f'{quoted};;"000";"0";{adopted};{begins}\n'


def official(units=UNITS):
    localities = [
        line("01", "601", "402", "п Алейский", kod3="101", section="2"),
        line("01", "601", "402", "Населенные пункты, входящие в состав Алейского сельсовета/", section="2"),
    ]
    return "".join([*(line(*heading) for heading in HEADINGS), *(line(*unit) for unit in units), *localities])


@pytest.fixture
def regions(table):
    return lambda: {row["code8"]: row for row in table("oktmo")}


def shipped():
    return keyed(shipped_reference().path("oktmo"), "code8")


def test_N2_the_example_of_the_official_file_has_its_check_digit():
    assert check_digit("01601402") == "5"


@given(st.from_regex(r"\A[0-9]{8}\Z"), st.integers(0, 7), st.integers(1, 9))
def test_N2_most_typing_mistakes_show_in_the_check_digit(code, place, added):
    """One wrong digit always changes the plain sum modulo 11; only the shifted weights may hide it."""
    wrong = code[:place] + str((int(code[place]) + added) % 10) + code[place + 1 :]
    sums = [sum(int(d) * (n + 1) for n, d in enumerate(c)) % 11 for c in (code, wrong)]
    assert sums[0] != sums[1]
    if 10 not in sums:
        assert check_digit(code) != check_digit(wrong)


@pytest.mark.parametrize("encoding", ["cp1251", "utf-8-sig", "utf-8"])
def test_N2_municipalities_come_in_and_headings_and_localities_do_not(put, regions, encoding):
    put("oktmo", official().encode(encoding))
    assert set(regions()) - set(shipped()) == {"01601402", "01777000", "01777101"}
    assert {row["name_ru"] for row in regions().values()}.isdisjoint({name.rstrip("/") for *_, name in HEADINGS})


def test_N2_a_new_municipality_is_described(put, regions):
    put("oktmo", official())
    assert regions()["01777000"] == {
        "code8": "01777000",
        "name_ru": "Новый городской округ",
        "level": "municipality",
        "parent_code8": "01000000",
        "federal_district": "СФО",
        "kind": "городской округ",
        "tier": "1",
        "valid_from": "2014-01-01",
        "valid_to": "",
        "replaced_by": "",
        "note": "",
    }
    settlement = regions()["01777101"]
    assert (settlement["tier"], settlement["parent_code8"], settlement["kind"]) == (
        "2",
        "01777000",
        "городское поселение",
    )


@pytest.mark.parametrize(
    ("code", "parent", "district"),
    [("71819000", "71800000", "УФО"), ("71913000", "71900000", "УФО"), ("11811000", "11800000", "СЗФО")],
)
def test_N2_okrugs_inside_a_subject_are_subjects_themselves(put, regions, code, parent, district):
    put("oktmo", official())
    assert (regions()[code]["parent_code8"], regions()[code]["federal_district"]) == (parent, district)


def test_N2_what_disappeared_is_ended_on_the_day_of_the_data_and_keeps_its_successor(put, regions):
    before = shipped()
    put("oktmo", official(), name="data-20260901T1609-structure-20260210T1102.csv")
    after = regions()
    assert before["01603000"]["valid_to"] == ""
    assert after["01603000"] == {**before["01603000"], "valid_to": "2026-09-01"}
    assert after["01612000"] == before["01612000"]  # ended before, replaced by 01512000
    assert set(before) <= set(after)


def test_N2_without_a_date_in_the_name_the_data_are_of_today(put, regions):
    put("oktmo", official(), now=datetime(2027, 3, 1, tzinfo=UTC))
    assert regions()["01603000"]["valid_to"] == "2027-03-01"


def test_N2_what_came_back_is_in_force_again(put, regions):
    assert shipped()["01612000"]["valid_to"]
    put("oktmo", official([*UNITS, ("01", "612", "000", "Залесовский муниципальный район")]))
    assert (regions()["01612000"]["valid_to"], regions()["01612000"]["replaced_by"]) == ("", "")


def test_N2_subjects_that_the_file_says_nothing_of_stay(put, regions):
    made = put("oktmo", official())
    before = shipped()
    ended = {code for code, row in regions().items() if row["valid_to"] and not before[code]["valid_to"]}
    assert {code[:2] for code in ended} == {"01", "08", "11", "45", "71"}
    assert all(before[code]["tier"] == "1" for code in ended)
    assert any("subjects" in remark and "left as they are" in remark for remark in made.remarks)
    assert f"{len(ended)} municipalities are no longer in force" in made.remarks


def test_N2_settlements_are_ended_only_by_a_file_that_has_settlements(put, regions):
    put("oktmo", official())
    put("oktmo", official([unit for unit in UNITS if unit[2] == "000"]))
    assert regions()["01777101"]["valid_to"] == ""
    put("oktmo", official([*UNITS[:1], ("01", "601", "404", "Другой сельсовет"), *UNITS[2:4], *UNITS[5:]]))
    assert regions()["01777101"]["valid_to"] == "2026-11-22"


def test_N2_names_follow_the_file_unless_ours_only_adds_the_kind(put, regions):
    assert shipped()["01701000"]["name_ru"] == "городской округ город Барнаул"
    assert shipped()["01602000"]["name_ru"] == "Алтайский муниципальный район"
    put("oktmo", official([*UNITS, ("01", "604", "000", "Бийский степной район")]))
    assert regions()["01701000"]["name_ru"] == "городской округ город Барнаул"
    assert regions()["01602000"]["name_ru"] == "Алтайский муниципальный район"
    assert regions()["01604000"]["name_ru"] == "Бийский степной район"


def test_N2_imported_twice_nothing_differs(put, plan):
    put("oktmo", official())
    assert not plan("oktmo", official()).difference


def test_N2_a_plural_heading_is_told_from_a_singular_name(put, regions):
    put("oktmo", official())
    assert (regions()["08624000"]["valid_to"], regions()["08617000"]["valid_to"]) == ("", "2026-11-22")


def test_N2_parents_exist_and_districts_are_known(put, regions):
    put("oktmo", official())
    rows = regions()
    assert all(not row["parent_code8"] or row["parent_code8"] in rows for row in rows.values())
    assert {row["federal_district"] for row in rows.values()} == {row["federal_district"] for row in shipped().values()}


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        (line("01", "601", "000", "А", check="9"), "line 1: the check digit of 01601000 is 3, not 9"),
        (line("01", "601", "000", "А", adopted="02.01.2014"), "in force on 2014-01-01, before it was adopted"),
        (line("01", "601", "000", "А", begins="31.02.2014"), "not a day: '31.02.2014'"),
        (line("01", "601", "000", "А") + line("01", "601", "000", "Б"), "line 2: 01601000 stands again"),
        (line("01", "601", "000", "А") + line("98", "601", "000", "Б"), ""),
        (line("01", "601", "000", "А") + line("55", "701", "000", "Б"), "subject 55000000 is not in the table: its 1 "),
        (line("01", "999", "401", "А"), "01999401 has no district 01999000; it is put under its subject"),
    ],
)
def test_N2_what_looks_odd_is_remarked_and_taken(plan, text, remark):
    assert remark in " | ".join(plan("oktmo", text).remarks)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"01";"601";"000"\n', "line 1: 13 fields"),
        (line("01", "601", "000", "А").rstrip() + ";\n", "line 1: 13 fields"),
        (line("1", "601", "000", "А"), "line 1: '1' is not a field of 2 digits"),
        (line("01", "601", "000", "А") + line("01", "6a1", "000", "А", check="0"), "line 2: '6a1' is not a field of 3"),
        (line("01", "601", "000", " "), "line 1: a municipality without a name"),
        (line(*HEADINGS[0]), "holds no municipalities"),
        ("Код;Имя\n1;2\n", "line 1: 13 fields"),
        ("", "holds no municipalities"),
    ],
)
def test_N2_another_layout_is_refused_by_line(plan, text, message):
    with pytest.raises(ReferenceFileError, match=message):
        plan("oktmo", text)


def test_N2_no_shipped_municipality_is_taken_for_a_heading(put, regions, plan):
    """Written as an official file, the shipped table is itself: every row of it passes, and nothing is ended."""
    live = [row for row in shipped().values() if row["tier"] != "0" and not row["valid_to"]]
    text = "".join(line(r["code8"][:2], r["code8"][2:5], r["code8"][5:], r["name_ru"]) for r in live)
    assert not plan("oktmo", text).difference
