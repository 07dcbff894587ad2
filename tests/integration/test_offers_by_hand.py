"""Work by hand on goods (P9): values and statuses, with history; what the next load makes of them."""

import json
from threading import Thread
from time import sleep

import pytest

from pipelines import registry, steps
from pipelines.cli import main
from pipelines.errors import OperatorError
from pipelines.model import OfferStatus
from pipelines.publish import Assignments

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="2026-11-22 05:00"><shop><offers>\n'
TAIL = "\n</offers></shop></yml_catalog>"
PLAIN = {
    "name": "Кабель",
    "description": "Медный",
    "vendor": "Завод",
    "price": "120.00",
    "vat": "20",
    "unitOkei": "796",
    "available": "many",
}


@pytest.fixture
def send(load, tmp_path):
    """Load a YML of offers (SKU -> tags beside the plain ones) for supplier `a`."""

    def run(offers: dict[str, dict[str, str]], *, extra: str = "", **settings: object) -> steps.Outcome:
        rows = "".join(
            f'<offer id="{sku}">{"".join(f"<{t}>{v}</{t}>" for t, v in (PLAIN | tags).items())}{extra}</offer>\n'
            for sku, tags in offers.items()
        )
        path = tmp_path / "feed.xml"
        path.write_text(HEAD + rows + TAIL, encoding="utf-8")
        return load(path, **settings)

    return run


@pytest.fixture
def run(house, monkeypatch, capfd):
    """Run a command; gives back exit code, stdout and stderr."""
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)

    def command(*arguments: object) -> tuple[int, str, str]:
        code = 0
        capfd.readouterr()
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return command


@pytest.fixture
def card(house):
    return lambda sku: steps.offer(house, shop="main", supplier="a", sku=sku)


@pytest.fixture
def change(house):
    """Set FIELD=VALUE on SKUs of supplier `a`."""

    def run(sku: str | list[str], *pairs: str, **filters: object):
        skus = [sku] if isinstance(sku, str) else sku
        selection = steps.select("main", "a", skus=skus, **filters)
        return steps.set_offers(house, selection, Assignments.parse(pairs), who="Иванов", why="звонок")

    return run


@pytest.fixture
def mark(house):
    def run(command: str, *skus: str, **filters: object):
        return steps.mark_offers(house, steps.select("main", "a", skus=skus, **filters), command, who="Иванов")

    return run


@pytest.fixture
def issues(house):
    """The issues of a load with a code, as (sku, sent, published)."""

    def read(outcome: steps.Outcome, code: str = "edit_overwritten") -> list[tuple[str, str, str]]:
        report = json.loads("".join(steps.report_json(house, outcome.load_id)))
        found = [i for i in report["issues"] if i["code"] == code]
        assert len(found) == report["counts"]["warnings"] or code != "edit_overwritten"
        return [(i["sku"], i["sent"], i["published"]) for i in found]

    return read


def values(card: dict, *names: str) -> list:
    return [card[name] for name in names]


def test_P9_a_field_is_set_with_history_and_by_whom(send, change, card, house):
    send({"A-1": {}})
    edited = change("a-1", "vendor=Другой завод", "name=Кабель медный")
    assert edited.offers == 1
    now = card("A-1")
    assert values(now, "vendor", "name", "price", "status") == ["Другой завод", "Кабель медный", "120.00", "published"]
    newest = now["history"][0]
    assert values(newest, "kind", "fields", "load", "edit", "who", "why") == [
        "edited",
        ["name", "vendor"],
        None,
        edited.edit,
        "Иванов",
        "звонок",
    ]
    assert newest["before"] == {"name": "Кабель", "vendor": "Завод"}
    assert newest["after"] == {"name": "Кабель медный", "vendor": "Другой завод"}
    with house.database.connect() as conn:
        (row,) = conn.execute('SELECT command, "values", selection, offers, who, why FROM edits').fetchall()
    assert row == (
        "set",
        {"name": "Кабель медный", "vendor": "Другой завод"},
        {"sku_keys": ["a-1"]},
        1,
        "Иванов",
        "звонок",
    )


def test_P9_many_offers_in_one_edit_by_skus_or_by_filters(send, change, card):
    send({"A-1": {}, "A-2": {"price": "200.00"}, "B-3": {"name": "Труба"}})
    assert change(["A-1", "A-2"], "delivery_days=7").offers == 2
    assert [card(sku)["delivery_days"] for sku in ("A-1", "A-2", "B-3")] == [7, 7, None]
    assert change([], "vendor_code=T-1", search="тРУБ").offers == 1
    assert card("B-3")["vendor_code"] == "T-1"


