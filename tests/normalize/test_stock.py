"""O9 availability, O10 quantity, O11 delivery time."""

from decimal import Decimal

import pytest

CASES = [
    # available, quantity, published, quantity published, codes
    ("count", "36", "exact", "36", []),
    ("точное количество", "36", "exact", "36", []),
    ("count", "0", "out_of_stock", "0", []),
    ("count", None, "many", None, ["quantity_missing"]),
    ("many", None, "many", None, []),
    ("Много", None, "many", None, []),
    ("few", None, "few", None, []),
    ("мало", "3", "few", "3", []),
    ("order", None, "on_order", None, []),
    ("Под  заказ", "0", "on_order", "0", []),
    ("finished", None, "out_of_stock", None, []),
    ("закончился", "0", "out_of_stock", "0", []),
    ("true", None, "many", None, []),
    ("true", "5", "exact", "5", []),
    (" TRUE ", "5", "exact", "5", []),
    (None, "5", "exact", "5", []),
    ("", "0", "out_of_stock", "0", []),
    (None, None, "many", None, ["availability_missing"]),
    ("", " ", "many", None, ["availability_missing"]),
    ("да", None, "many", None, ["availability_unknown"]),
    ("да", "5", "many", "5", ["availability_unknown"]),
    ("finished", "5", "out_of_stock", "5", ["availability_contradicted"]),
    ("true", "0", "out_of_stock", "0", ["availability_contradicted"]),
    ("many", "0", "out_of_stock", "0", ["availability_contradicted"]),
    ("few", "0", "out_of_stock", "0", ["availability_contradicted"]),
    (None, ">10", "many", None, ["quantity_unreadable"]),
    ("count", "много", "many", None, ["quantity_unreadable"]),
    ("few", "10 шт", "few", None, ["quantity_unreadable"]),
    ("count", "-3", "out_of_stock", "0", ["quantity_negative"]),
    ("count", "1e6", "many", None, ["quantity_unreadable"]),
    ("count", "145.984", "exact", "145.984", []),
    ("count", "145,5", "exact", "145.5", []),
    ("count", "1 000", "exact", "1000", []),
    ("count", "0.0000004", "out_of_stock", "0", ["quantity_rounded"]),
    ("count", "0.1234565", "exact", "0.123457", ["quantity_rounded"]),
    ("count", "999999999999", "exact", "999999999999", []),
    ("count", "1000000000000", "many", None, ["quantity_unreadable"]),
]


def test_O9_O10_availability_and_quantity(normalised):
    result = normalised(*[{"sku": f"S{n}", "available": a, "quantity": q} for n, (a, q, *_) in enumerate(CASES)])
    codes = {n: [i["code"] for i in result.issues if i["ordinal"] == n] for n in range(len(CASES))}
    got = [
        (*case[:2], offer["availability"], offer["quantity"], codes[offer["ordinal"]])
        for case, offer in zip(CASES, result.offers, strict=True)
    ]
    assert got == [(a, q, p, None if n is None else Decimal(n), c) for a, q, p, n, c in CASES]
    assert all(i["severity"] == "warning" for i in result.issues)


def test_O9_sold_out_offers_stay(normalised):
    assert normalised({"available": "finished"}).totals.accepted == 1


@pytest.mark.parametrize("meaning", ["on_order", "out_of_stock"])
def test_O9_false_means_what_the_link_says_and_this_is_said_once(normalised, meaning):
    result = normalised({"available": "false"}, {"available": "false"}, available_false=meaning)
    assert {offer["availability"] for offer in result.offers} == {meaning}
    issue = result.issue("available_false_read_as")
    assert (issue["ordinal"], issue["severity"], issue["published"]) == (None, "info", meaning)


def test_O9_false_beside_a_quantity_is_a_contradiction(normalised):
    result = normalised({"available": "false", "quantity": "2"})
    assert (result.offer["availability"], result.offer["quantity"]) == ("on_order", Decimal(2))
    assert result.issue("availability_contradicted")["sent"] == "false, quantity = 2"


def test_O10_where_the_quantity_comes_from(normalised):
    sent = {
        "1": {"quantity": "1", "count": "2", "stock_quantity": "3", "outlets": ["4"]},
        "2": {"quantity": "", "count": "2", "stock_quantity": "3", "outlets": ["4"]},
        "3": {"stock_quantity": "3", "outlets": ["4"]},
        "5.5": {"outlets": ["4", " 0.5 ", "", "1"]},
    }
    result = normalised(*[{"available": None, **offer} for offer in sent.values()])
    assert [offer["quantity"] for offer in result.offers] == [Decimal(quantity) for quantity in sent]
    assert {offer["availability"] for offer in result.offers} == {"exact"}
    assert result.issues == []


def test_O10_an_unreadable_outlet_makes_the_sum_unknown(normalised):
    result = normalised({"available": None, "outlets": ["4", "есть"]})
    assert (result.offer["availability"], result.offer["quantity"]) == ("many", None)
    issue = result.issue("quantity_unreadable")
    assert (issue["sent"], issue["field"], issue["line"]) == ("есть", "outlet", 60)


def test_O11_days_are_whole_numbers_up_to_3650(normalised):
    days = {"0": 0, " 14 ": 14, "3650": 3650, None: None, "": None}
    result = normalised(*[{"delivery_time": sent} for sent in days])
    assert [offer["delivery_days"] for offer in result.offers] == list(days.values())
    assert result.issues == []


def test_O11_anything_else_is_dropped_with_a_warning(normalised):
    wrong = ["3651", "-1", "1.5", "1-3", "5 дней", "99999999999999999999", "٣"]
    result = normalised(*[{"delivery_time": sent} for sent in wrong])
    assert {offer["delivery_days"] for offer in result.offers} == {None}
    assert [(i["code"], i["severity"], i["sent"], i["published"], i["field"]) for i in result.issues] == [
        ("delivery_dropped", "warning", sent, None, "delivery_time") for sent in wrong
    ]
