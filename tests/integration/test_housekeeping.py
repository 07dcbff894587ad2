"""Housekeeping removes what nobody can ask for any more, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines import registry, steps
from pipelines.fetch import raw_key
from pipelines.steps import Retention

LATER = datetime.now(UTC) + timedelta(days=100)
KEEP = Retention(days=90, loads=2, snapshots=1)


@pytest.fixture
def loads(load, feed):
    """Five loads of one channel, each another file."""
    return [load(feed({"s1": 100 + n})).load_id for n in range(5)]


def folders(house):
    return sorted({int(key.split("/")[1]) for key in house.store.list("loads")})


def sha256(house, load_id):
    with house.database.connect() as conn:
        return registry.get_load(conn, load_id).sha256


def test_old_loads_go_with_their_raw_files_and_the_newest_stay(house, loads):
    raw = [raw_key(sha256(house, load_id)) for load_id in loads]
    assert steps.sweep(house, KEEP).loads == 0
    swept = steps.sweep(house, KEEP, now=LATER)
    assert (swept.loads, swept.raw) == (3, 3)
    assert swept.bytes > 0
    assert folders(house) == loads[3:]
    assert [house.store.exists(key) for key in raw] == [False] * 3 + [True] * 2
    assert steps.sweep(house, KEEP, now=LATER).bytes == 0
    assert steps.replay(house, loads[4]).status == "processed"


def test_a_dry_run_counts_the_same_and_removes_nothing(house, loads):
    before = list(house.store.list())
    dry = steps.sweep(house, KEEP, now=LATER, dry_run=True)
    assert list(house.store.list()) == before
    assert steps.sweep(house, KEEP, now=LATER) == dry


def test_the_last_good_load_stays_however_many_bad_ones_came_after(house, load, feed, tmp_path):
    good = load(feed({"s1": 100})).load_id
    for n in range(4):
        bad = tmp_path / f"bad{n}.yml"
        bad.write_text(f"<yml_catalog>{n}", encoding="utf-8")
        assert load(bad).status == "rejected"
    steps.sweep(house, Retention(days=90, loads=1), now=LATER)
    assert good in folders(house)
    assert house.store.exists(raw_key(sha256(house, good)))


def test_a_load_that_waits_stays(house, load, feed):
    load(feed({f"s{n}": 100 for n in range(200)}), actualize=True)
    held = load(feed({"s0": 100}))
    for n in range(3):
        load(feed({"s0": 200 + n}), dry_run=True)
    steps.sweep(house, Retention(days=90, loads=1), now=LATER)
    assert held.load_id in folders(house)


def test_the_newest_snapshots_stay(house, loads):
    for _ in range(3):
        latest = steps.write_snapshot(house)
    assert steps.sweep(house, KEEP).snapshots == 2
    (left,) = (key for key in house.store.list("snapshots") if key.endswith(".duckdb"))
    assert house.store.url(left) == latest
    assert steps.query_snapshot(house, "SELECT count(*) AS n FROM offers") == [{"n": 1}]
