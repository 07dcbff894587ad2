"""R4 on real parts: the past of the catalog, snapshots made from snapshots, many writers, readers that hold on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import publish, steps
from pipelines.errors import InternalError, OperatorError
from pipelines.model import OFFER_FIELDS, Accreditation
from pipelines.publish.history import STATE
from pipelines.publish.snapshot.build import STORAGE_VERSION
from pipelines.publish.snapshot.views import views
from pipelines.registry import Decider
from pipelines.steps import snapshot as writing

pytestmark = pytest.mark.integration

# What `catalog_as_of` gives of an offer besides its key.
CARD = (*(f.name for f in OFFER_FIELDS), "status", "load", "part", "line", "external_id", "first_seen_at", "changed_at")
KEY = ("shop", "supplier", "sku_key")
BOSS = Decider("Петрова", "проверка")


def rich_feed(path: Path, offers: dict[str, dict[str, Any]]) -> Path:
    """A feed in which everything that a snapshot takes apart may stand: characteristics, regions, codes, stock."""
    rows = []
    for sku, o in offers.items():
        params = "".join(f'<param name="{n}" unit="{u}">{v}</param>' for n, v, u in o.get("params", ()))
        regions = "".join(f'<region id="{c}"><price>{p}</price></region>' for c, p in o.get("regions", ()))
        name = o.get("name", f"Товар {sku}")
        rows.append(
            f'<offer id="{sku}" available="true"><name>{name}</name><price>{o["price"]}</price>'
            f"<vat>20</vat><vendor>Завод</vendor><description>Описание {sku}</description><unitOkei>796</unitOkei>"
            f"<quantity>{o.get('quantity', 1)}</quantity><weight>{o.get('weight', '1.25')}</weight>"
            f"<idToImport>{o.get('codes', '')}</idToImport>{params}<regions>{regions}</regions></offer>"
        )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="2026-11-22 05:00"><shop><offers>\n'
    path.write_text(head + "\n".join(rows) + "\n</offers></shop></yml_catalog>", encoding="utf-8")
    return path


def random_offers(dice: random.Random, skus: list[str]) -> dict[str, dict[str, Any]]:
    return {
        sku: {
            "price": dice.choice(["10", "10.50", "12.34", "9999999.99", "11"]),
            "name": dice.choice(["Болт", "Гайка «М6» & шайба".replace("&", "&amp;"), 'Ёлка; "кавычки", запятая']),
            "quantity": dice.choice(["0", "5", "123456789.125", "0.001"]),
            "weight": dice.choice(["1.25", "0.00000001", "12345.678"]),
            "codes": dice.choice(["", "ENS-1", "ENS-1,ENS-2"]),
            "params": dice.sample(
                [("Длина, м", "2", ""), ("Цвет", "красный", ""), ("Масса", "1,5", "кг")], dice.randint(0, 3)
            ),
            "regions": dice.sample([("45000000", "12"), ("ЦФО", "13"), ("40000000", "9.99")], dice.randint(0, 2)),
        }
        for sku in skus
    }


def catalog_now(conn: Any) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """A full dump of the catalog as `catalog_as_of` gives it."""
    columns = ", ".join("load_id" if name == "load" else name for name in CARD)
    rows = conn.execute(
        f"SELECT shop_id, supplier_id, sku_key, {columns} FROM offers WHERE status <> 'deleted'"
    ).fetchall()
    conn.commit()
    return {row[:3]: tuple(map(plain, row[3:])) for row in rows}


def plain(value: Any) -> Any:
    """Values of either database in one form; numbers inside JSON by what they are worth."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [plain(entry) for entry in value] or None
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if value is None or isinstance(value, bool):
        return value
    try:
        return format(float(value), ".12g") if not isinstance(value, int) else str(value)
    except ValueError:
        return value


