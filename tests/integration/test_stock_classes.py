"""Stock classes, recommended prices and goods without a price, from the supplier's XML to card, report and snapshot."""

import json

import pytest

from pipelines import steps
from pipelines.cli import main

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="2026-11-22 05:00"><shop><offers>\n'
TAIL = "\n</offers></shop></yml_catalog>"
REGIONS = '<regions><region id="ЦФО"><price>90</price><available>few</available></region></regions>'


@pytest.fixture
def price_list(tmp_path):
    """Write a price list, SKU -> whatever is said of the offer besides what every offer needs, and give its path."""

    def write(offers):
        path = tmp_path / "feed.xml"
        rows = "\n".join(
            f'<offer id="{sku}" available="many"><name>Товар</name><vat>20</vat><vendor>Завод</vendor>'
            f"<description>Описание</description><unitOkei>796</unitOkei>{more}</offer>"
            for sku, more in offers.items()
        )
        path.write_text(f"{HEAD}{rows}{TAIL}", encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(house, monkeypatch, capfd):
    """Run a command; gives back exit code and stdout."""
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)

    def command(*arguments):
        capfd.readouterr()
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            code = end.code
        return code, capfd.readouterr().out

    return command


ASKED = "<stock_class>on_request</stock_class>"


def test_S4_a_price_comes_and_goes_with_the_class(house, load, price_list):
    def card(**place):
        return steps.offer(house, shop="main", supplier="a", sku="A", **place)

    priced, asked = f"<price>120</price>{REGIONS}", f"{ASKED}<price>120</price>{REGIONS}"
    assert load(price_list({"A": priced})).counts["created"] == 1
    for sent, changed in ((asked, 1), (asked, 0), (priced, 1)):
        outcome = load(price_list({"A": sent}))
        assert (outcome.status, outcome.counts["changed"]) == ("processed", changed)
        price = None if sent is asked else "120.00"
        of_region = None if sent is asked else "90.00"
        assert (card()["price"], card()["stock_class"]) == (price, "on_request" if sent is asked else None)
        assert (card(region="45000000")["price"], card(region="45000000")["availability"]) == (of_region, "few")
    assert card()["visible"]
    told = card()["history"][1]
    assert told["fields"] == ["price", "price_derived", "price_without_vat", "regions", "stock_class"]
    assert (told["before"]["price"], told["after"]["price"]) == (120, None)


def test_S4_the_command_shows_that_the_price_is_asked_for(run, load, price_list):
    load(price_list({"A": f"{ASKED}{REGIONS}<rrp>150</rrp>"}))
    code, out = run("offer", "A", "--supplier", "a")
    assert code == 0
    assert "\nprice: цена по запросу\n" in out
    assert "\nstock_class: on_request\n" in out
    assert "regional prices" not in out
    for place in ((), ("--region", "45000000")):
        _, out = run("offer", "A", "--supplier", "a", "--json", *place)
        found = json.loads(out)
        assert (found["price"], found["price_without_vat"]) == (None, None)
        assert (found["stock_class"], found["rrp"]) == ("on_request", "150.00")


def test_S4_the_snapshot_holds_goods_without_a_price(house, load, price_list):
    load(price_list({"A": ASKED, "B": "<price>120</price><stock_class>marketplace</stock_class><rrp>150</rrp>"}))
    steps.write_snapshot(house)
    columns = "sku, price, price_without_vat, stock_class, rrp, visible, orderable"
    rows = [tuple(row.values()) for row in steps.query_snapshot(house, f"SELECT {columns} FROM offers ORDER BY sku")]
    assert [tuple(None if v is None else str(v) for v in row) for row in rows] == [
        ("A", None, None, "on_request", None, "True", "False"),
        ("B", "120.00", "100.00", "marketplace", "150.00", "True", "True"),
    ]
    places = steps.query_snapshot(house, "SELECT sku, price FROM price_in('45000000') ORDER BY sku")
    assert [(row["sku"], row["price"] is None) for row in places] == [("A", True), ("B", False)]


def test_S4_the_report_says_that_a_price_was_not_published(house, load, price_list):
    outcome = load(price_list({"A": f"{ASKED}<price>120</price>"}))
    told = json.loads("".join(steps.report_json(house, outcome.load_id)))
    (issue,) = [i for i in told["issues"] if i["code"] == "price_not_published"]
    assert (issue["severity"], issue["sent"], issue["published"]) == ("info", "120", None)
    assert "цена по запросу" in issue["message"]


@pytest.mark.parametrize(("policy", "accepted"), [("reject", 1), ("warn", 2), ("off", 2)])
def test_S3_the_shop_decides_what_a_price_below_the_rrp_costs(load, price_list, policy, accepted):
    offers = {"A": "<price>99</price><rrp>100</rrp>", "B": "<price>100</price><rrp>100</rrp>"}
    outcome = load(price_list(offers), stock_class="online_store", rrp_policy=policy)
    assert (outcome.counts["accepted"], outcome.counts["warnings"]) == (accepted, int(policy == "warn"))


def test_P4_an_offer_that_falls_below_its_rrp_keeps_its_last_good_version(house, load, price_list):
    rest = {"B": "<price>5</price>", "C": "<price>5</price>"}
    load(price_list({"A": "<price>120</price><rrp>100</rrp>", **rest}), stock_class="online_store", actualize=True)
    outcome = load(price_list({"A": "<price>99</price><rrp>100</rrp>", **rest}))
    assert (outcome.counts["rejected"], outcome.counts["hidden"]) == (1, 0)
    assert steps.offer(house, shop="main", supplier="a", sku="A")["price"] == "120.00"


def test_S2_a_class_goes_into_a_field_that_the_link_names(house, load, price_list):
    load(price_list({"A": "<sklad>Остатки для маркетплейсов</sklad><price>5</price>"}), tags="stock_class:sklad")
    assert steps.offer(house, shop="main", supplier="a", sku="A")["stock_class"] == "marketplace"
