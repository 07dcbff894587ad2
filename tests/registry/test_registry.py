"""The bookkeeping around the catalog, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from pipelines import registry
from pipelines.database import Database
from pipelines.errors import InternalError, OperatorError
from pipelines.model import Accreditation, Counts, LoadStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def link(conn: psycopg.Connection) -> registry.Link:
    """One declared link of supplier a in shop main."""
    party(conn)
    return declare(conn)


def party(conn: psycopg.Connection, supplier: str = "a", shop: str = "main") -> None:
    registry.ensure_shop(conn, shop)
    registry.ensure_supplier(conn, supplier)
    registry.ensure_accreditation(conn, supplier, shop)


def declare(conn: psycopg.Connection, code: str = "a-main", **changes) -> registry.Link:
    declared = {"supplier": "a", "shop": "main", "url": "https://a.example/feed.yml"} | changes
    return registry.upsert_link(conn, code=code, **declared)


def test_unknown_shop_and_supplier_are_created_and_keep_what_was_said_of_them(conn):
    assert registry.ensure_shop(conn, "main") == registry.Shop("main", "main", {})
    registry.ensure_shop(conn, "main", name="Магазин", options={"required_fields": ["vat"]})
    assert registry.ensure_shop(conn, "main") == registry.Shop("main", "Магазин", {"required_fields": ["vat"]})
    registry.set_shop_options(conn, "main", {})
    assert registry.ensure_shop(conn, "main").options == {}
    assert registry.ensure_supplier(conn, "a") == registry.Supplier("a", "a", [])
    registry.ensure_supplier(conn, "a", name="ООО «А»", emails=["price@a.example"])
    assert registry.ensure_supplier(conn, "a") == registry.Supplier("a", "ООО «А»", ["price@a.example"])


def test_P8_a_new_supplier_is_granted_and_a_lost_accreditation_is_not_given_back(conn):
    registry.ensure_shop(conn, "main")
    registry.ensure_supplier(conn, "a")
    assert registry.accreditation(conn, "a", "main") is Accreditation.NONE
    assert registry.ensure_accreditation(conn, "a", "main") is Accreditation.GRANTED
    registry.set_accreditation(conn, "a", "main", Accreditation.REVOKED, who="test")
    assert registry.ensure_accreditation(conn, "a", "main") is Accreditation.REVOKED


def test_a_link_is_declared_and_found(conn, link):
    assert registry.find_link(conn, "a-main") == registry.get_link(conn, link.id) == link
    assert (link.kind, link.enabled, link.options, link.emails) == ("link", True, {}, [])
    declare(conn, "b-off", enabled=False)
    assert [found.code for found in registry.enabled_links(conn)] == ["a-main"]
    assert [found.code for found in registry.list_links(conn)] == ["a-main", "b-off"]
    assert registry.list_links(conn, supplier="nobody") == []
    with pytest.raises(OperatorError, match="unknown link 'x'"):
        registry.find_link(conn, "x")
    with pytest.raises(InternalError):
        registry.get_link(conn, 10**9)


def fetched(conn: psycopg.Connection, link: registry.Link, **changes) -> registry.Link:
    values = {"at": NOON, "etag": '"1"', "last_modified": "Sun", "sha256": "aa", "full": True} | changes
    registry.record_fetch(conn, link.id, **values)
    return registry.get_link(conn, link.id)


def published(conn: psycopg.Connection, link: registry.Link) -> int:
    load_id = registry.create_load(conn, link.id, source="test")
    registry.mark_processed(conn, link.id, load_id=load_id, sha256="aa", options="oo")
    return load_id


def test_declaring_again_replaces_the_settings_and_keeps_the_state(conn, link):
    fetched(conn, link)
    load_id = published(conn, link)
    again = declare(conn, options={"actualize": True}, emails=["x@a.example"], link_format="yml")
    assert (again.id, again.options, again.emails, again.format) == (
        link.id,
        {"actualize": True},
        ["x@a.example"],
        "yml",
    )
    assert (again.etag, again.fetched_sha256, again.processed_sha256) == ('"1"', "aa", "aa")
    assert again.last_good_load_id == load_id


def test_another_address_makes_its_validators_worthless(conn, link):
    fetched(conn, link)
    published(conn, link)
    moved = declare(conn, url="https://a.example/other.yml")
    assert (moved.etag, moved.last_modified, moved.fetched_sha256, moved.full_fetch_at) == (None,) * 4
    assert moved.processed_sha256 == "aa"  # the catalog still holds what it holds


def test_another_supplier_makes_what_was_published_worthless(conn, link):
    published(conn, link)
    party(conn, "b")
    handed = declare(conn, supplier="b")
    assert (handed.supplier, handed.processed_sha256, handed.last_good_load_id) == ("b", None, None)


def test_an_upload_channel_keeps_its_options_and_its_code(conn):
    party(conn)
    upload = registry.upload_link(conn, "a", "main")
    assert (upload.kind, upload.url, upload.code) == ("upload", None, "a@main:upload")
    registry.set_link_options(conn, upload.id, {"default_unit": "796"})
    assert registry.upload_link(conn, "a", "main").options == {"default_unit": "796"}
    assert registry.enabled_links(conn) == []
    with pytest.raises(OperatorError, match="upload channel"):
        declare(conn, upload.code)


def test_F2_the_newest_validators_are_stored_even_if_the_body_is_the_same(conn, link):
    fetched(conn, link)
    later = fetched(conn, link, at=NOON + timedelta(hours=1), etag='"2"', last_modified=None, full=False)
    assert (later.etag, later.last_modified) == ('"2"', None)
    assert (later.checked_at, later.changed_at, later.full_fetch_at) == (NOON + timedelta(hours=1), NOON, NOON)


def test_F2_a_server_that_says_nothing_changed_keeps_the_hash(conn, link):
    fetched(conn, link)
    later = fetched(conn, link, at=NOON + timedelta(hours=1), sha256=None, full=False)
    assert (later.fetched_sha256, later.changed_at) == ("aa", NOON)
    changed = fetched(conn, link, at=NOON + timedelta(hours=2), sha256="bb")
    assert (changed.fetched_sha256, changed.changed_at) == ("bb", NOON + timedelta(hours=2))


def test_failing_since_is_the_first_failure_until_one_look_succeeds(conn, link):
    fetched(conn, link)
    for hours in (1, 2):
        registry.record_failure(conn, link.id, at=NOON + timedelta(hours=hours), error=f"error {hours}\0")
    failing = registry.get_link(conn, link.id)
    assert (failing.failing_since, failing.last_error) == (NOON + timedelta(hours=1), "error 2\ufffd")
    assert (failing.checked_at, failing.fetched_sha256) == (NOON + timedelta(hours=2), "aa")
    well = fetched(conn, link, at=NOON + timedelta(hours=3))
    assert (well.failing_since, well.last_error) == (None, None)


def test_F2_options_differ_when_their_hash_does(conn):
    assert registry.options_hash({"a": 1, "b": [1, "ё"]}) == registry.options_hash({"b": [1, "ё"], "a": 1})
    assert registry.options_hash({"a": 1}) != registry.options_hash({"a": "1"})


def test_P5_good_loads_of_other_enabled_links_of_the_same_supplier_and_shop(conn, link):
    party(conn, "b")
    party(conn, "a", "other-shop")
    published(conn, link)
    protects = published(conn, declare(conn, "a-second"))
    published(conn, declare(conn, "a-off"))
    declare(conn, "a-off", enabled=False)
    declare(conn, "a-never")
    published(conn, declare(conn, "b-main", supplier="b"))
    published(conn, declare(conn, "a-elsewhere", shop="other-shop"))
    published(conn, registry.upload_link(conn, "a", "main"))
    assert registry.other_good_loads(conn, link.id) == [protects]


def test_a_load_from_queue_to_end(conn, link):
    options = {"link": {"actualize": True}}
    load_id = registry.create_load(conn, link.id, source="feed\udcff.yml\0", sha256="aa", size=5, options=options)
    load = registry.get_load(conn, load_id)
    assert (load.link, load.supplier, load.shop, load.status) == ("a-main", "a", "main", LoadStatus.QUEUED)
    assert (load.source, load.sha256, load.bytes, load.options) == ("feed?.yml\ufffd", "aa", 5, options)
    assert load.counts == Counts()
    assert registry.get_link(conn, link.id).last_load_id == load_id

    running = registry.start_load(conn, load_id, at=NOON, worker="w1")
    assert (running.status, running.started_at) == (LoadStatus.RUNNING, NOON)
    running.status, running.reason, running.finished_at = LoadStatus.HELD, "too_many_hidden", NOON
    running.format, running.encoding = "yml", "windows-1251"
    running.counts = Counts(*range(1, 12))
    running.held, running.actualization = {"visible": 5}, {"requested": True}
    running.timings = {"fetch": 0.5}
    registry.save_load(conn, running)
    assert registry.get_load(conn, load_id) == running
    with pytest.raises(OperatorError, match="unknown load"):
        registry.get_load(conn, load_id + 1)


def test_P1_a_load_whose_worker_died_is_taken_up_again(conn, link):
    assert registry.unfinished_load(conn, link.id) is None
    load_id = registry.create_load(conn, link.id, source="test")
    registry.start_load(conn, load_id, at=NOON, worker="w1")
    registry.create_load(conn, link.id, source="dry", dry_run=True)
    assert registry.unfinished_load(conn, link.id).id == load_id
    again = registry.start_load(conn, load_id, at=NOON + timedelta(hours=1), worker="w2")
    assert (again.status, again.started_at) == (LoadStatus.RUNNING, NOON)
    registry.fail_load(conn, load_id, at=NOON, reason="disk full")
    assert registry.get_load(conn, load_id).status is LoadStatus.FAILED
    assert registry.unfinished_load(conn, link.id) is None


@pytest.mark.parametrize("status", [LoadStatus.PROCESSED, LoadStatus.HELD])
def test_P1_a_load_that_has_published_cannot_run_or_fail_any_more(conn, link, status):
    load_id = registry.create_load(conn, link.id, source="test")
    load = registry.get_load(conn, load_id)
    load.status = status
    registry.save_load(conn, load)
    assert registry.start_load(conn, load_id, at=NOON, worker="w").status is status
    registry.fail_load(conn, load_id, at=NOON, reason="late")
    assert registry.get_load(conn, load_id).status is status


def test_loads_are_listed_newest_first(conn, link):
    party(conn, "b")
    other = declare(conn, "b-main", supplier="b")
    ids = [registry.create_load(conn, each.id, source="test") for each in (link, other, link)]
    assert [load.id for load in registry.list_loads(conn)] == ids[::-1]
    assert [load.id for load in registry.list_loads(conn, supplier="a")] == [ids[2], ids[0]]
    assert [load.id for load in registry.list_loads(conn, link_id=other.id)] == [ids[1]]
    assert [load.id for load in registry.list_loads(conn, limit=1)] == [ids[2]]


def test_P1_one_load_of_a_link_at_a_time(catalog: Database, conn, link):
    other = declare(conn, "a-second")
    conn.commit()
    with registry.link_lock(catalog, link.id):
        with pytest.raises(registry.LinkBusyError), registry.link_lock(catalog, link.id):
            pass
        with registry.link_lock(catalog, other.id):
            pass
    with registry.link_lock(catalog, link.id):
        pass


def test_P1_reported_once(conn, link):
    load_id = registry.create_load(conn, link.id, source="test")
    load = registry.get_load(conn, load_id)
    load.status, load.timings = LoadStatus.PROCESSED, {"parse": 1.0}
    registry.save_load(conn, load)
    assert registry.unreported_load(conn, link.id).id == load_id
    assert not registry.is_reported(conn, load_id)
    registry.mark_reported(conn, load_id, at=NOON, timings={"report": 0.5})
    assert registry.is_reported(conn, load_id)
    assert registry.unreported_load(conn, link.id) is None
    assert registry.get_load(conn, load_id).timings == {"parse": 1.0, "report": 0.5}


def test_previous_and_last_good_load(conn, link):
    ids = []
    for status in (LoadStatus.PROCESSED, LoadStatus.REJECTED, LoadStatus.FAILED, LoadStatus.QUEUED):
        load = registry.get_load(conn, registry.create_load(conn, link.id, source="test"))
        load.status, load.published = status, status is LoadStatus.PROCESSED
        registry.save_load(conn, load)
        ids.append(load.id)
    newest = registry.get_load(conn, ids[-1])
    assert registry.previous_load(conn, newest).id == ids[1]
    assert registry.last_good_load(conn, newest).id == ids[0]
    assert registry.previous_load(conn, registry.get_load(conn, ids[0])) is None
