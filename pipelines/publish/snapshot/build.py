"""Write a snapshot: from the one before and what changed since, or from nothing (R4).

Rows leave PostgreSQL as CSV in one repeatable-read transaction, so that all tables are of one moment; DuckDB types
them. Offers and their history are by far the most of it: of those only what changed since the last snapshot is read.
The file is built aside by the caller and moved into place when it is whole.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from psycopg import sql

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.publish.places import all_places
from pipelines.publish.snapshot.rows import Rows
from pipelines.publish.snapshot.tables import (
    CATEGORIES,
    CHANGES,
    CHARACTERISTICS,
    COPIED,
    ISSUE_CODES_TABLE,
    ISSUES,
    KEY,
    LOAD_FILL,
    LOAD_SOURCES,
    META,
    OFFERS,
    OKEI,
    REGIONS,
    REJECTED,
    SCHEMA,
    SCHEMA_VERSION,
    Table,
    quoted,
)
from pipelines.publish.snapshot.views import count_rows, create_views
from pipelines.reference import Reference

log = logging.getLogger(__name__)

MEMORY_LIMIT = "1GB"
# The oldest DuckDB that can read the file. In what still older ones read, texts need a fifth more room and three times
# the time where they stand in lists.
STORAGE_VERSION = "v1.3.0"
# A snapshot remembers changes for a year and a month; what is older is in the object store's history.
CHANGES_KEPT = timedelta(days=400)
# From here on, building anew is quicker than replacing offers, and makes the smaller file.
_REBUILD_SHARE = 0.2
_REBUILD_FROM = 1_000
_REBUILD_GROWTH = 1.5
_REBUILD_SLACK_BYTES = 64 << 20
# How many differences are told of what should be equal.
_SHOWN = 3


@dataclass(frozen=True)
class LoadFiles:
    """What the snapshot shows of one load.

    Attributes:
        stamp: the state of its files; while it stays, they are not read again.
        fetch: gives, as long as its block lasts, the Parquet files by the names `issues` and `rejected`, each only if
            there is one.
        fill: field -> share of accepted offers that have it; asked for together with the files.
    """

    load_id: int
    stamp: str
    fetch: Callable[[], AbstractContextManager[dict[str, Path]]]
    fill: Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Source:
    """Where a snapshot is made from.

    Attributes:
        loads: the loads whose issues and rejected offers are shown (`last_loads`).
        reference: the tables in force.
        history: where the object store keeps all changes, as analysts will write it.
        last_change: all changes up to this one stood in that history, and were settled, before the snapshot was begun.
    """

    loads: Sequence[LoadFiles]
    reference: Reference
    history: str = ""
    last_change: int = 0


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        rows: table -> rows.
        replaced: offers that were read from the catalog; all of them when the snapshot was built anew.
        rebuilt: it was.
    """

    rows: dict[str, int] = field(default_factory=dict)
    replaced: int = 0
    rebuilt: bool = True


def last_loads(conn: psycopg.Connection[Any]) -> list[tuple[int, str]]:
    """The latest finished load of each link, those whose issues and rejected offers the snapshot shows, each with the
    state of its files: they may be written again until the load is reported."""
    found = conn.execute(
        "SELECT DISTINCT ON (link_id) id, coalesce('reported ' || reported_at, 'finished ' || finished_at, '')"
        " FROM loads WHERE status IN ('processed', 'held', 'rejected') AND kind <> 'rollback' AND NOT dry_run"
        " ORDER BY link_id, id DESC"
    ).fetchall()
    return sorted(found)


def write_snapshot(
    conn: psycopg.Connection[Any],
    source: Source,
    out: Path,
    *,
    scratch: Path,
    taken_at: datetime,
    previous: Path | None = None,
) -> Written:
    """Write the catalog into a new DuckDB file.

    Args:
        conn: the catalog; a transaction of its own is used and ended.
        out: the file to write; must not exist.
        scratch: a folder for the rows on their way.
        taken_at: the moment the snapshot stands for.
        previous: an earlier snapshot to start from. One that does not serve, whatever is wrong with it, costs time
            only: the snapshot is built anew.

    Raises:
        InternalError: the snapshot does not hold what the catalog holds.
    """
    if previous is not None:
        try:
            shutil.copyfile(previous, out)
            return _write(conn, source, out, scratch=scratch, taken_at=taken_at, goes_on=True)
        except (_UnfitError, InternalError, duckdb.Error) as error:
            log.info("the snapshot is built anew: %s", error)
            for leftover in (out, out.with_name(out.name + ".wal")):
                leftover.unlink(missing_ok=True)
    return _write(conn, source, out, scratch=scratch, taken_at=taken_at, goes_on=False)


