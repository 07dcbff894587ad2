"""Real CommerceML exchanges, loaded as a supplier's folders of files; what is compared is read anew by plain lxml."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

FEEDS = Path(__file__).resolve().parents[3] / "shared" / "feeds" / "commerceml"
pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="real feeds stay out of the repository")

# These shops send neither descriptions nor vendors nor VAT.
BARE = {"default_vat": "20", "required_fields": ""}
RETAIL = {**BARE, "price_type": "37c47a93-e1b8-11ec-a301-04421a23d8e8"}

# Of 2016: 8 empty prices, 4 zeros, one article of two goods; of 2017: 16, 4 and the same one. Offers without their
# catalogue have no articles, so no two share one. Of 3.1 one product is described, priced and counted.
# folder or file | settings | status, reason, read, accepted, rejected
TABLE = [
    ("2.04-2016", BARE, ("processed", None, 1426, 1412, 14)),
    ("2.04-2017", BARE, ("processed", None, 1571, 1549, 22)),
    ("3.1", RETAIL, ("processed", None, 9, 1, 8)),
    ("3.1", BARE, ("rejected", "price_type_not_chosen", 0, 0, 0)),
    ("2.04-2016/import.xml", BARE, ("rejected", "no_offers", 0, 0, 0)),
    ("2.04-2016/offers.xml", BARE, ("processed", None, 1426, 1414, 12)),
    ("2.04-2017/import.xml", BARE, ("rejected", "no_offers", 0, 0, 0)),
    ("2.04-2017/offers.xml", BARE, ("processed", None, 1571, 1551, 20)),
    ("3.1/goods.xml", BARE, ("rejected", "no_offers", 0, 0, 0)),
    ("3.1/offers.xml", BARE, ("rejected", "all_offers_rejected", 3, 0, 3)),
    ("3.1/prices.xml", BARE, ("rejected", "price_type_not_chosen", 0, 0, 0)),
    ("3.1/prices.xml", RETAIL, ("rejected", "all_offers_rejected", 4, 0, 4)),
    ("3.1/rests.xml", BARE, ("rejected", "all_offers_rejected", 5, 0, 5)),
    ("3.1/units.xml", BARE, ("rejected", "no_offers", 0, 0, 0)),
    ("3.1/propertiesGoods.xml", BARE, ("rejected", "no_offers", 0, 0, 0)),
]


@pytest.mark.parametrize(("source", "settings", "expected"), TABLE)
def test_a_real_exchange_ends_as_the_rules_say(load, source, settings, expected):
    outcome = load(FEEDS / source, **settings)
    counts = outcome.counts
    assert (outcome.status, outcome.reason, counts["read"], counts["accepted"], counts["rejected"]) == expected
    published = counts["created"] + counts["changed"] + counts["restored"] + counts["unchanged"]
    assert published == counts["accepted"]


COUNTS_2017 = {"created": 137, "changed": 741, "unchanged": 671, "hidden": 0}


def shop(folder: Path) -> tuple[dict[str, tuple], set[str]]:
    """(article -> what buyers see of each offer that can be sold, all articles) as two files of one shop say it."""
    cards = {
        goods.findtext("Ид"): (
            goods.findtext("Артикул"),
            goods.findtext("Группы/Ид"),
            goods.find("БазоваяЕдиница").get("Код"),
        )
        for goods in etree.parse(folder / "import.xml").iter("Товар")
    }
    found: dict[str, list[tuple]] = {}
    for offer in etree.parse(folder / "offers.xml").iter("Предложение"):
        article, group, unit = cards[offer.findtext("Ид")]
        price = Decimal(offer.findtext("Цены/Цена/ЦенаЗаЕдиницу") or 0)
        name = " ".join(offer.findtext("Наименование").split())
        values = (name, group, unit, price, Decimal(offer.findtext("Количество")))
        found.setdefault(" ".join(article.lower().split()), []).append(values)
    return {key: each[0] for key, each in found.items() if len(each) == 1 and each[0][3] > 0}, found.keys()


@pytest.fixture
def follow(house, load):
    """Load an exchange over what is visible, and compare what came of it, offer by offer; the new state is returned."""

    def run(folder: Path, visible: dict[str, tuple]) -> tuple[dict[str, tuple], dict[str, set[str]]]:
        sent, named = shop(folder)
        outcome = load(folder, **BARE, actualize=True, hold_hidden_share="1")
        both = visible.keys() & sent.keys()
        expected = {
            "created": sent.keys() - visible.keys(),
            "changed": {article for article in both if visible[article] != sent[article]},
            "unchanged": {article for article in both if visible[article] == sent[article]},
            "hidden": visible.keys() - named,
        }
        # What is sent and cannot be sold keeps its last good version (P4).
        state = sent | {article: visible[article] for article in (visible.keys() & named) - sent.keys()}
        assert {kind: outcome.counts[kind] for kind in expected} == {kind: len(keys) for kind, keys in expected.items()}
        with house.database.connect() as conn:
            changes = conn.execute("SELECT kind, sku_key FROM changes WHERE load_id = %s", [outcome.load_id]).fetchall()
            rows = conn.execute(
                "SELECT sku_key, name, supplier_category_id, unit_okei, price, quantity FROM visible_offers"
            ).fetchall()
        written = ("created", "changed", "hidden")
        assert set(changes) == {(kind, article) for kind in written for article in expected[kind]}
        assert {article: tuple(values) for article, *values in rows} == state
        return state, expected

    return run


def test_two_moments_of_a_shop_differ_as_an_independent_comparison_says(follow, tmp_path):
    """P2, P5: a full exchange after another, with everything that is missing hidden."""
    state, _ = follow(FEEDS / "2.04-2016", {})
    state, difference = follow(FEEDS / "2.04-2017", state)
    assert {kind: len(keys) for kind, keys in difference.items()} == COUNTS_2017
    # 2017 has all that 2016 had. The other way round there is something to hide, once 2016 is not called changes.
    back = tmp_path / "back"
    back.mkdir()
    for name in ("import.xml", "offers.xml"):
        data = (FEEDS / "2.04-2016" / name).read_bytes()
        flag, cleared = (f'Изменения="{value}"'.encode("cp1251") for value in ("true", "false"))
        (back / name).write_bytes(data.replace(flag, cleared))
    _, way_back = follow(back, state)
    assert way_back["hidden"] == difference["created"]


def test_P6_a_file_that_calls_itself_changes_hides_nothing(house, load):
    """In 2016 the catalogue of the same shop says that it holds changes only, though it holds everything."""
    load(FEEDS / "2.04-2017", **BARE)
    outcome = load(FEEDS / "2.04-2016", **BARE, actualize=True, hold_hidden_share="1")
    assert (outcome.status, outcome.counts["hidden"]) == ("processed", 0)
    with house.database.connect() as conn:
        (actualization,) = conn.execute("SELECT actualization FROM loads WHERE id = %s", [outcome.load_id]).fetchone()
    assert (actualization["applied"], actualization["why_not"]) == (False, "delta")


def test_O1_a_short_key_is_kept_when_an_article_comes_later(house, load, tmp_path):
    def exchange(article: str) -> Path:
        path = tmp_path / "feed.xml"
        path.write_text(
            "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>g-1</Ид>"
            f"<Артикул>{article}</Артикул><Наименование>Стол</Наименование>"
            "<БазоваяЕдиница Код='796'>шт</БазоваяЕдиница></Товар></Товары></Каталог><ПакетПредложений><Предложения>"
            "<Предложение><Ид>g-1</Ид><Цены><Цена><ЦенаЗаЕдиницу>10</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"
            "</Предложения></ПакетПредложений></КоммерческаяИнформация>",
            encoding="utf-8",
        )
        return path

    assert load(exchange(""), **BARE).counts["created"] == 1
    later = load(exchange("A-1"), **BARE)
    assert (later.counts["created"], later.counts["changed"], later.counts["hidden"]) == (0, 1, 0)
    with house.database.connect() as conn:
        rows = conn.execute("SELECT external_id, length(sku), vendor_code FROM visible_offers").fetchall()
    assert rows == [("g-1", 16, "A-1")]
