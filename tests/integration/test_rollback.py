"""P10: undoing a load brings back exactly the catalog that was, as a new load, and can be undone itself."""

import re
from pathlib import Path

import pytest

from pipelines import publish, registry, steps
from pipelines.errors import OperatorError
from pipelines.registry import Decider

FEEDS = Path(__file__).parents[2] / ".." / "shared" / "feeds" / "yml"
ANNA = Decider("anna", "the price list was wrong")


@pytest.fixture
def offers(house):
    """Everything the catalog holds of every offer but the moment of its last change: equal dumps are equal catalogs."""

    def dump():
        with house.database.connect() as conn:
            rows = conn.execute("SELECT to_jsonb(o) - 'changed_at' FROM offers o ORDER BY 1").fetchall()
            seen = conn.execute("SELECT to_jsonb(o) - 'changed_at' FROM visible_offers o ORDER BY 1").fetchall()
        return rows, seen

    return dump


def facts(house, load_id):
    with house.database.connect() as conn:
        return registry.get_load(conn, load_id)


def test_P10_a_rollback_restores_the_earlier_catalog_exactly(house, load, feed, offers):
    load(feed({f"s{n}": 100 + n for n in range(60)}), actualize=True)
    load(feed({f"s{n}": 100 + n for n in range(55)}))
    before = offers()
    bad = load(feed({f"s{n}": 200 + n for n in range(10, 58)} | {"new": 1}))
    assert [bad.counts[k] for k in ("created", "changed", "restored", "hidden")] == [1, 45, 3, 10]
    assert offers() != before
    undone = steps.rollback(house, bad.load_id, ANNA)
    assert offers() == before
    assert undone.loads == (bad.load_id,)
    load_ = facts(house, undone.outcome.load_id)
    assert (load_.kind, load_.origin, load_.status, load_.published) == ("rollback", bad.load_id, "processed", True)
    assert facts(house, bad.load_id).undone_by == load_.id


def test_P10_a_rollback_counts_what_buyers_see(house, load, feed):
    load(feed({"a": 1, "b": 2, "c": 3}), actualize=True)
    bad = load(feed({"a": 2, "new": 1}))
    counts = steps.rollback(house, bad.load_id, ANNA).outcome.counts
    assert [counts[k] for k in ("created", "changed", "restored", "hidden")] == [0, 1, 2, 1]


def test_P10_the_history_stays_and_tells_the_rollback(house, load, feed):
    load(feed({"a": 1}))
    bad = load(feed({"a": 2, "new": 1}))
    undone = steps.rollback(house, bad.load_id, ANNA).outcome.load_id
    with house.database.connect() as conn:
        rows = conn.execute(
            "SELECT load_id, kind, fields, before ->> 'price', after ->> 'price' FROM changes"
            " WHERE sku_key IN ('a', 'new') ORDER BY sku_key, id"
        ).fetchall()
        decision = conn.execute("SELECT load_id, verdict, who, why, by_load FROM decisions").fetchall()
    fields = ["price", "price_without_vat"]
    assert rows == [
        (1, "created", [], None, "1.00"),
        (bad.load_id, "changed", fields, "1.00", "2.00"),
        (undone, "changed", fields, "2.00", "1.00"),
        (bad.load_id, "created", [], None, "1.00"),
        (undone, "withdrawn", [], "1.00", None),
    ]
    assert decision == [(bad.load_id, "rolled_back", ANNA.who, ANNA.why, undone)]


def test_P10_a_rollback_is_rolled_back_and_that_again(house, load, feed, offers):
    load(feed({"a": 1, "b": 1}), actualize=True)
    before = offers()
    bad = load(feed({"a": 2, "c": 1}))
    after = offers()
    first = steps.rollback(house, bad.load_id, ANNA).outcome.load_id
    assert offers() == before
    second = steps.rollback(house, first, ANNA).outcome.load_id
    assert offers() == after
    assert (facts(house, bad.load_id).undone_by, facts(house, first).undone_by) == (None, second)
    third = steps.rollback(house, second, ANNA).outcome.load_id
    assert offers() == before
    assert [facts(house, n).undone_by for n in (bad.load_id, first, second, third)] == [first, None, third, None]


def test_P10_an_undone_file_is_not_loaded_again_and_another_one_is(house, feed, tmp_path, serve, offers):
    server = serve({"/price.xml": feed({"a": 10, "b": 20}).read_bytes()})
    links = tmp_path / "links.yaml"
    links.write_text(
        "shops: {main: {}}\nsuppliers: {a: {}}\n"
        f"links: [{{link: a-main, supplier: a, shop: main, url: '{server.url}/price.xml'}}]",
        encoding="utf-8",
    )
    steps.apply_links(house, links)
    good = steps.process(house, steps.poll(house, "a-main").load_id)
    before = offers()
    server.files["/price.xml"] = feed({"a": 11}).read_bytes()
    bad = steps.process(house, steps.poll(house, "a-main").load_id)
    steps.rollback(house, bad.load_id, ANNA)
    assert steps.poll(house, "a-main").status == "unchanged"
    assert offers() == before
    with house.database.connect() as conn:
        assert registry.find_link(conn, "a-main").last_good_load_id == good.load_id
    server.files["/price.xml"] = feed({"a": 12, "b": 20}).read_bytes()
    again = steps.process(house, steps.poll(house, "a-main").load_id)
    assert (again.status, again.counts["changed"], again.counts["unchanged"]) == ("processed", 1, 1)


