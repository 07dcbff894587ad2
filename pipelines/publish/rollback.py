"""Undo loads: the catalog of a supplier in a shop as it was before a load, as a new load (P10).

Every change keeps what it replaced: the fields of the card that differed, and the rest of the row. Going back over
several changes, the oldest of them tells what each field was. An offer that did not exist then is taken away: hiding it
would leave the catalog with goods it never had. Its history stays, and brings it back when the rollback is undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from pipelines import registry
from pipelines.errors import InternalError, OperatorError
from pipelines.model import OFFER_FIELDS, Counts, DecisionVerdict, LoadFacts, LoadKind, LoadStatus
from pipelines.publish.changes import BESIDES, DIFFERING, card, origin, take_turn
from pipelines.registry import Decider

# Of what stands in the way of a rollback, so many are named.
_NAMED = 10


@dataclass(frozen=True)
class Rollback:
    """What was undone.

    Attributes:
        load: the load that did it.
        undone: ids of the loads that were, the asked one among them.
        edits: works by hand that were undone with them.
    """

    load: LoadFacts
    undone: tuple[int, ...]
    edits: int


def roll_back(conn: psycopg.Connection[Any], load_id: int, decider: Decider, *, through: bool) -> Rollback:
    """Bring the goods of a load's supplier in its shop back to what they were before it, in the caller's transaction.

    What buyers and operators see is then exactly what it was; the times of the last change are those of the rollback.
    The file that was undone is not loaded again by itself; any other file of the link is (F2).

    Args:
        through: undo everything that came after the load as well, works by hand included.

    Raises:
        OperatorError: the load changed nothing, is undone already, others came after it and `through` is not given, or
            its history is from before rows were kept whole.
        InternalError: the counts do not add up (P2).
    """
    undone = registry.get_load(conn, load_id)
    party = {"shop": undone.shop, "supplier": undone.supplier}
    at = take_turn(conn, undone.shop, undone.supplier)
    first = _first_change(conn, load_id)
    later, edits = _later(conn, load_id, party | {"first": first})
    _refuse_gaps(conn, load_id, party | {"first": first})
    if not through:
        _refuse_later(load_id, later, edits)

    load = registry.get_load(
        conn,
        registry.create_load(
            conn, undone.link_id, source=f"rollback of load {load_id}", kind=LoadKind.ROLLBACK, origin=load_id
        ),
    )
    before = _visible(conn, party)
    written = dict(conn.execute(_UNDO, party | {"first": first, "load": load.id, "at": at}))
    load.counts = Counts(**{kind: written.get(kind, 0) for kind in ("created", "changed", "restored", "hidden")})
    expected = before + load.counts.created + load.counts.restored - load.counts.hidden
    if (after := _visible(conn, party)) != expected:
        msg = f"visible after = visible before + … is broken: {load.counts}, before {before}, after {after}"
        raise InternalError(msg)

    targets = sorted({load_id, *later, *_empty(conn, load_id, party)})
    load.status, load.published, load.started_at, load.finished_at = LoadStatus.PROCESSED, True, at, at
    registry.save_load(conn, load)
    effect = {"created": load.counts.created, "changed": load.counts.changed}
    effect |= {"restored": load.counts.restored, "hidden": load.counts.hidden}
    registry.record_decision(conn, targets, DecisionVerdict.ROLLED_BACK, decider, at=at, effect=effect, by_load=load.id)
    registry.lapse_holds(conn, load.id, at=at, undone=targets)
    registry.settle_undone(conn, undone.shop, undone.supplier)
    registry.settle_good_loads(conn, undone.shop, undone.supplier)
    return Rollback(load, tuple(targets), len(edits))


def _first_change(conn: psycopg.Connection[Any], load_id: int) -> int:
    undone = registry.get_load(conn, load_id)
    if undone.undone_by is not None:
        msg = f"load {load_id} is undone already, by load {undone.undone_by}"
        raise OperatorError(msg)
    row = conn.execute("SELECT min(id) FROM changes WHERE load_id = %s", [load_id]).fetchone()
    if row is None or row[0] is None:
        msg = f"load {load_id} changed nothing in the catalog: there is nothing to undo"
        raise OperatorError(msg)
    return int(row[0])


def _later(conn: psycopg.Connection[Any], load_id: int, range_: dict[str, Any]) -> tuple[dict[int, bool], list[int]]:
    """Other loads with changes in the range, each with whether it stands in the way, and works by hand.

    Neither a load that is undone nor the rollback that undid it stands in the way: together they changed nothing.
    """
    loads = conn.execute(
        """
        SELECT l.id, l.undone_by IS NULL AND l.kind <> 'rollback' FROM loads l
        WHERE l.id IN (
            SELECT load_id FROM changes WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s AND id >= %(first)s
        ) AND l.id <> %(load)s
        """,
        range_ | {"load": load_id},
    ).fetchall()
    edits = conn.execute(
        """
        SELECT DISTINCT edit_id FROM changes
        WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s AND id >= %(first)s AND edit_id IS NOT NULL ORDER BY 1
        """,
        range_,
    ).fetchall()
    return dict(loads), [row[0] for row in edits]


def _refuse_later(load_id: int, later: dict[int, bool], edits: list[int]) -> None:
    names = [f"load {n}" for n, stands in sorted(later.items()) if stands] + [f"work by hand {n}" for n in edits]
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        msg = (
            f"others came after load {load_id}: {', '.join(names[:_NAMED])}{more}; roll them back first, newest first,"
            " or undo them all with --through"
        )
        raise OperatorError(msg)


def _refuse_gaps(conn: psycopg.Connection[Any], load_id: int, range_: dict[str, Any]) -> None:
    row = conn.execute(
        """
        SELECT count(*) FROM (
            SELECT DISTINCT ON (sku_key) kind, origin FROM changes
            WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s AND id >= %(first)s ORDER BY sku_key, id
        ) c WHERE kind <> 'created' AND origin IS NULL
        """,
        range_,
    ).fetchone()
    if row != (0,):
        msg = f"load {load_id} is from before the history kept whole rows: it cannot be rolled back"
        raise OperatorError(msg)


def _empty(conn: psycopg.Connection[Any], load_id: int, party: dict[str, Any]) -> list[int]:
    """Later loads that found the catalog as their file has it: it is not so any more."""
    rows = conn.execute(
        """
        SELECT l.id FROM loads l
        WHERE l.shop_id = %(shop)s AND l.supplier_id = %(supplier)s AND l.id > %(load)s AND l.published
          AND l.undone_by IS NULL AND NOT EXISTS (SELECT FROM changes c WHERE c.load_id = l.id)
        """,
        party | {"load": load_id},
    ).fetchall()
    return [row[0] for row in rows]


def _visible(conn: psycopg.Connection[Any], party: dict[str, Any]) -> int:
    row = conn.execute(
        "SELECT count(*) FROM offers WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s AND status = 'published'",
        party,
    ).fetchone()
    return int(row[0]) if row else 0


# All of a row but its key; the moment of the change is the rollback's own.
_COLUMNS = ("status", *(f.name for f in OFFER_FIELDS), *(name for name in BESIDES if name != "changed_at"))
_SET = ", ".join((*_COLUMNS, "changed_at"))
_WAS = ", ".join((*(f"(s.was).{name}" for name in _COLUMNS), "%(at)s"))

_UNDO = f"""
    WITH range AS MATERIALIZED (
        SELECT id, sku_key, kind, before, origin FROM changes
        WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s AND id >= %(first)s
    ),
    firsts AS (
        SELECT DISTINCT ON (sku_key) sku_key, kind, origin FROM range ORDER BY sku_key, id
    ),
    cards AS (
        SELECT sku_key, jsonb_object_agg(key, value) AS card
        FROM (
            SELECT DISTINCT ON (r.sku_key, b.key) r.sku_key, b.key, b.value
            FROM range r CROSS JOIN LATERAL jsonb_each(r.before) b
            ORDER BY r.sku_key, b.key, r.id
        ) oldest
        GROUP BY sku_key
    ),
    -- Materialized, or each column of a row would build the whole row anew.
    rows AS MATERIALIZED (
        SELECT f.sku_key, f.kind = 'created' AS absent,
            jsonb_populate_record(now, coalesce(c.card, '{{}}') || coalesce(f.origin, '{{}}')) AS was
        FROM firsts f
        LEFT JOIN cards c USING (sku_key)
        LEFT JOIN offers now
            ON now.shop_id = %(shop)s AND now.supplier_id = %(supplier)s AND now.sku_key = f.sku_key
    ),
    applied AS (
        MERGE INTO offers o
        USING rows s
        ON o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = s.sku_key
        WHEN MATCHED AND s.absent THEN DELETE
        WHEN MATCHED THEN UPDATE SET ({_SET}) = ROW({_WAS})
        WHEN NOT MATCHED AND NOT s.absent THEN
            INSERT (shop_id, supplier_id, sku_key, {_SET})
            VALUES (%(shop)s, %(supplier)s, s.sku_key, {_WAS})
        RETURNING
            coalesce(new.sku_key, old.sku_key) AS sku_key,
            CASE
                WHEN merge_action() = 'INSERT' THEN 'created'
                WHEN merge_action() = 'DELETE' THEN 'withdrawn'
                WHEN old.status = 'published' AND new.status <> 'published' THEN 'hidden'
                WHEN old.status <> 'published' AND new.status = 'published' THEN 'restored'
                ELSE 'changed'
            END AS kind,
            coalesce(old.status = 'published', false) AS was_seen,
            coalesce(new.status = 'published', false) AS is_seen,
            CASE WHEN merge_action() <> 'INSERT' THEN {card("old")} END AS before,
            CASE WHEN merge_action() <> 'DELETE' THEN {card("new")} END AS after,
            CASE WHEN merge_action() <> 'INSERT' THEN {origin("old")} END AS origin
    ),
    logged AS (
        INSERT INTO changes (load_id, shop_id, supplier_id, sku_key, kind, fields, before, after, origin, at)
        SELECT %(load)s, %(shop)s, %(supplier)s, a.sku_key, a.kind, '{{}}',
            coalesce(a.before, '{{}}'), coalesce(a.after, '{{}}'), a.origin, %(at)s
        FROM applied a WHERE a.kind IN ('created', 'withdrawn')
        UNION ALL
        SELECT %(load)s, %(shop)s, %(supplier)s, a.sku_key, a.kind, d.fields, d.before, d.after, a.origin, %(at)s
        FROM applied a
        {DIFFERING}
        WHERE a.kind NOT IN ('created', 'withdrawn')
    )
    SELECT
        CASE
            WHEN was_seen AND NOT is_seen THEN 'hidden'
            WHEN NOT was_seen AND is_seen THEN CASE kind WHEN 'created' THEN kind ELSE 'restored' END
            ELSE 'changed'
        END,
        count(*)
    FROM applied GROUP BY 1
"""
