"""A supplier's files through all steps: what is published, kept, hidden, restored, held and reported."""

import dataclasses
import json
from email import message_from_bytes, policy

import pytest

from pipelines import registry, steps
from pipelines.errors import OperatorError
from pipelines.objects import open_store


def loaded(outcome, *names):
    return tuple(outcome.counts[name] for name in names)


CHANGES = ("created", "changed", "restored", "unchanged", "hidden")


def test_P2_every_offer_of_a_life_is_accounted_for(load, feed):
    assert loaded(load(feed({"a": 100, "b": 200}), actualize=True), *CHANGES) == (2, 0, 0, 0, 0)
    assert loaded(load(feed({"a": 100, "b": 250, "c": 300})), *CHANGES) == (1, 1, 0, 1, 0)
    assert loaded(load(feed({"a": 100, "c": 300})), *CHANGES) == (0, 0, 0, 2, 1)
    assert loaded(load(feed({"a": 100, "b": 250})), *CHANGES) == (0, 0, 1, 1, 1)


def test_F2_a_file_that_differs_only_in_date_and_comments_is_processed_with_an_empty_diff(load, feed):
    path = feed({"a": 100})
    load(path)
    path.write_text(path.read_text().replace("05:00", "06:00").replace("<shop>", "<shop><!-- later -->"))
    again = load(path)
    assert again.status == "processed"
    assert loaded(again, *CHANGES) == (0, 0, 0, 1, 0)


def test_P4_a_rejected_offer_keeps_its_last_good_version(house, load, feed):
    load(feed({"a": 100, "b": 200}), actualize=True)
    outcome = load(feed({"a": 100, "b": "по запросу"}))
    assert loaded(outcome, "rejected", "hidden", "unchanged") == (1, 0, 1)
    card = steps.offer(house, shop="main", supplier="a", sku="b")
    assert (card["status"], card["price"]) == ("published", "200.00")


def test_F5_a_truncated_file_publishes_nothing_and_hides_nothing(house, load, feed, catalog_dump):
    load(feed({"a": 100, "b": 200}), actualize=True)
    before = catalog_dump()
    outcome = load(feed({"a": 999}, tail=""))
    assert (outcome.status, outcome.reason) == ("rejected", "xml_truncated")
    assert catalog_dump() == before


def test_F8_a_file_whose_every_offer_is_rejected_ends_rejected_and_hides_nothing(load, feed, catalog_dump):
    load(feed({"a": 100, "b": 200}), actualize=True)
    before = catalog_dump()
    outcome = load(feed({"a": 0, "b": -1}))
    assert (outcome.status, outcome.reason) == ("rejected", "all_offers_rejected")
    assert loaded(outcome, "read", "rejected", "hidden") == (2, 2, 0)
    assert catalog_dump() == before


def test_P6_mostly_rejected_never_hides(house, load, feed):
    load(feed({f"s{n}": 100 for n in range(5)}), actualize=True)
    outcome = load(feed({"s0": 100, "s1": 0, "new": 0}))
    assert loaded(outcome, "rejected", "hidden") == (2, 0)
    with house.database.connect() as conn:
        assert registry.get_load(conn, outcome.load_id).actualization["why_not"] == "mostly_rejected"


def test_P6_a_hold_publishes_what_is_new_and_hides_nothing(house, load, feed):
    offers = {f"s{n}": 100 for n in range(200)}
    load(feed(offers), actualize=True)
    outcome = load(feed({"s0": 111, "new": 5}))
    assert outcome.status == "held"
    assert loaded(outcome, *CHANGES) == (1, 1, 0, 0, 0)
    report = json.loads("".join(steps.report_json(house, outcome.load_id)))
    assert report["held"]["would_hide"] == 199
    assert report["held"]["visible"] == 200
    assert report["actualization"] == {"requested": True, "applied": False, "why_not": "held"}
    recovered = load(feed(offers | {"new": 5}))
    assert recovered.status == "processed"
    assert loaded(recovered, "hidden", "changed") == (0, 1)


