"""Goods as files: what is exported loads again to the same cards; filters and statistics of the manual."""

import csv
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from pipelines import steps
from pipelines.errors import OperatorError
from pipelines.model import OFFER_FIELDS, OfferStatus
from pipelines.publish import Assignments

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<yml_catalog date="2026-11-22 05:00"><shop><offers>
<offer id="kab100" available="count"><name>Кабель «ВВГнг» 3х2,5; &amp; &lt;ГОСТ&gt;</name><price>122.00</price>
  <vat>22</vat><description><![CDATA[<p>Медный кабель</p><ul><li>негорючий</li></ul>]]></description>
  <vendor>Завод</vendor><vendorCode>ВВГ-325</vendorCode><model>ВВГнг</model><unitOkei>006</unitOkei>
  <quantity>1500.5</quantity><delivery_time>14</delivery_time><categoryId>10</categoryId>
  <picture>https://x.example/1.jpg</picture><picture>https://x.example/2.jpg?a=1&amp;b=2</picture>
  <weight>0.12</weight><dimensions>10.5/20/30</dimensions>
  <param name="Сечение" unit="мм2">2.5</param><param name="Цвет">чёрный</param><param name="Цвет">белый</param>
  <idToImport>100200, 100201</idToImport><analogGID>G1</analogGID>
  <regions><region id="ЦФО"><price>130.00</price></region>
    <region id="45000000"><available>few</available><quantity>7</quantity><delivery_time>0</delivery_time></region>
  </regions></offer>
<offer id="per200"><name>=HYPERLINK("http://evil.example")</name><price_without_nds>100.00</price_without_nds>
  <nds>NO_VAT</nds><description>+7 (495) 000-00-00</description><vendor>@vendor</vendor><units>ведёрко</units>
  <available>many</available><param name="-1">-5</param></offer>
<offer id="krs300"><name>Кресло</name><price>12000.00</price><price_without_nds>9836.07</price_without_nds><vat>22</vat>
  <description>Кресло</description><vendor>'=Фабрика</vendor><unitOkei>796</unitOkei><units>шт</units>
  <currencyId>USD</currencyId><available>finished</available><quantity>0</quantity></offer>
<offer id="req400"><name>По запросу</name><vat>20</vat><description>Станок</description><vendor>Завод</vendor>
  <unitOkei>796</unitOkei><available>order</available><stock_class>on_request</stock_class></offer>
<offer id="shop500"><name>С РРЦ</name><price>100</price><rrp>90.50</rrp><vat>20</vat><description>Чайник</description>
  <vendor>Завод</vendor><unitOkei>796</unitOkei><available>many</available><quantity>3</quantity>
  <stock_class>online_store</stock_class></offer>
<offer id="reg600"><name>Только регион</name><vat>20</vat><description>Песок</description><vendor>Карьер</vendor>
  <unitOkei>168</unitOkei><available>many</available>
  <regions><region id="ЦФО"><price_without_nds>10.00</price_without_nds></region></regions></offer>
