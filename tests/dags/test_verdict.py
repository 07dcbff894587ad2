"""Real runs of the hourly DAG: what is green, what is pink, what is red, and who is named."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples import server
from examples.local_airflow import LocalAirflow, free_port
from pipelines import steps
from pipelines.database import Database
from pipelines.objects import open_store
from pipelines.settings import Settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]

# Retries are Airflow's business and take minutes; what is tested here is what stands after the last one.
RUN = """
import json
from dags import catalog_feeds_hourly
dag = catalog_feeds_hourly.catalog_feeds_hourly()
for task in dag.tasks:
    if task.is_mapped:
        task.partial_kwargs["retries"] = 0
    else:
        task.retries = 0
run = dag.test()
states = {f"{ti.task_id} {ti.rendered_map_index or ''}".strip(): ti.state for ti in run.get_task_instances()}
print("RESULT " + json.dumps({"run": run.state, "tasks": states}))
"""

# What becomes of the tasks when no link changed, and nothing else that a snapshot would show.
QUIET = {
    "poll": "success",
    "load": "skipped",
    "waiting": "skipped",
    "ask": "skipped",
    "snapshot": "skipped",
    "mail": "success",
    "roll_up": "success",
}


class Hour:
    """An installation with two links, and its Airflow."""

    def __init__(self, house: steps.House, airflow: LocalAirflow, address: str) -> None:
        self.house, self.airflow = house, airflow
        links = house.settings.home_path / "links.yaml"
        links.write_text(
            "shops: {main: {}}\n"
            "suppliers: {krepezh: {}, siz: {}}\n"
            "links:\n"
            f"  - {{link: krepezh-main, supplier: krepezh, shop: main, url: {address}/krepezh.yml}}\n"
            f"  - {{link: siz-main, supplier: siz, shop: main, url: {address}/siz.yml}}\n",
            encoding="utf-8",
        )
        steps.apply_links(house, links)

    def run(self, catalog_url: str | None = None) -> tuple[dict[str, Any], str]:
        """Run the DAG; gives back the states and all that was logged."""
        environment = self.airflow.environment() | {
            "CATALOG_FEEDS_HOME": self.house.settings.home,
            "CATALOG_FEEDS_DATABASE_URL": catalog_url or self.house.database.url(),
            "CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        output = done.stdout + done.stderr
        results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert results, output[-5000:]
        return json.loads(results[-1].removeprefix("RESULT ")), output


@pytest.fixture(scope="module")
def metadata(database: Database, tmp_path_factory: pytest.TempPathFactory) -> LocalAirflow:
    """Airflow's own database, migrated once."""
    airflow = LocalAirflow(tmp_path_factory.mktemp("airflow"), database, free_port(0))
    airflow.migrate()
    return airflow


@pytest.fixture
def hour(catalog: Database, metadata: LocalAirflow, tmp_path: Path) -> Iterator[Hour]:
    settings = Settings(home=str(tmp_path), database_url=catalog.url(), allow_private_hosts="1")
    house = steps.House(settings, catalog, open_store(settings))
    with server.serve(port=0) as address:
        yield Hour(house, dataclasses.replace(metadata), address)


def test_a_suppliers_broken_file_is_green_and_an_unchanged_hour_is_pink(hour: Hour) -> None:
    result, output = hour.run()
    assert result == {
        "run": "success",
        "tasks": {
            "poll": "success",
            "load krepezh · krepezh-main": "success",
            "load siz · siz-main · Отклонён": "success",
            "waiting": "success",
            "ask": "skipped",
            "snapshot": "success",
            "mail": "success",
            "roll_up": "success",
        },
    }
    assert "siz · siz-main: rejected 'xml_truncated'; 1 errors" in output
    assert "2 loads: 1 processed, 1 rejected" in output or "2 loads: 1 rejected, 1 processed" in output
    assert "offers and issues: 24 read, 24 accepted, 24 created, 1 errors" in output
    assert list((hour.house.settings.home_path / "objects" / "snapshots").glob("*.duckdb"))

    result, _ = hour.run()
    assert result == {"run": "success", "tasks": QUIET}


def test_R4_a_snapshot_that_failed_is_made_up_for_by_an_hour_in_which_nothing_changed(hour: Hour) -> None:
    for link in ("krepezh-main", "siz-main"):
        steps.process(hour.house, steps.poll(hour.house, link).load_id or 0)
    assert steps.snapshot_is_due(hour.house)
    result, output = hour.run()
    assert result == {"run": "success", "tasks": QUIET | {"snapshot": "success"}}
    assert "0 loads: nothing" in output
    assert not steps.snapshot_is_due(hour.house)


def test_a_load_that_fails_on_our_side_turns_the_run_red_and_stops_nobody_else(hour: Hour) -> None:
    """The archive lost the raw file of a queued load: our fault, and not the other supplier's."""
    queued = steps.poll(hour.house, "siz-main")
    (lost,) = (hour.house.settings.home_path / "objects" / "raw").iterdir()
    lost.unlink()
    result, output = hour.run()
    assert result == {
        "run": "failed",
        "tasks": {
            "poll": "success",
            "load krepezh · krepezh-main": "success",
            "load siz · siz-main": "failed",
            "waiting": "success",
            "ask": "skipped",
            "snapshot": "success",
            "mail": "success",
            "roll_up": "failed",
        },
    }
    assert f"siz · siz-main: load {queued.load_id} is failed" in output
    assert steps.outcome(hour.house, queued.load_id or 0).status == "failed"


def test_a_link_that_cannot_be_polled_for_our_fault_is_red_and_stops_nobody_else(hour: Hour) -> None:
    """The registry promises a body that was never archived, and the server answers 304 to it."""
    address = next(link["url"] for link in steps.list_links(hour.house) if link["link"] == "siz-main")
    etag = httpx.head(address).headers["ETag"]
    with hour.house.database.connect() as conn:
        conn.execute("UPDATE links SET etag = %s, full_fetch_at = now() WHERE code = 'siz-main'", [etag])
    result, output = hour.run()
    assert result == {
        "run": "failed",
        "tasks": {
            "poll": "success",
            "load krepezh · krepezh-main": "success",
            "waiting": "success",
            "ask": "skipped",
            "snapshot": "success",
            "mail": "success",
            "roll_up": "failed",
        },
    }
    assert "siz-main: polling failed" in output


def test_a_catalog_that_cannot_be_reached_is_red_although_the_last_task_always_runs(hour: Hour) -> None:
    result, output = hour.run(catalog_url="postgresql://nobody:nothing@127.0.0.1:1/catalog")
    assert result == {
        "run": "failed",
        "tasks": {
            "poll": "failed",
            "load": "upstream_failed",
            "waiting": "upstream_failed",
            "ask": "upstream_failed",
            "snapshot": "failed",
            "mail": "failed",
            "roll_up": "failed",
        },
    }
    assert "poll did not come to its end" in output
