"""Loads: one row for each processing of one file, written as it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from pipelines.errors import OperatorError
from pipelines.model import Counts, LoadFacts, LoadKind, LoadStatus
from pipelines.registry.rows import Connection, returned, storable

_COUNTS = [field.name for field in fields(Counts)]
_SELECT = """
    SELECT l.id, l.link_id, k.code AS link, l.supplier_id AS supplier, l.shop_id AS shop, l.status, l.reason, l.format,
           l.encoding, l.sha256, l.bytes, l.source, l.started_at, l.finished_at, l.dry_run, l.options, l.actualization,
           l.held, l.timings, l.delta, l.published, l.kind, l.origin_load_id AS origin, l.undone_by, decided.decision,
           {counts}
    FROM loads l JOIN links k ON k.id = l.link_id
    LEFT JOIN LATERAL (
        SELECT jsonb_strip_nulls(to_jsonb(d) - 'id' - 'load_id') AS decision FROM decisions d
        WHERE d.load_id = l.id AND d.verdict <> 'rolled_back'
    ) decided ON true
""".format(counts=", ".join(f'l."{name}"' for name in _COUNTS))


def create_load(
    conn: Connection,
    link_id: int,
    *,
    source: str,
    sha256: str | None = None,
    size: int | None = None,
    options: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    kind: LoadKind = LoadKind.FILE,
    origin: int | None = None,
) -> int:
    """A new load of a link, queued; its id is its place in the order of loads (P1).

    Args:
        source: where the file came from, for people: a URL without secrets, or a file's name.
        sha256: of the decompressed body in the raw archive.
        size: of that body in bytes.
        options: the link's and shop's options it will be read with, complete.
        kind, origin: for a load that repeats or undoes another one: which.
    """
    with conn.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO loads (link_id, supplier_id, shop_id, status, source, sha256, bytes, options, dry_run, kind,
                               origin_load_id)
            SELECT id, supplier_id, shop_id, %(status)s, %(source)s, %(sha256)s, %(bytes)s, %(options)s, %(dry_run)s,
                   %(kind)s, %(origin)s
            FROM links WHERE id = %(link)s
            RETURNING id
            """,
            {
                "link": link_id,
                "status": LoadStatus.QUEUED,
                "source": storable(source),
                "sha256": sha256,
                "bytes": size,
                "options": Jsonb(dict(options or {})),
                "dry_run": dry_run,
                "kind": kind,
                "origin": origin,
            },
        )
        load_id = int(returned(cursor)[0])
    conn.execute("UPDATE links SET last_load_id = %s WHERE id = %s", [load_id, link_id])
    return load_id


def start_load(
    conn: Connection, load_id: int, *, at: datetime, worker: str, reference_version: str | None = None
) -> LoadFacts:
    """A worker takes a load, for the first time or after another one died or failed: running from now.

    A load that has published, or that was decided upon, keeps its status: there is nothing left to run.
    """
    conn.execute(
        """
        UPDATE loads SET status = %(running)s, reason = NULL, started_at = coalesce(started_at, %(at)s),
            finished_at = NULL, worker = %(worker)s, reference_version = %(reference)s
        WHERE id = %(id)s AND status <> ALL (%(published)s)
          AND NOT EXISTS (SELECT FROM decisions d WHERE d.load_id = loads.id)
        """,
        {
            "id": load_id,
            "at": at,
            "worker": worker,
            "reference": reference_version,
            "running": LoadStatus.RUNNING,
            "published": [LoadStatus.PROCESSED, LoadStatus.HELD],
        },
    )
    return get_load(conn, load_id)


def save_load(conn: Connection, load: LoadFacts) -> None:
    """Write everything a load has learned; what it is (link, supplier, shop, source, options) stays as created."""
    counts = ", ".join(f'"{name}" = %({name})s' for name in _COUNTS)
    conn.execute(
        f"""
        UPDATE loads SET status = %(status)s, reason = %(reason)s, format = %(format)s, encoding = %(encoding)s,
            sha256 = %(sha256)s, bytes = %(bytes)s, started_at = %(started_at)s, finished_at = %(finished_at)s,
            actualization = %(actualization)s, held = %(held)s, timings = %(timings)s, published = %(published)s,
            delta = %(delta)s,
            {counts}
        WHERE id = %(id)s
        """,
        {
            **asdict(load.counts),
            "id": load.id,
            "status": load.status,
            "reason": storable(load.reason),
            "format": load.format,
            "encoding": load.encoding,
            "sha256": load.sha256,
            "bytes": load.bytes,
            "started_at": load.started_at,
            "finished_at": load.finished_at,
            "actualization": Jsonb(load.actualization),
            "held": None if load.held is None else Jsonb(load.held),
            "timings": Jsonb(load.timings),
            "published": load.published,
            "delta": load.delta,
        },
    )


def get_load(conn: Connection, load_id: int) -> LoadFacts:
    """The load with this id.

    Raises:
        OperatorError: there is none.
    """
    load = _first(conn, f"{_SELECT} WHERE l.id = %s", [load_id])
    if load is None:
        msg = f"unknown load {load_id}; `catalog-feeds loads` shows the known ones"
        raise OperatorError(msg)
    return load


