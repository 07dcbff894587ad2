"""S2 stock classes, S3 the recommended retail price (RRP), S4 goods without a price; O19 where they come from."""

from decimal import Decimal

import pytest

from pipelines.reference import load_reference, rows_of

STORE = {"stock_class": "online_store"}


def said(result):
    return [(i["code"], i["sent"], i["published"]) for i in result.issues]


def terms(offer):
    return {k: offer[k] for k in ("price", "price_without_vat", "price_derived")}


PRICELESS = {"price": None, "price_without_vat": None, "price_derived": None}


# --- S2, O19: the class ---

SPELT = {
    "marketplace": "marketplace",
    " Для  Маркетплейсов ": "marketplace",
    "Остатки для маркетплейсов.": "marketplace",
    "ONLINE_STORE": "online_store",
    "Интернет-магазин": "online_store",
    "остатки для интернет-магазинов": "online_store",
    "on_request": "on_request",
    "Цена по запросу": "on_request",
    "По запросу": "on_request",
    "": None,
    None: None,
}


def test_S2_classes_in_russian_and_english(normalised):
    result = normalised(*[{"sku": f"S{n}", "stock_class": sent} for n, sent in enumerate(SPELT)])
    assert [offer["stock_class"] for offer in result.offers] == list(SPELT.values())
    assert {i["code"] for i in result.issues} == {"price_not_published"}


def test_S2_the_table_holds_the_three_classes_in_looked_up_form():
    rows = list(rows_of(load_reference().path("stock_classes")))
    assert {row["class"] for row in rows} == {"marketplace", "online_store", "on_request"}
    assert [
        row["spelling"] for row in rows if row["spelling"] != " ".join(row["spelling"].lower().split()).rstrip(".")
    ] == []


@pytest.mark.parametrize("of_link", [None, "marketplace"])
def test_S2_an_unknown_class_is_the_links_with_a_warning(normalised, of_link):
    settings = {"stock_class": of_link} if of_link else {}
    result = normalised({"stock_class": "витрина", "stock_online_store": "5"}, **settings)
    assert result.offer["stock_class"] == of_link
    issue = result.issue("stock_class_unknown")
    assert (issue["severity"], issue["sent"], issue["published"]) == ("warning", "витрина", of_link)


def test_S2_the_links_class_is_for_offers_that_say_nothing(normalised):
    result = normalised({}, STORE, stock_class="marketplace")
    assert [offer["stock_class"] for offer in result.offers] == ["marketplace", "online_store"]


STOCKS = [
    # marketplace, online store, on request, other columns; class, quantity, availability
    (("5", "7", "9"), {}, "marketplace", "5", "exact"),
    (("0", "7", "9"), {}, "online_store", "7", "exact"),
    (("0", None, "9"), {}, "on_request", "9", "exact"),
    (("-1", "0,5", None), {}, "online_store", "0.5", "exact"),
    ((">10", "7", None), {}, "online_store", "7", "exact"),
    (("0", "0", None), {}, None, "0", "out_of_stock"),
    ((None, "0", "0"), {}, None, "0", "out_of_stock"),
    ((">10", "0", None), {}, None, None, "many"),
    (("5", "7", None), {"quantity": "3"}, "marketplace", "3", "exact"),
    (("5", "7", None), {"outlets": ["100"]}, "marketplace", "5", "exact"),
    (("5", "7", None), {"stock_class": "online_store"}, "online_store", "7", "exact"),
    (("5", "0", None), {"stock_class": "online_store"}, "online_store", "0", "out_of_stock"),
]


def test_S2_O10_separate_stock_gives_the_class_and_its_quantity(normalised):
    columns = ("stock_marketplace", "stock_online_store", "stock_on_request")
    result = normalised(
        *[
            {"sku": f"S{n}", "available": None, "price": "10", **dict(zip(columns, sent, strict=True)), **more}
            for n, (sent, more, *_) in enumerate(STOCKS)
        ]
    )
    got = [(o["stock_class"], o["quantity"], o["availability"]) for o in result.offers]
    assert got == [(c, None if q is None else Decimal(q), a) for *_, c, q, a in STOCKS]


