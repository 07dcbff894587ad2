"""What an hour costs through the real Airflow, by the number of links: `python -m benchmarks.airflow --links 200 2000`.

A local server gives out one small feed for each link, from several addresses of the loopback network, since one server
is asked one thing at a time. All links are known and up to date; then some feeds change and five break in different
ways, and the hourly DAG runs under a scheduler with LocalExecutor on PostgreSQL. An hour without changes follows.

`busy` is the time in which at least one task ran; `Airflow` is the rest of the run: scheduling and starting processes.
`CPU` is that of all of Airflow's processes and of PostgreSQL from the beginning of the run to its end.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.meter import cpu_of_children
from examples.local_airflow import USER, LocalAirflow, free_port
from pipelines import registry, steps
from pipelines.settings import load_settings
from pipelines.steps import House
from pipelines.steps.house import options_of, stored

DAG = "catalog_feeds_hourly"
HOSTS = [f"127.0.0.{n}" for n in range(1, 21)]
OFFERS = 20
_OFFER = (
    '<offer id="A{n}" available="true"><name>Болт М{n} оцинкованный</name><price>{price}</price><vat>22</vat>'
    "<vendor>Завод</vendor><description>Болт с полной резьбой</description><unitOkei>796</unitOkei></offer>"
)
_FEED = '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog><shop><offers>{}</offers></shop></yml_catalog>'
# The last two never come in, and so make no task.
_BROKEN = (b"<yml_catalog><shop><offers><offer", b"<html><body>Maintenance</body></html>", b"%PDF-1.7", b"", None)


@dataclass(frozen=True)
class Hour:
    """One run of the DAG, in seconds."""

    wall: float
    busy: float
    poll: float
    loads: int
    each_load: float
    cpu: float
    state: str
    note: str


class Feeds:
    """The suppliers' feeds: path -> body; None is a feed that is not there."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes | None] = {}

    def write(self, number: int, price: int) -> None:
        """Give link `number` a feed in which everything costs about `price`."""
        offers = "".join(_OFFER.format(n=n, price=price + n) for n in range(OFFERS))
        self.bodies[f"/{number}.yml"] = _FEED.format(offers).encode()

    @contextmanager
    def served(self) -> Iterator[int]:
        """Serve them on every address of `HOSTS` while the block runs; yields the port."""
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = bodies.get(self.path)
                tag = f'"{hashlib.sha256(body or b"").hexdigest()[:16]}"'
                status = 404 if body is None else 304 if self.headers["If-None-Match"] == tag else 200
                self.send_response(status)
                self.send_header("ETag", tag)
                sent = body if status == 200 and body else b""
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        port = free_port(0)
        servers = [ThreadingHTTPServer((host, port), Handler) for host in HOSTS]
        for server in servers:
            Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield port
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table; returns 1 when a run came out otherwise than it must."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.airflow", description=__doc__)
    parser.add_argument("--links", type=int, nargs="+", default=[200, 2_000])
    parser.add_argument("--changed", type=int, default=20, help="links whose feed changes in the hour")
    asked = parser.parse_args(arguments)
    table = Table(title="catalog_feeds_hourly, seconds", title_justify="left")
    for column in (
        "links",
        "changed",
        "broken",
        "wall",
        "busy",
        "Airflow",
        "poll",
        "loads",
        "each load",
        "CPU",
        "state",
    ):
        table.add_column(column, justify="right")
    notes, well = [], True
    for links in asked.links:
        for changed, broken, hour in measured(links, asked.changed):
            table.add_row(
                str(links), str(changed), str(broken), f"{hour.wall:.1f}", f"{hour.busy:.1f}",
                f"{hour.wall - hour.busy:.1f}", f"{hour.poll:.1f}", str(hour.loads), f"{hour.each_load:.1f}",
                f"{hour.cpu:.1f}", hour.state,
            )  # fmt: skip
            notes.append(f"{links}: {hour.note}")
            well &= hour.state == "success" and hour.loads == changed + max(broken - 2, 0)
    console = Console(width=110)
    console.print(table)
    console.print("\n".join(notes), highlight=False)
    return 0 if well else 1


def measured(links: int, changed: int) -> list[tuple[int, int, Hour]]:
    """An hour with changes and broken feeds, and a quiet one: changed, broken, what it cost."""
    with installation(links) as (client, feeds):
        for number in range(changed):
            feeds.write(number, 200)
        for number, body in enumerate(_BROKEN, start=changed):
            feeds.bodies[f"/{number}.yml"] = body
        busy = run(client, "changed")
        return [(changed, len(_BROKEN), busy), (0, 0, run(client, "quiet"))]


