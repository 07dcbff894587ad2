"""Many servers at once, one request at a time for each."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from pipelines import registry, steps
from pipelines.steps import house as house_module
from pipelines.steps import polling


@pytest.fixture
def links(house):
    """Three links on each of four servers."""
    with house.database.connect() as conn:
        registry.ensure_shop(conn, "main")
        registry.ensure_supplier(conn, "a")
        registry.ensure_accreditation(conn, "a", "main")
        for server in range(4):
            for n in range(3):
                url = f"http://s{server}.example:{8000 + n}/{n}.xml"
                registry.upsert_link(conn, code=f"s{server}-{n}", supplier="a", shop="main", url=url)


@pytest.fixture
def looks(monkeypatch):
    """A poll that takes its time and notes how many were at a server together."""
    at_once: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()

    def look(_house, code):
        server = code.partition("-")[0]
        with lock:
            for name in (server, "all"):
                at_once[name] += 1
                most[name] = max(most[name], at_once[name])
        time.sleep(0.05)
        with lock:
            at_once[server] -= 1
            at_once["all"] -= 1
        if code == "s2-1":
            raise RuntimeError("ours")
        return house_module.Outcome(code, "a", "main", "queued", load_id=1)

    monkeypatch.setattr(polling, "poll", look)
    return most


def test_one_request_at_a_time_for_each_server(house, links, looks):
    outcomes = list(steps.poll_due(house))
    assert len(outcomes) == 12
    assert {looks[f"s{n}"] for n in range(4)} == {1}
    assert looks["all"] > 1


def test_a_link_that_fails_on_our_side_stops_nobody(house, links, looks):
    statuses = {o.link: o.status for o in steps.poll_due(house)}
    assert Counter(statuses.values()) == {"queued": 11, "failed": 1}
    assert statuses["s2-1"] == "failed"


def test_enough_is_enough(house, links, looks, caplog):
    outcomes = list(steps.poll_due(house, loads_at_most=2))
    assert 2 <= len(outcomes) < 12
    assert "wait for the next cycle" in caplog.text
    assert list(steps.poll_due(house, seconds=0)) == []


def test_what_was_looked_at_longest_ago_comes_first(house, links):
    with house.database.connect() as conn:
        conn.execute("UPDATE links SET checked_at = now() WHERE code <> 's3-2'")
        conn.execute("UPDATE links SET checked_at = now() - interval '1 day' WHERE code = 's3-1'")
    assert polling.links_by_server(house)[0] == ["s3-2", "s3-1", "s3-0"]


def test_whoever_stops_listening_stops_the_polling(house, links, looks):
    polled = steps.poll_due(house)
    next(polled)
    polled.close()
    assert looks["all"] >= 1


def test_servers_that_are_slow_hold_up_none_that_are_well(house, monkeypatch):
    """More of them than there are places: each steps aside, and every link of the others is looked at meanwhile."""
    monkeypatch.setattr(polling, "PATIENCE_SECONDS", 0.01)
    slow, well = polling.SERVERS_AT_ONCE * 2, 40
    with house.database.connect() as conn:
        registry.ensure_shop(conn, "main")
        registry.ensure_supplier(conn, "a")
        registry.ensure_accreditation(conn, "a", "main")
        for n in range(slow + well):
            registry.upsert_link(conn, code=f"{n:03}", supplier="a", shop="main", url=f"http://s{n:03}.example/x.xml")
    done = threading.Event()

    def look(_house, code):
        if int(code) < slow:
            assert done.wait(60), "a slow server was waited for"
        return house_module.Outcome(code, "a", "main", "unchanged")

    monkeypatch.setattr(polling, "poll", look)
    seen = []
    for outcome in steps.poll_due(house):
        seen.append(int(outcome.link))
        if len(seen) == well:
            done.set()
    assert all(n >= slow for n in seen[:well])
    assert sorted(seen) == list(range(slow + well))


def test_what_failed_the_last_time_comes_last(house, links):
    with house.database.connect() as conn:
        conn.execute("UPDATE links SET failing_since = now() WHERE code LIKE 's0-%' OR code = 's1-0'")
    assert [codes[0] for codes in polling.links_by_server(house)] == ["s1-0", "s2-0", "s3-0", "s0-0"]
