"""The whole installation of docker-compose.yml for real: two workers that share no disk, and one that dies at work."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, UDPServer

import httpx
import pytest

from pipelines import publish, steps
from pipelines.settings import load_settings
from tests.cluster.cluster import Cluster, running, until

# Ten processes of Airflow's start here, on machines that have other tests to run beside.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

HOURLY = "catalog_feeds_hourly"
SHOP = "main"
SUPPLIERS = {"ada": 2, "boris": 3, "vera": 4}
"""Supplier -> offers in the feed. Each of two workers takes one load at a time, so that both must work."""
OFFER = (
    '<offer id="{supplier}{n}" available="true"><name>Товар {n}</name><price>100</price><vat>22</vat>'
    "<vendor>Завод</vendor><description>Описание</description><unitOkei>796</unitOkei></offer>"
)
DOTENV = {
    "VALKEY_PASSWORD": "valkey-password",
    "AIRFLOW_FERNET_KEY": "Zm9yIHRlc3RzIG9ubHkgZm9yIHRlc3RzIG9ubHkhISE=",
    "AIRFLOW_SECRET_KEY": "secret-key-of-the-cluster-test-and-of-nothing-else",
    "AIRFLOW_JWT_SECRET": "jwt-secret-of-the-cluster-test-and-of-nothing-else-whatsoever-0123",
    "AWS_ACCESS_KEY_ID": "catalog",
    "AWS_SECRET_ACCESS_KEY": "s3-secret",
    "WORKER_CONCURRENCY": "1",
    # So that nobody has to watch a test do nothing for a minute; a slow machine must not look dead.
    "WORKER_SILENT_SECONDS": "20",
    "CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS": "1",
}


class Feeds(BaseHTTPRequestHandler):
    """`/<supplier>.yml`."""

    def do_GET(self) -> None:
        supplier = self.path.strip("/").removesuffix(".yml")
        offers = "".join(OFFER.format(supplier=supplier, n=n) for n in range(SUPPLIERS[supplier]))
        body = f'<?xml version="1.0"?><yml_catalog><shop><offers>{offers}</offers></shop></yml_catalog>'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Metrics:
    """A StatsD server: what was counted, and the last value of every gauge."""

    def __init__(self) -> None:
        self.port = 0
        self.counted: Counter[str] = Counter()
        self.shown: dict[str, float] = {}

    def receive(self, line: str) -> None:
        found = re.fullmatch(r"airflow\.([^:]+):([^|]+)\|(\w+)(?:\|.*)?", line)
        assert found, line
        name, value, kind = found.groups()
        if kind == "c":
            self.counted[name] += int(value)
        elif kind == "g":
            self.shown[name] = float(value)

    def receiver(self) -> type[BaseRequestHandler]:
        received = self

        class Receiver(BaseRequestHandler):
            def handle(self) -> None:
                for line in self.request[0].decode().splitlines():
                    received.receive(line)

        return Receiver


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: that is closed to other accounts, and root's PostgreSQL runs under one.
    path = Path(tempfile.mkdtemp(prefix="catalog-feeds-cluster-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def links() -> Iterator[str]:
    """A links file; one link for each supplier."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Feeds)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    suppliers = "".join(f"  {name}: {{emails: [{name}@example.com]}}\n" for name in SUPPLIERS)
    addresses = "".join(
        f"  - {{link: {name}, supplier: {name}, shop: {SHOP}, url: http://127.0.0.1:{server.server_port}/{name}.yml}}\n"
        for name in SUPPLIERS
    )
    yield f"shops: {{{SHOP}: {{}}}}\nsuppliers:\n{suppliers}links:\n{addresses}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    with UDPServer(("127.0.0.1", 0), (received := Metrics()).receiver()) as server:
        received.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received
        server.shutdown()


@pytest.fixture
def cluster(folder: Path, metrics: Metrics) -> Iterator[Cluster]:
    statsd = {"STATSD_ON": "True", "STATSD_HOST": "127.0.0.1", "STATSD_PORT": str(metrics.port)}
    with running(folder, DOTENV | statsd) as cluster:
        yield cluster


@pytest.fixture
def house(cluster: Cluster, folder: Path, links: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[steps.House]:
    """The installation as an operator sees it from a machine of their own, with the links declared."""
    worker = cluster.of("worker")[0]
    environment = worker.environment | {"CATALOG_FEEDS_HOME": str(folder / "operator")}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, environment[name])
    with steps.open_house(load_settings(environment)) as house:
        (folder / "links.yaml").write_text(links, encoding="utf-8")
        steps.apply_links(house, folder / "links.yaml")
        yield house


