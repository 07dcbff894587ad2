"""How Airflow's pages answer after a week and after a year of hourly runs, and after housekeeping.

    python -m benchmarks.history

One real hour is run, with loads; its rows in the metadata are repeated for every hour of a week, and then of a year,
and those of `uploaded_files` for every ten minutes. Measured are the requests behind the pages that operators open, and
how long the DAG `housekeeping` takes to clear the year. Then the same requests again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from benchmarks.airflow import DAG, installation, run
from examples.local_airflow import METADATA
from pipelines.database import open_database
from pipelines.settings import load_settings

UPLOADS = "uploaded_files"
PATTERN = "pattern"
RUNS_SHOWN = 25
# Where rows of a run are found again under its name: table -> column of that name.
TABLES = {
    "dag_run": "run_id",
    "task_instance": "run_id",
    "xcom": "run_id",
    "log": "run_id",
    "asset_event": "source_run_id",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--loads", type=int, default=13, help="loads of each hour")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--times", type=int, default=9, help="requests of each kind; the table shows the fastest")
    asked = parser.parse_args(arguments)
    # What really ran is newer.
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    with installation(asked.loads) as (client, feeds):
        for number in range(asked.loads):
            feeds.write(number, 200)
        run(client, PATTERN)
        uploads = finished(client, UPLOADS, PATTERN)
        settings = load_settings()
        with open_database(settings) as database, database.connect(METADATA, autocommit=True) as conn:
            columns = []
            since = now
            for days in (7, asked.days):
                until, since = since, now - timedelta(days=days)
                for dag, step in ((DAG, timedelta(hours=1)), (UPLOADS, timedelta(minutes=10))):
                    repeat(conn, dag, since=since, until=until, step=step)
                conn.execute("VACUUM ANALYZE")
                columns.append((f"{days} days", answers(client, asked.times), rows(conn)))
            began = time.monotonic()
            cleaned = finished(client, "housekeeping", "cleaning")
            seconds = time.monotonic() - began
            conn.execute("VACUUM ANALYZE")
            columns.append(("housekeeping", answers(client, asked.times), rows(conn)))
    table = Table(title="requests behind the pages, ms", title_justify="left")
    table.add_column("request")
    for name, _, _ in columns:
        table.add_column(name, justify="right")
    for request in columns[0][1]:
        table.add_row(request, *(f"{times[request] * 1e3:.0f}" for _, times, _ in columns))
    for kind in columns[0][2]:
        table.add_row(f"rows of {kind}", *(f"{counts[kind]:,}" for _, _, counts in columns))
    console = Console(width=110)
    console.print(table)
    console.print(f"housekeeping: {cleaned}, {seconds:.0f} s; uploaded_files: {uploads}", highlight=False)
    return 0 if cleaned == uploads == "success" else 1


def repeat(conn: psycopg.Connection[Any], dag: str, *, since: datetime, until: datetime, step: timedelta) -> None:
    """Have the run `PATTERN` again at every step from `since` to before `until`, with all its rows."""
    conn.execute(
        "CREATE TEMP TABLE moments AS SELECT moment, 'scheduled__' || moment AS name, moment - r.run_after AS shift"
        " FROM dag_run AS r, generate_series(%s, %s::timestamptz - %s, %s) AS moment"
        " WHERE r.dag_id = %s AND r.run_id = %s",
        [since, until, step, step, dag, PATTERN],
    )
    for table, run_column in TABLES.items():
        fresh = {run_column: "name"}
        if table == "dag_run":
            fresh |= {"run_type": "'scheduled'", "logical_date": "moment"}
            fresh |= {"data_interval_start": "moment", "data_interval_end": "moment"}
        elif table == "task_instance":
            fresh |= {"id": "uuidv7()"}
        elif table == "xcom":
            fresh |= {"dag_run_id": "(SELECT d.id FROM dag_run AS d WHERE d.dag_id = t.dag_id AND d.run_id = name)"}
        _copy(conn, table, fresh, dag=dag, run_column=run_column)
    conn.execute(
        "INSERT INTO dag_run_note (dag_run_id, content, created_at, updated_at)"
        " SELECT fresh.id, note.content, moment, moment FROM moments JOIN dag_run AS fresh ON fresh.run_id = name,"
        " dag_run_note AS note JOIN dag_run AS shown ON shown.id = note.dag_run_id"
        " WHERE fresh.dag_id = %(dag)s AND shown.dag_id = %(dag)s AND shown.run_id = %(run)s",
        {"dag": dag, "run": PATTERN},
    )
    conn.execute("DROP TABLE moments")


def _copy(conn: psycopg.Connection[Any], table: str, fresh: Mapping[str, str], *, dag: str, run_column: str) -> None:
    """Copy the rows of the run to every moment; times move along, what is named in `fresh` is new."""
    described = conn.execute(
        "SELECT column_name, data_type, column_default LIKE 'nextval%%' FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
        [table],
    ).fetchall()
    values = {
        name: fresh.get(name) or (f't."{name}" + shift' if kind.startswith("timestamp") else f't."{name}"')
        for name, kind, counted in described
        if not counted
    }
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS t, moments WHERE {} = %s AND {} = %s").format(
        sql.Identifier(table), names, sql.SQL(", ".join(values.values())), sql.Identifier(table),
        sql.Identifier("t", "source_dag_id" if table == "asset_event" else "dag_id"), sql.Identifier("t", run_column),
    )  # fmt: skip
    conn.execute(statement, [dag, PATTERN])


def answers(client: httpx.Client, times: int) -> dict[str, float]:
    """Seconds of the requests that the pages make, each the fastest of some: a busy machine only adds to it."""
    runs = client.get(f"/ui/grid/runs/{DAG}", params={"limit": RUNS_SHOWN, "order_by": "-run_after"}).json()
    names = [found["run_id"] for found in runs]
    day_ago = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    newest = {"limit": 50, "order_by": "-run_after"}
    # As the page asks. Without dates Airflow 3.3 answers 500 for a DAG with a run by hand: that has no logical date.
    year = datetime.now(UTC).year
    of_year = {"logical_date_gte": f"{year}-01-01T00:00:00Z", "logical_date_lte": f"{year}-12-31T23:59:59.999Z"}
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "home: numbers of a day": ("/ui/dashboard/historical_metrics_data", {"start_date": day_ago}),
        "DAGs with their latest runs": ("/ui/dags", {"limit": 50, "dag_runs_limit": 14}),
        "grid: structure": (f"/ui/grid/structure/{DAG}", {"limit": RUNS_SHOWN}),
        "grid: runs": (f"/ui/grid/runs/{DAG}", {"limit": RUNS_SHOWN, "order_by": "-run_after"}),
        "grid: tasks of 25 runs": (f"/ui/grid/ti_summaries/{DAG}", {"run_ids": names}),
        "calendar of a year": (f"/ui/calendar/{DAG}", {"granularity": "daily", **of_year}),
        "runs of the DAG": (f"/api/v2/dags/{DAG}/dagRuns", newest),
        "runs of all DAGs": ("/api/v2/dags/~/dagRuns", newest),
        "tasks of a run": (f"/api/v2/dags/{DAG}/dagRuns/{names[0]}/taskInstances", {"limit": 50}),
        "tasks of all runs": ("/api/v2/dags/~/dagRuns/~/taskInstances", {"limit": 50, "order_by": "-start_date"}),
        "audit log": ("/api/v2/eventLogs", {"limit": 50, "order_by": "-when"}),
        "asset events": ("/api/v2/assets/events", {"limit": 50, "order_by": "-timestamp"}),
    }
    return {name: _fastest(client, path, params, times) for name, (path, params) in requests.items()}


def _fastest(client: httpx.Client, path: str, params: Mapping[str, Any], times: int) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        client.get(path, params=params).raise_for_status()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def rows(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows the tables hold."""
    count = sql.SQL("SELECT count(*) FROM {}")
    return {t: (conn.execute(count.format(sql.Identifier(t))).fetchone() or (0,))[0] for t in TABLES}


def finished(client: httpx.Client, dag: str, run_id: str) -> str:
    """Run a DAG to its end; gives back its state."""
    client.patch(f"/api/v2/dags/{dag}", json={"is_paused": False}).raise_for_status()
    runs = f"/api/v2/dags/{dag}/dagRuns"
    client.post(runs, json={"logical_date": None, "dag_run_id": run_id}).raise_for_status()
    while (state := client.get(f"{runs}/{run_id}").json()["state"]) in ("queued", "running"):
        time.sleep(0.5)
    return str(state)


if __name__ == "__main__":
    sys.exit(main())
