"""The suites as files: complete against the model, closed against the code that reads them."""

import json
import re

import pytest

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import (
    OFFER_SCHEMA,
    PARAM,
    RAW_REGION_SCALARS,
    RAW_SCALARS,
    RAW_SCHEMA,
    REGION,
    Availability,
    Severity,
)
from pipelines.quality.evidence import _broken
from pipelines.quality.gate import _known_values
from pipelines.quality.profile import FILLED, MEASURES
from pipelines.quality.suites import EXPECTATIONS, Gravity, Suite, Table, read_checks
from pipelines.reference import load_reference

CHECKS = read_checks()
# Columns that no check can say anything of: free text as sent, or no value of their own.
UNCHECKED = {
    "part": "the name of a file of a set, as the set has it",
    "external_id": "a key of the supplier's system, as sent",
    "params": "checked entry by entry in the suite of details, and by their number",
    "regions": "checked entry by entry in the suite of details, and by their number",
}
UNCHECKED_DETAILS = {
    "params": {"sent_value": "as sent", "sent_unit": "as sent", "unit": "as shown beside the number"},
    "regions": {},
}
ids = pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)


def checked(table):
    """Columns of a table that some critical check names, by itself, by its number, or in its query."""
    found = set()
    for check in CHECKS:
        if check.table is table and check.gravity is Gravity.CRITICAL:
            asked = check.column.removesuffix("_number") if check.column else None
            found |= {asked} if asked else {re.split(r"[.]", check.id)[1], *re.findall(r"\w+", check.query)}
    return found


def test_every_column_of_an_offer_is_checked_or_on_the_list():
    columns = set(OFFER_SCHEMA.names)
    assert columns - checked(Table.OFFERS) <= set(UNCHECKED)
    assert set(UNCHECKED) <= columns


@pytest.mark.parametrize(("table", "kind"), [(Table.PARAMS, PARAM), (Table.REGIONS, REGION)])
def test_every_column_of_a_detail_is_checked_or_on_the_list(table, kind):
    columns = {field.name for field in kind}
    assert columns - checked(table) == set(UNCHECKED_DETAILS[table])


def test_no_check_names_a_column_that_is_not_there():
    known = {
        Table.OFFERS: {*OFFER_SCHEMA.names, *(f"{n}_number" for n in ("pictures", "dimensions", "params", "regions"))},
        Table.PARAMS: {field.name for field in PARAM},
        Table.REGIONS: {field.name for field in REGION},
        Table.PROFILE: set(MEASURES),
    }
    assert {c.column for c in CHECKS if c.column and c.column not in known[c.table]} == set()


def test_every_measure_of_the_profile_is_compared():
    assert {c.column for c in CHECKS if c.table is Table.PROFILE} == set(MEASURES)
    assert {f"fill_{f.name}" for f in FILLED} <= set(MEASURES)


def test_ids_are_unique_and_titles_of_a_suite_tell_checks_apart():
    assert len({c.id for c in CHECKS}) == len(CHECKS)
    assert len({(c.table, c.title) for c in CHECKS}) == len(CHECKS)


@ids
def test_a_warning_and_nothing_else_has_an_issue_code_of_the_load(check):
    assert (check.code is not None) == (check.gravity is Gravity.WARNING)
    if check.code:
        entry = ISSUE_CODES[check.code]
        assert (entry.severity, entry.scope) == (Severity.WARNING, "load")
        assert ("{field}" in entry.message) <= (check.sent_as is not None or check.table is Table.SHARES)


@ids
def test_a_field_is_named_by_its_raw_column(check):
    regions = {f"regions.{c}" for c in RAW_REGION_SCALARS}
    assert check.sent_as is None or check.sent_as in {*RAW_SCALARS, *RAW_SCHEMA.names, *regions}


@ids
def test_parameters_are_known(check):
    known = {*_known_values(load_reference()), *(f"usual_{name}" for name in MEASURES)}
    for value in check.kwargs.values():
        if isinstance(value, dict):
            assert set(re.findall(r"[a-z]\w*", value["$PARAMETER"])) <= known


@ids
def test_rows_that_break_a_critical_check_of_offers_can_be_shown(check):
    if not check.table.of_offers or check.gravity is not Gravity.CRITICAL:
        return
    if check.query is None:
        assert _broken(check, {**check.kwargs, "value_set": []}) is not None
    else:
        selected = check.query.partition(" FROM ")[0]
        assert selected.startswith("SELECT ordinal, ")
        assert all(name in selected for name in ("sku", "part", "line"))


def test_closed_lists_of_the_model_are_the_lists_of_the_suites():
    (states,) = {tuple(c.kwargs["value_set"]) for c in CHECKS if c.column == "availability" and "value_set" in c.kwargs}
    assert states == tuple(Availability)


@pytest.mark.parametrize("suite", Suite)
def test_a_file_is_a_suite_of_the_library(suite):
    """The files say nothing that Great Expectations does not know, and each expectation says how grave it is."""
    import great_expectations as gx

    document = json.loads((EXPECTATIONS / f"{suite.value}.json").read_text(encoding="utf-8"))
    built = gx.ExpectationSuite(**document)
    assert [e.severity.value for e in built.expectations] == [c.gravity for c in CHECKS if c.suite is suite]
    assert document["name"] == suite.value


def test_there_are_no_other_files():
    assert {path.name for path in EXPECTATIONS.iterdir()} == {f"{suite.value}.json" for suite in Suite}
