"""Executors get ready before they fork: a task finds in its memory what it would take long to import."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.local_airflow import LocalAirflow
from pipelines.database import Database
from tests.cluster.compose import Installation

LOAD = """
import json, os, sys
import jinja2, psutil
from dags.support.ready import get_ready
get_ready()
from pipelines import steps
from pipelines.settings import Settings
told, tell = os.pipe()
if not (task := os.fork()):
    os.close(told)
    known, compiled = set(sys.modules), []
    jinja2.Environment.compile = lambda self, source, name=None, *_: compiled.append(name)
    with steps.open_house(Settings(home=%r, database_url=%r)) as house:
        status = steps.load_source(house, %r, supplier="a", shop="main", settings={}).status
    own = [" ".join(child.cmdline()) for child in psutil.Process().children()]
    facts = {"status": status, "imported": sorted(set(sys.modules) - known), "processes": own, "compiled": compiled}
    os.write(tell, json.dumps(facts).encode())
    os._exit(0)
os.close(tell)
os.waitpid(task, 0)
print(os.read(told, 1 << 16).decode())
"""
FEED = (
    '<?xml version="1.0"?><yml_catalog><shop><offers><offer id="1" available="true"><name>Болт</name>'
    "<price>100</price><vat>22</vat><vendor>Завод</vendor><description>Стальной</description>"
    "<unitOkei>796</unitOkei></offer></offers></shop></yml_catalog>"
)
START = """
import json, sys
from airflow.configuration import conf
from airflow.executors.local_executor import LocalExecutor
seen = ["great_expectations" in sys.modules]
LocalExecutor.start = lambda self: seen.append("great_expectations" in sys.modules)
conf.getimport("core", "executor")().start()
print(json.dumps(seen))
"""
BEGIN = """
import json, sys
from airflow.configuration import conf
from airflow.providers.celery.executors.celery_executor_utils import get_celery_configuration
from celery.signals import worker_init
config = get_celery_configuration()
seen = ["great_expectations" in sys.modules]
worker_init.send(None)
print(json.dumps({"broker": config["broker_url"], "seen": [*seen, "great_expectations" in sys.modules]}))
"""


@pytest.mark.integration
def test_a_fork_imports_nothing_of_weight_for_a_load_and_starts_nobody(
    ask: Callable[[str], Any], catalog: Database, tmp_path: Path
) -> None:
    feed = tmp_path / "feed.yml"
    feed.write_text(FEED, encoding="utf-8")

    facts = ask(LOAD % (str(tmp_path / "home"), catalog.url(), str(feed)))

    assert facts["status"] == "processed"
    assert not facts["processes"]
    assert not facts["compiled"]
    foreign = {name.partition(".")[0] for name in facts["imported"]} - sys.stdlib_module_names - {"pipelines"}
    assert not foreign, "get_ready does not import them"


def test_the_local_executor_is_ready_before_it_forks(
    ask: Callable[[str], Any], database: Database, tmp_path: Path
) -> None:
    executor = LocalAirflow(tmp_path, database, 8080).environment()["AIRFLOW__CORE__EXECUTOR"]

    assert ask(f"import os; os.environ['AIRFLOW__CORE__EXECUTOR'] = {executor!r}\n{START}") == [False, True]


def test_a_celery_worker_is_ready_before_it_forks(ask: Callable[[str], Any]) -> None:
    secrets = dict.fromkeys(("VALKEY_PASSWORD", "POSTGRES_PASSWORD"), "x")
    worker = _environment(secrets)
    config = {name: value for name, value in worker.items() if name.startswith("AIRFLOW__CELERY__")}

    answer = ask(f"import os; os.environ.update({config!r})\n{BEGIN}")

    assert answer == {"broker": "redis://:x@valkey:6379/0", "seen": [False, True]}


def _environment(secrets: dict[str, str]) -> dict[str, str]:
    """That of a worker, as docker-compose.yml has it."""

    class Given(dict[str, str]):
        def __missing__(self, name: str) -> str:
            return "unset"

    return dict(Installation(Given(secrets)).services["worker"].environment)