def test_P10_loads_are_undone_newest_first_or_all_through(house, load, feed, offers):
    load(feed({"a": 1}))
    first = offers()
    second = load(feed({"a": 2}))
    between = offers()
    third = load(feed({"a": 3, "b": 1}))
    with pytest.raises(OperatorError, match=f"others came after load {second.load_id}: load {third.load_id};"):
        steps.rollback(house, second.load_id, ANNA)
    steps.rollback(house, third.load_id, ANNA)
    assert offers() == between
    with pytest.raises(OperatorError, match=f"load {third.load_id} is undone already"):
        steps.rollback(house, third.load_id, ANNA)
    steps.rollback(house, second.load_id, ANNA)
    assert offers() == first
    fourth, fifth = load(feed({"a": 4})), load(feed({"a": 5, "c": 1}))
    undone = steps.rollback(house, fourth.load_id, ANNA, through=True)
    assert offers() == first
    assert undone.loads == (fourth.load_id, fifth.load_id)


def test_P10_work_by_hand_is_not_undone_silently(house, load, feed, offers):
    load(feed({"a": 1}))
    before = offers()
    bad = load(feed({"a": 2}))
    steps.mark_offers(house, steps.select("main", "a", skus=["a"]), "hide", who="bob")
    with pytest.raises(OperatorError, match="work by hand 1; roll them back first"):
        steps.rollback(house, bad.load_id, ANNA)
    assert steps.rollback(house, bad.load_id, ANNA, through=True).edits == 1
    assert offers() == before


def test_P10_other_suppliers_are_not_in_the_way(house, load, feed, offers):
    load(feed({"a": 1}))
    bad = load(feed({"a": 2}))
    load(feed({"x": 1}), supplier="b")
    assert steps.rollback(house, bad.load_id, ANNA).outcome.counts["changed"] == 1
    assert steps.offer(house, shop="main", supplier="b", sku="x")["status"] == "published"


def test_P10_what_changed_nothing_cannot_be_undone(house, load, feed):
    load(feed({"a": 1}))
    empty, bad = load(feed({"a": 1})), load(feed({"a": 1}, tail=""))
    for outcome in (empty, bad):
        with pytest.raises(OperatorError, match="changed nothing"):
            steps.rollback(house, outcome.load_id, ANNA)


def test_P10_a_catalog_from_before_whole_rows_were_kept_is_not_guessed_at(house, load, feed):
    load(feed({"a": 1}))
    bad = load(feed({"a": 2}))
    with house.database.connect() as conn:
        conn.execute("UPDATE changes SET origin = NULL")
    with pytest.raises(OperatorError, match="before the history kept whole rows"):
        steps.rollback(house, bad.load_id, ANNA)


def test_P6_a_hold_is_undone_with_its_load(house, load, feed, offers):
    load(feed({f"s{n}": 100 for n in range(100)}), actualize=True)
    before = offers()
    held = load(feed({"s0": 101}))
    steps.rollback(house, held.load_id, ANNA)
    assert offers() == before
    with pytest.raises(OperatorError, match="waits no longer"):
        steps.approve(house, held.load_id, ANNA)
    assert facts(house, held.load_id).status == "processed"


def test_P10_an_approved_load_is_undone_with_what_the_approval_did(house, load, feed, offers):
    load(feed({f"s{n}": 100 for n in range(100)}), actualize=True)
    before = offers()
    held = load(feed({"s0": 5000, "new": 1}))
    steps.approve(house, held.load_id, ANNA)
    assert offers() != before
    steps.rollback(house, held.load_id, ANNA)
    assert offers() == before


def test_P10_an_older_load_that_failed_does_not_come_after_a_rollback(house, load, feed, offers):
    """The rollback is newer than whatever waited before it; older never overwrites newer (P1)."""
    load(feed({"a": 1}))
    with house.database.connect() as conn:
        link = registry.upload_link(conn, "a", "main")
        stale = registry.create_load(conn, link.id, source="stale")
    bad = load(feed({"a": 3}))
    steps.rollback(house, bad.load_id, ANNA)
    with house.database.connect() as conn:
        load_ = registry.get_load(conn, stale)
        conn.commit()
        with publish.Publication(conn, load_) as publication:
            assert publication.standing is publish.Standing.SUPERSEDED


@pytest.mark.skipif(not FEEDS.is_dir(), reason="the real feeds are not here")
def test_P10_a_rollback_of_a_real_price_list_restores_every_row(house, load, tmp_path, offers):
    """2,004 goods with characteristics and pictures; then a third is gone, and every other price has changed."""
    feed = FEEDS / "clean_utf8.yml"
    settings = {"default_unit": "796", "default_vat": "20", "required_fields": "", "hold_price_share": "1"}
    load(feed, actualize=True, hold_hidden_share="1", **settings)
    before = offers()
    count = 0

    def worse(match):
        nonlocal count
        count += 1
        text = re.sub(r"<price>(\d+)", lambda m: f"<price>{int(m[1]) * 2}", match[0]) if count % 2 else match[0]
        return "" if count % 3 == 0 else text

    path = tmp_path / "worse.yml"
    path.write_text(re.sub(r"<offer .*?</offer>", worse, feed.read_text(encoding="utf-8"), flags=re.DOTALL), "utf-8")
    bad = load(path)
    assert bad.counts["hidden"] > 600
    assert bad.counts["changed"] > 600
    steps.rollback(house, bad.load_id, ANNA)
    assert offers() == before