@pytest.fixture
def api(cluster: Cluster) -> Iterator[httpx.Client]:
    """Airflow's API, logged in as the installation's first user."""
    (server,) = cluster.of("api-server")
    (user, password), *_ = json.loads((server.folder / "airflow" / "passwords.json").read_text()).items()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.ports['8080']}", timeout=60) as client:
        login = {"username": user, "password": password}
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@contextmanager
def nobody_publishes(house: steps.House) -> Iterator[None]:
    """Hold the turn of every supplier: their loads come as far as publishing, and wait."""
    with ExitStack() as stack:
        for supplier in SUPPLIERS:
            conn = stack.enter_context(house.database.connect())
            publish.take_turn(conn, SHOP, supplier)
        yield


def waiting_to_publish(house: steps.House) -> int:
    with house.database.connect() as conn:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'"
        return (conn.execute(query).fetchone() or (0,))[0]


def at_work(cluster: Cluster) -> dict[str, int]:
    """Worker -> loads it is at: each is a process, which names its folders on the worker's disk after itself."""
    return {
        worker.name: len({path.name.partition("-")[0] for path in (worker.folder / "scratch").glob("*-*")})
        for worker in cluster.of("worker")
    }


def test_P1_a_load_of_a_worker_that_dies_ends_on_another_and_everything_is_right_once(
    cluster: Cluster, house: steps.House, api: httpx.Client, metrics: Metrics
) -> None:
    path = f"/api/v2/dags/{HOURLY}"
    until(lambda: api.patch(path, json={"is_paused": False}).is_success, "the DAG is known")
    with nobody_publishes(house):
        until(lambda: waiting_to_publish(house) == 2, "two loads are about to publish")
        assert at_work(cluster) == {"worker-1": 1, "worker-2": 1}
        cluster.kill("worker-1")
    # While the silence of the worker is noticed: all the others are well, as their own health checks say.
    others = [cluster.containers[name] for name in cluster.processes]
    assert {container.service.name for container in others} == {
        *("valkey", "s3", "api-server", "scheduler", "dag-processor", "triggerer", "worker")
    }
    assert [complaint for container in others if (complaint := container.complaint())] == []

    run, *_ = until(lambda: api.get(f"{path}/dagRuns?order_by=run_after").json()["dag_runs"], "the hour is run")
    run_path = f"{path}/dagRuns/{run['dag_run_id']}"
    state = until(lambda: (s := api.get(run_path).json()["state"]) in ("success", "failed") and s, "the hour ends")
    tasks = api.get(f"{run_path}/taskInstances").json()["task_instances"]
    assert state == "success", [(task["task_id"], task["map_index"], task["state"]) for task in tasks]
    assert max(task["try_number"] for task in tasks if task["task_id"] == "load") > 1
    the_catalog_is_right(house)
    everybody_was_told_once(cluster, api, metrics)


def the_catalog_is_right(house: steps.House) -> None:
    """Every offer was published once, by the one load of its link."""
    loads = [steps.outcome(house, load["id"]) for load in steps.list_loads(house)]
    found = {load.link: (load.status, load.counts["read"], load.counts["created"]) for load in loads}
    assert len(loads) == len(SUPPLIERS)
    assert found == {supplier: ("processed", offers, offers) for supplier, offers in SUPPLIERS.items()}
    with house.database.connect() as conn:
        changes = dict(conn.execute("SELECT supplier_id, count(*) FROM changes GROUP BY 1").fetchall())
    assert changes == SUPPLIERS
    assert json.loads(house.store.get_bytes(steps.LATEST))["rows"]["offers"] == sum(SUPPLIERS.values())


def everybody_was_told_once(cluster: Cluster, api: httpx.Client, metrics: Metrics) -> None:
    """Suppliers by mail, DAGs by events of assets, operators by metrics."""
    addresses = Counter(message["To"] for message in cluster.inbox.messages)
    assert addresses == {f"{supplier}@example.com": 1 for supplier in SUPPLIERS}
    offers = sum(SUPPLIERS.values())
    events = api.get("/api/v2/assets/events").raise_for_status().json()["asset_events"]
    extras = {event["name"]: event["extra"] for event in events}
    assert (
        extras["catalog"].items() >= {"loads": len(SUPPLIERS), "processed": len(SUPPLIERS), "created": offers}.items()
    )
    assert extras["catalog_snapshot"]["offers"] == offers
    ours = {name: number for name, number in metrics.counted.items() if name.startswith("catalog_feeds.")}
    assert ours == {
        "catalog_feeds.loads.processed": len(SUPPLIERS),
        **{f"catalog_feeds.offers.{name}": offers for name in ("read", "accepted", "created")},
    }
    assert metrics.shown["catalog_feeds.links.enabled"] == len(SUPPLIERS)
    assert metrics.shown["catalog_feeds.holds.waiting"] == 0
