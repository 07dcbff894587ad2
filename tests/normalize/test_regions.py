"""O18 prices and stock by region, N2 region codes."""

import csv
from decimal import Decimal

from pipelines.reference import load_reference


def codes(result):
    return [(region["code"], region["level"]) for region in result.offer["regions"]]


PLACES = [
    ("ЦФО", "ЦФО", "district", None),
    (" цфо ", "ЦФО", "district", None),
    ("Сибирский федеральный округ", "СФО", "district", None),
    ("УрФО", "УФО", "district", None),
    ("01000000", "01000000", "subject", None),
    ("11508000", "11508000", "municipality", None),
    ("11 508 000", "11508000", "municipality", None),
    ("11508000001", "11508000", "municipality", "region_rolled_up"),
    ("11508101", "11508000", "municipality", "region_rolled_up"),
    ("11508101001", "11508000", "municipality", "region_rolled_up"),
    ("11999000", "11000000", "subject", "region_rolled_up"),
    ("71999000", "71900000", "subject", "region_rolled_up"),
    ("01612000", "01512000", "municipality", "region_replaced"),
    ("1000000", "01000000", "subject", "region_zero_restored"),
    ("1512000", "01512000", "municipality", "region_zero_restored"),
    ("1512000001", "01512000", "municipality", "region_rolled_up"),
    ("71918000", "71900000", "subject", "region_rolled_up"),  # several successors: none is chosen
]


def test_N2_codes_of_three_levels(normalised):
    result = normalised(*[{"regions": [{"code": sent, "price": "5"}]} for sent, *_ in PLACES])
    got = [(region["code"], region["level"]) for offer in result.offers for region in offer["regions"]]
    assert got == [(code, level) for _, code, level, _ in PLACES]
    said = [(i["sent"], i["published"].partition(" ")[0], i["code"], i["severity"]) for i in result.issues]
    assert said == [(sent, code, remark, "info") for sent, code, _, remark in PLACES if remark]


NO_PLACES = [
    "",
    None,
    "02",
    "9999999",
    "1999000",
    "115080",
    "115080000",
    "115080000011",
    "Москва",
    "ЦФО, СФО",
    "٠١٠٠٠٠٠٠",
]


def test_N2_an_unknown_code_costs_the_region_and_not_the_offer(normalised):
    known = {"code": "ЦФО", "price": "6"}
    result = normalised(*[{"regions": [{"code": sent, "price": "5"}, known]} for sent in NO_PLACES])
    assert [[region["code"] for region in offer["regions"]] for offer in result.offers] == [["ЦФО"]] * len(NO_PLACES)
    assert [(i["code"], i["severity"], i["sent"], i["published"], i["field"]) for i in result.issues] == [
        ("region_unknown", "warning", sent, None, "region/id") for sent in NO_PLACES
    ]


def test_N2_every_code_in_force_leads_to_itself_and_a_replaced_one_to_a_code_in_force(normalised):
    with load_reference().path("oktmo").open(encoding="utf-8", newline="") as file:
        rows = {row["code8"]: row for row in csv.DictReader(file)}
    result = normalised(*[{"sku": code, "regions": [{"code": code, "price": "5"}]} for code in rows])
    found = {offer["sku"]: offer["regions"][0]["code"] for offer in result.offers}
    assert found.keys() == rows.keys()
    assert all(found[code] == code for code, row in rows.items() if not row["valid_to"])
    assert all(not rows[code]["valid_to"] for code in found.values())


def test_N2_the_same_place_twice_keeps_the_exact_code(normalised):
    sent = [
        {"code": "11508000001", "price": "1"},
        {"code": "11508000", "price": "2"},
        {"code": "11508000", "price": "3"},
    ]
    result = normalised({"regions": sent})
    assert [(r["code"], r["price"]) for r in result.offer["regions"]] == [("11508000", Decimal(2))]
    repeated = [i for i in result.issues if i["code"] == "region_repeated"]
    assert [(i["severity"], i["sent"]) for i in repeated] == [("warning", "11508000001"), ("warning", "11508000")]


