"""From the catalog to the analyst's file, and questions to the latest one (R4)."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines import publish
from pipelines.errors import OperatorError
from pipelines.reference import Library, load_reference
from pipelines.steps.house import House, load_key

LATEST = "snapshots/latest.json"


def write_snapshot(house: House, *, out: Path | None = None) -> str:
    """Write the snapshot, put it into the object store and point `latest` at it; gives back where it is.

    With `out` a copy is put there as well, whole or not at all, and its path is given back.
    """
    taken_at = datetime.now(UTC)
    key = f"snapshots/{taken_at:%Y%m%dT%H%M%S.%fZ}.duckdb"
    with house.database.connect() as conn, ExitStack() as files, house.scratch() as folder:
        loads = []
        for load_id in publish.last_loads(conn):
            issues, rejected = (load_key(load_id, f"{name}.parquet") for name in ("issues", "rejected"))
            loads.append(
                publish.LoadFiles(
                    load_id,
                    issues=files.enter_context(house.store.local(issues)),
                    rejected=files.enter_context(house.store.local(rejected)) if house.store.exists(rejected) else None,
                )
            )
        path = folder / "snapshot.duckdb"
        reference = load_reference(Library.at(house.store, house.settings.home_path))
        rows = publish.write_snapshot(conn, loads, path, reference=reference, scratch=folder, taken_at=taken_at)
        house.store.put_file(key, path)
        pointer = {"key": key, "taken_at": taken_at.isoformat(), "rows": rows}
        house.store.put_bytes(LATEST, json.dumps(pointer).encode())
        if out:
            aside = out.with_name(out.name + ".part")
            shutil.copyfile(path, aside)
            aside.replace(out)
    return str(out or house.store.url(key))


def has_snapshot(house: House) -> bool:
    """Whether there is a latest snapshot."""
    return house.store.exists(LATEST)


def query_snapshot(house: House, query: str) -> list[dict[str, Any]]:
    """Run a query on the latest snapshot, read-only and without access to other files.

    Raises:
        OperatorError: there is no snapshot yet, or DuckDB does not accept the query.
    """
    if not has_snapshot(house):
        msg = "there is no snapshot yet; `catalog-feeds snapshot` writes one"
        raise OperatorError(msg)
    key = json.loads(house.store.get_bytes(LATEST))["key"]
    with house.store.local(key) as path, duckdb.connect(str(path), read_only=True) as snapshot:
        # A query reads this one file: neither others of this machine, nor may it write any.
        snapshot.execute("SET enable_external_access = false; SET lock_configuration = true")
        try:
            answer = snapshot.sql(query)
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()] if answer else []
        except duckdb.Error as error:
            raise OperatorError(str(error)) from error
