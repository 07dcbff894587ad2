"""O6 prices, O7 VAT, O8 currency."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import OperatorError

CENT = Decimal("0.01")
# Every example makes its own folder, so that sharing the fixture is safe.
EXAMPLES = settings(max_examples=10)


def prices(result):
    return {offer["sku"]: offer["price"] for offer in result.offers}


READ = {
    "1200": "1200",
    "1200.5": "1200.5",
    "1200,50": "1200.50",
    " 1200.50 ": "1200.50",
    "1 200.50": "1200.50",
    "1 200,50": "1200.50",
    "1\u00a0200,50": "1200.50",
    "1\u202f200\u2009300,5": "1200300.5",
    "1,200.50": "1200.50",
    "1.200,50": "1200.50",
    "1,200,500": "1200500",
    "1.200.500": "1200500",
    "0,125": "0.13",
    "1234,567": "1234.57",
    "1.2": "1.2",
    "007": "7",
    "1200.0000": "1200",
    "9999999999999.99": "9999999999999.99",
    "0.01": "0.01",
    "0.005": "0.01",
    "12.345": "12.35",
    "12.3449999": "12.34",
}

REFUSED = {
    "1,200": "price_ambiguous",
    "12,345": "price_ambiguous",
    "999,999": "price_ambiguous",
    "12 34": "price_invalid",
    "1 2 3": "price_invalid",
    "1200.5 руб": "price_invalid",
    "1200 ₽": "price_invalid",
    "от 1200": "price_invalid",
    "1200-1500": "price_invalid",
    "по запросу": "price_on_request_unclassed",
    "1e3": "price_invalid",
    "1E3": "price_invalid",
    "NaN": "price_invalid",
    "Infinity": "price_invalid",
    "+5": "price_invalid",
    "1_000": "price_invalid",
    "٣": "price_invalid",
    "0x10": "price_invalid",
    "1..2": "price_invalid",
    "1,2,3": "price_invalid",
    ".": "price_invalid",
    "0": "price_not_positive",
    "0.00": "price_not_positive",
    "0.004": "price_not_positive",
    "-5": "price_not_positive",
    "- 1 200,50": "price_not_positive",
    "−5": "price_not_positive",
    "9999999999999.995": "price_too_large",
    "10000000000000": "price_too_large",
    "9" * 40: "price_too_large",
}


def test_O6_prices_are_read_by_the_grammar(normalised):
    result = normalised(*[{"sku": f"S{n}", "price": sent} for n, sent in enumerate(READ)])
    assert prices(result) == {f"S{n}": Decimal(price).quantize(CENT) for n, price in enumerate(READ.values())}


def test_O6_what_is_no_price_is_rejected_and_quoted(normalised):
    result = normalised(*[{"sku": f"S{n}", "price": sent} for n, sent in enumerate(REFUSED)])
    assert result.offers == []
    assert {offer["sku"]: offer["codes"] for offer in result.rejected} == {
        f"S{n}": [code] for n, code in enumerate(REFUSED.values())
    }
    assert [i["sent"] for i in result.issues if i["ordinal"] is not None] == list(REFUSED)
    assert {(i["field"], i["severity"]) for i in result.issues if i["ordinal"] is not None} == {("price", "error")}


def test_O6_rounding_is_half_up_and_reported_only_when_it_changes_the_value(normalised):
    sent = ["1.005", "1.0049999999", "1.500", "2.675"]
    result = normalised(*[{"sku": f"S{n}", "price": p} for n, p in enumerate(sent)])
    assert [str(offer["price"]) for offer in result.offers] == ["1.01", "1.00", "1.50", "2.68"]
    rounded = [(i["sent"], i["published"], i["severity"]) for i in result.issues if i["code"] == "price_rounded"]
    assert rounded == [(s, p, "warning") for s, p in (("1.005", "1.01"), ("1.0049999999", "1.00"), ("2.675", "2.68"))]


@EXAMPLES
@given(st.lists(st.decimals("0.001", "9999999999999.99", places=3), min_size=1, max_size=50))
def test_O6_rounding_agrees_with_decimal(normalised, values):
    result = normalised(*[{"sku": f"S{n}", "price": f"{v:f}"} for n, v in enumerate(values)])
    expected = {f"S{n}": p for n, v in enumerate(values) if (p := v.quantize(CENT, ROUND_HALF_UP)) > 0}
    assert prices(result) == expected


def derived(price, rate, *, gross):
    factor = 1 + Decimal(rate) / 100
    return (price * factor if gross else price / factor).quantize(CENT, ROUND_HALF_UP)


@EXAMPLES
@given(
    st.lists(st.decimals("0.01", "99999999999.99", places=2), min_size=1, max_size=30), st.sampled_from([0, 10, 20, 22])
)
def test_O6_the_missing_price_is_derived_from_the_rate_half_up(normalised, values, rate):
    result = normalised(
        *[{"sku": f"G{n}", "price": str(v), "vat": str(rate)} for n, v in enumerate(values)],
        *[{"sku": f"N{n}", "price": None, "price_without_nds": str(v), "vat": str(rate)} for n, v in enumerate(values)],
    )
    for n, value in enumerate(values):
        gross = result.offers[n]
        assert (gross["price"], gross["price_derived"]) == (value, "price_without_vat")
        assert gross["price_without_vat"] == (derived(value, rate, gross=False) or None)
        net = result.offers[len(values) + n]
        assert (net["price"], net["price_derived"]) == (derived(value, rate, gross=True), "price")


def test_O6_not_taxed_means_both_prices_are_equal(normalised):
    offer = normalised({"price": "100", "vat": "NO_VAT"}).offer
    assert (offer["price"], offer["price_without_vat"]) == (Decimal("100.00"), Decimal("100.00"))


def test_O6_without_a_rate_nothing_is_derived(normalised):
    result = normalised({"vat": None}, {"vat": None, "price": None, "price_without_nds": "5"}, required_fields="vendor")
    assert [(o["price"], o["price_without_vat"], o["price_derived"]) for o in result.offers] == [
        (Decimal(120), None, None),
        (None, Decimal(5), None),
    ]


def test_O6_a_derived_price_over_the_limit_is_rejected(normalised):
    result = normalised({"price": None, "price_without_nds": "9999999999999.99"})
    assert result.rejected[0]["codes"] == ["price_too_large"]


def test_O6_a_price_is_required_and_an_empty_one_is_none(normalised):
    result = normalised(
        {"price": None}, {"price": " ", "price_without_nds": ""}, {"price": "", "price_without_nds": "1"}
    )
    assert [offer["codes"] for offer in result.rejected] == [["price_missing"]] * 2
    assert result.offer["price_without_vat"] == Decimal(1)


def test_O6_a_price_in_a_region_is_enough(normalised):
    region = {"code": "ЦФО", "price": "5"}
    result = normalised({"price": None, "regions": [region]}, {"price": None, "regions": [region | {"price": "0"}]})
    assert (result.offer["price"], result.offer["regions"][0]["price"]) == (None, Decimal(5))
    assert result.rejected[0]["codes"] == ["price_missing"]


def test_O6_an_unreadable_price_rejects_even_beside_a_good_one(normalised):
    result = normalised({"price": "от 100", "price_without_nds": "100"}, {"price_without_nds": "0"})
    assert [offer["codes"] for offer in result.rejected] == [["price_invalid"], ["price_not_positive"]]


APART = [
    ("120.00", "100.00", False),
    ("120.00", "100.83", False),  # 121.00: a rouble
    ("120.00", "100.84", True),  # 121.01
    ("120.00", "99.16", True),  # 118.99
    ("12000.00", "10050.00", False),  # 12060.00: half a per cent
    ("12000.00", "10050.01", True),
    ("12000.00", "9950.00", False),
    ("12000.00", "9949.99", True),
]


def test_O6_both_prices_may_differ_by_a_rouble_or_half_a_per_cent(normalised):
    result = normalised(*[{"price": price, "price_without_nds": net} for price, net, _ in APART])
    assert [(o["price"], o["price_without_vat"], o["price_derived"]) for o in result.offers] == [
        (Decimal(price), Decimal(net), None) for price, net, _ in APART
    ]
    assert {i["code"] for i in result.issues} == {"prices_differ"}
    assert [i["ordinal"] for i in result.issues] == [n for n, (*_, warns) in enumerate(APART) if warns]


RATES = {
    **{rate: rate for rate in ("0", "10", "20", "22")},
    "20%": "20",
    "20 %": "20",
    " 10 ": "10",
    **dict.fromkeys(("NO_VAT", "no_vat", "нет", "No", "без НДС", "Без\u00a0НДС"), "NO_VAT"),
}


def test_O7_accepted_rates_and_words(normalised):
    result = normalised(*[{"vat": sent} for sent in RATES])
    assert [offer["vat_rate"] for offer in result.offers] == list(RATES.values())
    assert result.issues == []


def test_O7_any_other_value_is_published_as_not_taxed_with_a_warning(normalised):
    wrong = ["5", "7", "18", "23", "20/120", "VAT_20", "0.2", "020", "yes", "-", "%"]
    result = normalised(*[{"vat": sent} for sent in wrong])
    assert {offer["vat_rate"] for offer in result.offers} == {"NO_VAT"}
    assert [(i["code"], i["severity"], i["sent"], i["published"], i["field"]) for i in result.issues[1:]] == [
        ("vat_unknown", "warning", sent, "NO_VAT", "vat") for sent in wrong
    ]


@pytest.mark.parametrize(("today", "rate"), [(date(2025, 12, 31), "NO_VAT"), (date(2026, 1, 1), "22")])
def test_O7_rates_are_dated(normalised, today, rate):
    assert normalised({"vat": "22"}, today=today).offer["vat_rate"] == rate


def test_O7_vat_beats_nds_and_a_difference_is_said(normalised):
    result = normalised(
        {"vat": "10", "nds": "20"}, {"vat": "", "nds": "20"}, {"vat": "20%", "nds": "20"}, {"vat": None, "nds": "33"}
    )
    assert [offer["vat_rate"] for offer in result.offers] == ["10", "20", "20", "NO_VAT"]
    assert [(i["code"], i["field"], i["sent"]) for i in result.issues if i["ordinal"] is not None] == [
        ("vat_and_nds_differ", "nds", "20"),
        ("vat_unknown", "nds", "33"),
    ]


YANDEX = {
    "2": "10",
    "4": "10",
    "5": "0",
    "6": "NO_VAT",
    "7": "20",
    "VAT_20": "20",
    "vat_10": "10",
    "NO_VAT": "NO_VAT",
}


def test_O7_the_yandex_dialect(normalised):
    result = normalised(*[{"vat": sent} for sent in YANDEX], vat_dialect="yandex")
    assert [offer["vat_rate"] for offer in result.offers] == list(YANDEX.values())
    assert result.issues == []


def test_O7_the_yandex_dialect_knows_no_per_cents_and_no_abolished_rates(normalised):
    wrong = ["1", "3", "20", "VAT_18", "VAT_7", "8"]
    result = normalised(*[{"vat": sent} for sent in wrong], vat_dialect="yandex")
    assert [i["sent"] for i in result.issues if i["code"] == "vat_unknown"] == wrong


@pytest.mark.parametrize(("unknown", "said"), [(5, False), (6, True)])
def test_O7_more_than_five_per_cent_unknown_is_a_remark_on_the_load(normalised, unknown, said):
    result = normalised(*[{"vat": "23" if n < unknown else "20"} for n in range(100)])
    assert ("vat_unknown_share" in result.codes) is said
    assert result.totals.accepted == 100
    if said:
        issue = result.issue("vat_unknown_share")
        assert (issue["ordinal"], issue["severity"], issue["sent"]) == (None, "error", "6 / 100")
        assert result.issues[0]["code"] == "vat_unknown_share"


def test_O7_a_missing_rate_is_rejected_where_the_shop_requires_it_or_defaulted(normalised):
    assert normalised({"vat": None}).rejected[0]["codes"] == ["vat_missing"]
    result = normalised({"vat": " "}, default_vat="10%")
    assert result.offer["vat_rate"] == "10"
    assert (result.issue("vat_defaulted")["severity"], result.issue("vat_defaulted")["published"]) == ("warning", "10")


@pytest.mark.parametrize("wrong", ["23", "5", "yes", ""])
def test_O7_a_default_that_is_not_accepted_is_the_operators_error(normalised, wrong):
    with pytest.raises(OperatorError, match=r"default_vat.*accepted are 0, NO_VAT, 10, 20, 22"):
        normalised({}, default_vat=wrong)


def test_O8_accepted_currencies_and_blank_is_the_rouble(normalised):
    codes = {None: "RUB", " ": "RUB", **{c: c for c in ("RUB", "USD", "EUR", "UAH", "KZT", "KGS", "TRY")}}
    result = normalised(*[{"currency": sent} for sent in codes])
    assert [offer["currency"] for offer in result.offers] == list(codes.values())
    assert result.issues == []


def test_O8_other_spellings_of_the_rouble_are_read_and_said_once(normalised):
    result = normalised(*[{"currency": c} for c in ("RUR", "руб", "руб.", "₽", "rub", "RUR")])
    assert {offer["currency"] for offer in result.offers} == {"RUB"}
    issue = result.issue("currency_read_as")
    assert (issue["ordinal"], issue["sent"], issue["published"], issue["severity"]) == (None, "RUR", "RUB", "info")


def test_O8_any_other_currency_is_rejected(normalised):
    wrong = ["CNY", "BYN", "грн", "643", "1", "рубли"]
    result = normalised({}, *[{"currency": sent} for sent in wrong])
    assert [offer["codes"] for offer in result.rejected] == [["currency_unknown"]] * len(wrong)
    assert [i["sent"] for i in result.issues] == wrong