class _UnfitError(Exception):
    """A snapshot cannot be gone on from, or it would not pay."""


def _write(
    conn: psycopg.Connection[Any], source: Source, out: Path, *, scratch: Path, taken_at: datetime, goes_on: bool
) -> Written:
    conn.commit()
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "storage_compatibility_version": STORAGE_VERSION,
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,
    }
    with duckdb.connect(str(out), config=config) as snapshot:
        build = _Build(conn, snapshot, source, scratch, taken_at)
        with conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if goes_on:
                build.go_on(out.stat().st_size)
            else:
                build.begin()
            build.refresh()
            written = build.checked()
        snapshot.execute("CHECKPOINT")
    if not goes_on:
        with duckdb.connect(str(out)) as snapshot:
            snapshot.execute(f"UPDATE {META.place} SET rebuilt_bytes = ?", [out.stat().st_size])
    return written


class _Build:
    """One snapshot being made: `begin` or `go_on`, then `refresh`, then `checked`."""

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        snapshot: duckdb.DuckDBPyConnection,
        source: Source,
        scratch: Path,
        taken_at: datetime,
    ) -> None:
        self._conn = conn
        self._snapshot = snapshot
        self._source = source
        self._carrier = Rows(conn, snapshot, scratch)
        self._taken_at = taken_at
        self._rebuilt = (taken_at, 0)
        self._reference = ""
        self._replaced = 0
        self._anew = True

    def begin(self) -> None:
        """Read everything."""
        self._snapshot.execute(f"CREATE SCHEMA {SCHEMA}")
        for table in (OFFERS, CHANGES, ISSUES, REJECTED, LOAD_FILL, LOAD_SOURCES):
            self._snapshot.execute(f"CREATE OR REPLACE TABLE {table.place} ({table.shape})")
        self._replaced = self._copy(OFFERS)
        self._copy(CHANGES, f'o."at" >= {self._kept_since}')

    def go_on(self, size: int) -> None:
        """Read what changed since the snapshot that the file is a copy of.

        Raises:
            _UnfitError: it is of another make, has grown too much, or too much changed.
            duckdb.Error: it is no snapshot, or an older one.
        """
        (version, since, self._reference, *rebuilt) = self._ask(
            f"SELECT schema_version, last_change, reference, rebuilt_at, rebuilt_bytes FROM {META.place}"
        )
        if version != SCHEMA_VERSION or size > rebuilt[1] * _REBUILD_GROWTH + _REBUILD_SLACK_BYTES:
            msg = f"the last one is of version {version} with {size} bytes, {rebuilt[1]} when it was built"
            raise _UnfitError(msg)
        touched = f"SELECT DISTINCT shop_id, supplier_id, sku_key FROM changes WHERE id > {int(since)}"
        (known,) = self._ask(f"SELECT count(*) FROM {OFFERS.place}")
        (changed,) = self._row(f"SELECT count(*) FROM ({touched}) t")
        if changed > max(known * _REBUILD_SHARE, _REBUILD_FROM):
            msg = f"{changed} offers changed, {known} are known"
            raise _UnfitError(msg)
        self._rebuilt = (rebuilt[0], rebuilt[1])
        self._anew = False
        self._forget_touched(touched)
        self._replaced = self._copy(OFFERS, f"(o.shop_id, o.supplier_id, o.sku_key) IN ({touched})")
        self._snapshot.execute(
            f'DELETE FROM {CHANGES.place} WHERE id > ? OR "at" < ?', [since, self._taken_at - CHANGES_KEPT]
        )
        self._copy(CHANGES, f"o.id > {int(since)}")

    def _forget_touched(self, touched: str) -> None:
        keys = Table("touched", "", f"({touched}) o", tuple(c for c in OFFERS.columns if c.name in KEY))
        self._snapshot.execute(f"CREATE TEMP TABLE touched ({keys.shape})")
        self._carrier.copy(keys, "touched")
        same = " AND ".join(f"o.{name} = t.{name}" for name in KEY)
        self._snapshot.execute(f"DELETE FROM {OFFERS.place} o USING touched t WHERE {same}")
        self._snapshot.execute("DROP TABLE touched")

    def refresh(self) -> None:
        """All that is small or follows the loads of now, and the views over everything."""
        for table in COPIED:
            self._snapshot.execute(f"CREATE OR REPLACE TABLE {table.place} ({table.shape})")
            self._copy(table)
        self._load_files()
        if self._source.reference.version != self._reference:
            self._references()
        self._fill(
            ISSUE_CODES_TABLE,
            [[c.code, c.severity.value, c.rule, c.message, c.remedy] for c in ISSUE_CODES.values()],
        )
        self._fill(META, [self._meta()])
        create_views(self._snapshot)

    def _load_files(self) -> None:
        known = dict(self._snapshot.execute(f"SELECT load, stamp FROM {LOAD_SOURCES.place}").fetchall())
        wanted = {load.load_id: load for load in self._source.loads}
        gone = [number for number, stamp in known.items() if number not in wanted or wanted[number].stamp != stamp]
        for table in (ISSUES, REJECTED, LOAD_FILL, LOAD_SOURCES):
            self._snapshot.execute(f"DELETE FROM {table.place} WHERE list_contains(?, load)", [gone])
        for load in wanted.values():
            if known.get(load.load_id) != load.stamp:
                self._add_load(load)

    def _add_load(self, load: LoadFiles) -> None:
        with load.fetch() as files:
            for table, name in ((ISSUES, "issues"), (REJECTED, "rejected")):
                if name in files:
                    columns = ", ".join(quoted(c.name) for c in table.columns[1:])
                    self._snapshot.execute(
                        f"INSERT INTO {table.place} SELECT ?, {columns} FROM read_parquet(?)",
                        [load.load_id, str(files[name])],
                    )
        fill = load.fill()
        self._snapshot.execute(
            f"INSERT INTO {LOAD_FILL.place} SELECT ?, unnest(?::VARCHAR[]), unnest(?::DOUBLE[])",
            [load.load_id, list(fill), list(fill.values())],
        )
        self._snapshot.execute(f"INSERT INTO {LOAD_SOURCES.place} VALUES (?, ?)", [load.load_id, load.stamp])

    def _references(self) -> None:
        places = pa.Table.from_pylist(
            [
                {"code": p.code, "level": p.level, "name": p.name, "chain": list(p.chain)}
                for p in all_places(self._source.reference)
            ]
        )
        self._snapshot.register("places", places)
        self._snapshot.execute(
            f"CREATE OR REPLACE TABLE {REGIONS.place} AS SELECT code, level, name, chain FROM places"
        )
        self._snapshot.unregister("places")
        for table in (OKEI, CHARACTERISTICS, CATEGORIES):
            path = self._source.reference.find(table.source)
            self._snapshot.execute(f"CREATE OR REPLACE TABLE {table.place} ({table.shape})")
            if path is not None:
                columns = ", ".join(c.source for c in table.columns)
                self._snapshot.execute(
                    f"INSERT INTO {table.place} SELECT {columns} FROM read_csv(?, header = true, all_varchar = true)",
                    [str(path)],
                )

    def _fill(self, table: Table, values: Sequence[Sequence[Any]]) -> None:
        self._snapshot.execute(f"CREATE OR REPLACE TABLE {table.place} ({table.shape})")
        self._snapshot.executemany(
            f"INSERT INTO {table.place} VALUES ({', '.join('?' for _ in table.columns)})", values
        )

    def _meta(self) -> list[Any]:
        (oldest,) = self._row(f'SELECT (SELECT "at" FROM changes ORDER BY id LIMIT 1) < {self._kept_since}')
        return [
            self._taken_at,
            SCHEMA_VERSION,
            {},  # counted when everything is there
            sorted(load.load_id for load in self._source.loads),
            self._source.last_change,
            self._taken_at - CHANGES_KEPT if oldest else None,
            self._source.history,
            self._source.reference.version,
            *self._rebuilt,
        ]

    def checked(self) -> Written:
        """Compare the snapshot with the catalog, and say in `meta` what it holds.

        Raises:
            InternalError: they differ, or the identities of loads (P2) do not hold.
        """
        counted = count_rows(self._snapshot)
        self._snapshot.execute(f"UPDATE {META.place} SET rows = ?", [counted])
        for what, ours, theirs in self._facts():
            here = set(self._snapshot.execute(ours).fetchall())
            there = {tuple(row) for row in self._conn.execute(sql.SQL(theirs)).fetchall()}
            if here != there:
                wrong, right = (sorted(rows, key=str)[:_SHOWN] for rows in (here - there, there - here))
                msg = f"the snapshot does not hold what the catalog holds: {what} {wrong} instead of {right}"
                raise InternalError(msg)
        broken = self._ask("SELECT list(id) FROM main.loads WHERE published AND read <> accepted + rejected")
        if broken != (None,):
            msg = f"read = accepted + rejected is broken in loads {broken[0][:10]}"
            raise InternalError(msg)
        return Written(counted, self._replaced, self._anew)

    def _facts(self) -> Iterator[tuple[str, str, str]]:
        """What must be equal: its name, and how either side is asked."""
        # One pass over all offers on either side is what an hour costs whatever has changed, so there is but one.
        yield (
            "versions of offers by supplier, status and binding",
            _versions(
                OFFERS.place,
                who="shop, supplier",
                load="load",
                moment="epoch_us(changed_at)",
                number="('0x' || left(md5({}), 12))",
            ),
            _versions(
                "offers",
                who="shop_id, supplier_id",
                load="load_id",
                moment="(extract(epoch FROM changed_at) * 1000000)::bigint",
                number="('x' || left(md5({}), 12))::bit(48)",
            ),
        )
        if self._anew:
            lengths = "coalesce(sum({len}(params)), 0)::{t}, coalesce(sum({len}(regions)), 0)::{t}"
            yield (
                "characteristics and regions",
                f"SELECT {lengths.format(len='len', t='BIGINT')} FROM {OFFERS.place}",
                f"SELECT {lengths.format(len='jsonb_array_length', t='bigint')} FROM offers",
            )
        yield (
            "changes not yet in the history",
            f"SELECT count(*) FROM {CHANGES.place} WHERE id > {self._source.last_change}",
            f"SELECT count(*) FROM changes WHERE id > {self._source.last_change}",
        )
        for table in COPIED:
            yield (
                table.name,
                f"SELECT count(*) FROM {table.place}",
                f"SELECT count(*) FROM {table.source} WHERE {table.where}",
            )

    @property
    def _kept_since(self) -> str:
        return f"timestamptz '{(self._taken_at - CHANGES_KEPT).isoformat()}'"

    def _copy(self, table: Table, condition: str = "true") -> int:
        return self._carrier.copy(table, table.place, condition)

    def _ask(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._snapshot.execute(query).fetchall()[0]
        return row

    def _row(self, query: str) -> tuple[Any, ...]:
        row = self._conn.execute(sql.SQL(query)).fetchone()
        if row is None:
            msg = f"no answer to {query}"
            raise InternalError(msg)
        return tuple(row)


def _versions(table: str, *, who: str, load: str, moment: str, number: str) -> str:
    """SQL that both databases take, each in its own words: how many offers of each kind there are, and which of them.

    Args:
        who, load, moment: columns of an offer's supplier and of its version.
        number: what makes digits of a text, to be read as a whole number.
    """
    version = number.format(f"concat_ws('|', {who}, sku_key, status, {load}, {moment})")
    return (
        f"SELECT {who}, status, category_id IS NOT NULL, count(*), CAST(sum({version}::BIGINT) AS VARCHAR)"
        f" FROM {table} GROUP BY 1, 2, 3, 4"
    )
