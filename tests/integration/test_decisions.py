"""P6 and P7 through the whole house: what waits for a person, what a decision does, and what happens without one."""

import json
from email import message_from_bytes, policy

import pytest

from pipelines import registry, steps
from pipelines.errors import OperatorError
from pipelines.registry import Decider

ANNA = Decider("anna", "the supplier confirmed it by phone")


def load_row(house, load_id):
    with house.database.connect() as conn:
        return registry.get_load(conn, load_id)


def statuses(house):
    with house.database.connect() as conn:
        return dict(conn.execute("SELECT sku_key, status FROM offers ORDER BY sku_key").fetchall())


def prices(house):
    with house.database.connect() as conn:
        return {k: str(p) for k, p in conn.execute("SELECT sku_key, price FROM offers ORDER BY sku_key").fetchall()}


def report(house, load_id):
    return json.loads("".join(steps.report_json(house, load_id)))


@pytest.fixture
def shrunk(load, feed):
    """200 offers, then a file with two of them and a new one: the load waits to hide 198."""
    load(feed({f"s{n}": 100 for n in range(200)}), actualize=True)
    return load(feed({"s0": 111, "s1": 100, "new": 5}))


def test_P6_what_waits_is_told_with_its_numbers_and_both_outcomes(house, shrunk):
    held = report(house, shrunk.load_id)["held"]
    assert held["reason"] == "too_many_hidden"
    assert (held["would_hide"], held["visible"]) == (198, 200)
    assert held["published"] == {"created": 1, "changed": 1, "restored": 0, "hidden": 0}
    assert held["withheld"] == {"created": 0, "changed": 0, "restored": 0, "hidden": 198, "prices": 0}
    assert (held["on_approval"], held["on_rejection"]) == ({"visible": 3}, {"visible": 201})


def test_P6_an_approved_hold_hides_what_was_missing(house, shrunk):
    outcome = steps.approve(house, shrunk.load_id, ANNA)
    assert (outcome.status, outcome.counts["hidden"], outcome.counts["created"]) == ("processed", 198, 1)
    assert [sku for sku, status in statuses(house).items() if status == "published"] == ["new", "s0", "s1"]
    decision = load_row(house, shrunk.load_id).decision
    assert (decision["verdict"], decision["who"], decision["why"]) == ("approved", ANNA.who, ANNA.why)
    assert decision["effect"] == {"created": 0, "changed": 0, "restored": 0, "hidden": 198}
    told = report(house, shrunk.load_id)
    assert told["load"]["status"] == "processed"
    assert told["actualization"] == {"requested": True, "applied": True, "why_not": None}


def test_P6_a_rejected_hold_leaves_the_catalog(house, shrunk, catalog_dump):
    before = catalog_dump()
    outcome = steps.reject(house, shrunk.load_id, ANNA)
    assert catalog_dump() == before
    assert (outcome.status, outcome.counts["hidden"]) == ("processed", 0)
    row = load_row(house, shrunk.load_id)
    assert (row.decision["verdict"], row.actualization["why_not"]) == ("rejected", "refused")


def test_P6_what_changed_since_is_not_hidden_by_a_late_approval(house, load, feed, tmp_path, serve, shrunk):
    """An offer that another link supplies by now, or that somebody touched, is not what the held load knew."""
    server = serve({"/price.xml": feed({"s50": 150, "s51": 100}, name="linked.xml").read_bytes()})
    links = tmp_path / "links.yaml"
    links.write_text(
        "shops: {main: {}}\nsuppliers: {a: {}}\n"
        f"links: [{{link: a-main, supplier: a, shop: main, url: '{server.url}/price.xml'}}]",
        encoding="utf-8",
    )
    steps.apply_links(house, links)
    assert steps.process(house, steps.poll(house, "a-main").load_id).counts["changed"] == 1
    outcome = steps.approve(house, shrunk.load_id, ANNA)
    assert outcome.counts["hidden"] == 196
    assert [sku for sku, status in statuses(house).items() if status == "published"] == [
        "new",
        "s0",
        "s1",
        "s50",
        "s51",
    ]


def test_P6_what_was_touched_since_stays_as_it_is(house, load, feed, shrunk):
    """By hand, for one: whoever did it knew more than the load that waits."""
    with house.database.connect() as conn:
        conn.execute("UPDATE offers SET name = 'По-новому' WHERE sku_key = 's60'")
        conn.execute(
            "INSERT INTO changes (load_id, shop_id, supplier_id, sku_key, kind, fields, before, after, at)"
            " VALUES (1, 'main', 'a', 's60', 'changed', '{name}', '{}', '{}', now())"
        )
    assert steps.approve(house, shrunk.load_id, ANNA).counts["hidden"] == 197
    assert statuses(house)["s60"] == "published"


def test_P6_without_a_decision_a_hold_lapses_with_the_next_load(house, load, feed, shrunk):
    after = load(feed({f"s{n}": 100 for n in range(200)} | {"new": 5}))
    assert (after.status, after.counts["hidden"]) == ("processed", 0)
    row = load_row(house, shrunk.load_id)
    assert (row.status, row.decision["verdict"], row.decision["by_load"]) == ("processed", "lapsed", after.load_id)
    for decide in (steps.approve, steps.reject):
        with pytest.raises(OperatorError, match=f"waits no longer: load {after.load_id} "):
            decide(house, shrunk.load_id, ANNA)


