"""Publish a load: its differences, its history and its own end, in one transaction (P1–P5, P10)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.pq import TransactionStatus

from pipelines import registry
from pipelines.errors import InternalError
from pipelines.model import OFFER_FIELDS, Actualization, ChangeKind, Counts, LoadFacts, LoadStatus
from pipelines.publish.changes import DIFFERING, card, take_turn
from pipelines.publish.difference import FINGERPRINTS, LASTING, Comparison, Difference, compare


class Standing(enum.Enum):
    """Whether a load may still be published."""

    OPEN = "open"
    PUBLISHED = "published"  # it was, by a worker that died before it could say so
    SUPERSEDED = "superseded"  # a newer load of its link was; older never overwrites newer (P1)


class Publication:
    """The transaction in which a load reaches the catalog. One at a time for a supplier in a shop.

        with Publication(conn, load) as publication:
            if publication.standing is Standing.OPEN:
                difference = publication.stage(offers, rejected, protected, scratch)
                counts = publication.apply(hide=True, actualization=...)

    Nothing is kept unless `apply` came to its end: leaving the block commits then, and rolls back otherwise. A dry run
    keeps only what the load's row learned.

    Attributes:
        load: what is published; `apply` completes it.
        standing: to be looked at before anything else; a load that is not open is refused.
    """

    def __init__(self, conn: psycopg.Connection[Any], load: LoadFacts) -> None:
        self._conn = conn
        self.load = load
        self._party = {"shop": load.shop, "supplier": load.supplier}
        self._difference: Difference | None = None
        self._applied = False

    def __enter__(self) -> Self:
        if self._conn.autocommit or self._conn.info.transaction_status != TransactionStatus.IDLE:
            msg = "a publication needs a connection without autocommit and without an open transaction"
            raise InternalError(msg)
        self._at = take_turn(self._conn, self.load.shop, self.load.supplier)
        self.standing = self._standing()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._applied and error is None:
            self._conn.commit()
        else:
            self._conn.rollback()

    def stage(self, offers: Path, rejected: Path, protected: Sequence[Path], scratch: Path) -> Difference:
        """Compare the load with the catalog and put what differs into a temporary table.

        Args:
            offers, rejected: Parquet of the load (`OFFER_SCHEMA`, `REJECTED_SCHEMA`).
            protected: `offers.parquet` of the last good loads of the supplier's other enabled links (P5).
            scratch: a folder for temporary files, large enough for the fingerprints of the supplier's offers.

        Raises:
            InternalError: the load is not open, or its files break a promise.
        """
        self._require(self.standing is Standing.OPEN, f"load {self.load.id} is {self.standing.value}, not open")
        fingerprints = scratch / "fingerprints.csv"
        with self._conn.cursor() as cursor, fingerprints.open("wb") as file, cursor.copy(*self._fingerprints()) as copy:
            for data in copy:
                file.write(data)
        with compare(
            fingerprints, offers=offers, rejected=rejected, protected=protected, scratch=scratch
        ) as comparison:
            self._fill(comparison)
            self._difference = comparison.difference()
        return self._difference

    def apply(
        self, *, hide: bool, actualization: Actualization | None = None, held: dict[str, Any] | None = None
    ) -> Counts:
        """Write the differences, log them, check the identities, and end the load `processed`, or `held`.

        The load's own facts (counts of reading, format, timings …) are taken from the `LoadFacts` that the publication
        was made with, which is completed in place.

        Args:
            hide: hide what is missing from the file (P5).
            actualization: what to record about that.
            held: why hiding waits for a person, as plain values; the rest is published (P6).

        Raises:
            InternalError: nothing was staged, or the counts do not add up (P2); everything is rolled back.
        """
        if self._difference is None:
            msg = "stage comes before apply"
            raise InternalError(msg)
        load, staged = self.load, self._difference
        with self._conn.transaction(force_rollback=load.dry_run):
            written = dict(self._conn.execute(_APPLY, {**self._party, "load": load.id, "at": self._at, "hide": hide}))
            counts = replace(
                load.counts,
                **{kind.value: written.get(kind.value, 0) for kind in _KINDS},
                unchanged=staged.unchanged,
            )
            self._check(counts, staged, hide=hide)
        load.counts = counts
        load.status = LoadStatus.PROCESSED if held is None else LoadStatus.HELD
        load.held = held
        load.actualization = asdict(actualization or Actualization(requested=hide, applied=hide))
        (load.finished_at,) = self._row("SELECT clock_timestamp()")
        registry.save_load(self._conn, load)
        self._conn.execute("UPDATE loads SET bindings_kept = %s WHERE id = %s", [staged.bindings_kept, load.id])
        if not load.dry_run:
            registry.mark_processed(
                self._conn,
                load.link_id,
                load_id=load.id,
                sha256=load.sha256,
                options=registry.options_hash(load.options),
            )
        self._applied = True
        return counts

    def _standing(self) -> Standing:
        status, newest = self._row(
            "SELECT l.status, k.last_good_load_id FROM loads l JOIN links k ON k.id = l.link_id WHERE l.id = %s",
            [self.load.id],
        )
        if status in (LoadStatus.PROCESSED, LoadStatus.HELD):
            return Standing.PUBLISHED
        return Standing.SUPERSEDED if newest is not None and newest > self.load.id else Standing.OPEN

    def _fingerprints(self) -> tuple[sql.SQL, dict[str, str]]:
        bound = " OR ".join(f"cardinality({name}) > 0" for name in LASTING)
        lasting = ", ".join(f"CASE WHEN cardinality({name}) > 0 THEN to_json({name}) END AS {name}" for name in LASTING)
        query = sql.SQL(
            f"COPY (SELECT sku_key, content_hash, status, CASE WHEN {bound} THEN rest_hash END AS rest_hash, {lasting}"
            " FROM offers WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s)"
            f" TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE ({', '.join(FINGERPRINTS.names)}))"
        )
        return query, self._party

    def _fill(self, comparison: Comparison) -> None:
        self._conn.execute(_STAGED)
        self._copy(f"COPY staged ({_ORIGIN}, {_FIELDS})", comparison.differing())
        self._copy("COPY staged (sku_key)", comparison.missing())
        self._conn.execute("ANALYZE staged")

    def _copy(self, command: str, rows: Iterable[bytes]) -> None:
        with self._conn.cursor() as cursor, cursor.copy(sql.SQL(f"{command} FROM STDIN (FORMAT csv)")) as copy:
            for data in rows:
                copy.write(data)

    def _check(self, counts: Counts, staged: Difference, *, hide: bool) -> None:
        """The identities of P2, with what the database did and holds now."""
        (visible,) = self._row(
            "SELECT count(*) FROM offers"
            " WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s AND status = 'published'",
            self._party,
        )
        seen = f"{counts}, {staged}, visible after {visible}"
        published = counts.created + counts.changed + counts.restored + counts.unchanged
        expected = staged.visible_before + counts.created + counts.restored - counts.hidden
        self._require(counts.read == counts.accepted + counts.rejected, f"read = accepted + rejected is broken: {seen}")
        self._require(counts.accepted == published, f"accepted = created + changed + … is broken: {seen}")
        self._require(visible == expected, f"visible after = visible before + … is broken: {seen}")
        self._require(counts.hidden == (staged.missing if hide else 0), f"hidden is not what was missing: {seen}")

    def _require(self, kept: bool, promise: str) -> None:
        if not kept:
            raise InternalError(promise)

    def _row(self, query: str, parameters: Any = None) -> tuple[Any, ...]:  # noqa: ANN401 - whatever psycopg binds
        row = self._conn.execute(query, parameters).fetchone()
        if row is None:
            msg = f"load {self.load.id} is not in the registry"
            raise InternalError(msg)
        return tuple(row)


def _staged(name: str, kind: pa.DataType) -> str:
    """SQL for a field's column in the staging table: the catalog's own type, but JSON for lists."""
    return f"to_jsonb({name}) AS {name}" if pa.types.is_list(kind) else name


def _unstaged(name: str, kind: pa.DataType) -> str:
    """SQL for a staged field as the catalog's column takes it."""
    if not pa.types.is_list(kind) or pa.types.is_struct(kind.value_type):
        return name
    element = "numeric" if pa.types.is_decimal(kind.value_type) else "text"
    rows = f"jsonb_array_elements_text({name}) WITH ORDINALITY AS e (value, place)"
    array = f"ARRAY(SELECT value::{element} FROM {rows} ORDER BY place)"
    return f"CASE WHEN {name} IS NOT NULL THEN {array} END AS {name}"


