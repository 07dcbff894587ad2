"""A load against the past of its link: what is usual, what is compared, which difference warns and which holds."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pipelines.issue_codes import ISSUE_CODES
from pipelines.quality import Profile
from pipelines.quality.profile import COMPARED_FROM, FILLED, MEASURES, usual
from pipelines.quality.suites import Gravity, Suite, read_checks

FULL = Profile(
    accepted=40,
    rejected_share=0.0,
    sold_out_share=0.0,
    currency="RUB",
    prices={"price_p10": 100.0, "price_p50": 100.0, "price_p90": 100.0},
    fill={f.name: 1.0 for f in FILLED},
    remarks=dict.fromkeys(ISSUE_CODES, 0.0),
)
NOTHING = {
    "description": None, "vendor": None, "vendor_code": None, "model": None, "price_without_vat": None,
    "price_derived": None, "vat_rate": None, "unit_okei": None, "availability": "out_of_stock", "quantity": None,
    "delivery_days": None, "category_id": None, "supplier_category_id": None, "position_codes": [], "analog_codes": [],
    "pictures": [], "weight_kg": None, "dimensions_cm": None, "stock_class": None, "rrp": None, "params": [],
    "regions": [],
}  # fmt: skip
LOAD = {c.id: c for c in read_checks() if c.suite is Suite.LOAD}


def failed(result):
    return {f.check.id for f in result.findings if f.failed and f.check.suite is Suite.LOAD}


def priced(offers, price, **values):
    return [offer | {"price": Decimal(price)} for offer in offers(40, **values)]


@pytest.fixture(scope="module")
def emptied(gate, offers, make_issue):
    """Nothing of what the link used to send, at prices a thousand times as high, with remarks on every offer."""
    remarks = [
        make_issue(i, c, s) for i in range(100) for c, s in (("unit_defaulted", "warning"), ("text_cleaned", "info"))
    ]
    rows = [row | {"price": Decimal(100_001 + i)} for i, row in enumerate(offers(100, **NOTHING))]
    return gate(rows, remarks, rejected=50, past=[replace(FULL, accepted=301)])


def test_every_check_of_the_past_can_fail(gate, offers, emptied):
    no_prices = gate(offers(130, price=None), past=[FULL])
    assert failed(emptied) | failed(no_prices) == set(LOAD)


def test_what_is_lost_holds_and_what_is_rarer_warns(emptied):
    critical = {f.check.id for f in emptied.unlike_past}
    assert "load.pictures.lost" in critical
    assert "load.price_p50.far" in critical
    assert "load.model.fill" not in critical
    assert all(LOAD[check].gravity is Gravity.CRITICAL for check in critical)


def test_the_limits_themselves_pass(gate, offers, make_issue):
    """Twenty of forty accepted, fill 70 %, prices doubled, 20 % rejected: not one step too far."""
    part = offers(28) + [{**row, **NOTHING, "availability": "many", "price": row["price"]} for row in offers(40)[28:]]
    rows = [row | {"price": Decimal(200)} for row in part]
    remarks = [make_issue(i, "unit_defaulted", "warning") for i in range(10)]
    result = gate(rows, remarks, rejected=10, past=[replace(FULL, accepted=80)])
    assert failed(result) == set()
    observed = {f.check.id: f.observed for f in result.findings}
    assert observed["load.pictures.fill"] == "70 % вместо обычных 100 %"
    assert observed["load.accepted.fewer"] == "40 вместо обычных 80"
    assert observed["load.rejected.share"] == "20 % вместо обычных 0 %"
    assert observed["load.price_p50.near"] == "200,00 вместо обычных 100,00"


def test_one_step_too_far_warns(gate, offers, make_issue):
    part = offers(27) + [{**row, **NOTHING, "availability": "many", "price": row["price"]} for row in offers(40)[27:]]
    rows = [row | {"price": Decimal("200.01")} for row in part]
    remarks = [make_issue(i, "unit_defaulted", "warning") for i in range(11)]
    result = gate(rows, remarks, rejected=11, past=[replace(FULL, accepted=81)])
    warned = {f.check.id for f in result.failed(Gravity.WARNING)}
    fills = {check for check in LOAD if check.endswith(".fill")} - {"load.price.fill"}
    expected = fills | {"load.accepted.fewer", "load.rejected.share", "load.price_p50.near", "shares.warnings"}
    assert warned - {"offers.price.varied"} == expected
    assert not result.unlike_past


def test_a_link_without_enough_of_a_past_is_not_compared(gate, offers):
    small = replace(FULL, accepted=COMPARED_FROM - 1)
    result = gate(offers(3, **NOTHING), past=[small])
    assert failed(result) == set()
    assert not usual([small], "RUB").comparable
    assert usual([replace(FULL, accepted=COMPARED_FROM)], "RUB").comparable


def test_P6_of_a_few_offers_only_their_number_is_compared(gate, offers):
    """A file that shrank to a few is a matter of hiding (P6): it must not be held whole for the prices of these few."""
    few = [row | {"price": Decimal(100_000)} for row in offers(COMPARED_FROM - 1, **NOTHING)]
    assert failed(gate(few, past=[FULL])) == {"load.accepted.fewer"}
    enough = [row | {"price": Decimal(100_000)} for row in offers(COMPARED_FROM, **NOTHING)]
    assert "load.price_p50.far" in failed(gate(enough, past=[FULL]))


def test_a_file_of_changes_is_compared_with_nothing_and_is_no_measure(gate, offers):
    result = gate(offers(3, **NOTHING), past=[FULL], delta=True)
    assert failed(result) == set()
    assert result.profile is None


def test_usual_is_the_median_so_that_one_strange_load_does_not_move_it():
    past = [replace(FULL, accepted=n) for n in (100, 102, 5, 101, 103)]
    assert usual(past, "RUB").measures["accepted"] == 101


def test_prices_in_another_currency_are_no_measure(gate, offers):
    habits = usual([replace(FULL, currency="USD")], "RUB")
    assert habits.measures["price_p50"] is None
    assert habits.measures["accepted"] == 40
    result = gate(priced(offers, 9_000_000), past=[replace(FULL, currency="USD")])
    prices = {f.check.id: f.passed for f in result.findings if f.check.column == "price_p50"}
    assert set(prices.values()) == {None}


def test_a_code_that_the_past_did_not_know_is_not_compared():
    known = {code: share for code, share in FULL.remarks.items() if code != "unit_defaulted"}
    assert "unit_defaulted" not in usual([replace(FULL, remarks=known)], "RUB").remarks


def test_the_profile_of_a_load(good):
    profile = good.profile
    assert profile.accepted == 40
    assert profile.currency == "RUB"
    assert profile.prices == {"price_p10": 103.0, "price_p50": 119.0, "price_p90": 135.0}
    assert set(profile.fill.values()) == {1.0}
    assert set(profile.measures) == set(MEASURES)


def test_a_profile_counts_offers_not_remarks(gate, offers, make_issue):
    remarks = [make_issue(0), make_issue(0), {**make_issue(1), "ordinal": None}]
    profile = gate(offers(4, vendor=None), remarks, rejected=1).profile
    assert profile.remarks["text_cleaned"] == 1 / 5
    assert profile.fill["vendor"] == 0
    assert profile.rejected_share == 1 / 5


def test_a_profile_is_kept_and_read_again(good):
    assert Profile.from_json(good.profile.as_json()) == good.profile
