"""Publish a load: its differences, its history and its own end, in one transaction (P1–P7, P10)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.pq import TransactionStatus

from pipelines import registry
from pipelines.errors import InternalError
from pipelines.model import (
    OFFER_FIELDS,
    Actualization,
    ChangeKind,
    Counts,
    DecisionVerdict,
    HoldReason,
    LoadFacts,
    LoadStatus,
    PriceMoves,
    WhyNot,
)
from pipelines.publish.changes import DIFFERING, card, origin, take_turn
from pipelines.publish.difference import FINGERPRINTS, KEPT, LASTING, Comparison, Difference, compare
from pipelines.publish.prices import keep_prices, measure_moves, write_kept
from pipelines.registry import Decider


class Standing(enum.Enum):
    """Whether a load may still be published."""

    OPEN = "open"
    WAITING = "waiting"  # it came to its end, but for what an operator must decide (P6, P7)
    PUBLISHED = "published"  # it came to its end, perhaps by a worker that died before it could say so
    SUPERSEDED = "superseded"  # a newer load of its link did; older never overwrites newer (P1)


class Publication:
    """The transaction in which a load reaches the catalog. One at a time for a supplier in a shop.

        with Publication(conn, load) as publication:
            if publication.standing is Standing.OPEN:
                difference = publication.stage(offers, rejected, protected, scratch)
                counts = publication.apply(hide=True, actualization=...)

    Nothing is kept unless `apply`, `hold` or `refuse` came to its end: leaving the block commits then, and rolls back
    otherwise. A dry run keeps only what the load's row learned.

    A load that waits is published the rest of the way by the same two calls, `apply` with a `decider`: it is compared
    with the catalog of now, and whatever changed since the load is left as it is.

    Attributes:
        load: what is published; `apply` completes it.
        standing: to be looked at before anything else; a load that is neither open nor waiting is refused.
    """

    def __init__(self, conn: psycopg.Connection[Any], load: LoadFacts) -> None:
        self._conn = conn
        self.load = load
        self._party = {"shop": load.shop, "supplier": load.supplier}
        self._difference: Difference | None = None
        self._kept = 0
        self._ended = False

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
        if self._ended and error is None:
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
            InternalError: the load is neither open nor waits, or its files break a promise.
        """
        self._require(
            self.standing in (Standing.OPEN, Standing.WAITING),
            f"load {self.load.id} is {self.standing.value}, not open and does not wait",
        )
        fingerprints = scratch / "fingerprints.csv"
        with self._conn.cursor() as cursor, fingerprints.open("wb") as file, cursor.copy(*self._fingerprints()) as copy:
            for data in copy:
                file.write(data)
        with compare(
            fingerprints, offers=offers, rejected=rejected, protected=protected, scratch=scratch
        ) as comparison:
            self._fill(comparison)
            self._difference = comparison.difference()
            prices_were_kept = comparison.prices_were_kept()
        if prices_were_kept:
            self._leave_out(_AS_IT_WAS_KEPT, {})
        if self.standing is Standing.WAITING:
            self._leave_out(_CHANGED_SINCE, {"as_of": (self.load.held or {})["as_of"]})
        return self._difference

    def compare_prices(self, *, ratio: Decimal) -> PriceMoves:
        """How the staged prices stand to those of the catalog (P7); comes after `stage`.

        Args:
            ratio: from how many times on a move counts as a jump.
        """
        return measure_moves(self._conn, self._party, ratio=ratio, unchanged=self._staged.unchanged)

    def keep_prices(self, kept: Path, *, limit: Decimal) -> int:
        """Publish offers whose price moved too far with the price they have; comes after `compare_prices` (P7).

        Args:
            kept: a CSV that tells which, written if there are any: `sku_key`, the price `sent`, the price `kept`.
            limit: from how many times on a price has moved too far.

        Returns:
            How many there are. Those of which nothing else differs are unchanged.
        """
        self._kept = keep_prices(self._conn, self._party, limit=limit)
        if self._kept:
            write_kept(self._conn, kept, limit=limit)
            self._leave_out(_SAME_BUT_FOR_THE_PRICE, {})
        return self._kept

    def apply(
        self,
        *,
        hide: bool,
        actualization: Actualization | None = None,
        held: dict[str, Any] | None = None,
        decider: Decider | None = None,
    ) -> Counts:
        """Write the differences, log them, check the identities, and end the load `processed`, or `held`.

        The load's own facts (counts of reading, format, timings …) are taken from the `LoadFacts` that the publication
        was made with, which is completed in place.

        Args:
            hide: hide what is missing from the file (P5).
            actualization: what to record about that.
            held: what waits for a person while the rest is published, as plain values with a `reason` (P6, P7).
            decider: who approved the load, if it was waiting.

        Returns:
            What was written now. Of a load that was published before it waited, `load.counts` keeps what was written
            then, and what was hidden now is added.

        Raises:
            InternalError: nothing was staged, or the counts do not add up (P2); everything is rolled back.
        """
        load, staged = self.load, self._staged
        self._require((decider is None) == (self.standing is Standing.OPEN), "only a load that waits can be approved")
        with self._conn.transaction(force_rollback=load.dry_run):
            written = dict(self._conn.execute(_APPLY, {**self._party, "load": load.id, "at": self._at, "hide": hide}))
            counts = replace(
                load.counts,
                **{kind.value: written.get(kind.value, 0) for kind in _KINDS},
                unchanged=staged.unchanged,
            )
            self._check(counts, staged, hide=hide)
        if not load.dry_run:
            self._tell_planner(counts.created)
        load.counts = replace(load.counts, hidden=load.counts.hidden + counts.hidden) if load.published else counts
        load.published = not load.dry_run
        load.status = LoadStatus.PROCESSED
        if decider:
            if hide:
                load.actualization = asdict(Actualization(requested=True, applied=True))
            self._decide(DecisionVerdict.APPROVED, decider, counts)
        else:
            load.held = held and self._held(held, counts, hide=hide)
            if held and HoldReason(held["reason"]).stops:
                load.status = LoadStatus.HELD
            load.actualization = asdict(actualization or Actualization(requested=hide, applied=hide))
            self._end()
        return counts

    def hold(self, held: dict[str, Any], actualization: Actualization) -> None:
        """End the load `held` with nothing published and nothing hidden, until someone decides (P7).

        Args:
            held: what waits for a person, as plain values with a `reason`.
            actualization: what to record about hiding.
        """
        self._require(self.standing is Standing.OPEN, f"load {self.load.id} is {self.standing.value}, not open")
        self.load.status = LoadStatus.HELD
        self.load.actualization = asdict(actualization)
        hides = actualization.why_not is WhyNot.HELD
        self.load.held = self._held(held, None, hide=hides)
        self._end()

    def refuse(self, decider: Decider) -> None:
        """End a load that waits without what it waited for; the catalog stays as it is."""
        self._require(self.standing is Standing.WAITING, f"load {self.load.id} is {self.standing.value}, not waiting")
        load = self.load
        load.status = LoadStatus.PROCESSED if load.published else LoadStatus.REJECTED
        load.reason = load.reason if load.published else "hold_rejected"
        if load.actualization.get("why_not") == WhyNot.HELD:
            load.actualization = load.actualization | {"why_not": WhyNot.REFUSED}
        self._decide(DecisionVerdict.REJECTED, decider, Counts())

    @property
    def _staged(self) -> Difference:
        if self._difference is None:
            msg = "stage comes first"
            raise InternalError(msg)
        return self._difference

    def _end(self) -> None:
        """The end of a load that was open, in the registry."""
        load = self.load
        (load.finished_at,) = self._row("SELECT clock_timestamp()")
        registry.save_load(self._conn, load)
        self._conn.execute("UPDATE loads SET bindings_kept = %s WHERE id = %s", [self._staged.bindings_kept, load.id])
        if not load.dry_run:
            options = registry.options_hash(load.options)
            if load.published:
                registry.mark_processed(self._conn, load.link_id, load_id=load.id, sha256=load.sha256, options=options)
            else:
                registry.mark_rejected(self._conn, load.link_id, sha256=load.sha256, options=options)
            registry.lapse_holds(self._conn, load.id, at=self._at)
        self._ended = True

    def _decide(self, verdict: DecisionVerdict, decider: Decider, did: Counts) -> None:
        """The end of a load that was waiting, in the registry; its report is to be written anew."""
        load = self.load
        registry.save_load(self._conn, load)
        registry.record_decision(
            self._conn, [load.id], verdict, decider, at=self._at, effect={k.value: getattr(did, k) for k in _KINDS}
        )
        registry.settle_good_loads(self._conn, load.shop, load.supplier)
        registry.reopen_report(self._conn, load.id)
        self._ended = True

    def _held(self, held: dict[str, Any], done: Counts | None, *, hide: bool) -> dict[str, Any]:
        """What waits, what was done and not done, and what either decision would leave, in offers.

        `as_of` is the last change of the catalog that the load knows of: whatever changes later is not touched by an
        approval, which may come days after.
        """
        staged = self._staged
        nothing = {"created": 0, "changed": 0, "restored": 0, "hidden": 0, "prices": 0}
        all_ = {name: getattr(staged, name) for name in ("created", "changed", "restored")}
        if done is None:
            published, withheld = nothing, nothing | all_ | {"hidden": staged.missing if hide else 0}
        else:
            published = nothing | {k.value: getattr(done, k) for k in _KINDS}
            waiting = 0 if hide or HoldReason(held["reason"]) is HoldReason.PRICES_KEPT else staged.missing
            withheld = nothing | {"hidden": waiting, "prices": self._kept}
        visible = staged.visible_before + published["created"] + published["restored"] - published["hidden"]
        (as_of,) = self._row("SELECT coalesce(max(id), 0) FROM changes")
        return held | {
            "published": {name: n for name, n in published.items() if name != "prices"},
            "withheld": withheld,
            "on_approval": {
                "visible": visible + withheld["created"] + withheld["restored"] - withheld["hidden"],
            },
            "on_rejection": {"visible": visible},
            "as_of": as_of,
        }

    def _leave_out(self, condition: str, parameters: dict[str, Any]) -> None:
        """Take staged offers out again; what is in the file is unchanged then, what is missing from it stays."""
        gone = dict(self._conn.execute(_LEAVE_OUT.format(condition), {**self._party, **parameters}).fetchall())
        staged, known = self._staged, ("created", "changed", "restored", "missing")
        self._difference = replace(
            staged,
            **{kind: getattr(staged, kind) - gone.get(kind, 0) for kind in known},
            unchanged=staged.unchanged + sum(number for kind, number in gone.items() if kind != "missing"),
        )

    def _standing(self) -> Standing:
        status, held, decided, superseded = self._row(_STANDING, [self.load.id])
        if decided:
            return Standing.PUBLISHED
        if held:
            return Standing.WAITING
        if status in (LoadStatus.PROCESSED, LoadStatus.HELD):
            return Standing.PUBLISHED
        return Standing.SUPERSEDED if superseded else Standing.OPEN

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
        self._conn.execute("ANALYZE staged (sku_key)")

    def _copy(self, command: str, rows: Iterable[bytes]) -> None:
        with self._conn.cursor() as cursor, cursor.copy(sql.SQL(f"{command} FROM STDIN (FORMAT csv)")) as copy:
            for data in rows:
                copy.write(data)

    def _tell_planner(self, created: int) -> None:
        """Let the next statements know of a catalog or a supplier that grew by much.

        The server itself would notice the catalog's growth in a minute, but a new supplier among millions of offers not
        for weeks: it would think that there is one offer of theirs, and read all of them for each few that changed.
        """
        (known,) = self._row("SELECT reltuples FROM pg_class WHERE oid = 'offers'::regclass")
        if created > max(_SMALL, min(_MUCH * known, self._staged.visible_before)):
            self._conn.execute("ANALYZE (SKIP_LOCKED) offers (shop_id, supplier_id, sku_key, status)")

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
    """SQL for a field of a row `s` of the staging table as the catalog's column takes it."""
    if not pa.types.is_list(kind) or pa.types.is_struct(kind.value_type):
        return f"s.{name}"
    element = "numeric" if pa.types.is_decimal(kind.value_type) else "text"
    rows = f"jsonb_array_elements_text(s.{name}) WITH ORDINALITY AS e (value, place)"
    array = f"ARRAY(SELECT value::{element} FROM {rows} ORDER BY place)"
    return f"CASE WHEN s.{name} IS NOT NULL THEN {array} END"