def as_of(snapshot: duckdb.DuckDBPyConnection, moment: datetime, *path: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    given = ", ".join("?" for _ in (moment, *path))
    rows = snapshot.execute(
        f"SELECT {', '.join((*KEY, *CARD))} FROM catalog_as_of({given})", [moment, *path]
    ).fetchall()
    return {row[:3]: tuple(map(plain, row[3:])) for row in rows}


def tables_of(path: Path) -> dict[str, Any]:
    """Everything that a snapshot shows, but for when and how it was made."""
    with duckdb.connect(str(path), read_only=True) as snapshot:
        return {
            view.name: sorted(map(repr, snapshot.execute(f"SELECT * FROM {view.name}").fetchall()))
            for view in views()
            if view.name not in ("meta", "quality", "load_quality")
        }


@contextmanager
def latest(house: steps.House):
    key = json.loads(house.store.get_bytes(steps.LATEST))["key"]
    with house.store.local(key) as path, duckdb.connect(str(path), read_only=True) as snapshot:
        yield snapshot


@pytest.mark.parametrize("seed", [1, 2])
def test_R4_the_catalog_as_of_every_load_of_a_random_life_equals_the_catalog_dumped_then(house, load, tmp_path, seed):
    dice = random.Random(seed)  # noqa: S311 - a game, not a secret
    skus = [f"A {n}" for n in range(8)]
    dumps: list[tuple[datetime, dict]] = []
    done: list[int] = []

    def remember() -> None:
        with house.database.connect() as conn:
            dumps.append((conn.execute("SELECT clock_timestamp()").fetchone()[0], catalog_now(conn)))

    def load_some() -> None:
        sent = random_offers(dice, dice.sample(skus, dice.randint(1, len(skus))))
        feed = rich_feed(tmp_path / f"feed-{len(dumps)}.xml", sent)
        supplier = dice.choice(["a", "b"])
        outcome = load(feed, supplier=supplier, actualize=dice.random() < 0.6)
        if outcome.load_id is not None and sum(outcome.counts[k] for k in ("created", "changed", "restored", "hidden")):
            done.append(outcome.load_id)

    def undo() -> None:
        if done:
            with suppress(OperatorError):  # undone already
                steps.rollback(house, done.pop(), BOSS, through=True)

    def by_hand() -> None:
        command = dice.choice(["hide", "publish", "draft", "delete"])
        with suppress(OperatorError):  # there is no such offer now
            steps.mark_offers(house, steps.select("main", "a", skus=[dice.choice(skus)]), command, who="x")

    load_some()
    remember()
    for _ in range(7):
        dice.choice([load_some, load_some, load_some, undo, by_hand])()
        remember()
        if dice.random() < 0.5:
            steps.write_snapshot(house)
    steps.write_snapshot(house)
    with latest(house) as snapshot:
        history = snapshot.execute("SELECT history FROM meta").fetchone()[0]
        for moment, dump in dumps:
            assert as_of(snapshot, moment) == dump
            assert as_of(snapshot, moment, history) == dump
        (told,) = snapshot.execute("SELECT rows FROM meta").fetchone()
        assert told["offer_params"]
        assert told["offer_regions"]
        assert told == {name: snapshot.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in told}


def test_R4_a_snapshot_made_from_the_one_before_holds_what_one_made_anew_does(house, load, feed, tmp_path):
    load(feed({f"A-{n}": n + 1 for n in range(30)}), actualize=True)
    load(feed({"B-1": 5, "bad": 0}), supplier="b")
    steps.write_snapshot(house)
    load(feed({f"A-{n}": n + 1 + (n == 3) for n in range(1, 31)}), actualize=True)
    steps.mark_offers(house, steps.select("main", "a", skus=["A-7"]), "delete", who="x")
    steps.accredit(house, "b", "main", "revoked", who="x", why="y")

    gone_on, anew = tmp_path / "gone_on.duckdb", tmp_path / "anew.duckdb"
    steps.write_snapshot(house, out=gone_on)
    steps.write_snapshot(house, out=anew, anew=True)
    with duckdb.connect(str(gone_on)) as one, duckdb.connect(str(anew)) as other:
        rebuilt, taken = one.execute("SELECT rebuilt_at, taken_at FROM meta").fetchone()
        assert rebuilt < taken
        assert other.execute("SELECT rebuilt_at = taken_at FROM meta").fetchone() == (True,)
        assert one.execute("SELECT count(*) FROM offers WHERE visible AND supplier = 'b'").fetchone() == (0,)
    assert tables_of(gone_on) == tables_of(anew)


@pytest.mark.parametrize("spoil", ["cut", "other rows", "older version"])
def test_R4_a_last_snapshot_that_does_not_serve_costs_time_only(house, load, feed, tmp_path, spoil):
    load(feed({f"A-{n}": n + 1 for n in range(10)}))
    steps.write_snapshot(house)
    key = json.loads(house.store.get_bytes(steps.LATEST))["key"]
    path = Path(house.store.url(key))
    if spoil == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with duckdb.connect(str(path)) as snapshot:
            snapshot.execute(
                "UPDATE v2.offers SET changed_at = changed_at + INTERVAL 1 SECOND WHERE sku = 'A-1'"
                if spoil == "other rows"
                else "UPDATE v2.meta SET schema_version = 1"
            )
    load(feed({f"A-{n}": n + 1 for n in range(9)}))
    out = tmp_path / "out.duckdb"
    steps.write_snapshot(house, out=out)
    with duckdb.connect(str(out)) as snapshot:
        assert snapshot.execute("SELECT rebuilt_at = taken_at FROM meta").fetchone() == (True,)
        assert snapshot.execute("SELECT count(*) FROM offers").fetchone() == (10,)


def test_R4_a_reader_that_holds_the_last_snapshot_open_keeps_reading_it(house, load, feed):
    load(feed({"A-1": 1}))
    steps.write_snapshot(house)
    with latest(house) as reader:
        assert reader.execute("SELECT price::VARCHAR FROM offers").fetchall() == [("1.00",)]
        load(feed({"A-1": 2, "A-2": 3}))
        steps.write_snapshot(house)
        assert reader.execute("SELECT sku, price::VARCHAR FROM offers").fetchall() == [("A-1", "1.00")]
        with latest(house) as another:
            assert another.execute("SELECT count(*) FROM offers").fetchone() == (2,)


def run_killed(house, nth: int) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "CATALOG_FEEDS_HOME": str(house.settings.home_path),
        "CATALOG_FEEDS_DATABASE_URL": house.database.catalog_url,
    }
    command = [sys.executable, str(Path(__file__).with_name("killed_snapshot.py")), str(nth)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_R4_a_writer_killed_before_any_of_its_effects_leaves_latest_right_and_no_change_twice(house, load, feed):
    load(feed({"A-1": 1}))
    steps.write_snapshot(house)
    load(feed({"A-1": 2}))
    # The announcement, the file, its confirmation, the snapshot, the pointer.
    for nth in range(1, 6):
        before = house.store.get_bytes(steps.LATEST)
        assert run_killed(house, nth).returncode == -signal.SIGKILL
        assert house.store.get_bytes(steps.LATEST) == before
        with latest(house) as snapshot:
            assert snapshot.execute("SELECT price::VARCHAR FROM offers").fetchone() == ("1.00",)
        load(feed({"A-1": 2 + nth}))
    steps.write_snapshot(house)
    with latest(house) as snapshot:
        (path,) = snapshot.execute("SELECT history FROM meta").fetchone()
        ids = snapshot.execute("SELECT list(id ORDER BY id) FROM history(?)", [path]).fetchone()[0]
        assert ids == snapshot.execute("SELECT list(id ORDER BY id) FROM changes").fetchone()[0]
        assert len(ids) == len(set(ids)) == 7


def test_R4_of_two_writers_at_once_one_wins_and_the_history_holds_every_change_once(house, load, feed):
    load(feed({f"A-{n}": n + 1 for n in range(50)}))
    with ThreadPoolExecutor(4) as pool:
        urls = list(pool.map(lambda _: steps.write_snapshot(house), range(4)))
    pointer = json.loads(house.store.get_bytes(steps.LATEST))
    keys = [key for key in house.store.list("snapshots") if key.endswith(".duckdb")]
    assert pointer["key"] == max(keys)
    assert set(urls) <= {house.store.url(key) for key in keys}
    with latest(house) as snapshot:
        found = snapshot.execute("SELECT count(*), count(DISTINCT id) FROM history(?)", [house.store.url("history")])
        assert found.fetchone() == (50, 50)


def test_R4_an_older_snapshot_never_becomes_the_latest(house, load, feed):
    load(feed({"A-1": 1}))
    steps.write_snapshot(house)
    known = json.loads(house.store.get_bytes(steps.LATEST))
    older = known | {"taken_at": "2020-01-01T00:00:00+00:00"}
    assert writing._point(house, older) == known["key"]
    assert json.loads(house.store.get_bytes(steps.LATEST)) == known


def test_R4_a_snapshot_is_due_until_one_was_written_after_whatever_ended(house, load, feed):
    assert steps.snapshot_is_due(house)
    hold = {"actualize": True, "hold_hidden_count": 1, "hold_hidden_share": "0.1"}
    held: list[int] = []

    def load_and_hold() -> None:
        load(feed({f"A-{n}": n for n in range(1, 5)}), **hold)
        held.append(load(feed({"A-1": 1}), **hold).load_id)

    for what_ends in (
        load_and_hold,
        lambda: steps.approve(house, held[0], BOSS),
        lambda: steps.mark_offers(house, steps.select("main", "a", skus=["A-1"]), "hide", who="x"),
        lambda: steps.accredit(house, "a", "main", Accreditation.REVOKED, who="x"),
    ):
        what_ends()
        assert steps.snapshot_is_due(house)
        steps.write_snapshot(house)
        assert not steps.snapshot_is_due(house)
    load(feed({"A-1": 2}), dry_run=True)
    assert not steps.snapshot_is_due(house)


def test_R4_a_snapshot_that_a_clock_which_was_wrong_took_in_the_future_puts_off_none(house, load, feed):
    load(feed({"A-1": 1}))
    steps.write_snapshot(house)
    known = json.loads(house.store.get_bytes(steps.LATEST))
    house.store.put_bytes(steps.LATEST, json.dumps(known | {"taken_at": "2126-01-01T00:00:00+00:00"}).encode())
    assert steps.snapshot_is_due(house)
    steps.write_snapshot(house)
    assert not steps.snapshot_is_due(house)


def test_R4_changes_of_a_transaction_that_ends_late_are_not_passed_over(house, load, feed):
    """Numbers of changes are given before their transactions end: one that is still open holds the history back."""
    load(feed({"A-1": 1}))
    with house.database.connect() as late, house.database.connect() as conn:
        late.execute(
            "INSERT INTO changes (load_id, shop_id, supplier_id, sku_key, kind, fields, before, after, at)"
            " SELECT load_id, shop_id, supplier_id, 'late', kind, fields, before, after, at FROM changes LIMIT 1"
        )
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(publish.write_history, conn, house.store, house.settings.home_path)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1)
            late.commit()
            assert waiting.result(timeout=60) == 2