def test_P9_setting_what_is_so_already_is_no_edit(send, change, mark, card, house):
    send({"A-1": {}})
    before = card("A-1")
    assert change("A-1", "price=120", "vendor=Завод", "availability=many").edit is None
    assert mark("publish", "A-1").edit is None
    assert card("A-1") == before
    with house.database.connect() as conn:
        assert conn.execute("SELECT count(*) FROM edits").fetchone() == (0,)


# Values given together, and what is said of each.
REFUSED = [
    {
        "price=0": "не больше нуля",
        "vat_rate=19": "не принимается",
        "unit_okei=99999": "ни кода из ОКЕИ",
        "availability=сколько-то": "неизвестно",
        "currency=CNY": "принимаются также USD",
        "delivery_days=5000": "от 0 до 3650",
    },
    {
        "price=дорого": "не читается",
        "availability=exact": "нужно количество",
        "name=": "Не указано наименование",
        "vendor=": "Не указан производитель",
        "weight_kg=тонна": "Передавайте положительное число килограммов",
    },
    {
        "price=1.005": "округлена до копеек",
        "quantity=много": "не читается",
        f"name={'очень ' * 50}": "длиннее 255",
        "dimensions_cm=10x20": "в сантиметрах",
        "pictures=ftp://x.example/1.jpg": "Передавайте полный адрес",
        "stock_class=лучший": "Передайте один из классов",
    },
]


def test_P9_a_value_that_a_load_would_not_take_as_it_is_is_refused_and_says_what_fits(send, change, card):
    send({"A-1": {}})
    before = card("A-1")
    for complaints in REFUSED:
        with pytest.raises(OperatorError) as error:
            change("A-1", *complaints, "vendor_code=X")
        told = str(error.value)
        assert [line.split()[0] for line in told.splitlines()[1:]] == ["A-1:"] * len(complaints), told
        assert [complaint for complaint in complaints.values() if complaint not in told] == []
    assert card("A-1") == before


def test_P9_one_value_that_does_not_fit_one_offer_changes_none(send, change, card):
    send({"A-1": {}, "A-2": {"available": "count", "quantity": "3"}})
    with pytest.raises(OperatorError, match=r"A-1: .*нужно количество") as error:
        change(["A-1", "A-2"], "availability=exact", "vendor=Другой")
    assert "A-2" not in str(error.value)
    assert [card(sku)["vendor"] for sku in ("A-1", "A-2")] == ["Завод", "Завод"]


FOLLOWS = [
    (["price=60"], {"price": "60.00", "price_without_vat": "50.00", "price_derived": "price_without_vat"}),
    (["price_without_vat=50"], {"price": "60.00", "price_without_vat": "50.00", "price_derived": "price"}),
    (["price=60", "price_without_vat=50"], {"price": "60.00", "price_derived": None}),
    (["vat_rate=10"], {"price": "120.00", "price_without_vat": "109.09", "vat_rate": "10"}),
    (["vat_rate=без НДС"], {"price": "120.00", "price_without_vat": "120.00", "vat_rate": "NO_VAT"}),
    (["unit_okei=166"], {"unit_okei": "166", "unit_name": "кг"}),
    (["unit_name=кг."], {"unit_okei": "166", "unit_name": "кг"}),
    (["unit_name=ведёрко"], {"unit_okei": None, "unit_name": "ведёрко"}),
    (["availability=exact", "quantity=5"], {"availability": "exact", "quantity": "5"}),
    (["quantity=5"], {"availability": "exact", "quantity": "5"}),
    (["quantity=0"], {"availability": "out_of_stock", "quantity": "0"}),
    (["availability=под заказ"], {"availability": "on_order", "quantity": None}),
    (["availability=out_of_stock"], {"availability": "out_of_stock"}),
    (["position_codes=100, 200,100"], {"position_codes": ["100", "200"]}),
    (["pictures=https://x.example/1.jpg https://x.example/2.jpg"], {"pictures": ["https://x.example/1.jpg", "https://x.example/2.jpg"]}),
    (["weight_kg=1,5", "dimensions_cm=10/20.5/3"], {"weight_kg": "1.5", "dimensions_cm": ["10", "20.5", "3"]}),
    (["stock_class=on_request"], {"stock_class": "on_request", "price": None, "price_without_vat": None}),
    (["description="], {"description": None}),
]  # fmt: skip


def test_P9_values_bring_with_them_what_follows(send, change, card):
    send({f"A-{n}": {"vendorCode": "V"} for n in range(len(FOLLOWS))}, required_fields="vendor")
    for n, (pairs, expected) in enumerate(FOLLOWS):
        change(f"A-{n}", *pairs)
        now = card(f"A-{n}")
        assert {name: now[name] for name in expected} == expected, pairs
        assert (now["vendor_code"], now["status"]) == ("V", "published")