def _lasting(name: str) -> str:
    """SQL for a field as it will stand in the catalog: what is not sent keeps what was, where the field lasts (O17)."""
    return f"CASE WHEN cardinality(s.{name}) > 0 THEN s.{name} ELSE o.{name} END" if name in LASTING else f"s.{name}"


# The growth that changes how the catalog should be searched, as a share of the offers that were counted last; so few
# offers are searched in no time anyhow.
_MUCH, _SMALL = 0.1, 1_000

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

# Where a load stands: its status, whether something of it waits, whether that was decided, and whether a newer load of
# its link came to its end.
_STANDING = """
    SELECT l.status, l.held IS NOT NULL AND NOT l.dry_run,
        EXISTS (SELECT FROM decisions d WHERE d.load_id = l.id),
        EXISTS (
            SELECT FROM loads n
            WHERE n.link_id = l.link_id AND n.id > l.id AND NOT n.dry_run AND (n.published OR n.status = 'held')
        )
    FROM loads l WHERE l.id = %s
"""

# Staged rows that are taken out again, by what they would have been.
_LEAVE_OUT = """
    WITH gone AS (
        DELETE FROM staged s WHERE {} RETURNING s.sku_key, s.content_hash IS NULL AS missing
    )
    SELECT
        CASE
            WHEN gone.missing THEN 'missing'
            WHEN o.sku_key IS NULL THEN 'created'
            WHEN o.status = 'published' THEN 'changed'
            ELSE 'restored'
        END,
        count(*)
    FROM gone LEFT JOIN offers o
        ON o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = gone.sku_key
    GROUP BY 1
"""
_CHANGED_SINCE = """EXISTS (
    SELECT FROM changes c
    WHERE c.shop_id = %(shop)s AND c.supplier_id = %(supplier)s AND c.sku_key = s.sku_key AND c.id > %(as_of)s
)"""


