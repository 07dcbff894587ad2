"""R4: everything that is kept is the same in a folder and in S3, and either serves the analysts alike."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import duckdb_extension_httpfs
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipelines import steps
from pipelines.cli import cli
from pipelines.errors import OperatorError
from pipelines.objects import open_store
from pipelines.settings import Settings
from tests.s3_server import KEY_ID, SECRET

pytestmark = pytest.mark.integration


@pytest.fixture(params=["folder", "s3"])
def kept(request, catalog, tmp_path):
    """An installation over either store."""
    settings = Settings(home=str(tmp_path / "home"))
    if request.param == "s3":
        settings = dataclasses.replace(request.getfixturevalue("s3_settings"), home=settings.home)
    settings.home_path.mkdir(parents=True)
    return steps.House(settings, catalog, open_store(settings))


def test_R4_raw_files_loads_reports_snapshots_and_history_are_kept_alike(kept, feed, tmp_path):
    for prices in ({"A-1": 1, "bad": 0}, {"A-1": 2, "A-2": 3}):
        steps.load_source(kept, str(feed(prices)), supplier="a", shop="main", settings={})
        url = steps.write_snapshot(kept)
    keys = {re.sub(r"[0-9a-f]{64}|\d{8}T[\d.]+Z|year=\d+/month=\d+", "…", key) for key in kept.store.list()}
    assert keys >= {
        "raw/…",
        *(f"loads/{n}/{name}" for n in (1, 2) for name in ("offers.parquet", "issues.parquet", "report.html")),
        "snapshots/….duckdb",
        "snapshots/latest.json",
        "history/changes/state.json",
        "history/changes/…/1-1.parquet",
        "history/changes/…/2-3.parquet",
    }
    assert kept.store.url(json.loads(kept.store.get_bytes(steps.LATEST))["key"]) == url
    assert steps.query_snapshot(kept, "SELECT count(*) AS n, max(price)::VARCHAR AS p FROM offers") == [
        {"n": 2, "p": "3.00"}
    ]
    (meta,) = steps.query_snapshot(kept, "SELECT history, last_change, rebuilt_at < taken_at AS gone_on FROM meta")
    assert meta == {"history": kept.store.url("history"), "last_change": 3, "gone_on": True}
    copy = tmp_path / "history"
    assert steps.copy_history(kept, copy) == 2
    with (
        kept.store.local(json.loads(kept.store.get_bytes(steps.LATEST))["key"]) as path,
        duckdb.connect(str(path), read_only=True) as snapshot,
    ):
        created = snapshot.execute("SELECT after ->> 'description' FROM history(?) WHERE id = 1", [str(copy)])
        assert created.fetchall() == [("Описание",)]
    assert not list((Path(kept.settings.home) / "scratch").iterdir())


def test_R4_the_history_in_s3_is_read_where_it_is(s3_settings, catalog, feed, tmp_path):
    settings = dataclasses.replace(s3_settings, home=str(tmp_path / "home"))
    settings.home_path.mkdir(parents=True)
    house = steps.House(settings, catalog, open_store(settings))
    steps.load_source(house, str(feed({"A-1": 1})), supplier="a", shop="main", settings={})
    with house.database.connect() as conn:
        (then,) = conn.execute("SELECT now()").fetchone()
    steps.load_source(house, str(feed({"A-1": 2, "A-2": 3})), supplier="a", shop="main", settings={})
    out = tmp_path / "snapshot.duckdb"
    steps.write_snapshot(house, out=out)
    server = urlsplit(settings.s3_endpoint_url)
    with duckdb.connect(str(out), read_only=True) as snapshot:
        # What an analyst does with an extension of DuckDB's own that they have installed.
        (extension,) = Path(duckdb_extension_httpfs.__file__).parent.rglob("*.duckdb_extension")
        snapshot.execute(f"LOAD '{extension}'")
        snapshot.execute(
            "CREATE SECRET (TYPE s3, KEY_ID $key, SECRET $secret, ENDPOINT $server, URL_STYLE 'path', USE_SSL false)",
            {"key": KEY_ID, "secret": SECRET, "server": server.netloc},
        )
        (place,) = snapshot.execute("SELECT history FROM meta").fetchone()
        assert place.startswith("s3://")
        created = snapshot.execute("SELECT id, after ->> 'description' FROM history(?) WHERE id = 1", [place])
        assert created.fetchall() == [(1, "Описание")]
        was = snapshot.execute("SELECT sku, price FROM catalog_as_of(?, ?)", [then, place]).fetchall()
        assert was == [("A-1", Decimal("1.00"))]
        prices = snapshot.execute("SELECT price FROM price_history('a', 'A-1', ?)", [place]).fetchall()
        assert prices == [(Decimal("1.00"),), (Decimal("2.00"),)]


HOSTILE = (
    "COPY offers TO '{victim}'",
    "COPY (SELECT 1) TO '{victim}' (FORMAT parquet)",
    "EXPORT DATABASE '{victim}'",
    "ATTACH '{victim}' AS other",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "FROM '/etc/passwd'",
    "SELECT * FROM history('/etc')",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "PRAGMA profiling_output = '{victim}'",
    "PRAGMA log_query_path = '{victim}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE TABLE t AS SELECT 1",
    "DELETE FROM v2.offers",
    "DROP VIEW offers",
    "SELECT 1; COPY offers TO '{victim}'",
)


@pytest.mark.parametrize(
    "run",
    [
        lambda house, query: steps.peek_snapshot(house, query, limit=10),
        lambda house, query: steps.write_answer(house, query, io.BytesIO(), "json"),
        lambda house, query: steps.write_answer(house, query, io.BytesIO(), "parquet"),
    ],
    ids=["table", "json", "parquet"],
)
def test_R4_hostile_queries_neither_read_nor_write(house, load, feed, tmp_path, run):
    load(feed({"A-1": 1}))
    steps.write_snapshot(house)
    victim = tmp_path / "victim"
    for query in HOSTILE:
        with pytest.raises(OperatorError):
            run(house, query.format(victim=victim))
        assert not victim.exists(), query
    assert steps.query_snapshot(house, "SELECT count(*) AS n FROM offers") == [{"n": 1}]


@pytest.fixture
def ask(house, load, monkeypatch, tmp_path):
    """Runs `catalog-feeds sql` on a snapshot of one offer."""
    feed = tmp_path / "feed.xml"
    feed.write_text(
        "<yml_catalog><shop><offers><offer id='A-1'><name>=1+1; «Ё»</name><price>10.50</price><vat>20</vat>"
        "<vendor>З</vendor><description>О</description><unitOkei>796</unitOkei></offer></offers></shop></yml_catalog>",
        encoding="utf-8",
    )
    load(feed)
    steps.write_snapshot(house)
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)
    return lambda *arguments: CliRunner().invoke(cli, ["sql", *arguments])


QUERY = "SELECT name, price, [1, 2] AS list, changed_at, NULL AS none FROM offers"


def test_R4_sql_answers_in_four_forms(ask, tmp_path):
    table = ask(QUERY).stdout
    assert "=1+1; «Ё»" in table
    assert "10.50" in table
    (row,) = json.loads(ask(QUERY, "--format", "json").stdout)
    assert (row["name"], row["price"], row["list"], row["none"]) == ("=1+1; «Ё»", "10.50", [1, 2], None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d", row["changed_at"])
    header, line = ask(QUERY, "--format", "csv").stdout_bytes.decode("utf-8-sig").splitlines()
    assert header == "name;price;list;changed_at;none"
    assert line.startswith('"\'=1+1; «Ё»";10.50;[1, 2];')
    out = tmp_path / "answer.parquet"
    assert ask(QUERY, "--format", "parquet", "--out", str(out)).exit_code == 0
    answer = pq.read_table(out)
    assert str(answer.schema.field("price").type) == "decimal128(15, 2)"
    assert answer.to_pylist()[0]["name"] == "=1+1; «Ё»"
    assert json.loads(ask("SELECT 1 AS a WHERE false", "--json").stdout) == []


def test_R4_a_long_table_ends_and_says_so(ask):
    ended = ask("SELECT * FROM range(1001)")
    assert "the first 1000 rows" in ended.stderr
    assert "the first" not in ask("SELECT * FROM range(1000)").stderr
    assert len(json.loads(ask("SELECT * FROM range(20001)", "--json").stdout)) == 20_001


def test_R4_a_wrong_query_leaves_no_file(ask, tmp_path):
    out = tmp_path / "answer.csv"
    assert isinstance(ask("SELECT nothing", "--format", "csv", "--out", str(out)).exception, OperatorError)
    assert list(tmp_path.glob("*answer*")) == []
    assert "choose csv" in ask(QUERY, "--out", str(out)).output


def test_R4_the_command_writes_file_page_and_history(ask, tmp_path):
    out, page, history = tmp_path / "catalog.duckdb", tmp_path / "page.html", tmp_path / "history"
    done = CliRunner().invoke(cli, ["snapshot", "--out", str(out), "--page", str(page), "--history", str(history)])
    assert done.output == f"{out}\n"
    assert "<svg" in page.read_text(encoding="utf-8")
    with duckdb.connect(str(out), read_only=True) as snapshot:
        assert snapshot.execute("SELECT kind FROM history(?)", [str(history)]).fetchall() == [("created",)]
    nowhere = CliRunner().invoke(cli, ["snapshot", "--page", str(tmp_path / "none" / "page.html")])
    assert isinstance(nowhere.exception, OperatorError)
