"""N2: buyers' places, and the price that holds in each."""

from decimal import Decimal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import OperatorError
from pipelines.publish import find_place, read_card
from pipelines.reference import load_reference, rows_of

REFERENCE = load_reference()
OKTMO = {row["code8"]: row for row in rows_of(REFERENCE.path("oktmo"))}

PLACES = [
    ("45301000", "45301000", "municipality"),
    ("45 301 000", "45301000", "municipality"),
    ("45301000001", "45301000", "municipality"),
    ("45301101", "45301000", "municipality"),  # a settlement that is not in the table leads to its district
    ("45999000", "45000000", "subject"),
    ("71999000", "71900000", "subject"),  # an okrug inside a region's number
    ("01612000", "01512000", "municipality"),  # replaced
    ("71918000", "71900000", "subject"),  # several successors: none is chosen
    ("1512000", "01512000", "municipality"),  # a lost zero
    ("1512000001", "01512000", "municipality"),
    ("1512101001", "01512000", "municipality"),
    ("01000000", "01000000", "subject"),
    (" цфо ", "ЦФО", "district"),
    ("УрФО", "УФО", "district"),
    ("сибирский  федеральный округ", "СФО", "district"),
]


@pytest.mark.parametrize(("sent", "code", "level"), PLACES)
def test_N2_a_place_is_found_as_a_feeds_region_is(sent, code, level):
    place = find_place(REFERENCE, sent)
    assert (place.code, place.level) == (code, level)
    assert place.name


@pytest.mark.parametrize(
    "sent",
    ["", " ", "02", "9999999", "1999000", "1999000001", "00999999", "450000000", "450000000001", "Москва", "٤٥٠٠٠٠٠٠"],
)
def test_N2_an_unknown_place_is_told_with_what_fits(sent):
    with pytest.raises(OperatorError, match=r"45000000 is Moscow.*ЦФО, СЗФО.*reference export regions"):
        find_place(REFERENCE, sent)


@pytest.mark.parametrize(
    ("sent", "chain"),
    [
        ("45301000", {"45301000": "municipality", "45000000": "subject", "ЦФО": "district"}),
        ("11800000", {"11800000": "subject", "СЗФО": "district"}),
        ("ДФО", {"ДФО": "district"}),
    ],
)
def test_N2_the_chain_goes_from_the_most_specific_to_the_district(sent, chain):
    assert list(find_place(REFERENCE, sent).chain.items()) == list(chain.items())


@settings(max_examples=60)
@given(st.sampled_from(sorted(code for code, row in OKTMO.items() if not row["valid_to"])))
def test_N2_every_code_in_force_has_a_chain_of_its_levels(code):
    place = find_place(REFERENCE, code)
    levels = list(place.chain.values())
    assert place.code == next(iter(place.chain)) == code
    assert levels == ["municipality", "subject", "district"][-len(levels) :]
    assert levels[0] == OKTMO[code]["level"]


def region(code: str, level: str, price: str | None, **terms) -> dict:
    named = {"code": code, "level": level, "name": code, "price": price and Decimal(price)}
    return named | {"price_without_vat": None, "availability": "many", "quantity": None, "delivery_days": None} | terms


OFFER = {
    "sku": "1",
    "price": Decimal("100.00"),
    "price_without_vat": Decimal("83.33"),
    "availability": "exact",
    "quantity": Decimal("7.5"),
    "delivery_days": 3,
    "regions": [
        region("ЦФО", "district", "90"),
        region("45301000", "municipality", "60.50", availability="few", quantity=Decimal("0.25"), delivery_days=1),
        region("45000000", "subject", "70", price_without_vat=Decimal("58.33")),
        region("01000000", "subject", None),
    ],
}
TERMS = ("price", "price_without_vat", "availability", "quantity", "delivery_days")


def seen(conn: psycopg.Connection, code: str | None) -> tuple:
    place = None if code is None else find_place(REFERENCE, code)
    card = read_card(conn, shop="main", supplier="a", sku_key="1", place=place)
    return (*(card[name] for name in TERMS), card.get("effective_for", {}).get("from"))


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        ("45301000", ("60.50", None, "few", "0.25", 1, "municipality")),
        ("45302000", ("70.00", "58.33", "many", None, None, "subject")),
        ("45000000", ("70.00", "58.33", "many", None, None, "subject")),
        ("46000000", ("90.00", None, "many", None, None, "district")),
        ("ЦФО", ("90.00", None, "many", None, None, "district")),
        ("СЗФО", ("100.00", "83.33", "exact", "7.5", 3, "offer")),
        ("01000000", (None, None, "many", None, None, "subject")),  # a region's values stand together
        (None, ("100.00", "83.33", "exact", "7.5", 3, None)),
    ],
)
def test_N2_the_most_specific_region_holds(conn, link, write_files, publish, code, terms):
    publish(link(), write_files([OFFER]))
    assert seen(conn, code) == terms


def test_N2_the_card_tells_what_place_it_is_for(conn, link, write_files, publish):
    publish(link(), write_files([OFFER]))
    card = read_card(conn, shop="main", supplier="a", sku_key="1", place=find_place(REFERENCE, "45302000001"))
    place = {"code": "45302000", "level": "municipality", "name": OKTMO["45302000"]["name_ru"], "from": "subject"}
    assert card["effective_for"] == place
    assert [region["price"] for region in card["regions"]] == ["90.00", "60.50", "70.00", None]
    assert "effective_for" not in read_card(conn, shop="main", supplier="a", sku_key="1")


CODES = ["45301000", "45000000", "ЦФО", "46000000"]


@settings(max_examples=50)
@given(priced=st.lists(st.sampled_from(CODES), unique=True), place=st.lists(st.sampled_from(CODES), unique=True))
def test_N2_the_first_code_of_the_place_that_has_a_price_wins_whatever_the_order_of_regions(conn, priced, place):
    regions = psycopg.types.json.Jsonb([{"code": code, "price": str(n + 1)} for n, code in enumerate(priced)])
    row = conn.execute(
        "SELECT region, price FROM effective_terms(%s, 100, 80, 'many', NULL, NULL, %s::text[])", [regions, place]
    ).fetchall()
    expected = next(((code, Decimal(priced.index(code) + 1)) for code in place if code in priced), (None, Decimal(100)))
    assert row == [expected]


@pytest.mark.parametrize("regions", [None, "[]"])
def test_N2_without_regions_the_offer_holds(conn, regions):
    row = conn.execute(
        "SELECT * FROM effective_terms(%s::jsonb, NULL, 80, 'few', 2, 5, '{45000000}')", [regions]
    ).fetchall()
    assert row == [(None, None, Decimal(80), "few", Decimal(2), 5)]