def test_O18_missing_fields_inherit_the_offers_values(normalised):
    offer = {"price": "120", "available": "count", "quantity": "7", "delivery_time": "3"}
    result = normalised({**offer, "regions": [{"code": "ЦФО"}]})
    assert result.offer["regions"] == [
        {
            "code": "ЦФО",
            "level": "district",
            "name": "Центральный федеральный округ",
            "price": Decimal("120.00"),
            "price_without_vat": Decimal("100.00"),
            "availability": "exact",
            "quantity": Decimal("7.000000"),
            "delivery_days": 3,
        }
    ]
    assert result.issues == []


def test_O18_a_region_has_its_own_price_and_the_offers_rate(normalised):
    result = normalised(
        {
            "regions": [
                {"code": "ЦФО", "price": "240"},
                {"code": "СФО", "price_without_nds": "50"},
                {"code": "УФО", "price": "10", "price_without_nds": "9"},
            ]
        }
    )
    got = [(r["price"], r["price_without_vat"]) for r in result.offer["regions"]]
    assert got == [(Decimal(240), Decimal(200)), (Decimal(60), Decimal(50)), (Decimal(10), Decimal(9))]
    assert result.codes == []


STOCK = [
    ({}, "exact", 7, []),
    ({"quantity": "2"}, "exact", 2, []),
    ({"quantity": "0"}, "out_of_stock", 0, []),
    ({"available": "finished"}, "out_of_stock", 7, []),
    ({"available": "order"}, "on_order", 7, []),
    ({"available": "many"}, "many", 7, []),
    ({"available": "count"}, "exact", 7, []),
    ({"available": "count", "quantity": "2"}, "exact", 2, []),
    ({"available": "абв"}, "many", 7, ["region_stock_guessed"]),
    ({"available": "count", "quantity": ">5"}, "many", None, ["region_stock_guessed"]),
    ({"available": "count", "quantity": "-5"}, "out_of_stock", 0, ["region_stock_guessed"]),
]


def test_O18_stock_of_a_region(normalised):
    offer = {"available": "count", "quantity": "7"}
    result = normalised(*[{**offer, "regions": [{"code": "ЦФО", **region}]} for region, *_ in STOCK])
    got = [
        (region["availability"], region["quantity"], [i["code"] for i in result.issues if i["ordinal"] == n])
        for n, offer in enumerate(result.offers)
        for region in offer["regions"]
    ]
    assert got == [(a, None if q is None else Decimal(q), codes) for _, a, q, codes in STOCK]


def test_O18_a_bad_price_costs_the_region_and_a_bad_term_only_itself(normalised):
    result = normalised(
        {
            "delivery_time": "3",
            "regions": [
                {"code": "ЦФО", "price": "0"},
                {"code": "СФО", "price": "5", "price_without_nds": "по запросу"},
                {"code": "УФО", "price": "1.005", "delivery_time": "скоро"},
                {"code": "ПФО", "price": "1,000"},
            ],
        }
    )
    assert [(r["code"], r["price"], r["delivery_days"]) for r in result.offer["regions"]] == [
        ("УФО", Decimal("1.01"), 3)
    ]
    assert [(i["code"], i["field"], i["sent"], i["severity"]) for i in result.issues] == [
        ("region_price_dropped", "region/price", "ЦФО: 0", "warning"),
        ("region_price_dropped", "region/price_without_nds", "СФО: по запросу", "warning"),
        ("region_price_rounded", "region/price", "УФО: 1.005", "warning"),
        ("region_delivery_dropped", "region/delivery_time", "скоро", "warning"),
        ("region_price_dropped", "region/price", "ПФО: 1,000", "warning"),
    ]


def test_O18_prices_of_a_region_apart_are_said(normalised):
    result = normalised({"regions": [{"code": "ЦФО", "price": "120", "price_without_nds": "90"}]})
    assert result.codes == ["region_prices_differ"]


def test_O18_regions_keep_their_order(normalised):
    sent = ["ЮФО", "01000000", "ЦФО", "11508000"]
    assert [c for c, _ in codes(normalised({"regions": [{"code": c, "price": "1"} for c in sent]}))] == sent