def test_P6_a_hold_outlives_a_file_that_was_rejected(house, load, feed, shrunk):
    assert load(feed({"s0": 1}, tail="")).status == "rejected"
    assert steps.approve(house, shrunk.load_id, ANNA).counts["hidden"] == 198


def test_a_decision_is_taken_once(house, shrunk):
    steps.approve(house, shrunk.load_id, ANNA)
    with pytest.raises(OperatorError, match="was approved by anna"):
        steps.reject(house, shrunk.load_id, ANNA)
    with pytest.raises(OperatorError, match="was approved by anna"):
        steps.approve(house, shrunk.load_id, ANNA)


def test_what_does_not_wait_cannot_be_decided(house, load, feed):
    good, bad = load(feed({"a": 1})), load(feed({"a": 1}, tail=""))
    for outcome in (good, bad):
        with pytest.raises(OperatorError, match="nothing of it waits"):
            steps.approve(house, outcome.load_id, ANNA)
    with pytest.raises(OperatorError, match="both are recorded"):
        steps.require_reason("anna", " ")


def test_R3_a_decision_is_mailed_to_the_supplier(house, load, feed):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    load(feed({f"s{n}": 100 for n in range(200)}), actualize=True)
    held = load(feed({"s0": 100}))
    steps.send_due_mails(house)
    told = set(house.outbox.glob("*.eml"))
    steps.approve(house, held.load_id, ANNA)
    with house.database.connect() as conn:
        assert registry.is_reported(conn, held.load_id)
    steps.send_due_mails(house)
    (mail,) = set(house.outbox.glob("*.eml")) - told
    message = message_from_bytes(mail.read_bytes(), policy=policy.default)
    assert "подтвердил эту загрузку" in message.get_body(("plain",)).get_content()


def test_P7_a_single_price_that_jumps_waits_and_the_rest_is_published(house, load, feed):
    load(feed({f"s{n}": 100 for n in range(30)}))
    outcome = load(feed({f"s{n}": 100 for n in range(28)} | {"s28": 1000, "s29": "10.00", "new": 7}))
    assert (outcome.status, outcome.counts["created"], outcome.counts["unchanged"]) == ("processed", 1, 30)
    assert (prices(house)["s28"], prices(house)["s29"]) == ("100.00", "100.00")
    told = report(house, outcome.load_id)
    assert [(i["sku"], i["line"], i["field"], i["sent"], i["published"]) for i in told["issues"]] == [
        ("s28", 31, "price", "1000.00", "100.00"),
        ("s29", 32, "price", "10.00", "100.00"),
    ]
    assert told["counts"]["warnings"] == 2
    assert (told["held"]["reason"], told["held"]["kept"], told["held"]["limit"]) == ("prices_kept", 2, "10")
    assert told["held"]["withheld"]["prices"] == 2


def test_P7_just_below_the_limit_is_no_jump(house, load, feed):
    load(feed({"a": 100, "b": 100}))
    assert load(feed({"a": "999.99", "b": "10.01"})).counts["changed"] == 2
    assert prices(house) == {"a": "999.99", "b": "10.01"}


def test_P7_the_limit_belongs_to_the_link(house, load, feed):
    load(feed({"a": 100}), price_jump_limit="3")
    assert load(feed({"a": 300})).counts["unchanged"] == 1
    assert load(feed({"a": "299.99"})).counts["changed"] == 1


def test_P7_a_price_sent_again_is_not_confirmed_by_that_and_costs_no_write(house, load, feed, catalog_dump):
    load(feed({"a": 100, "b": 1}))
    load(feed({"a": 5000, "b": 1}))
    before = catalog_dump()
    again = load(feed({"a": 5000, "b": 1, "c": 1}))
    assert (again.counts["created"], again.counts["unchanged"]) == (1, 2)
    assert [row for row in catalog_dump()["changes"] if row[2] != "c"] == before["changes"]
    back = load(feed({"a": 110, "b": 1, "c": 1}))
    assert (back.counts["changed"], prices(house)["a"]) == (1, "110.00")
    assert load_row(house, back.load_id).held is None


def test_P7_approval_confirms_single_prices(house, load, feed):
    load(feed({"a": 100, "b": 100}))
    outcome = load(feed({"a": 5000, "b": 110}))
    assert prices(house) == {"a": "100.00", "b": "110.00"}
    approved = steps.approve(house, outcome.load_id, ANNA)
    assert prices(house) == {"a": "5000.00", "b": "110.00"}
    assert (approved.status, load_row(house, outcome.load_id).decision["effect"]["changed"]) == ("processed", 1)
    assert load(feed({"a": 5000, "b": 110, "c": 1})).counts["unchanged"] == 2