</offers></shop></yml_catalog>
"""
ROOT = Path(__file__).parents[2]
CARD = [field.name for field in OFFER_FIELDS]


@pytest.fixture
def goods(load, tmp_path):
    """The goods of FEED, published for supplier `a`."""
    path = tmp_path / "goods.xml"
    path.write_text(FEED, encoding="utf-8")
    outcome = load(path)
    assert outcome.counts["accepted"] == 6
    return outcome


@pytest.fixture
def cards(house):
    """The published fields of all goods of a supplier, by key."""

    def read(supplier: str) -> dict[str, dict[str, object]]:
        with house.database.connect() as conn:
            rows = conn.execute(f"SELECT {', '.join(CARD)} FROM offers WHERE supplier_id = %s", [supplier]).fetchall()
        return {row[0]: dict(zip(CARD, row, strict=True)) for row in rows}

    return read


def exported(house, path, form="csv", **filters):
    return steps.export_offers(house, steps.select("main", "a", **filters), path, form)


@pytest.mark.parametrize("form", ["csv", "xlsx", "yml"])
def test_an_exported_file_loads_again_to_the_same_cards(goods, house, load, cards, tmp_path, form):
    path = tmp_path / f"offers.{form}"
    done = exported(house, path, form)
    assert (done.offers, done.lossy) == (6, 0)
    outcome = load(path, supplier="b")
    assert outcome.counts["accepted"] == 6
    assert cards("b") == cards("a")
    # For the supplier itself it is a file in which nothing differs.
    again = load(path)
    assert (again.counts["unchanged"], again.counts["changed"]) == (6, 0)


def test_P9_an_exported_card_that_was_edited_by_hand_keeps_the_edit(goods, house, load, cards, tmp_path):
    steps.set_offers(
        house, steps.select("main", "a", skus=["kab100"]), Assignments.parse(["price=61", "vendor=Другой"]), who="x"
    )
    path = tmp_path / "offers.yml"
    exported(house, path, "yml")
    load(path)
    assert (cards("a")["kab100"]["price"], cards("a")["kab100"]["vendor"]) == (Decimal("61.00"), "Другой")


def test_no_cell_of_the_csv_is_a_formula_and_excel_opens_it(goods, house, tmp_path):
    path = tmp_path / "offers.csv"
    exported(house, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "Код региона 2" in rows[0]
    assert "Название характеристики 2" in rows[0]
    assert rows[0][0] == "Идентификатор продукта"


def test_all_cells_of_the_workbook_are_text(goods, house, tmp_path):
    path = tmp_path / "offers.xlsx"
    exported(house, path, "xlsx")
    sheet = openpyxl.load_workbook(path).active
    assert sheet.freeze_panes == "A2"
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert '=HYPERLINK("http://evil.example")' in {cell.value for row in sheet.iter_rows() for cell in row}


def test_O1_a_table_cannot_carry_every_sku_and_says_so(house, feed, load, tmp_path):
    load(feed({"kab1": 1, "A-1": 2, "Ы": 3}))
    assert exported(house, tmp_path / "o.csv").lossy == 2
    assert exported(house, tmp_path / "o.yml", "yml").lossy == 0


def test_a_failed_export_leaves_what_was_there(goods, house, tmp_path):
    path = tmp_path / "absent" / "offers.csv"
    with pytest.raises(OperatorError, match="cannot write"):
        exported(house, path)
    kept = tmp_path / "offers.csv"
    kept.write_text("kept", encoding="utf-8")
    with pytest.raises(OperatorError, match="no offer"):
        exported(house, kept, skus=["nothing"])
    assert kept.read_text(encoding="utf-8") == "kept"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_characters_that_xml_cannot_hold_are_left_out_of_yml(goods, house, load, cards, tmp_path):
    with house.database.connect() as conn:
        conn.execute("UPDATE offers SET name = E'Кре\\x01сло\\x0b' || chr(65535) WHERE sku = 'krs300'")
    path = tmp_path / "offers.yml"
    exported(house, path, "yml")
    load(path, supplier="b")
    assert cards("b")["krs300"]["name"] == "Кресло"


FILTERED = [
    ({}, ["kab100", "krs300", "per200", "reg600", "req400", "shop500"]),
    ({"search": "КРЕСЛО"}, ["krs300"]),
    ({"search": "negorючий"}, []),
    ({"search": "Негорючий"}, ["kab100"]),
    ({"search": "300"}, ["krs300"]),
    ({"search": "%"}, []),
    ({"search": "_"}, []),
    ({"bound_position": True}, ["kab100"]),
    ({"bound_position": False, "search": "кабель"}, []),
    ({"bound_category": True}, ["per200"]),
    ({"bound_category": False, "search": "evil"}, []),
    ({"category": "77"}, ["per200"]),
    ({"price_from": Decimal(12000)}, ["krs300"]),
    ({"price_from": Decimal("12000.01")}, []),
    ({"price_from": Decimal(125), "price_to": Decimal(1000)}, ["kab100"]),  # a region's price counts
    ({"price_to": Decimal(12)}, ["reg600"]),
    ({"status": OfferStatus.HIDDEN}, ["req400"]),
    ({"status": OfferStatus.PUBLISHED, "search": "Завод"}, []),
    ({"skus": ["KAB100", "per200"], "bound_position": True}, ["kab100"]),
]


def test_filters_of_the_manual(goods, house, tmp_path):
    steps.mark_offers(house, steps.select("main", "a", skus=["req400"]), "hide", who="x")
    with house.database.connect() as conn:
        conn.execute("UPDATE offers SET category_id = '77' WHERE sku = 'per200'")
    path = tmp_path / "offers.csv"
    for filters, skus in FILTERED:
        done = exported(house, path, **filters)
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = [row["Идентификатор продукта"] for row in csv.DictReader(file, delimiter=";")]
        assert (found, done.offers) == (skus, len(skus)), filters


def test_filters_keep_to_the_supplier_and_the_shop(house, feed, load, tmp_path):
    load(feed({"one": 1}))
    load(feed({"two": 1}), supplier="b")
    assert exported(house, tmp_path / "o.csv").offers == 1
    steps.mark_offers(house, steps.select("main", "a"), "hide", who="x")
    assert steps.offer_statistics(house, "main", "b")["published"] == 1


def test_statistics_as_the_platform_shows_them(goods, house):
    with house.database.connect() as conn:
        conn.execute("UPDATE offers SET category_id = '77' WHERE sku IN ('per200', 'krs300')")
    for command, sku in (("hide", "krs300"), ("draft", "reg600")):
        steps.mark_offers(house, steps.select("main", "a", skus=[sku]), command, who="x")
    assert steps.offer_statistics(house, "main", "a") == {
        "published": 4,
        "bound_to_categories": 1,
        "not_bound_to_categories": 3,
        "bound_to_positions": 1,
        "not_bound_to_positions": 3,
        "hidden": 2,
        "drafts": 1,
        "visible": 4,
        "orderable": 3,  # not what is sold at a price on request
    }
    with house.database.connect() as conn:
        conn.execute("UPDATE shops SET options = '{\"show_unbound\": false}'")
    assert steps.offer_statistics(house, "main", "a")["visible"] == 1
    with pytest.raises(OperatorError, match="does not know supplier nobody"):
        steps.offer_statistics(house, "main", "nobody")


def test_O9_what_is_sold_out_stays_visible_and_cannot_be_ordered_but_elsewhere_it_can(house, load, tmp_path):
    offers = "".join(
        f'<offer id="{sku}"><name>Т</name><price>10</price><vat>20</vat><description>О</description><vendor>З</vendor>'
        f"<unitOkei>796</unitOkei><available>finished</available>{regions}</offer>"
        for sku, regions in (
            ("gone", ""),
            ("there", '<regions><region id="ЦФО"><available>many</available></region></regions>'),
        )
    )
    path = tmp_path / "f.xml"
    path.write_text(f"<yml_catalog><shop><offers>{offers}</offers></shop></yml_catalog>", encoding="utf-8")
    load(path)
    seen = {
        (sku, region): (card["visible"], card["orderable"])
        for sku in ("gone", "there")
        for region in (None, "ЦФО", "СЗФО")
        for card in [steps.offer(house, shop="main", supplier="a", sku=sku, region=region)]
    }
    assert seen == {
        ("gone", None): (True, False),
        ("gone", "ЦФО"): (True, False),
        ("gone", "СЗФО"): (True, False),
        ("there", None): (True, True),
        ("there", "ЦФО"): (True, True),
        ("there", "СЗФО"): (True, False),
    }


EXPORT_AND_MEASURE = """
import resource, sys
from pathlib import Path
import lxml.etree, xlsxwriter
from pipelines.database import Database
from pipelines.publish import Selection, export