def test_O18_a_region_that_inherits_the_price_follows_it_and_one_with_its_own_keeps_it(send, change, card):
    regions = (
        '<regions><region id="ЦФО"><price>130.00</price></region>'
        '<region id="СЗФО"><available>count</available><quantity>3</quantity></region></regions>'
    )
    send({"A-1": {}}, extra=regions)
    change("A-1", "price=100.00")
    terms = {r["code"]: (r["price"], r["availability"], r["quantity"]) for r in card("A-1")["regions"]}
    assert terms == {"ЦФО": ("130.00", "many", None), "СЗФО": ("100.00", "exact", "3.000000")}


def test_an_older_card_that_lacks_what_the_shop_demands_now_can_be_edited_elsewhere(send, change, card, house):
    send({"A-1": {"vendor": ""}}, required_fields="description")
    with house.database.connect() as conn:
        conn.execute('UPDATE shops SET options = \'{"required_fields": ["vendor"]}\'')
    change("A-1", "name=Иначе")
    assert card("A-1")["name"] == "Иначе"
    with pytest.raises(OperatorError, match="Не указан производитель"):
        change("A-1", "vendor=")


def test_P9_the_next_load_overwrites_and_tells_what(send, change, card, issues):
    send({"A-1": {}, "A-2": {}})
    change("A-1", "vendor=Другой", "price=99")
    outcome = send({"A-1": {}, "A-2": {}, "A-3": {}})
    assert (outcome.counts["changed"], outcome.counts["unchanged"], outcome.counts["created"]) == (1, 1, 1)
    assert values(card("A-1"), "vendor", "price") == ["Завод", "120.00"]
    assert issues(outcome) == [
        ("A-1", "Производитель: Другой; Цена с НДС: 99.00", "Производитель: Завод; Цена с НДС: 120.00")
    ]
    again = send({"A-1": {"name": "Новое"}, "A-2": {}, "A-3": {}})
    assert issues(again) == []


def test_P9_numbers_and_lists_are_told_as_people_write_them(send, change, issues):
    send({"A-1": {}}, required_fields="vendor")
    change("A-1", "quantity=5", "dimensions_cm=1/2.50/3", "position_codes=1,2", "description=")
    labels = ("Описание (безопасный HTML)", "Количество", "Коды позиций закупщика", "Длина, ширина, высота, см")
    by_hand = (f"{label}: {value}" for label, value in zip(labels, ("нет", "5", "1, 2", "1/2.5/3"), strict=True))
    by_load = (f"{label}: {value}" for label, value in zip(labels, ("Медный", "7", "3", "нет"), strict=True))
    outcome = send({"A-1": {"quantity": "7", "available": "count", "idToImport": "3"}})
    assert issues(outcome) == [
        ("A-1", "; ".join(by_hand), "; ".join(by_load)),
    ]


def test_P9_what_the_file_now_says_too_is_not_called_overwritten(send, change, issues):
    send({"A-1": {}})
    change("A-1", "vendor=Другой", "price=99")
    outcome = send({"A-1": {"vendor": "Другой"}})
    assert issues(outcome) == [("A-1", "Цена с НДС: 99.00", "Цена с НДС: 120.00")]
    assert issues(send({"A-1": {"vendor": "Третий"}})) == []


def test_O17_position_codes_by_hand_outlast_a_file_that_sends_none(send, change, card, issues):
    send({"A-1": {}})
    change("A-1", "position_codes=100,200")
    assert issues(send({"A-1": {"name": "Иначе"}})) == []
    assert card("A-1")["position_codes"] == ["100", "200"]
    change("A-1", "position_codes=300")
    outcome = send({"A-1": {"idToImport": "400"}})
    labels = "Коды позиций закупщика"
    assert issues(outcome) == [("A-1", f"{labels}: 300", f"{labels}: 400")]
    change("A-1", "position_codes=")
    assert card("A-1")["position_codes"] == []


def test_P9_a_load_that_rejects_the_offer_overwrites_nothing_yet(send, change, card, issues):
    send({"A-1": {}, "A-2": {}})
    change("A-1", "vendor=Другой")
    assert issues(send({"A-1": {"price": "0"}, "A-2": {}})) == []
    assert card("A-1")["vendor"] == "Другой"
    assert len(issues(send({"A-1": {}, "A-2": {}}))) == 1


