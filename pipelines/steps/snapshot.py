"""From the catalog to the analyst's file and its history (R4)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pipelines import publish
from pipelines.errors import OperatorError
from pipelines.objects import ObjectConflictError, ObjectNotFoundError
from pipelines.reference import Library, load_reference
from pipelines.steps.house import House, load_key

LATEST = "snapshots/latest.json"

_DUE = """
SELECT %(since)s::timestamptz > now()
    OR EXISTS (SELECT FROM loads WHERE finished_at > %(since)s AND NOT dry_run)
    OR EXISTS (SELECT FROM decisions WHERE at > %(since)s)
    OR EXISTS (SELECT FROM edits WHERE at > %(since)s)
    OR EXISTS (SELECT FROM accreditation_changes WHERE at > %(since)s)
"""


def write_snapshot(house: House, *, out: Path | None = None, anew: bool = False) -> str:
    """Write the snapshot, put it into the object store and point `latest` at it; gives back where it is.

    The history in the object store is brought up to date first. Of several at once the one that looked at the catalog
    last is the latest, whoever ends last.

    Args:
        out: a copy is put there as well, whole or not at all, and its path is given back.
        anew: do not start from the last snapshot.
    """
    with house.database.connect() as conn, house.scratch() as folder:
        through = publish.write_history(conn, house.store, folder)
        taken_at = datetime.now(UTC)
        key = f"snapshots/{taken_at:%Y%m%dT%H%M%S.%fZ}.duckdb"
        source = publish.Source(
            [_load_files(house, load_id, stamp) for load_id, stamp in publish.last_loads(conn)],
            load_reference(Library.at(house.store, house.settings.home_path)),
            house.store.url("history"),
            through,
        )
        path = folder / "snapshot.duckdb"
        with _previous(house, anew=anew) as previous:
            written = publish.write_snapshot(conn, source, path, scratch=folder, taken_at=taken_at, previous=previous)
        house.store.put_file(key, path)
        latest = _point(house, {"key": key, "taken_at": taken_at.isoformat(), "rows": written.rows})
        if out:
            with beside(out) as copy:
                shutil.copyfile(path, copy)
    return str(out or house.store.url(latest))


def _load_files(house: House, load_id: int, stamp: str) -> publish.LoadFiles:
    return publish.LoadFiles(load_id, stamp, partial(_fetch, house, load_id), partial(_fill, house, load_id))


@contextmanager
def _fetch(house: House, load_id: int) -> Iterator[dict[str, Path]]:
    with ExitStack() as files:
        keys = {name: load_key(load_id, f"{name}.parquet") for name in ("issues", "rejected")}
        yield {
            name: files.enter_context(house.store.local(key)) for name, key in keys.items() if house.store.exists(key)
        }


def _fill(house: House, load_id: int) -> dict[str, float]:
    key = load_key(load_id, "profile.json")
    return dict(json.loads(house.store.get_bytes(key))["fill"]) if house.store.exists(key) else {}


@contextmanager
def _previous(house: House, *, anew: bool) -> Iterator[Path | None]:
    """The last snapshot, if there is one that can be had."""
    if anew or not has_snapshot(house):
        yield None
        return
    with ExitStack() as files:
        try:
            path = files.enter_context(house.store.local(latest_snapshot(house)))
        except ObjectNotFoundError:
            path = None
        yield path


def _point(house: House, pointer: dict[str, Any]) -> str:
    """Let `latest` be this snapshot unless a younger one is already; gives back the key of the one it is.

    One that was taken in the future was taken by a clock that was wrong: it stands in nobody's way.
    """
    while True:
        known, etag = house.store.get_versioned(LATEST) if house.store.exists(LATEST) else (None, None)
        standing = json.loads(known) if known else None
        if standing and pointer["taken_at"] <= standing["taken_at"] <= datetime.now(UTC).isoformat():
            return str(standing["key"])
        try:
            house.store.put_bytes_if(LATEST, json.dumps(pointer).encode(), etag)
        except ObjectConflictError:
            continue
        return str(pointer["key"])


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """A file beside `out` that takes its place when all went well.

    Raises:
        OperatorError: the file cannot be written.
    """
    path = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        try:
            path.touch(mode=0o600)  # prices and suppliers are nobody's who may not read the store
            yield path
            path.replace(out)
        finally:
            path.unlink(missing_ok=True)
    except OSError as error:
        msg = f"cannot write {out}: {error.strerror}"
        raise OperatorError(msg) from error


def snapshot_is_due(house: House) -> bool:
    """Whether there is none, or something ended since the latest one was taken: one that failed is made up for.

    A load, a decision about one, work by hand, an accreditation. One taken in the future stands in nobody's way.
    """
    if not has_snapshot(house):
        return True
    with house.database.connect() as conn:
        row = conn.execute(_DUE, {"since": json.loads(house.store.get_bytes(LATEST))["taken_at"]}).fetchone()
    return row == (True,)


def has_snapshot(house: House) -> bool:
    """Whether there is a latest snapshot."""
    return house.store.exists(LATEST)


def latest_snapshot(house: House) -> str:
    """The key of the latest snapshot; there must be one (`has_snapshot`)."""
    return str(json.loads(house.store.get_bytes(LATEST))["key"])


def copy_history(house: House, folder: Path) -> int:
    """Bring a copy of the history up to date, for use as a local path; gives back how many files were new.

    Files of the history never change, so those that are there are not fetched again.
    """
    new = 0
    for key in house.store.list("history"):
        if not key.endswith(".parquet"):
            continue
        target = folder / Path(key).relative_to("history")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with house.store.local(key) as source, beside(target) as copy:
                shutil.copyfile(source, copy)
            new += 1
    return new