def list_loads(
    conn: Connection,
    *,
    supplier: str | None = None,
    link_id: int | None = None,
    kinds: Sequence[LoadKind] = tuple(LoadKind),
    limit: int = 100,
) -> list[LoadFacts]:
    """The newest loads first, of one supplier, of one link, or of all."""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"""
            {_SELECT}
            WHERE (l.supplier_id = %(supplier)s OR %(supplier)s::text IS NULL)
              AND (l.link_id = %(link)s OR %(link)s::bigint IS NULL)
              AND l.kind = ANY (%(kinds)s)
            ORDER BY l.id DESC LIMIT %(limit)s
            """,
            {"supplier": supplier, "link": link_id, "kinds": [kind.value for kind in kinds], "limit": limit},
        )
        return [_facts(row) for row in cursor]


def unfinished_load(conn: Connection, link_id: int) -> LoadFacts | None:
    """The newest load of a link that is queued or running.

    Who holds the link's lock and finds one knows that its worker died: it is taken up again.
    """
    return _first(
        conn,
        f"{_SELECT} WHERE l.link_id = %s AND l.status IN ('queued', 'running') AND NOT l.dry_run"
        " ORDER BY l.id DESC LIMIT 1",
        [link_id],
    )


def unreported_load(conn: Connection, link_id: int) -> LoadFacts | None:
    """The newest load of a link whose worker died between publishing and telling the supplier (P1)."""
    return _first(
        conn,
        f"{_SELECT} WHERE l.link_id = %s AND l.status IN ('processed', 'held', 'rejected') AND l.reported_at IS NULL"
        " AND NOT l.dry_run ORDER BY l.id DESC LIMIT 1",
        [link_id],
    )


def previous_load(conn: Connection, load: LoadFacts) -> LoadFacts | None:
    """The load of the same link before this one that had a result of its own; what a report compares with."""
    return _first(
        conn,
        f"{_SELECT} WHERE l.link_id = %s AND l.id < %s AND l.status IN ('processed', 'held', 'rejected')"
        " AND NOT l.dry_run ORDER BY l.id DESC LIMIT 1",
        [load.link_id, load.id],
    )


def last_good_load(conn: Connection, load: LoadFacts) -> LoadFacts | None:
    """The load of the same link before this one that published: what buyers see when this one is rejected."""
    return _first(
        conn,
        f"{_SELECT} WHERE l.link_id = %s AND l.id < %s AND l.published AND l.undone_by IS NULL AND l.kind <> 'rollback'"
        " ORDER BY l.id DESC LIMIT 1",
        [load.link_id, load.id],
    )


def good_loads(conn: Connection, load: LoadFacts, *, limit: int) -> list[int]:
    """The newest loads of the same link before this one whose files stood in the catalog: what is usual for it."""
    rows = conn.execute(
        """
        SELECT id FROM loads
        WHERE link_id = %s AND id < %s AND published AND undone_by IS NULL AND kind <> %s
        ORDER BY id DESC LIMIT %s
        """,
        [load.link_id, load.id, LoadKind.ROLLBACK, limit],
    )
    return [int(row[0]) for row in rows]


def superseded_by(conn: Connection, load: LoadFacts) -> int | None:
    """The newest later load of the same link whose file stands in the catalog or waits to; None when this is the last.

    Loads that were rolled back do not stand, and a rollback brings no file of its own.
    """
    row = conn.execute(
        """
        SELECT max(id) FROM loads
        WHERE link_id = %s AND id > %s AND NOT dry_run AND kind <> %s AND undone_by IS NULL
          AND (published OR status = %s)
        """,
        [load.link_id, load.id, LoadKind.ROLLBACK, LoadStatus.HELD],
    ).fetchone()
    return None if row is None else row[0]


def fail_load(conn: Connection, load_id: int, *, at: datetime, reason: str) -> None:
    """Something of ours went wrong; a load that has a result keeps it."""
    conn.execute(
        "UPDATE loads SET status = %s, reason = %s, finished_at = %s WHERE id = %s AND status IN ('queued', 'running')",
        [LoadStatus.FAILED, storable(reason), at, load_id],
    )


def mark_reported(conn: Connection, load_id: int, *, at: datetime, timings: Mapping[str, float]) -> None:
    """The supplier has been told, or need not be: nothing is left to do for this load."""
    conn.execute(
        "UPDATE loads SET reported_at = %s, timings = timings || %s WHERE id = %s",
        [at, Jsonb(dict(timings)), load_id],
    )


def is_reported(conn: Connection, load_id: int) -> bool:
    """Whether nothing is left to do for a load."""
    row = conn.execute("SELECT reported_at FROM loads WHERE id = %s", [load_id]).fetchone()
    return row is not None and row[0] is not None


def _first(conn: Connection, query: str, parameters: list[Any]) -> LoadFacts | None:
    cursor: psycopg.Cursor[dict[str, Any]]
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query, parameters).fetchone()
    return None if row is None else _facts(row)


def _facts(row: dict[str, Any]) -> LoadFacts:
    counts = Counts(**{name: row.pop(name) for name in _COUNTS})
    return LoadFacts(**{**row, "status": LoadStatus(row["status"]), "kind": LoadKind(row["kind"])}, counts=counts)
