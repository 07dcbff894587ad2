"""O1 identity, O2 duplicates."""

import unicodedata

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.model import FeedFormat, Part
from pipelines.normalize import identity, sku, text


def test_O1_sku_of_20_characters_is_accepted_and_21_rejected_never_cut(normalised):
    result = normalised({"sku": "Ж" * 20}, {"sku": "Ж" * 21}, {"sku": "  " + "x" * 20 + "\u00a0\n"})
    assert [offer["sku"] for offer in result.offers] == ["Ж" * 20, "x" * 20]
    assert [(offer["sku"], offer["codes"]) for offer in result.rejected] == [("Ж" * 21, ["sku_too_long"])]
    assert result.issue("sku_too_long")["sent"] == "Ж" * 21


@pytest.mark.parametrize("missing", [None, "", " \u00a0\n"])
def test_O1_sku_is_required(normalised, missing):
    result = normalised({"sku": missing})
    assert result.rejected[0]["codes"] == ["sku_missing"]
    assert result.rejected[0]["sku_key"] is None
    assert result.rejected[0]["sku"] is None


def test_O1_identity_folds_case_and_spaces_and_the_form_sent_is_shown(normalised):
    result = normalised({"sku": " Ab  С-1 \u202f x"})
    assert (result.offer["sku"], result.offer["sku_key"]) == ("Ab  С-1 \u202f x", "ab с-1 x")
    assert result.issues == []


def test_O1_csv_takes_latin_letters_and_digits_and_stores_lower_case(normalised):
    result = normalised({"sku": "Ab1"}, {"sku": "Аб1"}, {"sku": "a-1"}, format_=FeedFormat.CSV)
    assert [offer["sku"] for offer in result.offers] == ["ab1"]
    assert [offer["codes"] for offer in result.rejected] == [["sku_characters"]] * 2


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))  # XML has no NUL
def test_O1_the_key_of_a_look_up_is_the_key_of_a_load(value):
    with duckdb.connect() as connection:
        connection.execute(text.MACROS)
        connection.execute(sku.MACROS)
        key = connection.execute("SELECT coalesce(sku_key(?), '')", [value]).fetchall()[0][0]
    assert identity(value) == key


def test_O1_every_letter_has_the_same_identity_in_a_look_up_and_a_load():
    letters = [c for c in map(chr, range(0x20, 0x3000)) if unicodedata.category(c)[0] in "LNPS"]
    with duckdb.connect() as connection:
        connection.execute(text.MACROS)
        connection.execute(sku.MACROS)
        connection.execute("CREATE TABLE letters AS SELECT unnest(?) AS letter", [letters])
        keys = connection.execute("SELECT letter, coalesce(sku_key('x' || letter), '') FROM letters").fetchall()
    assert [(letter, key, identity(f"x{letter}")) for letter, key in keys if key != identity(f"x{letter}")] == []


def test_O2_of_identical_offers_the_first_counts(normalised):
    result = normalised({"sku": "A"}, {"sku": "B"}, {"sku": "a "}, {"sku": "A"})
    assert [(offer["ordinal"], offer["sku"]) for offer in result.offers] == [(0, "A"), (1, "B")]
    assert [(offer["ordinal"], offer["codes"]) for offer in result.rejected] == [
        (2, ["duplicate_identical"]),
        (3, ["duplicate_identical"]),
    ]
    assert [(i["code"], i["severity"], i["sent"], i["line"]) for i in result.issues] == [
        ("duplicate_identical", "warning", "10", 210),
        ("duplicate_identical", "warning", "10", 310),
    ]
    assert (result.totals.accepted, result.totals.rejected, result.totals.warnings) == (2, 2, 2)


def test_O2_different_content_under_one_sku_rejects_all_and_names_the_other_lines(normalised):
    result = normalised({"sku": "A"}, {"sku": "B"}, {"sku": "A", "price": "99"}, {"sku": "a"})
    assert [offer["sku"] for offer in result.offers] == ["B"]
    assert [(i["line"], i["sent"], i["sku"]) for i in result.issues if i["code"] == "duplicate_conflict"] == [
        (10, "210, 310", "A"),
        (210, "10, 310", "A"),
        (310, "10, 210", "a"),
    ]


def test_O2_offers_that_share_a_line_are_told_it(normalised):
    result = normalised({"sku": "A", "line": 2}, {"sku": "A", "line": 2, "price": "99"})
    assert [i["sent"] for i in result.issues if i["code"] == "duplicate_conflict"] == ["2", "2"]


@pytest.mark.parametrize(
    "difference",
    [
        {"name": None},
        {"name": ""},
        {"params": [("Цвет", "белый")]},
        {"regions": [{"code": "ЦФО"}]},
        {"pictures": ["https://a.ru/1.jpg"]},
        {"outlets": ["1"]},
    ],
)
def test_O2_any_sent_value_makes_content_different(normalised, difference):
    result = normalised({"sku": "A", "type_prefix": "x"}, {"sku": "A", "type_prefix": "x", **difference})
    assert [offer["codes"][-1] for offer in result.rejected if "duplicate_conflict" in offer["codes"]]
    assert result.offers == []


def test_O2_a_repeat_is_found_across_batches_and_many_lines_are_named_up_to_a_limit(normalised, monkeypatch):
    monkeypatch.setattr("pipelines.normalize.batches.BATCH_ROWS", 3)
    result = normalised(*[{"sku": "A", "price": str(n + 1)} for n in range(14)], row_group=2)
    assert result.totals.rejected == 14
    first = next(issue for issue in result.issues if issue["code"] == "duplicate_conflict")
    assert first["sent"] == ", ".join(str(10 + 100 * n) for n in range(1, 11))


def test_O2_a_repeat_is_remarked_upon_for_that_alone(normalised):
    bad = {"sku": "A", "price": None, "available": None}
    result = normalised(bad, bad)
    assert [(i["ordinal"], i["code"]) for i in result.issues] == [
        (None, "all_offers_rejected"),
        (0, "availability_missing"),
        (0, "price_missing"),
        (1, "duplicate_identical"),
    ]


def test_O2_in_a_set_of_files_the_others_are_named_with_their_file(normalised):
    parts = [Part("import.xml", 1), Part("offers0.xml", 101), Part("offers1.xml", 151)]
    same = {"sku": "A"}
    result = normalised(same, same, {**same, "price": "99"}, parts=parts)
    assert [(i["part"], i["line"], i["sent"]) for i in result.issues if i["code"] == "duplicate_conflict"] == [
        ("import.xml", 10, "offers0.xml:10, offers1.xml:60"),
        ("offers0.xml", 10, "import.xml:10, offers1.xml:60"),
        ("offers1.xml", 60, "import.xml:10, offers0.xml:10"),
    ]
    result = normalised(same, {"sku": "B"}, same, parts=parts)
    identical = result.issue("duplicate_identical")
    assert (identical["part"], identical["line"], identical["sent"]) == ("offers1.xml", 60, "import.xml:10")


def test_O2_skus_too_long_or_missing_are_no_duplicates(normalised):
    result = normalised({"sku": "x" * 21}, {"sku": "x" * 21}, {"sku": ""}, {"sku": ""})
    assert [offer["codes"] for offer in result.rejected] == [["sku_too_long"]] * 2 + [["sku_missing"]] * 2
