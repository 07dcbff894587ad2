"""Links by the hour: looked at, processed when the file changed, quiet otherwise (F2)."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from pipelines import registry, steps

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def link(house, serve, feed, tmp_path):
    """One link of supplier `a`, and the server behind it."""
    server = serve({"/price.xml": feed({"a": 100, "b": 200}).read_bytes()})
    file = tmp_path / "links.yaml"

    def declare(**settings):
        file.write_text(
            "shops: {main: {}}\nsuppliers: {a: {name: Поставщик}}\n"
            f"links: [{{link: a-main, supplier: a, shop: main, url: '{server.url}/price.xml', settings: {settings}}}]",
            encoding="utf-8",
        )
        steps.apply_links(house, file)

    declare(actualize=True)
    server.declare = declare
    return server


def cycle(house, now):
    """One hour of the link, as Airflow would run it."""
    looked = steps.poll(house, "a-main", now=now)
    return steps.process(house, looked.load_id) if looked.status == "queued" else looked


def test_F2_a_link_is_processed_only_when_its_file_changed(house, link, feed):
    assert cycle(house, NOW).counts["created"] == 2
    assert link.requests[-1].get("If-None-Match") is None
    unchanged = cycle(house, NOW + HOUR)
    assert (unchanged.status, unchanged.load_id) == ("unchanged", None)
    assert link.requests[-1]["If-None-Match"]
    assert link.statuses[-1] == 304
    link.files["/price.xml"] = feed({"a": 150, "b": 200}).read_bytes()
    assert cycle(house, NOW + 2 * HOUR).counts["changed"] == 1
    assert len(steps.list_loads(house)) == 2


def test_F2_the_body_decides_not_the_validators(house, link):
    cycle(house, NOW)
    link.etag_salt = "new etag, same body"
    assert cycle(house, NOW + HOUR).status == "unchanged"
    assert link.statuses[-1] == 200
    with house.database.connect() as conn:
        stored = registry.find_link(conn, "a-main").etag
    assert cycle(house, NOW + 2 * HOUR).status == "unchanged"
    assert link.requests[-1]["If-None-Match"] == stored
    assert link.statuses[-1] == 304


def test_F2_once_a_day_the_body_itself_is_looked_at(house, link, feed):
    """A server that always says «not modified» cannot keep a new file from us for longer than a day."""
    cycle(house, NOW)
    link.files["/price.xml"] = feed({"a": 150, "b": 200}).read_bytes()
    link.always_304 = True
    assert cycle(house, NOW + timedelta(hours=23)).status == "unchanged"
    assert cycle(house, NOW + timedelta(hours=24)).counts["changed"] == 1


def test_a_changed_setting_is_reason_to_read_the_same_file_again(house, link):
    cycle(house, NOW)
    link.declare(actualize=True, default_unit="166")
    assert cycle(house, NOW + HOUR).status == "processed"
    assert cycle(house, NOW + 2 * HOUR).status == "unchanged"


def test_a_rejected_file_is_not_read_again_until_it_changes(house, link, feed):
    link.files["/price.xml"] = feed({"a": 1}, tail="").read_bytes()
    assert cycle(house, NOW).status == "rejected"
    assert cycle(house, NOW + HOUR).status == "unchanged"
    link.files["/price.xml"] = feed({"a": 1}).read_bytes()
    assert cycle(house, NOW + 2 * HOUR).status == "processed"


def test_a_server_that_refuses_is_told_of_once(house, link, feed):
    cycle(house, NOW)
    good = link.files.pop("/price.xml")
    first = cycle(house, NOW + HOUR)
    assert (first.status, first.reason) == ("rejected", "link_unreachable")
    again = cycle(house, NOW + 2 * HOUR)
    assert (again.status, again.load_id) == ("rejected", None)
    with house.database.connect() as conn:
        assert registry.find_link(conn, "a-main").failing_since == NOW + HOUR
    link.files["/price.xml"] = good
    assert cycle(house, NOW + 3 * HOUR).status == "unchanged"
    with house.database.connect() as conn:
        assert registry.find_link(conn, "a-main").failing_since is None
    assert len(steps.list_loads(house)) == 2


def test_a_load_that_failed_on_our_side_is_taken_up_again_though_the_server_says_not_modified(house, link, monkeypatch):
    looked = steps.poll(house, "a-main", now=NOW)
    monkeypatch.setattr("pipelines.normalize.normalize", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        steps.process(house, looked.load_id)
    (failed,) = steps.list_loads(house)
    assert (failed["status"], failed["reason"]) == ("failed", "ZeroDivisionError: division by zero")
    monkeypatch.undo()
    outcome = cycle(house, NOW + HOUR)
    assert link.statuses[-1] == 304
    assert (outcome.status, outcome.counts["created"]) == ("processed", 2)


def test_P1_a_newer_file_supersedes_a_load_that_never_ran(house, link, feed):
    stale = steps.poll(house, "a-main", now=NOW)
    link.files["/price.xml"] = feed({"a": 7}).read_bytes()
    fresh = steps.poll(house, "a-main", now=NOW + HOUR)
    assert fresh.load_id != stale.load_id
    assert steps.process(house, fresh.load_id).counts["created"] == 1
    with house.database.connect() as conn:
        assert registry.get_load(conn, stale.load_id).status == "failed"


def test_a_mail_server_that_is_down_holds_up_no_load(house, link, feed):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    down = dataclasses.replace(house, settings=dataclasses.replace(house.settings, smtp_url="smtp://127.0.0.1:1"))
    assert steps.run_cycle(down).outcomes[0].status == "processed"
    link.files["/price.xml"] = feed({"a": 1, "b": 2}).read_bytes()
    assert steps.run_cycle(down).outcomes[0].status == "processed"
    assert not house.outbox.exists()
    later = steps.mail_round(house, now=datetime.now(UTC) + HOUR)
    assert (later.sent, later.waiting) == (2, 0)
    assert {mail.name for mail in house.outbox.iterdir()} == {f"catalog-feeds-load-{n}.eml" for n in (1, 2)}
    assert steps.mail_round(house, now=datetime.now(UTC) + 2 * HOUR).sent == 0


def test_P1_two_loads_of_one_link_never_run_together(house, link):
    looked = steps.poll(house, "a-main", now=NOW)
    with house.database.connect() as conn:
        link_id = registry.find_link(conn, "a-main").id
    with registry.link_lock(house.database, link_id):
        assert steps.poll(house, "a-main", now=NOW).status == "running"
        with pytest.raises(registry.LinkBusyError):
            steps.process(house, looked.load_id)
    assert steps.process(house, looked.load_id).status == "processed"


def test_a_cycle_without_airflow_does_all_of_it(house, link):
    first = steps.run_cycle(house)
    assert [o.status for o in first.outcomes] == ["processed"]
    assert first.snapshot
    second = steps.run_cycle(house)
    assert [o.status for o in second.outcomes] == ["unchanged"]
    assert second.snapshot is None


def test_check_is_a_dry_run_of_one_link(house, link, catalog_dump):
    outcome = steps.check_link(house, "a-main")
    assert outcome.counts["created"] == 2
    assert catalog_dump()["offers"] == []
    assert cycle(house, NOW).counts["created"] == 2