folder, sku = Path(sys.argv[2]), ("one",) if sys.argv[3] == "one" else None
with Database(sys.argv[1]).connect() as conn:
    for form in ("csv", "xlsx", "yml"):
        done = export(conn, Selection("main", "a", sku_keys=sku), folder / f"o.{form}", form)
print(done.offers, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_goods(house, load, feed, tmp_path):
    """60 MB of descriptions leave through a few."""
    load(feed({"one": 10}))
    with house.database.connect() as conn:
        others = ", ".join(f.name for f in OFFER_FIELDS if f.name not in {"sku", "description"})
        conn.execute(
            f"INSERT INTO offers (shop_id, supplier_id, sku_key, sku, description, status, content_hash, load_id,"
            f" first_seen_at, changed_at, {others})"
            " SELECT shop_id, supplier_id, n, n, repeat('описание ', 600), status, content_hash, load_id,"
            f" first_seen_at, changed_at, {others} FROM offers, generate_series(1, 6000) AS n"
        )

    def measured(which: str) -> tuple[int, int]:
        arguments = [sys.executable, "-c", EXPORT_AND_MEASURE, house.database.catalog_url, str(tmp_path), which]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=ROOT)
        offers, megabytes = done.stdout.split()
        return int(offers), int(megabytes)

    (one, floor), (offers, peak) = measured("one"), measured("all")
    assert (one, offers) == (1, 6001)
    assert (tmp_path / "o.yml").stat().st_size > 60_000_000
    assert peak - floor < 30, f"{floor} MB for one offer, {peak} MB for all"


def test_the_command_writes_into_this_folder_and_notes_what_a_table_cannot_carry(
    house, feed, load, tmp_path, monkeypatch
):
    from click.testing import CliRunner

    from pipelines.cli import cli

    load(feed({"kab1": 1, "A-1": 2}))
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["offers", "export", "--supplier", "a", "--price-to", "5"])
    assert (result.exit_code, result.stdout) == (0, "2 offers in offers.csv\n")
    assert "cannot carry 1 of them" in result.stderr
    result = CliRunner().invoke(cli, ["offers", "export", "--supplier", "a", "--format", "yml", "--out", "a.xml"])
    assert (result.stdout, result.stderr) == ("2 offers in a.xml\n", "")
