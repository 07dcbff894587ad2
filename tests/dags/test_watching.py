"""What StatsD really gets of loads and links, compared with what docs/operating.md tells operators to watch."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines import registry
from pipelines.registry import Connection

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
KINDS = {"c": "counter", "g": "gauge"}
PREFIX = "airflow."

SEND = """
import dataclasses, json, os
os.environ |= {f"AIRFLOW__METRICS__STATSD_{name}": value for name, value in %r.items()}
from dags.support.metrics import count_load, show_vital_signs
from pipelines.model import Counts, LoadStatus
from pipelines.steps import Outcome
for status in LoadStatus:
    if status != LoadStatus.UNCHANGED:  # makes no load
        counts = {field.name: 1 for field in dataclasses.fields(Counts)}
        count_load(Outcome("link", "supplier", "shop", status.value, counts=counts))
show_vital_signs(json.loads(%r))
print("null")
"""
AIRFLOWS = """
import importlib.resources, json, yaml
known = importlib.resources.files("airflow._shared.observability.metrics") / "metrics_template.yaml"
metrics = yaml.safe_load(known.read_text(encoding="utf-8"))["metrics"]
print(json.dumps([name for metric in metrics for name in (metric["name"], metric["legacy_name"]) if name != "-"]))
"""


@pytest.fixture
def received(ask: Callable[[str], Any], conn: Connection) -> dict[str, str]:
    """Metric -> kind, as they come in at the socket of a StatsD server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        address = {"ON": "True", "HOST": "127.0.0.1", "PORT": str(server.getsockname()[1])}
        ask(SEND % (address, json.dumps(registry.vital_signs(conn))))
        # Over loopback all of it is there once the sender has ended.
        server.setblocking(False)
        lines: list[str] = []
        try:
            while True:
                lines += server.recv(65_536).decode().splitlines()
        except BlockingIOError:
            pass
    ours = [line.removeprefix(PREFIX) for line in lines if line.startswith(f"{PREFIX}catalog_feeds.")]
    found = [re.fullmatch(r"([\w.]+):[\d.]+\|([cg])", line) for line in ours]
    assert all(found), ours
    return {match[1]: KINDS[match[2]] for match in found if match}


def listed() -> dict[str, str]:
    """Metric -> kind, as the documentation has them."""
    return {name: kind for cell, kind, _ in rows("metric") for name in named(cell)}


def rows(first: str) -> list[list[str]]:
    """The cells of the table in docs/operating.md whose first column has this header."""
    table = re.search(rf"^\| {first} \|.*\n\|[ -|]*\n((?:\|.*\n)+)", OPERATING, re.MULTILINE)
    assert table
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table[1].splitlines()]


def named(cell: str, known: str = "") -> list[str]:
    """The metrics that a cell names; one that begins with a dot differs in its last part from the one before it."""
    names: list[str] = []
    for name in re.findall(r"`([\w.]+)`", cell):
        known = known.rpartition(".")[0] + name if name.startswith(".") else name
        names.append(known)
    return names


def test_the_documentation_lists_the_metrics_that_arrive_and_no_other(received: dict[str, str]) -> None:
    assert listed() == received
    assert len(received) > 20


def test_every_alert_of_the_list_is_about_a_metric_that_exists(ask: Callable[[str], Any]) -> None:
    parts = {
        "dag_id": "|".join(file.stem for file in (ROOT / "dags").glob("*.py")),
        "pool_name": "|".join(json.loads((ROOT / "dags" / "pools.json").read_text(encoding="utf-8"))),
    }
    airflows = [
        re.sub(r"\\{(\w+)\\}", lambda part: f"({parts.get(part[1], '[a-z_]+')})", re.escape(name))
        for name in ask(AIRFLOWS)
    ]
    alerts = rows("alert")
    assert len(alerts) > 10
    for alert, when, _ in alerts:
        assert named(when), alert
        for name in named(when):
            assert name in listed() or any(re.fullmatch(known, name) for known in airflows), name