def test_R4_the_history_is_cut_into_months_and_batches(house, load, feed, tmp_path):
    load(feed({f"A-{n}": n + 1 for n in range(10)}))
    with house.database.connect() as conn:
        conn.execute("UPDATE changes SET at = timestamptz '2026-01-31 23:59:59.999999+00' WHERE id <= 4")
        conn.execute("UPDATE changes SET at = timestamptz '2026-02-01 00:00:00+00' WHERE id > 4")
        conn.commit()
        assert publish.write_history(conn, house.store, tmp_path, batch=6) == 10
        assert publish.write_history(conn, house.store, tmp_path, batch=6) == 10
    names = [key.removeprefix("history/changes/") for key in house.store.list("history") if key != STATE]
    assert names == [
        "year=2026/month=01/1-4.parquet",
        "year=2026/month=02/5-6.parquet",
        "year=2026/month=02/7-10.parquet",
    ]
    copy = tmp_path / "copy"
    assert steps.copy_history(house, copy) == 3
    assert steps.copy_history(house, copy) == 0
    assert sorted(str(p.relative_to(copy / "changes")) for p in copy.rglob("*.parquet")) == names


def test_R4_a_catalog_older_than_its_history_is_said(house, load, feed, tmp_path):
    load(feed({"A-1": 1}))
    house.store.put_bytes(STATE, b'{"through": 99, "announced": 99}')
    with house.database.connect() as conn, pytest.raises(InternalError, match="restored"):
        publish.write_history(conn, house.store, tmp_path)