def _lasting(name: str) -> str:
    """SQL for a field as it will stand in the catalog: what is not sent keeps what was, where the field lasts (O17)."""
    return f"CASE WHEN cardinality(s.{name}) > 0 THEN s.{name} ELSE o.{name} END" if name in LASTING else f"s.{name}"


# What a load does to offers, counted under these names (P2).
_KINDS = (ChangeKind.CREATED, ChangeKind.CHANGED, ChangeKind.RESTORED, ChangeKind.HIDDEN)

# What comes with the fields of an offer: its keys, where it stands, its fingerprints.
_ORIGIN_COLUMNS = ("sku_key", "external_id", "part", "line", "content_hash", "rest_hash")
_ORIGIN = ", ".join(_ORIGIN_COLUMNS)
_STAGED_ORIGIN = ", ".join(f"s.{name}" for name in _ORIGIN_COLUMNS)
_FIELDS = ", ".join(f.name for f in OFFER_FIELDS)
_STAGED_FIELDS = ", ".join(f"s.{f.name}" for f in OFFER_FIELDS)
_EFFECTIVE_FIELDS = ", ".join(_lasting(f.name) for f in OFFER_FIELDS)

# A row without a fingerprint is an offer to hide.
_STAGED = f"""
    CREATE TEMPORARY TABLE staged ON COMMIT DROP AS
    SELECT {_ORIGIN}, {", ".join(_staged(f.name, f.type) for f in OFFER_FIELDS)}
    FROM offers WITH NO DATA
"""