def test_S2_with_the_links_class_its_own_stock_counts_else_the_first_that_was_sent(normalised):
    nothing = {"available": None, "stock_marketplace": "0", "stock_online_store": "0"}
    result = normalised(nothing, {**nothing, "stock_on_request": "-2"}, stock_class="on_request")
    assert [(o["stock_class"], o["availability"]) for o in result.offers] == [("on_request", "out_of_stock")] * 2
    negative = result.issue("quantity_negative")
    assert (negative["ordinal"], negative["field"], negative["sent"]) == (1, "stock_on_request", "-2")


def test_S2_of_a_class_without_its_own_stock_nothing_is_promised_from_that_of_another(normalised):
    result = normalised({**STORE, "available": None, "stock_marketplace": "5"})
    assert (result.offer["stock_class"], result.offer["quantity"]) == ("online_store", None)
    assert result.codes == ["availability_missing"]


# --- S4: without a price ---

SENT_PRICES = ["120.00", "по запросу", "0", "1,200", "-5"]


@pytest.mark.parametrize("price", SENT_PRICES)
def test_S4_on_request_has_no_price_even_if_one_was_sent_and_this_is_said(normalised, price):
    result = normalised({"stock_class": "on_request", "price": price, "price_without_nds": "100"})
    assert terms(result.offer) == PRICELESS
    assert said(result) == [("price_not_published", price, None), ("price_not_published", "100", None)]
    assert {i["severity"] for i in result.issues} == {"info"}
    assert [i["field"] for i in result.issues] == ["price", "price_without_nds"]


@pytest.mark.parametrize("price", [None, "", " "])
def test_S4_on_request_needs_no_price(normalised, price):
    result = normalised({"stock_class": "on_request", "price": price})
    assert terms(result.offer) == PRICELESS
    assert result.issues == []


def test_S4_the_other_fields_of_such_an_offer_are_as_of_any(normalised):
    plain, asked = normalised({}, {"stock_class": "on_request", "price": None, "sku": "B"}).offers
    own = {"ordinal", "line", "sku", "sku_key", "content_hash", "stock_class", *PRICELESS}
    assert {k: v for k, v in plain.items() if k not in own} == {k: v for k, v in asked.items() if k not in own}


def test_S4_other_classes_need_a_price(normalised):
    result = normalised({"price": None}, {"price": None, **STORE}, {"price": None, "stock_class": "marketplace"})
    assert [offer["codes"] for offer in result.rejected] == [["price_missing"]] * 3


@pytest.mark.parametrize("price", ["по запросу", "Цена по запросу.", "ON REQUEST"])
def test_S4_such_words_as_a_price_without_the_class_are_rejected_with_a_remedy(normalised, price):
    result = normalised({"price": price}, {"price": price, **STORE}, {"price": "120", "price_without_nds": price})
    assert [offer["codes"] for offer in result.rejected] == [["price_on_request_unclassed"]] * 3
    assert {(i["sent"]) for i in result.issues if i["ordinal"] is not None} == {price}


def test_S4_a_class_is_no_price_and_other_words_stay_unreadable(normalised):
    result = normalised({"price": "договорная"}, {"price": "marketplace"})
    assert [offer["codes"] for offer in result.rejected] == [["price_invalid"]] * 2


def test_S4_regions_of_such_an_offer_have_no_price_either(normalised):
    regions = [
        {"code": "ЦФО", "price": "90", "available": "few"},
        {"code": "45000000", "price": "по запросу"},
        {"code": "СЗФО"},
    ]
    result = normalised({"stock_class": "on_request", "price": None, "regions": regions})
    assert [(r["code"], r["price"], r["price_without_vat"], r["availability"]) for r in result.offer["regions"]] == [
        ("ЦФО", None, None, "few"),
        ("45000000", None, None, "many"),
        ("СЗФО", None, None, "many"),
    ]
    assert said(result) == [
        ("price_not_published", "ЦФО: 90", None),
        ("price_not_published", "45000000: по запросу", None),
    ]


# --- S3, O19: RRP ---

RRPS = {
    "1 500,50": ("1500.50", []),
    "1500": ("1500.00", []),
    "0": (None, []),
    "0,00": (None, []),
    "": (None, []),
    None: (None, []),
    "1500.005": ("1500.01", ["rrp_rounded"]),
    "0.004": (None, ["rrp_dropped"]),
    "-5": (None, ["rrp_dropped"]),
    "1,200": (None, ["rrp_dropped"]),
    "нет": (None, ["rrp_dropped"]),
    "9999999999999.99": ("9999999999999.99", []),
    "10000000000000": (None, ["rrp_dropped"]),
}