def test_R4_beyond_what_a_snapshot_remembers_the_past_comes_from_the_history(house, load, feed):
    load(feed({"A-1": 1, "A-2": 7}))
    with house.database.connect() as conn:
        conn.execute("UPDATE changes SET at = at - INTERVAL '500 days'")
        conn.execute("UPDATE offers SET first_seen_at = first_seen_at - INTERVAL '500 days'")
        conn.commit()
    load(feed({"A-1": 2}))
    steps.write_snapshot(house)
    with latest(house) as snapshot:
        (path, since) = snapshot.execute("SELECT history, changes_since FROM meta").fetchone()
        assert since is not None
        assert snapshot.execute("SELECT kind FROM changes").fetchall() == [("changed",)]
        ago = "now() - INTERVAL '450 days'"
        with pytest.raises(duckdb.InvalidInputException, match="путь к истории"):
            snapshot.execute(f"SELECT * FROM catalog_as_of({ago})").fetchall()
        prices = snapshot.execute(f"SELECT sku, price::VARCHAR FROM catalog_as_of({ago}, ?) ORDER BY sku", [path])
        assert prices.fetchall() == [("A-1", "1.00"), ("A-2", "7.00")]
        told = snapshot.execute("SELECT kind, price::VARCHAR FROM price_history('a', ' a-1 ', ?)", [path]).fetchall()
        assert told == [("created", "1.00"), ("changed", "2.00")]
        assert snapshot.execute("SELECT price::VARCHAR FROM price_history('a', 'A-1')").fetchall() == [("2.00",)]