def test_P7_other_fields_of_the_offer_are_published_and_the_price_stays_with_what_it_is_the_price_of(house, load, feed):
    path = feed({"a": 100})
    load(path)
    path.write_text(
        path.read_text().replace(">100<", ">100000<").replace("Товар a", "Другой").replace("796", "166"),
        encoding="utf-8",
    )
    outcome = load(path)
    card = steps.offer(house, shop="main", supplier="a", sku="a")
    assert (outcome.counts["changed"], card["name"], card["price"], card["unit_okei"]) == (1, "Другой", "100.00", "796")
    path.write_text(path.read_text().replace("05:00", "06:00"), encoding="utf-8")
    again = load(path)
    assert (again.counts["changed"], again.counts["unchanged"]) == (0, 1)
    assert report(house, again.load_id)["prices"] is None
    steps.approve(house, again.load_id, ANNA)
    card = steps.offer(house, shop="main", supplier="a", sku="a")
    assert (card["price"], card["unit_okei"]) == ("100000.00", "166")
    assert report(house, again.load_id)["prices"]["up"] == 1


@pytest.mark.parametrize(
    ("price", "reason", "factor"),
    [
        (10000, "price_factor", "100"),
        ("1.00", "price_factor", "0.01"),
        (120, "price_factor", "vat"),
        ("83.33", "price_factor", "1/vat"),
        (350, "price_jumps", None),
        (90, None, None),
    ],
)
def test_P7_prices_that_move_together_hold_the_whole_load(house, load, feed, catalog_dump, price, reason, factor):
    load(feed({f"s{n}": 100 for n in range(40)}), actualize=True)
    before = catalog_dump()
    outcome = load(feed({f"s{n}": price for n in range(2, 40)} | {"new": 1}))
    if reason is None:
        assert (outcome.status, outcome.counts["changed"], outcome.counts["hidden"]) == ("processed", 38, 2)
        return
    assert outcome.status == "held"
    assert catalog_dump() == before
    assert [outcome.counts[name] for name in ("created", "changed", "restored", "unchanged", "hidden")] == [0] * 5
    held = load_row(house, outcome.load_id).held
    assert (held["reason"], held.get("factor"), held["compared"]) == (reason, factor, 38)
    assert held["withheld"] == {"created": 1, "changed": 38, "restored": 0, "hidden": 2, "prices": 0}
    assert (held["on_approval"], held["on_rejection"]) == ({"visible": 39}, {"visible": 40})
    approved = steps.approve(house, outcome.load_id, ANNA)
    assert (approved.status, approved.counts["created"], approved.counts["changed"]) == ("processed", 1, 38)
    assert approved.counts["hidden"] == 2
    assert set(prices(house).values()) == {"100.00", "1.00", f"{float(price):.2f}"}


def test_P7_a_load_held_whole_and_rejected_never_happened(house, load, feed, catalog_dump):
    load(feed({f"s{n}": 100 for n in range(40)}))
    before = catalog_dump()
    outcome = load(feed({f"s{n}": 10000 for n in range(40)}))
    rejected = steps.reject(house, outcome.load_id, ANNA)
    assert (rejected.status, rejected.reason) == ("rejected", "hold_rejected")
    assert catalog_dump() == before
    with house.database.connect() as conn:
        assert registry.upload_link(conn, "a", "main").last_good_load_id < outcome.load_id
    # It is not taken up again as an interrupted load would be.
    assert steps.process(house, outcome.load_id).status == "rejected"
    assert catalog_dump() == before


def test_P7_a_load_held_whole_lapses_and_ends_rejected(house, load, feed):
    good = {f"s{n}": 100 for n in range(40)}
    load(feed(good))
    held = load(feed(dict.fromkeys(good, 10000)))
    after = load(feed(good | {"new": 1}))
    assert (after.status, after.counts["created"], after.counts["unchanged"]) == ("processed", 1, 40)
    row = load_row(house, held.load_id)
    assert (row.status, row.reason, row.decision["verdict"]) == ("rejected", "hold_lapsed", "lapsed")


def test_P7_another_currency_is_a_jump_whatever_the_number(house, load, feed):
    path = feed({"a": 100})
    load(path)
    path.write_text(path.read_text().replace("<vat>", "<currencyId>USD</currencyId><vat>"), encoding="utf-8")
    load(path)
    card = steps.offer(house, shop="main", supplier="a", sku="a")
    assert (card["price"], card["currency"]) == ("100.00", "RUB")


def test_P7_a_regional_price_is_a_price(house, load, feed):
    path = feed({"a": 100})
    plain = path.read_text()

    def with_region(price):
        region = f'<regions><region id="ЦФО"><price>{price}</price></region></regions></offer>'
        path.write_text(plain.replace("</offer>", region), encoding="utf-8")
        return load(path)

    with_region(90)
    outcome = with_region(9000)
    card = steps.offer(house, shop="main", supplier="a", sku="a")
    assert [r["price"] for r in card["regions"]] == ["90.00"]
    sent = [(i["sent"], i["published"]) for i in report(house, outcome.load_id)["issues"]]
    assert ("регион ЦФО: 9000.00", "регион ЦФО: 90.00") in sent