def test_O19_an_rrp_is_read_as_a_price_and_never_costs_the_offer(normalised):
    result = normalised(*[{"sku": f"S{n}", "rrp": sent} for n, sent in enumerate(RRPS)])
    codes = [[i["code"] for i in result.issues if i["ordinal"] == n] for n in range(len(RRPS))]
    got = [(None if o["rrp"] is None else str(o["rrp"]), c) for o, c in zip(result.offers, codes, strict=True)]
    assert got == list(RRPS.values())
    assert {i["severity"] for i in result.issues} == {"warning"}


LIMIT = [("100.00", False), ("99.99", True), ("100.01", False)]


@pytest.mark.parametrize(("price", "below"), LIMIT)
def test_S3_below_the_rrp_an_offer_of_an_online_store_is_rejected(normalised, price, below):
    result = normalised({**STORE, "price": price, "rrp": "100"})
    assert [offer["codes"] for offer in result.rejected] == [["price_below_rrp"]] * below
    if below:
        issue = result.issue("price_below_rrp")
        assert (issue["severity"], issue["sent"], issue["field"]) == ("error", "99.99, РРЦ 100.00", "price")


@pytest.mark.parametrize(("price", "below"), LIMIT)
def test_S3_the_shop_may_only_warn(normalised, price, below):
    result = normalised({**STORE, "price": price, "rrp": "100"}, rrp_policy="warn")
    assert str(result.offer["price"]) == price
    assert said(result) == [("price_below_rrp_published", "99.99, РРЦ 100.00", "99.99")] * below


def test_S3_the_shop_may_look_away(normalised):
    result = normalised(
        {**STORE, "price": "1", "rrp": "100", "regions": [{"code": "ЦФО", "price": "1"}]}, rrp_policy="off"
    )
    assert result.issues == []
    assert len(result.offer["regions"]) == 1


@pytest.mark.parametrize("stock_class", [None, "marketplace", "on_request"])
def test_S3_other_classes_are_not_held_to_the_rrp(normalised, stock_class):
    result = normalised({"stock_class": stock_class, "price": "1", "rrp": "100"})
    assert "price_below_rrp" not in result.codes
    assert str(result.offer["rrp"]) == "100.00"


def test_S3_a_price_without_vat_is_held_to_the_rrp_by_what_it_comes_to(normalised):
    result = normalised(
        {**STORE, "price": None, "price_without_nds": "83.33", "rrp": "100"},
        {**STORE, "price": None, "price_without_nds": "83.32", "rrp": "100"},
        {**STORE, "price": None, "price_without_nds": "99", "rrp": "100", "vat": "NO_VAT"},
    )
    assert [offer["sku"] for offer in result.offers] == ["A0"]
    assert [(i["sent"], i["field"]) for i in result.issues] == [
        ("99.98, РРЦ 100.00", "price_without_nds"),
        ("99.00, РРЦ 100.00", "price_without_nds"),
    ]


def test_S3_without_an_rrp_there_is_nothing_to_compare(normalised):
    assert normalised({**STORE, "price": "1"}, {**STORE, "price": "1", "rrp": "0"}).codes == []


REGIONS = [{"code": "ЦФО", "price": "99.99"}, {"code": "СЗФО", "price": "100"}, {"code": "ЮФО"}]


def test_S3_a_region_below_the_rrp_costs_the_region(normalised):
    result = normalised({**STORE, "price": "120", "rrp": "100", "regions": REGIONS})
    assert [region["code"] for region in result.offer["regions"]] == ["СЗФО", "ЮФО"]
    assert said(result) == [("region_below_rrp_dropped", "ЦФО: 99.99, РРЦ 100.00", None)]
    assert result.issues[0]["field"] == "region/price"


def test_S3_or_is_warned_of(normalised):
    result = normalised({**STORE, "price": "120", "rrp": "100", "regions": REGIONS}, rrp_policy="warn")
    assert len(result.offer["regions"]) == 3
    assert said(result) == [("region_below_rrp_published", "ЦФО: 99.99, РРЦ 100.00", "99.99")]


def test_S3_when_every_price_was_below_the_rrp_none_is_left(normalised):
    result = normalised({**STORE, "price": None, "rrp": "100", "regions": REGIONS[:1]})
    assert [offer["codes"] for offer in result.rejected] == [["price_missing"]]
    assert result.codes.count("region_below_rrp_dropped") == 1
