"""The DAG files as Airflow sees them: light to parse, wired as intended, documented as the docs say."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))

DESCRIBE = """
import json, sys
from dags.catalog_feeds_hourly import *
from dags import catalog_feeds_hourly as module
from airflow.sdk import DAG
imported = sorted(sys.modules)
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=%r)
dag = bag.dags["catalog_feeds_hourly"]
print(json.dumps({
    "imported": imported,
    "errors": bag.import_errors,
    "dags": sorted(bag.dags),
    "doc": dag.doc_md,
    "timetable": dag.timetable.expression,
    "catchup": dag.catchup,
    "max_active_runs": dag.max_active_runs,
    "tags": sorted(dag.tags),
    "tasks": {t.task_id: {
        "downstream": sorted(t.downstream_task_ids),
        "trigger_rule": str(t.trigger_rule.value),
        "mapped": t.is_mapped,
        "label": (t.partial_kwargs if t.is_mapped else {}).get("map_index_template"),
        "retries": t.retries,
        "owner": t.owner,
        "timeout": t.execution_timeout.total_seconds(),
        "outlets": [o.name for o in t.outlets or []],
    } for t in dag.tasks},
}))
""" % str(ROOT / "dags")  # noqa: UP031 - braces of the code stay as they are


@pytest.fixture(scope="module")
def described(ask: Callable[[str], Any]) -> dict[str, Any]:
    described: dict[str, Any] = ask(DESCRIBE)
    return described


def test_every_dag_file_is_imported_without_an_error(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert described["dags"] == [f.stem for f in DAG_FILES] == ["catalog_feeds_hourly"]


@pytest.mark.parametrize(
    "heavy", ["lxml", "pyarrow", "duckdb", "great_expectations", "boto3", "pandas", "pipelines.steps", "pipelines.cli"]
)
def test_parsing_a_dag_file_loads_nothing_heavy(described: dict[str, Any], heavy: str) -> None:
    assert "dags.catalog_feeds_hourly" in described["imported"]
    assert heavy not in described["imported"]


def test_runs_hourly_one_at_a_time_and_never_catches_up(described: dict[str, Any]) -> None:
    assert described["timetable"] == "0 * * * *"
    assert (described["max_active_runs"], described["catchup"]) == (1, False)
    assert described["tags"] == ["catalog-feeds", "hourly"]


def test_changed_links_are_mapped_by_name_and_only_they(described: dict[str, Any]) -> None:
    tasks = described["tasks"]
    assert {name for name, task in tasks.items() if task["mapped"]} == {"load"}
    assert tasks["load"]["label"].startswith("{{ task.op_kwargs['label'] }}")
    assert {name: task["downstream"] for name, task in tasks.items()} == {
        "poll": ["load"],
        "load": ["mail", "roll_up", "snapshot"],
        "snapshot": [],
        "mail": [],
        "roll_up": [],
    }


def test_a_failed_load_holds_up_neither_snapshot_nor_verdict(described: dict[str, Any]) -> None:
    rules = {name: task["trigger_rule"] for name, task in described["tasks"].items()}
    assert rules == {
        "poll": "all_success",
        "load": "all_success",
        "snapshot": "all_done_min_one_success",
        "mail": "all_done",
        "roll_up": "all_done",
    }
    assert described["tasks"]["snapshot"]["outlets"] == ["catalog_snapshot"]


def test_every_task_has_an_owner_retries_and_an_end(described: dict[str, Any]) -> None:
    for task in described["tasks"].values():
        assert task["owner"] == "catalog-feeds"
        assert task["retries"] == 2
        assert 0 < task["timeout"] <= 3600


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda f: f.stem)
def test_docs_of_a_dag_are_its_docstring(file: Path, described: dict[str, Any]) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = re.search(rf"<!-- {file.stem} -->\n(.*?)\n<!-- end -->", operating, re.DOTALL)
    assert section is not None, f"docs/operating.md has no section {file.stem}"
    assert section.group(1) == docstring
    assert described["doc"].strip() == docstring
