"""CommerceML files that hold changes only, from the file to the catalog: what is not sent stays, nothing is hidden."""

import json

import pytest

from pipelines import steps
from pipelines.parse import short_key
from pipelines.registry import Decider

PRICE_TYPE = (
    "<ТипыЦен><ТипЦены><Ид>t</Ид><Наименование>Опт</Наименование><Валюта>руб</Валюта>"
    "<Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог></ТипЦены></ТипыЦен>"
)
TERMS = "<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу></Цена></Цены>"


def card(key, article="", **more):
    """A Товар with everything the loading rules ask for."""
    tags = {"Артикул": article, "Наименование": f"Товар {key}", "Описание": "Описание", "ТорговаяМарка": "Завод"} | more
    sent = "\n".join(f"<{tag}>{value}</{tag}>" for tag, value in tags.items() if value)
    return (
        f'<Товар><Ид>{key}</Ид>\n{sent}\n<БазоваяЕдиница Код="796" НаименованиеПолное="Штука">шт</БазоваяЕдиница>'
        "<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога>"
        "</СтавкиНалогов></Товар>"
    )


def terms(key, price=None, quantity=None):
    """A Предложение that says no more than that."""
    sent = TERMS.format(price) if price is not None else ""
    sent += f"<Количество>{quantity}</Количество>" if quantity is not None else ""
    return f"<Предложение><Ид>{key}</Ид>{sent}</Предложение>"


@pytest.fixture
def exchange(tmp_path):
    """Write a CommerceML file and give its path."""

    def write(offers, goods=(), *, changes=False):
        only = f'СодержитТолькоИзменения="{str(changes).lower()}"'
        catalog = f"<Каталог {only}><Ид>k</Ид><Товары>{''.join(goods)}</Товары></Каталог>" if goods else ""
        path = tmp_path / "exchange.xml"
        path.write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.04">'
            f"{catalog}\n<ПакетПредложений {only}>{PRICE_TYPE}<Предложения>{''.join(offers)}</Предложения>"
            "</ПакетПредложений></КоммерческаяИнформация>",
            encoding="utf-8",
        )
        return path

    return write


@pytest.fixture
def full(exchange):
    """A file of three goods; only A may be told apart by its price and quantity."""

    def write(price=100, quantity=5):
        offers = [terms("a", price, quantity), terms("b", 200, 6), terms("c", 300, 7)]
        return exchange(offers, [card("a", "A"), card("b", "B"), card("c", "C")])

    return write


@pytest.fixture
def shown(house):
    """What the catalog shows of an offer."""

    def show(sku, supplier="a"):
        found = steps.offer(house, shop="main", supplier=supplier, sku=sku)
        return found["name"], found["price"], found["quantity"], found["status"]

    return show


def counted(outcome):
    return {name: outcome.counts[name] for name in ("read", "created", "changed", "unchanged", "hidden")}


def report(house, outcome):
    return json.loads("".join(steps.report_json(house, outcome.load_id)))


def codes(house, outcome):
    return [issue["code"] for issue in report(house, outcome)["issues"]]


def test_a_missing_field_is_not_a_cleared_one_and_nothing_is_hidden(house, load, exchange, full, shown):
    assert counted(load(full(), actualize=True))["created"] == 3
    outcome = load(exchange([terms("a", price=110)], changes=True))
    assert counted(outcome) == {"read": 1, "created": 0, "changed": 1, "unchanged": 0, "hidden": 0}
    assert shown("A") == ("Товар a", "110.00", "5", "published")
    assert shown("B") == ("Товар b", "200.00", "6", "published")
    told = report(house, outcome)
    assert told["load"]["delta"] is True
    assert told["actualization"] == {"requested": True, "applied": False, "why_not": "delta"}
    steps.write_snapshot(house)
    rows = steps.query_snapshot(house, "SELECT delta FROM loads ORDER BY id")
    assert rows == [{"delta": False}, {"delta": True}]


def test_changes_follow_each_other(load, exchange, full, shown):
    load(full())
    load(exchange([terms("a", price=110)], changes=True))
    load(exchange([terms("b", quantity=0)], changes=True))
    outcome = load(exchange([terms("a", quantity=9), terms("b", price=210)], changes=True))
    assert counted(outcome)["changed"] == 2
    assert shown("A") == ("Товар a", "110.00", "9", "published")
    assert shown("B")[1:3] == ("210.00", "0")
    assert counted(load(exchange([terms("a", quantity=9)], changes=True)))["unchanged"] == 1


def test_a_full_file_after_changes_stands_by_itself_and_hides_what_it_lacks(load, exchange, full, shown):
    load(full(), actualize=True)
    load(exchange([terms("a", price=110), terms("c", price=310)], changes=True))
    outcome = load(exchange([terms("a", 100), terms("b", 200, 6)], [card("a", "A"), card("b", "B")]))
    assert counted(outcome) == {"read": 2, "created": 0, "changed": 1, "unchanged": 1, "hidden": 1}
    assert shown("A")[1:3] == ("100.00", None)
    assert shown("C")[1:] == ("310.00", "7", "hidden")
    load(exchange([terms("c", price=320)], changes=True))
    with pytest.raises(Exception, match="no offer"):
        shown(short_key("c"))
    assert shown("C")[1:] == ("310.00", "7", "hidden")