# One statement writes the differences and logs them, with before and after of exactly the fields that differ.
_APPLY = f"""
    WITH applied AS (
        MERGE INTO offers o
        USING (
            SELECT {_ORIGIN}, {", ".join(_unstaged(f.name, f.type) for f in OFFER_FIELDS)}
            FROM staged
            WHERE content_hash IS NOT NULL OR %(hide)s
        ) s
        ON o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = s.sku_key
        WHEN MATCHED AND s.content_hash IS NULL THEN
            UPDATE SET status = 'hidden', hidden_at = %(at)s, changed_at = %(at)s
        WHEN MATCHED THEN
            UPDATE SET (status, hidden_at, changed_at, load_id, {_ORIGIN}, {_FIELDS})
            = ROW('published', NULL, %(at)s, %(load)s, {_STAGED_ORIGIN}, {_EFFECTIVE_FIELDS})
        WHEN NOT MATCHED AND s.content_hash IS NOT NULL THEN
            INSERT (shop_id, supplier_id, status, first_seen_at, changed_at, load_id, {_ORIGIN}, {_FIELDS})
            VALUES (%(shop)s, %(supplier)s, 'published', %(at)s, %(at)s, %(load)s, {_STAGED_ORIGIN}, {_STAGED_FIELDS})
        RETURNING
            o.sku_key,
            CASE
                WHEN merge_action() = 'INSERT' THEN 'created'
                WHEN new.status = 'hidden' THEN 'hidden'
                WHEN old.status <> 'published' THEN 'restored'
                ELSE 'changed'
            END AS kind,
            CASE WHEN merge_action() <> 'INSERT' THEN {card("old")} END AS before,
            {card("new")} AS after
    ),
    logged AS (
        INSERT INTO changes (load_id, shop_id, supplier_id, sku_key, kind, fields, before, after, at)
        SELECT %(load)s, %(shop)s, %(supplier)s, a.sku_key, a.kind, '{{}}', '{{}}', a.after, %(at)s
        FROM applied a WHERE a.kind = 'created'
        UNION ALL
        SELECT %(load)s, %(shop)s, %(supplier)s, a.sku_key, a.kind, d.fields, d.before, d.after, %(at)s
        FROM applied a
        {DIFFERING}
        WHERE a.kind <> 'created'
        RETURNING kind
    )
    SELECT kind, count(*) FROM logged GROUP BY kind
"""