def test_R4_every_table_view_column_and_macro_says_what_it_is(house, load, feed):
    load(feed({"A-1": 1}))
    steps.write_snapshot(house)
    with latest(house) as snapshot:
        for kind in ("tables", "views", "columns", "functions"):
            silent = snapshot.execute(
                f"SELECT * FROM duckdb_{kind}() WHERE NOT internal AND (comment IS NULL OR comment = '')"
            )
            assert silent.fetchall() == [], kind
        assert {
            row[0] for row in snapshot.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        } >= {
            *("offers", "offer_params", "offer_regions", "changes", "loads", "issues", "rejected_offers", "suppliers"),
            *("links", "okei", "regions", "characteristics", "categories", "meta", "quality", "load_quality"),
        }


def test_R4_whoever_has_DuckDB_1_3_reads_a_snapshot(house, load, feed):
    load(feed({"A-1": 1}))
    steps.write_snapshot(house)
    with latest(house) as snapshot:
        (tags,) = snapshot.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchone()
    assert tags["storage_version"] == f"{STORAGE_VERSION}+"
    assert f"DuckDB {STORAGE_VERSION[1:-2]} or newer" in Path("docs/analysts.md").read_text().replace("\n", " ")


def test_R4_a_snapshot_attached_under_another_name_works(house, load, feed, tmp_path):
    load(feed({"A-1": 1}))
    out = tmp_path / "catalog.duckdb"
    steps.write_snapshot(house, out=out)
    with duckdb.connect() as mine:
        mine.execute(f"ATTACH '{out}' AS theirs (READ_ONLY)")
        assert mine.execute("SELECT sku, visible FROM theirs.offers").fetchall() == [("A-1", True)]
        mine.execute("USE theirs")
        assert mine.execute("SELECT sku FROM catalog_as_of(now())").fetchall() == [("A-1",)]


def test_R4_quality_tells_shares_of_what_is_published(house, load, tmp_path):
    offers = {
        "A": {"price": 1, "params": [("Длина, м", "2", ""), ("Невиданное", "3", "")]},
        "B": {"price": 2, "regions": [("45000000", "3")]},
    }
    load(rich_feed(tmp_path / "feed.xml", offers))
    steps.write_snapshot(house)
    with latest(house) as snapshot:
        found = snapshot.execute(
            "SELECT offers, fill_vendor, fill_params, fill_regions, fill_rrp, params_recognized, oldest_days < 1"
            " FROM quality"
        ).fetchall()
        assert found == [(2, 1.0, 0.5, 0.5, 0.0, 0.5, True)]
        (read, rejected, fill) = snapshot.execute("SELECT read, rejected_share, fill FROM load_quality").fetchone()
        assert (read, rejected, fill["params"], fill["vendor"]) == (2, 0.0, 0.5, 1.0)