def test_goods_that_are_new_in_a_file_of_changes_are_published_if_complete(house, load, exchange, full, shown):
    load(full())
    outcome = load(exchange([terms("d", 400, 8), terms("e", 500)], [card("d", "D")], changes=True))
    assert (outcome.counts["accepted"], outcome.counts["rejected"], outcome.counts["created"]) == (1, 1, 1)
    assert shown("D") == ("Товар d", "400.00", "8", "published")
    assert "changes_of_unknown" in codes(house, outcome)
    load(exchange([terms("e", quantity=1)], [card("e", "E")], changes=True))
    assert shown("E") == ("Товар e", "500.00", "1", "published")


def test_changes_without_a_full_file_before_are_told_of(house, load, exchange):
    outcome = load(exchange([terms("a", price=110)], changes=True))
    assert outcome.status == "rejected"
    assert "changes_without_base" in codes(house, outcome)


def test_O1_a_card_without_its_article_is_still_the_same_offer(load, exchange, full, shown):
    load(full())
    outcome = load(exchange([terms("a", 110)], [card("a", Наименование="Новое имя")], changes=True))
    assert counted(outcome)["changed"] == 1
    assert shown("A") == ("Новое имя", "110.00", "5", "published")


def test_O1_an_article_once_made_of_the_key_is_kept_when_one_is_sent_later(load, exchange, shown):
    load(exchange([terms("x", 100, 1)], [card("x")]))
    assert shown(short_key("x"))[1] == "100.00"
    outcome = load(exchange([terms("x", 120, 1), terms("y", 5, 1)], [card("x", "X-1"), card("y", "Y-1")]))
    assert counted(outcome) == {"read": 2, "created": 1, "changed": 1, "unchanged": 0, "hidden": 0}
    assert shown(short_key("x"))[1] == "120.00"
    assert shown("Y-1")[1] == "5.00"


def test_P5_what_a_link_supplied_before_its_changes_stays_when_another_link_actualises(
    house, exchange, full, feed, serve, tmp_path, shown
):
    server = serve({"/full.xml": full().read_bytes(), "/other.xml": feed({"z": 1}).read_bytes()})
    links = tmp_path / "links.yaml"
    links.write_text(
        "shops: {main: {}}\nsuppliers: {a: {}}\nlinks:\n"
        f"- {{link: goods, supplier: a, shop: main, url: '{server.url}/full.xml'}}\n"
        f"- {{link: other, supplier: a, shop: main, url: '{server.url}/other.xml', settings: {{actualize: true}}}}\n",
        encoding="utf-8",
    )
    steps.apply_links(house, links)

    def hour(link):
        return steps.process(house, steps.poll(house, link).load_id)

    assert hour("goods").counts["created"] == 3
    for price in (110, 120):
        server.files["/full.xml"] = exchange([terms("a", price=price)], changes=True).read_bytes()
        assert hour("goods").counts["changed"] == 1
    outcome = hour("other")
    assert (outcome.counts["created"], outcome.counts["hidden"]) == (1, 0)
    assert [shown(sku)[3] for sku in "ABC"] == ["published"] * 3


def test_P1_a_load_that_died_before_its_manifest_does_it_again(house, load, exchange, full, shown, monkeypatch):
    load(full())
    put_bytes = type(house.store).put_bytes

    def dies(store, key, data):
        if key.endswith("transform.json"):
            msg = "killed"
            raise RuntimeError(msg)
        put_bytes(store, key, data)

    monkeypatch.setattr(type(house.store), "put_bytes", dies)
    with pytest.raises(RuntimeError, match="killed"):
        load(exchange([terms("a", price=110)], changes=True))
    monkeypatch.undo()
    assert shown("A")[1] == "100.00"
    assert counted(load(exchange([terms("a", price=110)], changes=True)))["changed"] == 1
    assert counted(load(exchange([terms("a", quantity=1)], changes=True)))["changed"] == 1
    assert shown("A") == ("Товар a", "110.00", "1", "published")


def test_P10_changes_that_were_rolled_back_are_no_base_for_the_next(house, load, exchange, full, shown):
    load(full())
    bad = load(exchange([terms("a", price=150)], changes=True))
    steps.rollback(house, bad.load_id, Decider("anna", "не те цены"))
    load(exchange([terms("a", quantity=1)], changes=True))
    assert shown("A") == ("Товар a", "100.00", "1", "published")


def test_a_dry_run_of_changes_shows_and_leaves_no_base(load, exchange, full, shown):
    load(full())
    assert counted(load(exchange([terms("a", price=150)], changes=True), dry_run=True))["changed"] == 1
    load(exchange([terms("a", quantity=1)], changes=True))
    assert shown("A") == ("Товар a", "100.00", "1", "published")