@contextmanager
def installation(links: int) -> Iterator[tuple[httpx.Client, Feeds]]:
    """Airflow and PostgreSQL with so many links that are up to date, and the feeds behind them."""
    feeds = Feeds()
    for number in range(links):
        feeds.write(number, 100)
    with tempfile.TemporaryDirectory(prefix="catalog-feeds-bench-") as folder, ExitStack() as stack:
        # PostgreSQL of root runs under another account, which must reach it.
        Path(folder).chmod(0o755)
        os.environ["CATALOG_FEEDS_HOME"] = folder
        os.environ["CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS"] = "1"
        port = stack.enter_context(feeds.served())
        house = stack.enter_context(steps.open_house(load_settings()))
        declare(house, links, port)
        airflow = LocalAirflow(Path(folder), house.database, free_port(0))
        airflow.migrate()
        # The hour that has just passed would run by itself, and is in the way.
        os.environ["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] = "True"
        stack.enter_context(airflow.components())
        client = stack.enter_context(_client(airflow))
        _wait_until_idle(client)
        yield client, feeds


def declare(house: House, links: int, port: int) -> None:
    """Declare the links, fetch each of them once, and let the catalog know what was fetched."""
    with house.database.connect() as conn:
        registry.ensure_shop(conn, "main")
        for number in range(links):
            supplier = f"s{number % 500}"
            registry.ensure_supplier(conn, supplier)
            registry.ensure_accreditation(conn, supplier, "main")
            url = f"http://{HOSTS[number % len(HOSTS)]}:{port}/{number}.yml"
            registry.upsert_link(conn, code=f"link-{number}", supplier=supplier, shop="main", url=url)
        any_link = registry.find_link(conn, "link-0")
        options = registry.options_hash(stored(options_of(conn, any_link)))
    fetched = sum(outcome.status == "queued" for outcome in steps.poll_due(house))
    if fetched != links:
        sys.exit(f"only {fetched} of {links} links were fetched")
    with house.database.connect() as conn:
        conn.execute("UPDATE loads SET status = 'failed', reason = 'never run', finished_at = now()")
        conn.execute("UPDATE links SET processed_sha256 = fetched_sha256, processed_options = %s", [options])


@contextmanager
def _client(airflow: LocalAirflow) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=airflow.url, timeout=30) as client:
        login = {"username": USER, "password": airflow.password()}
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        while client.patch(f"/api/v2/dags/{DAG}", json={"is_paused": False}).status_code != 200:
            time.sleep(0.5)
        # A schedule that has just been let go makes a run for the hour that has passed; it finds nothing.
        while not client.get(f"/api/v2/dags/{DAG}/dagRuns").json()["dag_runs"]:
            time.sleep(0.5)
        yield client


def run(client: httpx.Client, name: str) -> Hour:
    """Trigger the DAG and wait for its end."""
    runs = f"/api/v2/dags/{DAG}/dagRuns"
    home = load_settings().home_path
    began = cpu_of_children(home)
    client.post(runs, json={"logical_date": None, "dag_run_id": name}).raise_for_status()
    while (found := client.get(f"{runs}/{name}").json())["state"] in ("queued", "running"):
        time.sleep(0.5)
    cpu = cpu_of_children(home) - began
    tasks = list(_tasks(client, f"{runs}/{name}/taskInstances"))
    ran = [task for task in tasks if task["start_date"] and task["duration"] is not None]
    loads = [task["duration"] for task in ran if task["task_id"] == "load"]
    return Hour(
        wall=(_moment(found["end_date"]) - _moment(found["queued_at"])).total_seconds(),
        busy=_busy(ran),
        poll=sum(task["duration"] for task in ran if task["task_id"] == "poll"),
        loads=len(loads),
        each_load=sum(loads) / len(loads) if loads else 0.0,
        cpu=cpu,
        state=found["state"],
        note=" ".join((found["note"] or "").split()),
    )


def _tasks(client: httpx.Client, address: str) -> Iterator[dict[str, Any]]:
    """All tasks of a run, page after page: a page has a hundred at most, whatever it is asked for."""
    seen = 0
    while page := client.get(address, params={"limit": 100, "offset": seen}).json()["task_instances"]:
        yield from page
        seen += len(page)


def _wait_until_idle(client: httpx.Client) -> None:
    runs = f"/api/v2/dags/{DAG}/dagRuns"
    while any(found["state"] in ("queued", "running") for found in client.get(runs).json()["dag_runs"]):
        time.sleep(0.5)


def _busy(tasks: list[dict[str, Any]]) -> float:
    """Seconds in which at least one of the tasks ran."""
    total, until = 0.0, 0.0
    for start, end in sorted((_moment(t["start_date"]).timestamp(), _moment(t["end_date"]).timestamp()) for t in tasks):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    sys.exit(main())