def test_P5_offers_of_another_enabled_link_are_not_hidden(house, load, feed, tmp_path, serve):
    """An upload that replaces everything leaves alone what a link of the same supplier supplies."""
    server = serve({"/price.xml": feed({"linked": 10}, name="linked.xml").read_bytes()})
    links = tmp_path / "links.yaml"
    links.write_text(
        "shops: {main: {}}\nsuppliers: {a: {}}\n"
        f"links: [{{link: a-main, supplier: a, shop: main, url: '{server.url}/price.xml'}}]",
        encoding="utf-8",
    )
    steps.apply_links(house, links)
    assert steps.process(house, steps.poll(house, "a-main").load_id).counts["created"] == 1
    load(feed({"x": 1, "y": 2}))
    outcome = load(feed({"x": 1}), actualize=True)
    assert outcome.counts["hidden"] == 1
    assert steps.offer(house, shop="main", supplier="a", sku="linked")["status"] == "published"


def test_a_dry_run_shows_what_would_change_and_changes_nothing(house, load, feed, catalog_dump):
    load(feed({"a": 100, "b": 200}), actualize=True)
    before = catalog_dump()
    outcome = load(feed({"a": 101, "c": 1}), dry_run=True, default_unit="166")
    assert loaded(outcome, *CHANGES) == (1, 1, 0, 0, 1)
    assert catalog_dump() == before
    with house.database.connect() as conn:
        assert "default_unit" not in registry.upload_link(conn, "a", "main").options


def test_settings_given_once_are_kept_for_the_suppliers_uploads(house, load, feed):
    path = feed({"a": 100})
    path.write_text(path.read_text().replace("<unitOkei>796</unitOkei>", ""))
    assert load(path).status == "rejected"
    assert load(path, default_unit="166").status == "processed"
    assert load(path).status == "processed"
    assert steps.offer(house, shop="main", supplier="a", sku="A")["unit_okei"] == "166"


def test_O6_a_link_may_read_a_field_from_a_tag_of_its_own(house, load, feed):
    path = feed({"a": 100})
    path.write_text(path.read_text().replace("</price>", "</price><Roznica>150</Roznica><kol_vo>3</kol_vo>"))
    load(path, tags="price:roznica, quantity:kol_vo")
    card = steps.offer(house, shop="main", supplier="a", sku="a")
    assert (card["price"], card["quantity"]) == ("150.00", "3")
    load(path, tags="price:no_such_tag", supplier="b")
    assert steps.list_loads(house)[0]["reason"] == "all_offers_rejected"


@pytest.mark.parametrize("tags", ["cost:roznica", "price:", "price:x,quantity:X", "sku:code"])
def test_a_tag_setting_that_does_not_fit_is_refused(load, feed, tags):
    with pytest.raises(OperatorError, match="tags"):
        load(feed({"a": 1}), tags=tags)


def test_a_setting_that_does_not_exist_is_refused_and_nothing_is_loaded(house, load, feed):
    with pytest.raises(OperatorError, match="known settings"):
        load(feed({"a": 1}), default_untit="796")
    assert steps.list_loads(house) == []


def test_F1_a_file_of_another_format_than_expected_is_rejected(load, feed):
    outcome = load(feed({"a": 1}), format="csv")
    assert (outcome.status, outcome.reason) == ("rejected", "format_unexpected")


@pytest.mark.parametrize("content", [b"", b"   \n"])
def test_F5_an_empty_upload_is_rejected_with_a_report(house, load, tmp_path, content):
    path = tmp_path / "empty.xml"
    path.write_bytes(content)
    outcome = load(path)
    assert (outcome.status, outcome.reason) == ("rejected", "file_empty")
    assert "".join(steps.report_json(house, outcome.load_id))


def test_F4_the_raw_file_is_archived_under_its_hash(house, load, feed):
    path = feed({"a": 1})
    outcome = load(path)
    with house.database.connect() as conn:
        sha256 = registry.get_load(conn, outcome.load_id).sha256
    assert house.store.get_bytes(f"raw/{sha256}") == path.read_bytes()


