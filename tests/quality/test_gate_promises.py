"""The gate holds normalising to its word: every critical check of offers and details passes good rows and finds bad."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pipelines.errors import InternalError
from pipelines.quality.suites import Gravity, Suite, read_checks

PROMISES = [c for c in read_checks() if c.gravity is Gravity.CRITICAL and c.suite is not Suite.LOAD]
TOO_MUCH = Decimal("9999999999999.99")

# For each check, what breaks it and next to nothing else. Two offers share a value where uniqueness is broken.
BREAKS = {
    "offers.ordinal.present": {"ordinal": None},
    "offers.ordinal.unique": {"ordinal": 0},
    "offers.ordinal.range": {"ordinal": -1},
    "offers.line.present": {"line": None},
    "offers.line.range": {"line": 0},
    "offers.sku_key.present": {"sku_key": None},
    "offers.sku_key.unique": {"sku_key": "a0"},
    "offers.sku_key.length": {"sku_key": ""},
    "offers.sku.present": {"sku": None},
    "offers.sku.length": {"sku": "A" * 21},
    "offers.name.present": {"name": None},
    "offers.name.length": {"name": "ё" * 256},
    "offers.description.length": {"description": "ё" * 65536},
    "offers.vendor.length": {"vendor": ""},
    "offers.vendor_code.length": {"vendor_code": ""},
    "offers.model.length": {"model": ""},
    "offers.price.range": {"price": Decimal(0)},
    "offers.price_without_vat.range": {"price_without_vat": Decimal(-1)},
    "offers.price_derived.set": {"price_derived": "both"},
    "offers.price.somewhere": {"price": None, "price_without_vat": None, "regions": []},
    "offers.price.on_request": {"stock_class": "on_request"},
    "offers.vat_rate.set": {"vat_rate": "13"},
    "offers.currency.present": {"currency": None},
    "offers.currency.set": {"currency": "CNY"},
    "offers.unit_okei.set": {"unit_okei": "999"},
    "offers.unit_name.present": {"unit_name": None},
    "offers.unit_name.length": {"unit_name": ""},
    "offers.availability.present": {"availability": None},
    "offers.availability.set": {"availability": "soon"},
    "offers.quantity.range": {"quantity": Decimal(-1)},
    "offers.quantity.exact": {"quantity": None},
    "offers.delivery_days.range": {"delivery_days": 3651},
    "offers.category_id.length": {"category_id": ""},
    "offers.supplier_category_id.length": {"supplier_category_id": ""},
    "offers.position_codes.filled": {"position_codes": ["1", ""]},
    "offers.analog_codes.filled": {"analog_codes": [""]},
    "offers.pictures_number.range": {"pictures": [f"https://example.com/{i}" for i in range(4)]},
    "offers.pictures.addresses": {"pictures": ["javascript:alert(1)"]},
    "offers.weight_kg.range": {"weight_kg": Decimal(0)},
    "offers.dimensions_number.range": {"dimensions_cm": [Decimal(1), Decimal(2)]},
    "offers.dimensions_cm.positive": {"dimensions_cm": [Decimal(1), Decimal(0), Decimal(2)]},
    "offers.stock_class.set": {"stock_class": "shop"},
    "offers.rrp.range": {"rrp": Decimal(0)},
    "offers.content_hash.present": {"content_hash": None},
    "offers.content_hash.length": {"content_hash": "0" * 31},
    "params.name.present": {"param": {"name": None}},
    "params.name.length": {"param": {"name": ""}},
    "params.value.present": {"param": {"value": None}},
    "params.value.length": {"param": {"value": ""}},
    "params.unit_okei.set": {"param": {"unit_okei": "999"}},
    "params.sent": {"param": {"sent_name": None}},
    "regions.code.present": {"region": {"code": None}},
    "regions.code.form": {"region": {"code": "1000000"}},
    "regions.code.unique": {"regions": [{"code": "01000000"}, {"code": "01000000"}]},
    "regions.level.present": {"region": {"level": None}},
    "regions.level.set": {"region": {"level": "street"}},
    "regions.name.present": {"region": {"name": None}},
    "regions.name.length": {"region": {"name": ""}},
    "regions.price.range": {"region": {"price": Decimal(0)}},
    "regions.price_without_vat.range": {"region": {"price_without_vat": Decimal(-1)}},
    "regions.availability.present": {"region": {"availability": None}},
    "regions.availability.set": {"region": {"availability": "soon"}},
    "regions.quantity.range": {"region": {"quantity": Decimal(-1)}},
    "regions.quantity.exact": {"region": {"quantity": None}},
    "regions.delivery_days.range": {"region": {"delivery_days": -1}},
}
# At the limits, and where there is nothing to say.
WITHIN = [
    {"name": "ё" * 255, "description": "ё" * 65535, "sku": "A" * 20},
    {"price": Decimal("0.01"), "price_without_vat": Decimal("0.01"), "rrp": Decimal("0.01"), "delivery_days": 0},
    {"price": TOO_MUCH, "price_without_vat": TOO_MUCH, "rrp": TOO_MUCH, "delivery_days": 3650},
    {"price": None, "price_without_vat": None, "stock_class": "on_request", "regions": []},
    {"price": None, "price_without_vat": None, "region": {"code": "ЦФО", "level": "district"}},
    {"pictures": ["HTTP://EXAMPLE.COM/1.jpg", "https://example.com/2", "https://example.com/3"], "vat_rate": "NO_VAT"},
    {"pictures": [], "params": [], "regions": [], "position_codes": [], "dimensions_cm": None, "weight_kg": None},
    {"availability": "many", "quantity": None, "unit_okei": None, "description": None, "vendor": None, "rrp": None},
    {"availability": "out_of_stock", "quantity": Decimal(0), "weight_kg": Decimal("0.00000001"), "line": 1},
]


@pytest.fixture(scope="module")
def broken(gate, make_offer):
    """The findings on a load with one offer for each way to break a promise, by check."""
    rows = [make_offer(0), *(make_offer(i, **values) for i, values in enumerate(BREAKS.values(), 1))]
    return {finding.check.id: finding for finding in gate(rows).findings}


def test_every_promise_has_an_offer_that_breaks_it():
    assert set(BREAKS) == {check.id for check in PROMISES}


@pytest.mark.parametrize("check", BREAKS)
def test_a_broken_promise_is_found_and_shown_by_sku_and_line(broken, check):
    finding = broken[check]
    number = list(BREAKS).index(check) + 1
    assert finding.failed
    assert finding.broken >= 1
    assert any(f"A{number}" == e.sku or e.line == 1000 + number for e in finding.examples), finding.examples


def test_what_a_bad_offer_says_is_quoted_and_cut(broken):
    assert [e.value for e in broken["offers.currency.set"].examples] == ["CNY"]
    (long,) = broken["offers.description.length"].examples
    assert long.value == "ё" * 119 + "…"


def test_good_offers_pass_and_nothing_is_compared_without_a_past(good):
    assert [f.check.id for f in good.findings if f.failed] == []
    assert {f.check.suite for f in good.findings if f.passed is None} == {Suite.LOAD}
    assert not good.broken_promises
    assert not good.unlike_past


def test_values_at_the_limits_pass(gate, make_offer):
    result = gate([make_offer(i, **values) for i, values in enumerate(WITHIN)])
    assert [f.check.id for f in result.failed(Gravity.CRITICAL)] == []


def test_lists_that_no_offer_has_are_not_checked(gate, offers):
    result = gate(offers(3, params=[], regions=[]))
    assert {f.observed for f in result.findings if f.check.suite is Suite.DETAILS} == {"в файле их нет"}
    assert not result.broken_promises


def test_broken_promises_are_ours(gate, make_offer):
    result = gate([make_offer(0), make_offer(1, price=Decimal(0))])
    assert [f.check.id for f in result.broken_promises] == ["offers.price.range"]
    assert not result.unlike_past


def test_a_check_that_cannot_be_made_is_not_passed_over(gate, offers, monkeypatch):
    asks_for_no_column = replace(PROMISES[0], kwargs={"column": "no_such_column"})
    monkeypatch.setattr("pipelines.quality.gate.read_checks", lambda: (asks_for_no_column,))
    with pytest.raises(InternalError, match=r"offers\.ordinal\.present could not be made"):
        gate(offers(1))