@pytest.mark.parametrize(("command", "status"), [("hide", "hidden"), ("draft", "draft"), ("delete", "deleted")])
def test_P9_what_was_taken_off_by_hand_and_is_sent_again_is_published_again(
    send, mark, card, issues, house, command, status
):
    send({"A-1": {}, "A-2": {}})
    assert mark(command, "A-1").offers == 1
    off = card("A-1")
    assert values(off, "status", "visible", "orderable") == [status, False, False]
    assert off["history"][0]["kind"] == {"hide": "hidden", "draft": "drafted", "delete": "deleted"}[command]
    outcome = send({"A-1": {}, "A-2": {}, "A-3": {}})
    assert (outcome.counts["restored"], outcome.counts["created"]) == (1, 1)
    assert card("A-1")["status"] == "published"
    assert issues(outcome) == [("A-1", f"Статус: {OfferStatus(status).label}", "Статус: опубликован")]


def test_P9_the_same_file_again_leaves_goods_of_a_link_hidden_and_a_load_of_other_goods_too(send, mark, card):
    send({"A-1": {}, "A-2": {}})
    mark("hide", "A-1")
    outcome = send({"A-2": {"name": "Иначе"}}, actualize=True)
    assert outcome.counts["hidden"] == 0
    assert card("A-1")["status"] == "hidden"


def test_P5_what_was_published_by_hand_and_is_missing_is_hidden_again_and_that_is_told(send, mark, card, issues):
    goods = {f"A-{n}": {} for n in range(5)}
    send(goods)
    first = send({sku: {} for sku in goods if sku != "A-0"}, actualize=True)
    assert first.counts["hidden"] == 1
    mark("publish", "A-0")
    assert card("A-0")["status"] == "published"
    outcome = send({sku: {"name": "Иначе"} for sku in goods if sku != "A-0"}, actualize=True)
    assert outcome.counts["hidden"] == 1
    assert issues(outcome) == [("A-0", "Статус: опубликован", "Статус: скрыт")]
    # What else a person had changed is overwritten only when the offer returns.
    again = send({sku: {} for sku in goods if sku != "A-0"}, actualize=True)
    assert issues(again) == []


def test_P9_values_of_an_offer_that_a_load_hid_meanwhile_are_told_when_it_returns(send, change, issues):
    goods = {f"A-{n}": {} for n in range(5)}
    send(goods)
    change("A-0", "vendor=Другой")
    assert issues(send({sku: {} for sku in goods if sku != "A-0"}, actualize=True)) == []
    assert issues(send(goods)) == [("A-0", "Производитель: Другой", "Производитель: Завод")]


def test_P9_a_dry_run_tells_and_leaves_all(send, change, card, issues):
    send({"A-1": {}})
    change("A-1", "vendor=Другой")
    outcome = send({"A-1": {}}, dry_run=True)
    assert issues(outcome) == [("A-1", "Производитель: Другой", "Производитель: Завод")]
    assert card("A-1")["vendor"] == "Другой"
    assert len(issues(send({"A-1": {}}))) == 1


def test_P10_after_a_rollback_the_work_by_hand_that_stands_again_is_told_and_what_was_undone_is_not(
    send, change, card, issues, house
):
    decider = registry.Decider("Петров", "ошибка")
    send({"A-1": {}})
    change("A-1", "vendor=Другой")
    over = send({"A-1": {"name": "Иначе"}})
    steps.rollback(house, over.load_id, decider)
    assert card("A-1")["vendor"] == "Другой"
    told = [("A-1", "Производитель: Другой", "Производитель: Завод")]
    again = send({"A-1": {"name": "Ещё иначе"}})
    assert issues(again) == told

    change("A-1", "model=М")
    with pytest.raises(OperatorError, match="work by hand"):
        steps.rollback(house, again.load_id, decider)
    steps.rollback(house, again.load_id, decider, through=True)
    assert values(card("A-1"), "vendor", "model") == ["Другой", None]
    assert issues(send({"A-1": {"model": "Н"}})) == told  # the model that was set is undone


def test_deleted_goods_are_shown_and_counted_nowhere_and_can_be_brought_back(send, mark, card, house, tmp_path):
    send({"A-1": {}, "A-2": {}})
    mark("delete", "A-1")
    numbers = steps.offer_statistics(house, "main", "a")
    assert (numbers["published"], numbers["hidden"], numbers["visible"]) == (1, 0, 1)
    assert steps.export_offers(house, steps.select("main", "a"), tmp_path / "o.csv", "csv").offers == 1
    steps.write_snapshot(house)
    assert steps.query_snapshot(house, "SELECT sku FROM offers") == [{"sku": "A-2"}]
    (change,) = steps.query_snapshot(house, "SELECT kind, edit, who FROM changes JOIN edits ON edits.id = edit")
    assert (change["kind"], change["who"]) == ("deleted", "Иванов")
    assert mark("hide", "A-1").edit is None  # unless it is asked for, a deleted offer is not met
    assert mark("publish", "A-1", status=OfferStatus.DELETED).offers == 1
    assert values(card("A-1"), "status", "visible") == ["published", True]
    assert card("A-1")["history"][0]["kind"] == "restored"


