"""Reference tables: one version for all, and facts that the rules lean on."""

import csv
from datetime import date
from itertools import pairwise

import pytest

from pipelines.errors import InternalError, OperatorError
from pipelines.reference import load_reference, shipped_reference


def rows(name):
    with load_reference().path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_version_changes_with_any_table(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, content in ((first, "a,b\n1,2\n"), (second, "a,b\n1,3\n")):
        folder.mkdir()
        (folder / "t.csv").write_text(content, encoding="utf-8")
    assert shipped_reference(first).version != shipped_reference(second).version
    assert shipped_reference(first) is shipped_reference(first)


def test_an_empty_folder_is_an_incomplete_installation(tmp_path):
    with pytest.raises(OperatorError, match="incomplete"):
        shipped_reference(tmp_path)


def test_an_unknown_table_is_our_bug():
    with pytest.raises(InternalError, match="okei"):
        load_reference().path("okie")


@pytest.mark.parametrize("name", sorted(load_reference().files))
def test_tables_are_complete_rectangles_of_clean_text(name):
    with load_reference().path(name).open(encoding="utf-8", newline="") as file:
        header, *body = list(csv.reader(file))
    assert body
    assert len(set(header)) == len(header)
    assert {len(row) for row in body} == {len(header)}
    assert all(cell == cell.strip() for row in body for cell in row)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("okei", ("code",)),
        ("okei_aliases", ("alias",)),
        ("okei_conversions", ("code",)),
        ("oktmo", ("code8",)),
        ("federal_districts", ("abbr",)),
        ("characteristics", ("name",)),
        ("vat_rates", ("rate",)),
        ("vat_spellings", ("dialect", "spelling")),
        ("currencies", ("spelling",)),
        ("availability", ("spelling",)),
        ("stock_classes", ("spelling",)),
    ],
)
def test_keys_are_unique(name, key):
    keys = [tuple(row[column] for column in key) for row in rows(name)]
    assert len(set(keys)) == len(keys)


def test_N1_aliases_and_conversions_lead_to_okei_codes():
    codes = {row["code"] for row in rows("okei")}
    assert {row["code"] for row in rows("okei_aliases")} - {""} <= codes
    assert {code for row in rows("okei_conversions") for code in (row["code"], row["base_code"])} <= codes


def test_N2_parents_and_successors_exist_and_chains_end():
    regions = {row["code8"]: row for row in rows("oktmo")}
    districts = {row["abbr"] for row in rows("federal_districts")}
    for row in regions.values():
        assert row["federal_district"] in districts
        assert not row["parent_code8"] or row["parent_code8"] in regions
        seen, code = set(), row["code8"]
        while (successor := regions[code]["replaced_by"]) and "|" not in successor:
            assert code not in seen
            seen.add(code)
            code = successor


def test_O7_every_spelling_means_a_listed_rate():
    rates = {row["rate"] for row in rows("vat_rates")} | {"NO_VAT"}
    assert {row["rate"] for row in rows("vat_spellings")} <= rates
    for row in rows("vat_rates"):
        assert row["enabled"] in {"yes", "no"}
        limits = [date.fromisoformat(row[c]) for c in ("accepted_from", "accepted_to") if row[c]]
        assert all(a <= b for a, b in pairwise(limits))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("vat_spellings", "spelling"),
        ("currencies", "spelling"),
        ("availability", "spelling"),
        ("stock_classes", "spelling"),
    ],
)
def test_spellings_are_stored_as_they_are_matched(name, column):
    assert all(row[column] == row[column].lower().rstrip(".") for row in rows(name))
