"""All changes of the catalog for all time, as Parquet in the object store (R4, P10).

    history/changes/year=…/month=…/<first>-<last>.parquet   by the month (UTC) and the ids of the changes in it
    history/changes/state.json                               up to which change, and what is being written now

Files are only ever added. A batch is announced in the state before its files are written, and whoever finds an
announced batch writes the same files again under the same names, so that nothing is there twice or missing, whoever is
killed and however many write at once.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg import sql

from pipelines.errors import InternalError
from pipelines.objects import ObjectConflictError, ObjectNotFoundError, ObjectStore
from pipelines.publish.snapshot.rows import Rows
from pipelines.publish.snapshot.tables import HISTORY

FOLDER = "history"
_FILES = f"{FOLDER}/changes"
STATE = f"{_FILES}/state.json"
# So many ids at once; bounds the memory and the disk that a batch needs.
BATCH = 200_000
# How long to wait for those who are writing changes right now.
_WAIT = "10s"
_MEMORY = "512MB"
_ROW_GROUP = "32MB"
_MONTH = """to_char(o."at" AT TIME ZONE 'UTC', 'YYYY-MM')"""


@dataclass(frozen=True)
class State:
    """How far the history goes.

    Attributes:
        through: the last change that it holds; all before it are there as well.
        announced: the last change of the batch that is being written; equal to `through` when none is.
    """

    through: int = 0
    announced: int = 0


def settled_change(conn: psycopg.Connection[Any]) -> int | None:
    """The last change of the catalog, when none before it can still appear; None while somebody keeps on writing.

    Numbers are given before their transactions end, and those end in any order. So this waits, not for long, until
    nobody writes, and holds newcomers up meanwhile.
    """
    conn.commit()
    try:
        with conn.transaction():
            conn.execute(f"SET LOCAL lock_timeout = '{_WAIT}'")
            conn.execute("LOCK TABLE changes IN SHARE MODE")
            row = conn.execute("SELECT coalesce(max(id), 0) FROM changes").fetchone()
    except psycopg.errors.LockNotAvailable:
        return None
    return int(row[0]) if row else 0


def write_history(conn: psycopg.Connection[Any], store: ObjectStore, scratch: Path, *, batch: int = BATCH) -> int:
    """Bring the history up to the last settled change; gives back how far it goes.

    Raises:
        InternalError: the catalog knows less than the history: it was restored from an older backup.
    """
    settled = settled_change(conn)
    while True:
        state, etag = _state(store)
        if settled is not None and settled < state.through:
            msg = (
                f"the history goes to change {state.through}, the catalog only to {settled}: a restored catalog needs"
                f" a new history; move {store.url(FOLDER)} away"
            )
            raise InternalError(msg)
        if state.announced == state.through:
            if settled is None or settled == state.through:
                return state.through
            announced = State(state.through, min(settled, state.through + batch))
            if not _put(store, announced, etag):
                continue
            state, etag = _state(store)
            if state != announced:
                continue
        _write_batch(conn, store, scratch, state)
        _put(store, State(state.announced, state.announced), etag)


def _state(store: ObjectStore) -> tuple[State, str | None]:
    try:
        data, etag = store.get_versioned(STATE)
    except ObjectNotFoundError:
        return State(), None
    return State(**json.loads(data)), etag


def _put(store: ObjectStore, state: State, etag: str | None) -> bool:
    """Whether it was us who wrote it; who was slower looks again."""
    try:
        store.put_bytes_if(STATE, json.dumps(asdict(state)).encode(), etag)
    except ObjectConflictError:
        return False
    return True


def _write_batch(conn: psycopg.Connection[Any], store: ObjectStore, scratch: Path, state: State) -> None:
    """Write the announced changes, a file for each month they fall in: the same rows under the same names each time."""
    announced = f"o.id > {state.through} AND o.id <= {state.announced}"
    months = conn.execute(
        sql.SQL(
            f"SELECT {_MONTH} AS month, min(o.id), max(o.id) FROM changes o WHERE {announced} GROUP BY 1 ORDER BY 1"
        )
    ).fetchall()
    for month, first, last in months:
        path = scratch / "history.parquet"
        _write_file(conn, path, scratch, f"{announced} AND {_MONTH} = '{month}'")
        store.put_file(f"{_FILES}/year={month[:4]}/month={month[5:]}/{first}-{last}.parquet", path)
        path.unlink()
    conn.commit()


def _write_file(conn: psycopg.Connection[Any], path: Path, scratch: Path, condition: str) -> None:
    """Write changes by way of a database on disk: a card may be large, and a batch of them larger than memory."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,
    }
    aside = path.with_suffix(".duckdb")
    with duckdb.connect(str(aside), config=config) as connection:
        connection.execute(f"CREATE TABLE batch ({HISTORY.shape})")
        Rows(conn, connection, scratch).copy(HISTORY, "batch", condition)
        connection.execute(
            f"COPY batch TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE_BYTES '{_ROW_GROUP}')"
        )
    aside.unlink()