def test_P2_the_accounting_holds_over_every_status_by_hand(send, mark):
    goods = {f"A-{n}": {} for n in range(8)}
    send(goods)
    for command, sku in (("hide", "A-0"), ("draft", "A-1"), ("delete", "A-2"), ("hide", "A-3")):
        mark(command, sku)
    # P2 is checked by publishing itself: a load that breaks it ends `failed`.
    outcome = send({sku: {"name": "Иначе"} for sku in list(goods)[:6]}, actualize=True)
    assert outcome.status == "processed"
    assert {k: outcome.counts[k] for k in ("accepted", "restored", "changed", "hidden")} == {
        "accepted": 6,
        "restored": 4,
        "changed": 2,
        "hidden": 2,
    }


def test_unknown_goods_and_suppliers_are_refused_whole(send, mark, change, card, house):
    send({"A-1": {}})
    with pytest.raises(OperatorError, match="no offer 'a-2', 'a-3' in shop main"):
        mark("hide", "A-1", "A-2", "A-3")
    with pytest.raises(OperatorError, match="no offer 'a-9'"):
        change("A-9", "name=x")
    assert card("A-1")["status"] == "published"
    with pytest.raises(OperatorError, match="shop main does not know supplier nobody"):
        steps.mark_offers(house, steps.select("main", "nobody"), "hide", who="x")


def test_work_by_hand_waits_for_a_load_of_the_same_goods(send, mark, house):
    send({"A-1": {}})
    with house.database.connect() as other, house.database.connect() as watcher:
        watcher.autocommit = True
        other.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('catalog-feeds publish ' || '[\"main\", \"a\"]', 0))"
        )
        waiting = Thread(target=mark, args=("hide", "A-1"))
        waiting.start()
        asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        for _ in range(100):
            if watcher.execute(asked).fetchone() == (1,):
                break
            sleep(0.05)
        assert watcher.execute("SELECT status FROM offers").fetchone() == ("published",)
        other.commit()
        waiting.join()
        assert watcher.execute("SELECT status FROM offers").fetchone() == ("hidden",)


def test_the_command_line_sets_marks_and_counts(run, send):
    send({"A-1": {}, "A-2": {"price": "0.99"}})
    party = ("--supplier", "a")
    code, out, _ = run("offers", "set", "A-1", "vendor=Другой завод", "price=10", *party, "--who", "Иванов")
    assert (code, "1 offers changed" in out, "Другой завод" in out) == (0, True, True)
    code, out, _ = run("offers", "set", "A-1", "price=10", *party)
    assert (code, out.strip()) == (0, "nothing was changed: all is so already")
    code, out, _ = run("offers", "hide", "--price-to", "1", *party, "--json")
    assert (code, json.loads(out)["offers"]) == (0, 1)
    code, out, _ = run("offers", "stats", *party, "--json")
    numbers = json.loads(out)
    assert (numbers["published"], numbers["hidden"], numbers["visible"], numbers["orderable"]) == (1, 1, 1, 1)
    assert run("offers", "stats", *party)[0] == 0
    code, out, _ = run("offer", "A-1", *party, "--json")
    history = json.loads(out)["history"]
    assert (history[0]["kind"], history[0]["who"]) == ("edited", "Иванов")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["set", "A-1", "--supplier", "a"], "nothing to set"),
        (["set", "A-1", "sku=B", "--supplier", "a"], "cannot set 'sku=B': give FIELD=VALUE with a field of name,"),
        (["set", "A-1", "name=a", "name=b", "--supplier", "a"], "name is set twice"),
        (["delete", "--supplier", "a"], "--all for all goods"),
        (["hide", "--supplier", "a", "--price-from", "x"], "'x' is no price"),
        (["hide", "--supplier", "a", "--price-from", "NaN"], "'NaN' is no price"),
        (["set", "A-1", "price=-1", "--supplier", "a"], "не больше нуля"),
    ],
)
def test_the_command_line_refuses_what_is_unclear(run, send, arguments, complaint):
    send({"A-1": {}})
    code, _, err = run("offers", *arguments)
    assert code == 1
    assert complaint in err
