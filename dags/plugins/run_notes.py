"""The note of a run: what one of its tasks left as the XCom `note`, put there when the run ends.

Tasks cannot write notes: Airflow keeps the metadata database from them. The scheduler tells listeners of every run that
ends, inside its own transaction, and that is where the note belongs.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow.listeners import hookimpl
from airflow.models.xcom import XComModel
from airflow.plugins_manager import AirflowPlugin
from sqlalchemy import select
from sqlalchemy.orm import object_session

NOTE = "note"
_LONGEST = 1_000  # Airflow's own limit


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:  # noqa: ANN401, ARG001 - as the hook is specified
    """A run ended well."""
    _write_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:  # noqa: ANN401, ARG001 - as the hook is specified
    """A run failed; its totals are worth as much."""
    _write_note(dag_run)


def _write_note(dag_run: Any) -> None:  # noqa: ANN401 - a row of Airflow's
    session = object_session(dag_run)
    if session is None:
        return
    found = session.scalar(
        select(XComModel.value)
        .where(XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id, XComModel.key == NOTE)
        .limit(1)
    )
    if isinstance(found, str):
        dag_run.note = found[:_LONGEST]


class RunNotes(AirflowPlugin):
    """Registers the listener."""

    name = "catalog_feeds_run_notes"
    listeners = [  # noqa: RUF012 - as Airflow declares it
        sys.modules[__name__]
    ]
