"""P1: killed at any moment and run again, the catalog is the same and one report is sent."""

import os
import signal
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from pipelines import registry, steps
from pipelines.normalize import incremental
from pipelines.steps.manifest import read_manifest

SCRIPT = Path(__file__).with_name("killed_load.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run_load(house):
    """Load a file in a process that dies before its nth effect: its exit code and the effects it had."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CATALOG_FEEDS_HOME": str(house.settings.home_path),
        "CATALOG_FEEDS_DATABASE_URL": house.database.catalog_url,
    }
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runner:

        def run(file, *, die_at=0):
            log = file.with_suffix(".log")
            log.unlink(missing_ok=True)
            runner.stdin.write(f"{die_at}\t{file}\t{log}\n")
            runner.stdin.flush()
            return int(runner.stdout.readline()), log.read_text(encoding="utf-8").splitlines()

        yield run
        runner.stdin.close()


def load_here(house, file):
    settings = {"actualize": True, "required_fields": "vat"}
    return steps.load_source(house, str(file), supplier="a", shop="main", settings=settings)


def start_over(house, feed):
    """An empty catalog with one earlier load of three offers, whose mail is put away."""
    with house.database.connect() as conn:
        conn.execute(
            "TRUNCATE shops, suppliers, accreditations, links, loads, offers, changes RESTART IDENTITY CASCADE"
        )
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    for path in house.settings.home_path.rglob("*"):
        if path.is_file():
            path.unlink()
    load_here(house, feed({"kept": 1, "moved": 2, "gone": 3}, name="first.xml"))
    for mail in house.outbox.glob("*.eml"):
        mail.unlink()


def test_P1_a_load_killed_before_any_of_its_effects_and_run_again_ends_the_same(
    house, feed, run_load, catalog_dump, monkeypatch
):
    monkeypatch.setattr(incremental, "LEAST", 1)
    monkeypatch.setattr(incremental, "NEW_SHARE", 1)
    second = feed({"kept": 1, "moved": 5, "new": 4, "bad": 0}, name="second.xml")
    start_over(house, feed)
    code, effects = run_load(second)
    assert code == 0
    assert len(effects) >= 15, effects
    # The commit after the mail is composed queues it, with the note that the load is reported.
    told = max(n for n, effect in enumerate(effects) if effect.endswith(".eml")) + 2
    assert effects[told - 1 :].count("deliver ") == 1
    assert [read_manifest(house, load_id).compared_with for load_id in (1, 2)] == [1, 1]
    expected = catalog_dump()
    assert [row[3] for row in expected["changes"]] == ["created", "hidden", "created", "created", "changed", "created"]

    for nth in range(1, len(effects) + 1):
        start_over(house, feed)
        code, _ = run_load(second, die_at=nth)
        assert code == -signal.SIGKILL, nth
        house.sweep()
        load_here(house, second)
        where = f"killed before effect {nth}: {effects[nth - 1]}"
        assert catalog_dump() == expected, where
        mails = [message_from_bytes(p.read_bytes(), policy=policy.default) for p in house.outbox.glob("*.eml")]
        assert len(mails) == 1, where
        statuses = [load["status"] for load in steps.list_loads(house)]
        assert set(statuses) <= {"processed", "failed"}, where
        # After the note, the same file run again is a load of its own, and no news; the mail that waits goes with it.
        assert statuses.count("processed") == (2 if nth <= told else 3), (where, statuses)
        assert list((house.settings.home_path / "scratch").iterdir()) == [], where