def test_the_card_tells_where_it_came_from_and_what_happened_to_it(house, load, feed):
    load(feed({"x": 1, "Ab  c": 100}))
    second = load(feed({"x": 1, "Ab  c": 150}))
    card = steps.offer(house, shop="main", supplier="a", sku="aB C")
    assert (card["sku"], card["price"], card["visible"]) == ("Ab  c", "150.00", True)
    assert (card["load"], card["line"]) == (second.load_id, 4)
    assert [change["kind"] for change in card["history"]] == ["changed", "created"]
    assert card["history"][0]["before"]["price"] == 100
    assert card["history"][0]["after"]["price"] == 150
    with pytest.raises(OperatorError, match="no offer"):
        steps.offer(house, shop="main", supplier="a", sku="nothing")


def test_R3_mail_goes_once_for_news_and_never_for_none(house, load, feed):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    first = load(feed({"a": 100}))
    load(feed({"a": 100}))  # an empty diff without remarks
    load(feed({"a": 100}, tail=""))  # the first failure
    load(feed({"a": 100}))  # the recovery
    mails = sorted(house.outbox.glob("*.eml"))
    assert len(mails) == 3
    message = message_from_bytes(mails[0].read_bytes(), policy=policy.default)
    assert message["To"] == "price@a.example"
    assert str(first.load_id) in message["Message-ID"]
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}


def test_R4_the_snapshot_holds_the_catalog_and_the_way_back_to_the_file(house, load, feed, tmp_path):
    first = load(feed({"a": 100, "b": 200, "bad": 0}), actualize=True)
    load(feed({"a": 150, "bad": 0}))
    out = tmp_path / "catalog.duckdb"
    steps.write_snapshot(house, out=out)
    assert out.stat().st_size > 0

    def ask(query):
        return [tuple(row.values()) for row in steps.query_snapshot(house, query)]

    assert ask("SELECT sku, price::VARCHAR, status, visible FROM offers ORDER BY sku") == [
        ("a", "150.00", "published", True),
        ("b", "200.00", "hidden", False),
    ]
    assert ask("SELECT kind, count(*) FROM changes GROUP BY 1 ORDER BY 1") == [
        ("changed", 1),
        ("created", 2),
        ("hidden", 1),
    ]
    assert ask("SELECT count(*), sum(read), sum(accepted), sum(rejected) FROM loads") == [(2, 5, 3, 2)]
    assert ask("SELECT sku, codes FROM rejected_offers") == [("bad", ["price_not_positive"])]
    assert ask(f"SELECT o.sku FROM offers o JOIN loads l USING (sha256) WHERE l.id = {first.load_id}") == [("b",)]
    uncommented = ask(
        "SELECT table_name || '.' || column_name FROM duckdb_columns() WHERE comment IS NULL"
        " AND NOT internal AND table_name NOT IN ('issue_codes', 'meta')"
    )
    assert uncommented == []


def test_a_query_of_the_snapshot_can_touch_no_other_file(house, load, feed, tmp_path):
    load(feed({"a": 1}))
    steps.write_snapshot(house)
    victim = tmp_path / "victim.csv"
    for query in (f"COPY offers TO '{victim}'", "SELECT * FROM read_text('/etc/hostname')", "DELETE FROM offers"):
        with pytest.raises(OperatorError):
            steps.query_snapshot(house, query)
    assert not victim.exists()


def test_everything_between_steps_goes_through_the_object_store_on_s3(feed, catalog, s3_settings, tmp_path):
    path = feed({"a": 100, "b": 200, "bad": 0})
    settings = dataclasses.replace(s3_settings, home=str(tmp_path / "worker"))
    far = steps.House(settings, catalog, open_store(settings))
    outcome = steps.load_source(far, str(path), supplier="b", shop="main", settings={"actualize": True})
    assert loaded(outcome, *CHANGES) == (2, 0, 0, 0, 0)
    assert json.loads("".join(steps.report_json(far, outcome.load_id)))["counts"]["rejected"] == 1
    assert outcome.files["raw"].startswith("s3://")
    assert steps.write_snapshot(far).startswith("s3://")
    assert steps.query_snapshot(far, "SELECT count(*) AS n FROM offers WHERE supplier = 'b'") == [{"n": 2}]
    assert not list((tmp_path / "worker").glob("objects"))
