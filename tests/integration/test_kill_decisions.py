"""P1: a decision killed at any moment and taken again ends the same, and is told once."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg import sql

from pipelines import registry, steps
from pipelines.objects import open_store
from pipelines.registry import Decider

SCRIPT = Path(__file__).with_name("decided.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def decide():
    """Decide in a process that dies before its nth effect: its exit code and the effects it had."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:

        def run(house, command, load_id, log, *, die_at=0):
            log.unlink(missing_ok=True)
            told = (die_at, log, command, load_id, house.settings.home_path, house.database.catalog_url)
            runner.stdin.write("\t".join(map(str, told)) + "\n")
            runner.stdin.flush()
            return int(runner.stdout.readline()), log.read_text(encoding="utf-8").splitlines()

        yield run
        runner.stdin.close()


@pytest.fixture
def again(house, tmp_path):
    """Copies of the house as it is now: the same catalog, the same objects, each time fresh."""
    database, number = house.database, iter(range(1000))
    name = database.catalog_url.rpartition("/")[2].partition("?")[0]
    made = []

    def copy():
        home, twin = tmp_path / f"home-{next(number)}", f"{name}_{len(made)}"
        shutil.copytree(house.settings.home_path, home)
        with database.connect("postgres", autocommit=True) as server:
            template, target = sql.Identifier(name), sql.Identifier(twin)
            copied = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(target, template)
            server.execute(copied)
        made.append(twin)
        settings = dataclasses.replace(house.settings, home=str(home))
        return steps.House(
            settings, dataclasses.replace(database, catalog_url=database.url(twin)), open_store(settings)
        )

    yield copy
    with database.connect("postgres", autocommit=True) as server:
        for twin in made:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(twin)))


def outcome(house):
    """What a decision leaves, without the clock."""
    with house.database.connect() as conn:
        return [
            conn.execute(query).fetchall()
            for query in (
                "SELECT to_jsonb(o) - 'changed_at' - 'hidden_at' FROM offers o ORDER BY sku_key",
                "SELECT sku_key, kind, fields, before, after FROM changes ORDER BY sku_key, load_id, kind",
                "SELECT status, kind, published, undone_by IS NULL, reported_at IS NULL FROM loads ORDER BY id",
                "SELECT load_id, verdict, effect FROM decisions ORDER BY id",
                "SELECT count(*), count(DISTINCT name) FROM mails",
            )
        ]


@pytest.mark.parametrize("command", ["approve", "rollback"])
def test_P1_a_decision_killed_before_any_of_its_effects_and_taken_again_ends_the_same(
    house, load, feed, again, decide, tmp_path, command
):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    load(feed({f"s{n}": 100 for n in range(60)}), actualize=True, required_fields="vat")
    load_id = load(feed({"s0": 5000, "s1": 101, "new": 1})).load_id
    alive = again()
    code, effects = decide(alive, command, load_id, tmp_path / "effects")
    assert code == 0
    assert len(effects) >= 5, effects
    expected = outcome(alive)

    for nth in range(1, len(effects) + 1):
        twin = again()
        code, _ = decide(twin, command, load_id, tmp_path / "effects", die_at=nth)
        where = f"killed before effect {nth}: {effects[nth - 1]}"
        assert code == -signal.SIGKILL, where
        twin.sweep()
        if outcome(twin) != expected:
            getattr(steps, command)(twin, load_id, Decider("anna", "because"))
        assert outcome(twin) == expected, where
        assert list((twin.settings.home_path / "scratch").iterdir()) == [], where
