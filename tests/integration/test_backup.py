"""The whole state, dumped and restored elsewhere, goes on as if nothing had happened."""

from __future__ import annotations

import dataclasses
import json
import shlex
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from psycopg import sql

from pipelines import registry, steps
from pipelines.cli import cli
from pipelines.database import Database
from pipelines.errors import OperatorError
from pipelines.registry import Decider
from pipelines.settings import Settings

pytestmark = pytest.mark.integration

LINKS = """
shops: {main: {}}
suppliers: {a: {name: Поставщик, emails: [price@a.example]}}
links: [{link: a-main, supplier: a, shop: main, url: "URL/price.xml", settings: {actualize: true}}]
"""
# Everything that an hour leaves, but for the clock.
STATE = (
    "SELECT to_jsonb(o) - 'first_seen_at' - 'changed_at' - 'hidden_at' FROM offers o ORDER BY sku_key",
    "SELECT id, load_id, sku_key, kind, fields, before, after FROM changes ORDER BY id",
    "SELECT id, status, reason, sha256, kind, published FROM loads ORDER BY id",
    "SELECT name, recipients, message_key FROM mails ORDER BY id",
    "SELECT code, url, options, last_good_load_id, processed_sha256 FROM links ORDER BY code",
    "SELECT verdict, who, why FROM decisions ORDER BY id",
)


@pytest.fixture
def elsewhere(database: Database, tmp_path: Path) -> Iterator[Settings]:
    """A new installation: an empty database and an empty home."""
    name = f"restored_{uuid.uuid4().hex}"
    database.ensure_database(name)
    yield Settings(home=str(tmp_path / "elsewhere"), database_url=database.url(name), allow_private_hosts="1")
    with database.connect("postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def state(house: steps.House) -> list[object]:
    with house.database.connect() as conn:
        return [conn.execute(query).fetchall() for query in STATE]


@pytest.fixture
def lived(house, serve, feed, tmp_path):
    """An installation with a past: two good loads, a rollback, a snapshot, and a load that waits to be processed."""
    server = serve({"/price.xml": feed({"a": 100, "b": 5}).read_bytes()})
    (tmp_path / "links.yaml").write_text(LINKS.replace("URL", server.url), encoding="utf-8")
    steps.apply_links(house, tmp_path / "links.yaml")
    assert [outcome.status for outcome in steps.run_cycle(house).outcomes] == ["processed"]
    server.files["/price.xml"] = feed({"a": 101, "c": 7}).read_bytes()
    (load_id,) = (outcome.load_id for outcome in steps.run_cycle(house).outcomes)
    steps.rollback(house, load_id, Decider("анна", "проверка"))
    server.files["/price.xml"] = feed({"a": 102, "c": 8, "bad": 0}).read_bytes()
    assert steps.poll(house, "a-main").status == "queued"
    return server


def test_P1_a_restored_installation_goes_on_as_the_first_one(house, lived, elsewhere, tmp_path) -> None:
    folder = tmp_path / "backup"
    made = steps.back_up(house, folder)
    before = state(house)
    assert made.objects == len(list(house.store.list())) > 20
    steps.restore(elsewhere, folder)
    with steps.open_house(elsewhere) as restored:
        assert state(restored) == before
        assert list(restored.store.list()) == list(house.store.list())
        later = datetime.now(UTC) + timedelta(hours=1)
        for each in (house, restored):
            ((outcome),) = steps.run_cycle(each).outcomes
            assert (outcome.status, outcome.counts["created"]) == ("processed", 1)
            steps.mail_round(each, now=later)
            assert steps.poll(each, "a-main", now=later).status == "unchanged"
        assert state(restored) == state(house)
        query = "SELECT sku, price, status FROM offers ORDER BY 1"
        assert steps.query_snapshot(restored, query) == steps.query_snapshot(house, query)
        # What waited at the backup, and the new report; what was sent before is not sent again.
        assert sorted(p.stem[-1] for p in house.outbox.iterdir()) == ["1", "2", "3", "4"]
        assert sorted(p.stem[-1] for p in restored.outbox.iterdir()) == ["3", "4"]


def test_a_backup_is_brought_up_to_date_and_what_is_gone_goes(house, lived, elsewhere, tmp_path) -> None:
    folder = tmp_path / "backup"
    steps.back_up(house, folder)
    house.store.delete(next(house.store.list("snapshots")))
    steps.run_cycle(house)
    steps.back_up(house, folder)
    steps.restore(elsewhere, folder)
    with steps.open_house(elsewhere) as restored:
        assert state(restored) == state(house)
        assert list(restored.store.list()) == list(house.store.list())


def test_only_a_whole_backup_into_a_new_installation(house, lived, elsewhere, tmp_path) -> None:
    folder = tmp_path / "backup"
    steps.back_up(house, folder)
    here = dataclasses.replace(house.settings, database_url=house.database.catalog_url)
    with pytest.raises(OperatorError, match="not empty"):
        steps.restore(here, folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(OperatorError, match="no whole backup"):
        steps.restore(elsewhere, folder)


def test_a_backup_names_secrets_and_holds_none(house, catalog, tmp_path, monkeypatch) -> None:
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a")
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", catalog.catalog_url)
    monkeypatch.setenv("CATALOG_FEEDS_SMTP_URL", "smtp://user:canary-word@mx.example")
    monkeypatch.setenv("CATALOG_FEEDS_MAIL_FROM", "Каталог «$HOME» <a@b.example>")
    folder = tmp_path / "backup"
    done = CliRunner().invoke(cli, ["backup", str(folder)])
    assert done.exit_code == 0, done.output
    written = (folder / "settings.env").read_text(encoding="utf-8")
    assert f"CATALOG_FEEDS_MAIL_FROM={shlex.quote('Каталог «$HOME» <a@b.example>')}" in written
    assert "# CATALOG_FEEDS_SMTP_URL is set, and secret" in written
    assert json.loads((folder / "manifest.json").read_text())["objects"] == 0
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
        if path.is_file():
            assert b"canary-word" not in path.read_bytes()
