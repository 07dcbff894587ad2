"""The DAG files as Airflow sees them: light to parse, wired as intended, documented as the docs say."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
POOLS = json.loads((ROOT / "dags" / "pools.json").read_text(encoding="utf-8"))

DESCRIBE = """
import importlib, json, sys
for name in %r:
    importlib.import_module("dags." + name)
from airflow.sdk import DAG
imported = sorted(sys.modules)
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(dag_folder=%r)

def of(task, name):
    return getattr(task, name) if not task.is_mapped else task.partial_kwargs.get(name, getattr(task, name, None))

print(json.dumps({
    "imported": imported,
    "errors": bag.import_errors,
    "plugins": {p.name: [len(p.fastapi_apps), len(p.listeners)] for p in plugins_manager._get_plugins()[0]},
    "plugin_errors": plugins_manager.get_import_errors(),
    "dags": {dag.dag_id: {
        "doc": dag.doc_md,
        "schedule": getattr(dag.timetable, "expression", None),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tags": sorted(dag.tags),
        "owner_links": dag.owner_links,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "serialized": len(json.dumps(DagSerialization.to_dict(dag))),
        "tasks": {t.task_id: {
            "downstream": sorted(t.downstream_task_ids),
            "trigger_rule": str(t.trigger_rule.value),
            "mapped": t.is_mapped,
            "label": of(t, "map_index_template"),
            "retries": t.retries,
            "owner": t.owner,
            "pool": t.pool,
            "timeout": t.execution_timeout.total_seconds() if t.execution_timeout else None,
            "outlets": [o.name for o in t.outlets or []],
            "links": [link.name for link in t.operator_extra_links],
        } for t in dag.tasks},
    } for dag in bag.dags.values()},
}))
""" % ([file.stem for file in DAG_FILES], str(ROOT / "dags"))  # noqa: UP031 - braces of the code stay as they are

LOAD_LINKS = ["Отчёт", "Замечания", "Файл поставщика", "Что изменилось"]


@pytest.fixture(scope="module")
def described(ask: Callable[[str], Any]) -> dict[str, Any]:
    described: dict[str, Any] = ask(DESCRIBE)
    return described


@pytest.fixture(scope="module")
def hourly(described: dict[str, Any]) -> dict[str, Any]:
    dag: dict[str, Any] = described["dags"]["catalog_feeds_hourly"]
    return dag


def test_every_dag_file_is_imported_without_an_error(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert set(described["dags"]) == {f.stem for f in DAG_FILES}
    assert set(described["dags"]) == {
        "catalog_feeds_hourly",
        "check_link",
        "decide_held_load",
        "housekeeping",
        "refresh_reference_data",
        "replay_load",
        "rollback_load",
        "uploaded_files",
    }


@pytest.mark.parametrize(
    "heavy", ["lxml", "pyarrow", "duckdb", "great_expectations", "boto3", "pandas", "pipelines.steps", "pipelines.cli"]
)
def test_parsing_a_dag_file_loads_nothing_heavy(described: dict[str, Any], heavy: str) -> None:
    assert "dags.catalog_feeds_hourly" in described["imported"]
    assert heavy not in described["imported"]


def test_plugins_serve_files_and_write_notes(described: dict[str, Any]) -> None:
    assert described["plugin_errors"] == {}
    ours = {name: parts for name, parts in described["plugins"].items() if name.startswith("catalog_feeds")}
    assert ours == {"catalog_feeds_load_files": [1, 0], "catalog_feeds_run_notes": [0, 1]}


def test_what_runs_when_and_never_catches_up(described: dict[str, Any]) -> None:
    schedules = {name: dag["schedule"] for name, dag in described["dags"].items() if dag["schedule"]}
    assert schedules == {
        "catalog_feeds_hourly": "0 * * * *",
        "uploaded_files": "*/10 * * * *",
        "housekeeping": "30 2 * * *",
    }
    for name in schedules:
        assert (described["dags"][name]["max_active_runs"], described["dags"][name]["catchup"]) == (1, False)


def test_forms_ask_for_what_they_need_with_types_and_titles(described: dict[str, Any]) -> None:
    forms = {name: dag["params"] for name, dag in described["dags"].items() if dag["params"]}
    assert {name: sorted(params) for name, params in forms.items()} == {
        "check_link": ["link"],
        "decide_held_load": ["load_id"],
        "housekeeping": ["airflow_days", "days", "dry_run", "loads", "snapshots"],
        "refresh_reference_data": ["file", "shop", "supplier", "table"],
        "replay_load": ["dry_run", "load_id"],
        "rollback_load": ["load_id", "reason", "through"],
    }
    for schema in (schema for params in forms.values() for schema in params.values()):
        assert schema["type"]
        assert schema["title"]


def test_changed_links_are_mapped_by_name_and_only_they(hourly: dict[str, Any]) -> None:
    tasks = hourly["tasks"]
    assert {name for name, task in tasks.items() if task["mapped"]} == {"load", "ask"}
    assert tasks["load"]["label"].startswith("{{ task.op_kwargs['label'] }}")
    assert {name: task["downstream"] for name, task in tasks.items()} == {
        "poll": ["load"],
        "load": ["mail", "roll_up", "snapshot", "waiting"],
        "waiting": ["ask"],
        "ask": [],
        "mail": [],
        "snapshot": [],
        "roll_up": [],
    }


def test_a_failed_load_holds_up_neither_mails_nor_snapshot_nor_verdict(hourly: dict[str, Any]) -> None:
    rules = {name: task["trigger_rule"] for name, task in hourly["tasks"].items()}
    assert rules == {
        "poll": "all_success",
        "load": "all_success",
        "waiting": "all_done_min_one_success",
        "ask": "all_success",
        "mail": "all_done",
        "snapshot": "all_done",
        "roll_up": "all_done",
    }
    outlets = {name: task["outlets"] for name, task in hourly["tasks"].items() if task["outlets"]}
    assert outlets == {"snapshot": ["catalog_snapshot"], "roll_up": ["catalog"]}


def test_every_task_has_an_owner_retries_an_end_and_a_pool_that_exists(described: dict[str, Any]) -> None:
    waits_for_a_person = ("decide_held_load", "ask")
    for name, dag in described["dags"].items():
        assert dag["tasks"]
        for task_id, task in dag["tasks"].items():
            assert task["owner"] == "catalog-feeds"
            assert task["retries"] == 2
            assert task["pool"] in {"default_pool", *POOLS}
            if (name, task_id) == waits_for_a_person:
                assert task["timeout"] is None
            else:
                assert 0 < task["timeout"] <= 3600


def test_whatever_works_on_a_load_links_to_its_files(described: dict[str, Any]) -> None:
    linked = {
        (name, task_id)
        for name, dag in described["dags"].items()
        for task_id, task in dag["tasks"].items()
        if task["links"] == LOAD_LINKS
    }
    assert linked == {
        ("catalog_feeds_hourly", "load"),
        ("check_link", "check"),
        ("decide_held_load", "decide"),
        ("replay_load", "replay"),
        ("rollback_load", "rollback"),
        ("uploaded_files", "load"),
    }


def test_every_dag_is_tagged(described: dict[str, Any]) -> None:
    for dag in described["dags"].values():
        assert "catalog-feeds" in dag["tags"]
        assert len(dag["tags"]) == 2


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda f: f.stem)
def test_docs_of_a_dag_are_its_docstring(file: Path, described: dict[str, Any]) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = re.search(rf"<!-- {file.stem} -->\n(.*?)\n<!-- end -->", operating, re.DOTALL)
    assert section is not None, f"docs/operating.md has no section {file.stem}"
    assert section.group(1) == docstring
    assert described["dags"][file.stem]["doc"].strip() == docstring
