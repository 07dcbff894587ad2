"""O5 the unit of an offer, N1 units by OKEI."""

import csv

import pytest

from pipelines.errors import OperatorError
from pipelines.model import FeedFormat
from pipelines.reference import load_reference


def unit(result):
    return [(offer["unit_okei"], offer["unit_name"]) for offer in result.offers]


CODES = {
    "796": ("796", "шт"),
    " 796 ": ("796", "шт"),
    "6": ("006", "м"),
    "06": ("006", "м"),
    "006": ("006", "м"),
    "008": ("008", "км"),
    "2554": ("2554", "Тбайт"),
}


def test_O5_a_valid_code_gives_the_reference_unit(normalised):
    result = normalised(*[{"unit_okei": code} for code in CODES])
    assert unit(result) == list(CODES.values())
    assert result.issues == []


def test_N1_every_code_in_force_is_accepted_and_no_other(normalised):
    with load_reference().path("okei").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    result = normalised(*[{"sku": row["code"], "unit_okei": row["code"]} for row in rows])
    assert {offer["sku"] for offer in result.offers} == {row["code"] for row in rows if row["status"] == "active"}
    assert all(offer["unit_okei"] == offer["sku"] and offer["unit_name"] for offer in result.offers)


def test_O5_a_bad_code_with_a_text_shows_the_text_and_names_the_right_code(normalised):
    wrong = ["5784", "0", "7960", "79 6", "796.0", "шт", "-796", "99999"]
    result = normalised(*[{"unit_okei": code, "units": "Штука"} for code in wrong])
    assert unit(result) == [("796", "Штука")] * len(wrong)
    assert [(i["code"], i["severity"], i["field"], i["sent"], i["published"]) for i in result.issues] == [
        ("unit_code_unknown", "warning", "unitOkei", code, "796") for code in wrong
    ]


def test_O5_a_bad_code_with_an_unknown_text_shows_the_text(normalised):
    result = normalised({"unit_okei": "5784", "unit_name": "мешок"})
    assert unit(result) == [(None, "мешок")]
    assert result.issue("unit_code_unknown")["published"] == "мешок"


def test_O5_a_bad_code_alone_is_no_unit(normalised):
    result = normalised({"unit_okei": "5784"})
    assert result.rejected[0]["codes"] == ["unit_missing"]
    assert result.issue("unit_missing")["sent"] == "5784"
    defaulted = normalised({"unit_okei": "5784"}, default_unit="166")
    assert unit(defaulted) == [("166", "кг")]
    assert sorted(defaulted.codes) == ["unit_code_unknown", "unit_defaulted"]


def test_O5_no_unit_is_rejected_or_defaulted(normalised):
    nothing = {"unit_okei": None}
    assert normalised(nothing).rejected[0]["codes"] == ["unit_missing"]
    result = normalised(nothing, {"unit_okei": " ", "units": ""}, default_unit=6)
    assert unit(result) == [("006", "м")] * 2
    assert [(i["code"], i["severity"], i["published"]) for i in result.issues] == [
        ("unit_defaulted", "warning", "м")
    ] * 2


@pytest.mark.parametrize("wrong", ["5784", "шт", ""])
def test_O5_a_default_that_is_not_in_okei_is_the_operators_error(normalised, wrong):
    with pytest.raises(OperatorError, match="default_unit"):
        normalised({}, default_unit=wrong)


TEXTS = [
    ("шт", ("796", "шт"), []),
    ("шт.", ("796", "шт"), ["unit_recognized"]),
    (" ШТ ", ("796", "шт"), ["unit_recognized"]),
    ("Штука", ("796", "шт"), ["unit_recognized"]),
    ("pcs", ("796", "шт"), ["unit_recognized"]),
    ("кг", ("166", "кг"), []),
    ("м²", ("055", "м²"), []),
    ("м2", ("055", "м²"), ["unit_recognized"]),
    ("куб.м.", ("113", "м³"), ["unit_recognized"]),
    ("МВт", ("215", "МВт"), []),
    ("мВт", (None, "мВт"), ["unit_not_in_okei"]),
    ("мешок", (None, "мешок"), ["unit_not_in_okei"]),
    ("попугай", (None, "попугай"), ["unit_not_in_okei"]),
    ("погонный\u00a0метр", ("018", "пог. м"), ["unit_recognized"]),
]


def test_N1_a_text_is_recognised_by_its_spelling(normalised):
    result = normalised(*[{"unit_okei": None, "units": text} for text, *_ in TEXTS])
    codes = [[i["code"] for i in result.issues if i["ordinal"] == n] for n in range(len(TEXTS))]
    assert list(zip(unit(result), codes, strict=True)) == [(expected, code) for _, expected, code in TEXTS]


def test_N1_every_alias_leads_to_its_code(normalised):
    with load_reference().path("okei_aliases").open(encoding="utf-8", newline="") as file:
        aliases = list(csv.DictReader(file))
    result = normalised(*[{"sku": str(n), "unit_okei": "", "units": row["alias"]} for n, row in enumerate(aliases)])
    found = {offer["sku"]: offer["unit_okei"] or "" for offer in result.offers}
    assert {row["alias"]: found[str(n)] for n, row in enumerate(aliases)} == {r["alias"]: r["code"] for r in aliases}


def test_O5_a_code_overrules_a_text_that_means_something_else(normalised):
    result = normalised({"units": "кг"}, {"units": "штук"}, {"units": "мешок"}, {"unit_name": "шт."})
    assert unit(result) == [("796", "шт")] * 4
    assert [(i["code"], i["severity"], i["sent"], i["published"]) for i in result.issues] == [
        ("unit_text_overruled", "warning", "кг", "шт"),
        ("unit_text_overruled", "warning", "мешок", "шт"),
    ]


def test_O5_units_beats_unit_name_and_a_difference_is_said(normalised):
    both = {"unit_okei": None, "units": "кг"}
    result = normalised({**both, "unit_name": "шт"}, {**both, "unit_name": "килограмм"}, {**both, "unit_name": "КГ."})
    assert unit(result) == [("166", "кг")] * 3
    assert [(i["code"], i["field"], i["sent"], i["published"]) for i in result.issues] == [
        ("units_differ", "unitName", "шт", "кг")
    ]


@pytest.mark.parametrize(
    ("code", "text", "okei", "shown", "disagrees"),
    [
        ("796", "шт", "796", "шт", False),
        ("796 ", "Штука", "796", "шт", False),
        ("796", None, "796", "шт", False),  # no name says otherwise
        ("796", "кг", "166", "кг", True),
        ("796", "коробочка", None, "коробочка", True),
    ],
)
def test_N1_a_code_of_commerceml_counts_only_if_its_name_agrees(normalised, code, text, okei, shown, disagrees):
    result = normalised({"unit_okei": code, "units": text}, format_=FeedFormat.COMMERCEML)
    assert (result.offer["unit_okei"], result.offer["unit_name"]) == (okei, shown)
    said = [(i["sent"], i["published"]) for i in result.issues if i["code"] == "unit_code_disagrees"]
    assert said == ([(code, shown)] if disagrees else [])
    assert not any(i["code"] == "unit_code_unknown" for i in result.issues)
    yml = normalised({"unit_okei": code, "units": text})
    assert yml.offer["unit_okei"] == "796"
