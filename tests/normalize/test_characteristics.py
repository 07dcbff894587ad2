"""N3 characteristics: what they are called, in what unit they are measured, and that it is said."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.normalize import batches, characteristics, notes, typos
from pipelines.normalize.typos import find_typos, is_slip


def published(result):
    return [(p["name"], p["value"], p["unit"], p["unit_okei"]) for p in result.offer["params"]]


def said(result, code):
    return [(i["sent"], i["published"]) for i in result.issues if i["code"] == code]


@pytest.mark.parametrize(
    "sent",
    [
        "Ширина",
        "ШИРИНА",
        " ширина :",
        "Ширина, мм",
        "Ширина (мм)",
        "Ширина(мм)",
        "Ширина [мм]:",
        "Ширина, мм.",
        "ширина изделия",
        "Ширина  изделия, см",
        "Шиpинa",  # Latin p and a
    ],
)
def test_N3_a_name_is_matched_after_folding_or_as_a_synonym(normalised, sent):
    assert published(normalised({"params": [(sent, "x")]}))[0][0] == "Ширина"


@pytest.mark.parametrize("sent", ["Ёмкость лотка", "Емкость лотка", "емкость  лотка:"])
def test_N3_yo_is_ye(normalised, sent):
    assert published(normalised({"params": [(sent, "x")]}))[0][0] == "Емкость лотка"


@pytest.mark.parametrize(
    "sent", ["Ширина ковра", "Ширина, ковёр", "Толщина пленки, мкм", "Шрн", "(мм)", ",", "Ширина ("]
)
def test_N3_an_unknown_name_is_published_as_sent(normalised, sent):
    result = normalised({"params": [(sent, "x")]})
    expected = "Ширина" if sent == "Ширина (" else sent
    assert published(result)[0][0] == expected
    assert said(result, "param_name_guessed") == []


def test_N3_the_sent_form_is_always_kept(normalised):
    result = normalised({"params": [("ширрина :", " 5,5 см", None), ("Вес, г", "7", "кг")]})
    assert [(p["sent_name"], p["sent_value"], p["sent_unit"]) for p in result.offer["params"]] == [
        ("ширрина :", " 5,5 см", None),
        ("Вес, г", "7", "кг"),
    ]


def test_N3_a_known_name_is_said_once_per_load(normalised):
    result = normalised(*[{"params": [("масса", "1", "кг"), ("Вес брутто", "2", "кг")]}] * 3)
    assert said(result, "param_name_recognized") == [("масса", "Вес"), ("Вес брутто", "Вес с упаковкой")]
    assert {i["severity"] for i in result.issues} == {"info"}


def test_N3_a_typo_is_a_warning_once_per_load(normalised):
    result = normalised({}, {"params": [("ширрина упаковки", "1")]}, {"params": [("ширрина упаковки", "2")]})
    assert [p["name"] for offer in result.offers for p in offer["params"]] == ["Ширина упаковки"] * 2
    issue = result.issue("param_name_guessed")
    assert (issue["severity"], issue["ordinal"], issue["line"]) == ("warning", None, 170)
    assert (issue["sent"], issue["published"]) == ("ширрина упаковки", "Ширина упаковки")


def test_N3_typos_are_found_behind_a_unit_in_the_name(normalised):
    result = normalised({"params": [("Мощнность, кВт", "2")]})
    assert published(result) == [("Мощность", "2000", "Вт", "212")]
    assert said(result, "param_name_guessed") == [("Мощнность, кВт", "Мощность")]


SLIPS = [
    ("ширинв", "ширина"),  # a neighbouring key
    ("высата", "высота"),  # sounds alike
    ("ширрина", "ширина"),  # doubled
    ("диамтер", "диаметр"),  # swapped
    ("влажноть", "влажность"),  # nine letters: one may be lost
    ("назначчение", "назначение"),
    ("ширина упаковкт", "ширина упаковки"),
]
OTHER_WORDS = [
    ("модуль", "модель"),
    ("листок", "листов"),  # another ending is another form or word
    ("частота", "чистота"),
    ("сторона", "страна"),
    ("привод", "провод"),
    ("комплекс", "комплект"),
    ("марка", "маска"),
    ("цвеь", "цвет"),  # short
    ("фирма", "форма"),
    ("высота вход", "высота выход"),
    ("вид печати", "тип печати"),
    ("скорость печати а3", "скорость печати а4"),
    ("скорость2", "скорость3"),
    ("ыирина", "ширина"),  # the first letter
    ("шиирнна", "ширина"),  # two slips
    ("ширрина упакоовки", "ширина упаковки"),
    ("упаковки ширина", "ширина упаковки"),
    ("ширина", "ширина упаковки"),
    ("состав", "состав"),
    ("подключения", "подключение"),  # another form of the word
    ("сертификаты", "сертификат"),
    ("гарантиях", "гарантия"),
    ("мощностью", "мощность"),
]


@pytest.mark.parametrize(("name", "right"), SLIPS)
def test_N3_a_slip_of_the_hand_is_a_typo(name, right):
    assert is_slip(name, right)
    assert find_typos([name], {right: "X"}) == {name: "X"}


@pytest.mark.parametrize(("name", "right"), OTHER_WORDS)
def test_N3_another_word_is_no_typo(name, right):
    assert not is_slip(name, right)
    assert find_typos([name], {right: "X"}) == {}


def test_N3_eight_letters_do_not_bear_a_lost_one_and_nine_do():
    assert not is_slip("сторонки", "сторнки")
    assert not is_slip("мощность", "мощноть")
    assert is_slip("влажность", "влажноть")


def test_N3_a_name_as_near_to_two_characteristics_means_neither():
    assert find_typos(["ширинв"], {"ширина": "A", "ширину": "B"}) == {}
    assert find_typos(["ширинв"], {"ширина": "A", "ширину": "A"}) == {"ширинв": "A"}
    assert find_typos(["ширинв"], {"ширина": "A", "ширинл": "B"}) == {"ширинв": "A"}


@given(st.text(max_size=30), st.text(max_size=30))
def test_N3_a_slip_works_both_ways_and_never_on_the_same_name(name, right):
    assert is_slip(name, right) == is_slip(right, name)
    assert not is_slip(name, name)


def test_N3_only_so_many_unknown_names_are_compared_the_most_frequent_first(normalised, monkeypatch):
    monkeypatch.setattr(characteristics, "NAME_LIMIT", 1)
    result = normalised({"params": [("ширрина", "1"), ("высатта", "1"), ("выссота", "1"), ("выссота", "2")]})
    assert said(result, "param_name_guessed") == [("выссота", "Высота")]


def test_N3_a_name_that_means_another_thing_with_a_unit_is_no_guess(normalised):
    result = normalised({"params": [("упаквока", "короб"), ("упаквока, шт", "10"), ("ширинв", "1")]})
    assert [name for name, *_ in published(result)] == ["упаквока", "упаквока, шт", "Ширина"]


def test_N3_long_and_short_names_are_not_compared(normalised):
    assert find_typos(["высот"], {"высота": "X", "высотт": "Y"}) == {}
    known = "ширина " + "ъ" * (typos.LONGEST_NAME - 7)
    assert find_typos([known.replace("ширина", "ширинв")], {known: "X"}) == {known.replace("ширина", "ширинв"): "X"}
    assert find_typos([known.replace("ширина", "ширинв") + "ъ"], {known + "ъ": "X"}) == {}


UNITS = [
    (("Длина", "5", "м"), ("5000", "мм", "003")),
    (("Длина", "5", "006"), ("5000", "мм", "003")),
    (("Длина", "5", "6"), ("5000", "мм", "003")),
    (("Длина, м", "5"), ("5000", "мм", "003")),
    (("Длина", "5 м"), ("5000", "мм", "003")),
    (("Длина", "5м"), ("5000", "мм", "003")),
    (("Вес", "46 кг"), ("46", "кг", "166")),
    (("Напряжение", "220 В"), ("220", "В", "222")),
    (("Длина", "1,5 м"), ("1500", "мм", "003")),
    # In that order: the attribute, the name, the value.
    (("Длина, м", "5", "см"), ("50", "мм", "003")),
    (("Длина", "5 м", "м"), ("5000", "мм", "003")),
    (("Длина", "5 м", "см"), ("5 м", "см", "004")),
    (("Длина, см", "5 м"), ("5 м", "см", "004")),
    (("Длина, м", "5 м."), ("5000", "мм", "003")),
    # Another dimension, no unit at all, no number: as sent.
    (("Длина", "5", "кг"), ("5", "кг", "166")),
    (("Длина", "5 кг"), ("5 кг", None, None)),
    (("Длина", "5"), ("5", None, None)),
    (("Длина, м", "2-3"), ("2-3", "м", "006")),
    (("Длина", "2-3 м"), ("2-3 м", None, None)),
    (("Длина, м", "2х3"), ("2х3", "м", "006")),
    (("Длина", "5 попугаев"), ("5 попугаев", None, None)),
    (("Длина", "5", "попугай"), ("5", "попугай", None)),
    (("Обхват", "5 м"), ("5 м", None, None)),
    (("Обхват, м", "5"), ("5", None, None)),
]


@pytest.mark.parametrize(("sent", "expected"), UNITS)
def test_N3_the_unit_is_from_the_attribute_a_code_the_name_or_the_value(normalised, sent, expected):
    assert published(normalised({"params": [sent]}))[0][1:] == expected


NUMBERS = [
    ("Длина", "м", "1 234,5", "1234500"),
    ("Длина", "м", "+2", "2000"),
    ("Длина", "мм", "-2", "-2"),
    ("Длина", "мм", "−2,50", "-2.5"),
    ("Длина", "мм", "0", "0"),
    ("Длина", "мм", "100", "100"),
    ("Длина", "мм", "0.000001", "0.000001"),
    ("Длина", "дюйм", "1/2", "1/2"),
    ("Длина", "дюйм", "1", "25.4"),
    ("Длина", "м", "1e3", "1e3"),
    ("Длина", "м", "--2", "--2"),
    ("Длина", "м", "99999999.999999", "99999999999.999"),
    ("Длина", "м", "100000000", "100000000"),
    ("Максимальная температура", "°F", "-40", "-40"),
    ("Максимальная температура", "К", "273,15", "0"),
    ("Вес", "т", "0,001", "1"),
    ("Вес", "г", "0,001", "0.000001"),
    ("Вес", "г", "0,0011", "0,0011"),
    ("Вес", "мг", "100000,4", "0.1"),
    ("Вес", "мг", "99999,4", "99999,4"),
    ("Диагональ экрана", "см", "68,58", "27"),
    ("Диагональ экрана", "см", "61", "24.015748"),
]


@pytest.mark.parametrize(("name", "unit", "value", "expected"), NUMBERS)
def test_N3_a_number_is_converted_exactly_or_rounded_to_six_decimals(normalised, name, unit, value, expected):
    assert published(normalised({"params": [(name, value, unit)]}))[0][1] == expected


def test_N3_numbers_in_the_base_unit_keep_their_value(normalised):
    numbers = [Decimal(n**3) / 10 ** (n % 7) for n in range(300)]
    result = normalised(*[{"params": [("Длина", str(number), "мм")]} for number in numbers])
    shown = [offer["params"][0]["value"] for offer in result.offers]
    assert [Decimal(value) for value in shown] == numbers
    assert not [value for value in shown if "." in value and value[-1] in "0."]
    assert said(result, "param_converted") == []


def test_N3_a_conversion_is_said_once_per_load(normalised):
    offers = [{"params": [("Длина", str(n), "м"), ("Ширина", "5", "мм"), ("общая длина", f"{n} м")]} for n in range(3)]
    assert said(normalised(*offers), "param_converted") == [("Длина, м", "Длина, мм")]


def test_N3_fifty_remarks_of_a_kind_are_made_and_the_rest_counted(normalised):
    names = ["Ширина" + " " * n for n in range(60)]
    spellings = ["Цвет" + ":" * (n + 1) for n in range(notes.NOTES_SHOWN)]
    exactly = normalised({"params": [(name, "x") for name in spellings]})
    assert len(said(exactly, "param_name_recognized")) == notes.NOTES_SHOWN
    assert said(exactly, "param_remarks_more") == []
    over = normalised({"params": [(name, "x") for name in [*spellings, "цвет", "ЦВЕТ", *names]]})
    assert len(said(over, "param_name_recognized")) == notes.NOTES_SHOWN
    assert said(over, "param_remarks_more") == [("2", None)]


def test_N3_remarks_come_in_the_order_of_the_file_whatever_the_batches(normalised, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ROWS", 1)
    offers = [{"params": [(name, "1 м")]} for name in ("длина", "ширрина", "ДЛИНА", "выссота", "длина")]
    first, again = normalised(*offers, row_group=1), normalised(*offers, row_group=1)
    assert said(first, "param_name_recognized") == [("длина", "Длина"), ("ДЛИНА", "Длина")]
    assert said(first, "param_name_guessed") == [("ширрина", "Ширина"), ("выссота", "Высота")]
    for name in ("offers", "issues"):
        assert (first.folder / f"{name}.parquet").read_bytes() == (again.folder / f"{name}.parquet").read_bytes()


def test_N3_synonyms_of_one_offer_are_joined_like_a_repeated_name(normalised):
    result = normalised({"params": [("Масса", "1", "кг"), ("Вес, г", "900")]})
    assert published(result) == [("Вес", "1; 0.9", "кг", "166")]
    assert result.offer["params"][0]["sent_name"] == "Масса; Вес, г"
    assert said(result, "params_joined") == [("Вес", "1; 0.9")]