def _same(name: str, kind: pa.DataType) -> str:
    """SQL for a staged field that the catalog's row `o` has already, or will keep (O17)."""
    same = f"{_unstaged(name, kind)} IS NOT DISTINCT FROM o.{name}"
    return f"(s.{name} IS NULL OR s.{name} = '[]' OR {same})" if name in LASTING else same


def _known_as(mark: str) -> str:
    """SQL for a staged row that equals the published one, where a price was kept and fingerprints do not tell (P7)."""
    return f"""EXISTS (
        SELECT FROM offers o
        WHERE {mark} LIKE '{KEPT}%%' AND o.status = 'published'
          AND o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = s.sku_key
          AND {" AND ".join(_same(f.name, f.type) for f in OFFER_FIELDS)}
    )"""


_AS_IT_WAS_KEPT = _known_as("s.content_hash IS NOT NULL AND o.content_hash")
_SAME_BUT_FOR_THE_PRICE = _known_as("s.content_hash")

# One statement writes the differences and logs them, with before and after of exactly the fields that differ.
_APPLY = f"""
    WITH applied AS (
        MERGE INTO offers o
        USING (
            SELECT {_ORIGIN}, {", ".join(f"{_unstaged(f.name, f.type)} AS {f.name}" for f in OFFER_FIELDS)}
            FROM staged s
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
            {card("new")} AS after,
            CASE WHEN merge_action() <> 'INSERT' THEN {origin("old")} END AS origin
    ),
    logged AS (
        INSERT INTO changes (load_id, shop_id, supplier_id, sku_key, kind, fields, before, after, origin, at)
        SELECT %(load)s, %(shop)s, %(supplier)s, a.sku_key, a.kind, '{{}}', '{{}}', a.after, NULL, %(at)s
        FROM applied a WHERE a.kind = 'created'
        UNION ALL
        SELECT %(load)s, %(shop)s, %(supplier)s, a.sku_key, a.kind, d.fields, d.before, d.after, a.origin, %(at)s
        FROM applied a
        {DIFFERING}
        WHERE a.kind <> 'created'
        RETURNING kind
    )
    SELECT kind, count(*) FROM logged GROUP BY kind
"""
