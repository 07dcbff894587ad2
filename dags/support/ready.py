"""What every task needs, made ready by the process that forks tasks: importing takes longer than a small load."""

from __future__ import annotations

from importlib import import_module

LIBRARIES = (
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.sdk.execution_time.task_runner",
    "dags.support.load_task",
    "dags.support.metrics",
    "duckdb_engine",
    "great_expectations",
    "pyarrow.dataset",
)


def get_ready() -> None:
    """Import what tasks work with, and get our own house ready; every later fork finds it in its memory."""
    from pipelines import steps

    for library in LIBRARIES:
        import_module(library)
    steps.get_ready()
