"""Feeds of real suppliers, as their owners published them, each under the settings it needs.

Plain Yandex feeds carry neither unit nor VAT; some shops do not ask for a vendor or a description. The table says for
each file what its link would be set to, how it must end, and how many offers are read, accepted and rejected. Numbers
were checked against an independent count of ids, names and prices over the files.
"""

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

FEEDS = Path(__file__).resolve().parents[3] / "shared" / "feeds"
pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="real feeds stay out of the repository")

YANDEX = {"default_unit": "796", "default_vat": "20"}
BARE = {**YANDEX, "required_fields": ""}
PRICES = {**BARE, "name_fallback": "sku", "actualize": True}

# files in the order they are loaded | settings | status, reason, read, accepted, rejected of the last one
TABLE = [
    (["yml/clean_utf8.yml"], YANDEX, ("processed", None, 2004, 1998, 6)),  # 6 without a description
    (["yml/declares_utf8_is_cp1251.yml"], YANDEX, ("processed", None, 2035, 2033, 2)),
    # 42 ids over 20 characters, 10 without a price, one SKU with two goods, one with the same good twice
    (["yml/duplicate_and_long_ids_cp1251.yml"], BARE, ("processed", None, 1963, 1908, 55)),
    (["yml/medical_week_1.xml"], BARE, ("processed", None, 1172, 1172, 0)),
    (["yml/medical_week_1.xml", "yml/medical_week_2.xml"], BARE, ("processed", None, 1107, 1107, 0)),
    (["yml/price_and_stock_only.xml"], PRICES, ("processed", None, 2959, 2957, 2)),
    (
        ["yml/price_and_stock_only.xml", "yml/price_and_stock_only_shrunk.xml"],
        PRICES,
        ("held", None, 202, 200, 2),
    ),
    (["yml/root_not_closed.yml"], BARE, ("rejected", "xml_truncated", 0, 0, 0)),
    (["yml/raw_html_in_description.yml"], BARE, ("rejected", "xml_malformed", 0, 0, 0)),
    ([f"series/{n}.yml" for n in range(1, 6)], BARE, ("processed", None, 142, 142, 0)),
]


def remarks(house, load):
    """What is said of the file itself; what compares it with the catalog or with its past differs from load to load."""
    rows = pq.read_table(io.BytesIO(house.store.get_bytes(f"loads/{load}/issues.parquet"))).to_pylist()
    assert rows
    return [row for row in rows if not row["code"].startswith("load_") and row["code"] != "price_jump_held"]


@pytest.mark.parametrize(("files", "settings", "expected"), TABLE, ids=lambda v: v[-1] if isinstance(v, list) else "")
def test_a_real_feed_ends_as_the_rules_say(house, load, files, settings, expected):
    assert files
    for file in files:
        outcome = load(FEEDS / file, **settings)
        counts = outcome.counts
        assert counts["read"] == counts["accepted"] + counts["rejected"]
        published = counts["created"] + counts["changed"] + counts["restored"] + counts["unchanged"]
        assert published == counts["accepted"]
    assert (outcome.status, outcome.reason, counts["read"], counts["accepted"], counts["rejected"]) == expected
    again = load(FEEDS / files[-1], **settings)
    assert again.status == outcome.status
    for name in ("raw_offers", "offers", "rejected") if counts["read"] else ():
        first, second = (house.store.get_bytes(f"loads/{n}/{name}.parquet") for n in (outcome.load_id, again.load_id))
        assert first == second, f"{name} differs between two loads of the same bytes"
    if counts["read"]:
        first, second = (remarks(house, n) for n in (outcome.load_id, again.load_id))
        assert first == second
    assert (again.counts["created"], again.counts["changed"], again.counts["restored"]) == (0, 0, 0)
    assert again.counts["unchanged"] == again.counts["accepted"]


def test_the_shrunk_price_list_hides_nothing_until_someone_decides(house, load):
    first = load(FEEDS / "yml/price_and_stock_only.xml", **PRICES)
    second = load(FEEDS / "yml/price_and_stock_only_shrunk.xml", **PRICES)
    with house.database.connect() as conn:
        (visible,) = conn.execute("SELECT count(*) FROM visible_offers").fetchone()
        (held,) = conn.execute("SELECT held FROM loads WHERE id = %s", [second.load_id]).fetchone()
    assert second.counts["hidden"] == 0
    assert visible == first.counts["created"] + second.counts["created"]
    assert held["would_hide"] == first.counts["created"] - second.counts["changed"] - second.counts["unchanged"]
    assert held["would_hide"] > 2500


def test_a_series_of_one_supplier_follows_its_file(house, load):
    """With actualisation the catalog shows exactly what the last good file offers."""
    settings = {**BARE, "actualize": True, "hold_hidden_count": 1000}
    for n in range(1, 6):
        outcome = load(FEEDS / f"series/{n}.yml", **settings)
        with house.database.connect() as conn:
            (visible,) = conn.execute("SELECT count(*) FROM visible_offers").fetchone()
        assert outcome.status == "processed"
        assert visible == outcome.counts["accepted"]
    assert outcome.counts["hidden"] > 0


def test_a_whole_rejection_leaves_the_catalog_alone(house, load, catalog_dump):
    load(FEEDS / "series/1.yml", **BARE, actualize=True)
    before = catalog_dump()
    assert before["offers"]
    for broken in ("yml/root_not_closed.yml", "yml/raw_html_in_description.yml"):
        assert load(FEEDS / broken, **BARE, actualize=True).status == "rejected"
    assert catalog_dump() == before
