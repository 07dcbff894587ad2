"""What a buyer in a place sees, and what outlasts a file: from the supplier's XML to the card."""

import json
from pathlib import Path

import pytest

from pipelines import steps
from pipelines.cli import main
from pipelines.errors import OperatorError

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="2026-11-22 05:00"><shop><offers>\n'
TAIL = "\n</offers></shop></yml_catalog>"
REGIONS = (
    '<regions><region id="ЦФО"><price>90</price></region>'
    '<region id="45000000"><price>70,50</price><available>few</available></region>'
    '<region id="45301000001"><price>60</price><delivery_time>1</delivery_time></region></regions>'
)
CODES = "<idToImport>100200,100201</idToImport><analogGID>77</analogGID>"


@pytest.fixture
def price_list(tmp_path):
    """Write a price list of one offer "A" and give its path."""

    def write(more: str = "", price: str = "120") -> Path:
        path = tmp_path / "feed.xml"
        path.write_text(
            f'{HEAD}<offer id="A"><name>Товар</name><price>{price}</price><vat>20</vat><vendor>Завод</vendor>'
            f"<description>Описание</description><unitOkei>796</unitOkei><available>count</available>"
            f"<quantity>5</quantity><delivery_time>3</delivery_time>{more}</offer>{TAIL}",
            encoding="utf-8",
        )
        return path

    return write


@pytest.fixture
def run(house, monkeypatch, capfd):
    """Run a command; gives back exit code, stdout and stderr."""
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)
    capfd.readouterr()

    def command(*arguments):
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            code = end.code
        return code, *capfd.readouterr()

    return command


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("45301000", ("60.00", "50.00", "exact", "5", 1, "municipality")),
        ("45 301 000 101", ("60.00", "50.00", "exact", "5", 1, "municipality")),
        ("45302000", ("70.50", "58.75", "few", "5", 3, "subject")),
        ("46000000", ("90.00", "75.00", "exact", "5", 3, "district")),
        ("центральный федеральный округ", ("90.00", "75.00", "exact", "5", 3, "district")),
        ("01512000", ("120.00", "100.00", "exact", "5", 3, "offer")),
    ],
)
def test_N2_O18_a_buyer_sees_the_most_specific_price_of_the_place(house, load, price_list, code, seen):
    load(price_list(REGIONS))
    card = steps.offer(house, shop="main", supplier="a", sku="A", region=code)
    names = ("price", "price_without_vat", "availability", "quantity", "delivery_days")
    assert (*(card[name] for name in names), card["effective_for"]["from"]) == seen
    assert len(card["regions"]) == 3


def test_N2_the_command_shows_the_place_and_the_range_of_prices(run, load, price_list):
    load(price_list(REGIONS))
    code, out, _ = run("offer", "A", "--supplier", "a", "--region", "45302000", "--json")
    assert code == 0
    card = json.loads(out)
    place = {"code": "45302000", "level": "municipality", "name": "муниципальный округ Вешняки", "from": "subject"}
    assert (card["price"], card["effective_for"]) == ("70.50", place)
    _, out, _ = run("offer", "A", "--supplier", "a", "--region", "45302000")
    assert "for: 45302000 муниципальный округ Вешняки (from: subject)\n" in out
    assert "regional prices: 60.00–90.00\n" in out
    assert "\nprice: 70.50\n" in out
    _, out, _ = run("offer", "A", "--supplier", "a")
    assert "\nprice: 120.00\n" in out
    assert "for: " not in out
    assert "regional prices: 60.00–90.00\n" in out


def test_N2_an_unknown_place_is_wrong_use_and_says_what_fits(run, house, load, price_list):
    load(price_list(REGIONS))
    code, out, err = run("offer", "A", "--supplier", "a", "--region", "Москва")
    assert (code, out) == (1, "")
    assert "45000000 is Moscow" in err
    with pytest.raises(OperatorError, match="no offer 'b'"):
        steps.offer(house, shop="main", supplier="a", sku="B", region="45000000")


def counted(outcome):
    return tuple(outcome.counts[name] for name in ("created", "changed", "unchanged"))


def test_O17_codes_outlast_a_file_that_does_not_name_them(house, load, price_list):
    def card():
        return steps.offer(house, shop="main", supplier="a", sku="A")

    assert counted(load(price_list(CODES))) == (1, 0, 0)
    assert counted(load(price_list())) == (0, 0, 1)
    assert counted(load(price_list())) == (0, 0, 1)
    assert card()["position_codes"] == ["100200", "100201"]
    assert card()["analog_codes"] == ["77"]
    assert counted(load(price_list("<idToImport>300</idToImport>"))) == (0, 1, 0)
    assert card()["history"][0]["fields"] == ["position_codes"]
    assert (card()["position_codes"], card()["analog_codes"]) == (["300"], ["77"])
    assert counted(load(price_list("<idToImport></idToImport>", price="130"))) == (0, 1, 0)
    assert card()["history"][0]["fields"] == ["price", "price_without_vat"]
    assert (card()["price"], card()["position_codes"], card()["analog_codes"]) == ("130.00", ["300"], ["77"])
    assert counted(load(price_list(price="130"))) == (0, 0, 1)


def test_O17_the_snapshot_tells_how_many_offers_kept_codes(house, load, price_list):
    load(price_list(CODES))
    load(price_list())
    steps.write_snapshot(house)
    rows = steps.query_snapshot(house, "SELECT bindings_kept FROM loads ORDER BY id")
    assert rows == [{"bindings_kept": 0}, {"bindings_kept": 1}]


def test_O17_the_report_says_that_codes_were_kept(house, load, price_list):
    load(price_list(CODES))
    for _ in range(2):
        outcome = load(price_list())
        report = json.loads("".join(steps.report_json(house, outcome.load_id)))
        kept = [issue["sent"] for issue in report["issues"] if issue["code"] == "bindings_kept"]
        assert kept == ["1"]
        assert report["counts"]["infos"] == sum(issue["severity"] == "info" for issue in report["issues"])


def test_O16_a_shop_that_hides_unbound_goods_stores_them(house, load, price_list):
    def visible():
        return steps.offer(house, shop="main", supplier="a", sku="A")["visible"]

    assert counted(load(price_list())) == (1, 0, 0)
    assert visible()
    assert counted(load(price_list(), show_unbound="false")) == (0, 0, 1)
    assert not visible()
    assert counted(load(price_list(), show_unbound="true")) == (0, 0, 1)
    assert visible()


def test_N2_the_snapshot_and_the_card_agree_on_every_place(house, load, price_list):
    load(price_list(REGIONS))
    steps.write_snapshot(house)
    terms = ("price", "price_without_vat", "availability", "quantity", "delivery_days")
    for code in ("45301000", "45301000001", "45000000", "46000000", "ЦФО", "СЗФО", "78000000"):
        card = steps.offer(house, shop="main", supplier="a", sku="A", region=code)
        (row,) = steps.query_snapshot(house, f"SELECT * FROM price_in('{code}')")
        seen = [str(row[name]) if name != "quantity" else f"{row[name].normalize():f}" for name in terms]
        assert seen == [str(card[name]) for name in terms], code
    assert steps.query_snapshot(house, "SELECT * FROM price_in('nowhere')") == []
    (regions,) = steps.query_snapshot(house, "SELECT count(*) AS n, count(DISTINCT code) AS distinct_n FROM regions")
    assert regions["n"] == regions["distinct_n"] > 2000
