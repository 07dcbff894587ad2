"""What became of loads after their end: decided by a person, overtaken by the next load, rolled back (P6, P7, P10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from pipelines.model import DecisionVerdict, LoadStatus
from pipelines.registry.rows import Connection, storable


@dataclass(frozen=True)
class Decider:
    """Who decides, and why; both are recorded and shown."""

    who: str
    why: str


def record_decision(
    conn: Connection,
    load_ids: Sequence[int],
    verdict: DecisionVerdict,
    decider: Decider,
    *,
    at: datetime,
    effect: Mapping[str, Any] | None = None,
    by_load: int | None = None,
) -> None:
    """Remember what a person decided about loads. Belongs into the transaction that does it.

    Args:
        effect: what it changed, in offers.
        by_load: the load that rolled them back.
    """
    conn.execute(
        """
        INSERT INTO decisions (load_id, verdict, who, why, by_load, effect, at)
        SELECT load_id, %(verdict)s, %(who)s, %(why)s, %(by_load)s, %(effect)s, %(at)s
        FROM unnest(%(loads)s::bigint[]) AS load_id
        """,
        {
            "loads": list(load_ids),
            "verdict": verdict,
            "who": storable(decider.who, 200),
            "why": storable(decider.why),
            "by_load": by_load,
            "effect": Jsonb(dict(effect or {})),
            "at": at,
        },
    )


def lapse_holds(conn: Connection, load_id: int, *, at: datetime, undone: Sequence[int] | None = None) -> list[int]:
    """Whatever earlier loads of this load's link wait for is no longer asked: the newest file asks anew (P6).

    A load that was published stays so; one that was held whole ends `rejected`, for its offers never reached the
    catalog. Belongs into the transaction that ends the load.

    Args:
        undone: these loads instead, which a rollback has undone.

    Returns:
        Ids of the loads whose questions lapsed.
    """
    rows = conn.execute(
        """
        WITH lapsed AS (
            UPDATE loads old SET
                status = CASE WHEN old.published THEN %(processed)s ELSE %(rejected)s END,
                reason = CASE WHEN old.published THEN old.reason ELSE 'hold_lapsed' END
            FROM loads this
            WHERE this.id = %(id)s AND old.id < this.id
              AND (old.id = ANY (%(undone)s) OR %(undone)s::bigint[] IS NULL AND old.link_id = this.link_id)
              AND old.held IS NOT NULL AND NOT old.dry_run
              AND NOT EXISTS (
                  SELECT FROM decisions d WHERE d.load_id = old.id AND d.verdict <> 'rolled_back'
              )
            RETURNING old.id
        )
        INSERT INTO decisions (load_id, verdict, by_load, at)
        SELECT id, %(lapsed)s, %(id)s, %(at)s FROM lapsed
        RETURNING load_id
        """,
        {
            "id": load_id,
            "at": at,
            "undone": None if undone is None else list(undone),
            "processed": LoadStatus.PROCESSED,
            "rejected": LoadStatus.REJECTED,
            "lapsed": DecisionVerdict.LAPSED,
        },
    ).fetchall()
    return sorted(row[0] for row in rows)


def settle_undone(conn: Connection, shop: str, supplier: str) -> None:
    """Note for each load of a supplier in a shop which rollback it is undone by, now that one was added.

    A rollback may be rolled back itself, and so on: the newest one stands, and what it undid does not.
    """
    rows = conn.execute(
        """
        SELECT d.load_id, d.by_load FROM decisions d JOIN loads l ON l.id = d.load_id
        WHERE d.verdict = 'rolled_back' AND l.shop_id = %s AND l.supplier_id = %s ORDER BY d.by_load DESC
        """,
        [shop, supplier],
    ).fetchall()
    undone_by: dict[int, int] = {}
    for load_id, rollback in rows:
        if rollback not in undone_by:
            undone_by.setdefault(load_id, rollback)
    conn.execute(
        """
        UPDATE loads SET undone_by = undone.by_load
        FROM (SELECT unnest(%s::bigint[]) AS id, unnest(%s::bigint[]) AS by_load) undone WHERE loads.id = undone.id
        """,
        [[load_id for load_id, _ in rows], [undone_by.get(load_id) for load_id, _ in rows]],
    )


def reopen_report(conn: Connection, load_id: int) -> None:
    """What a load's report says has changed: it is written, and told, once more."""
    conn.execute("UPDATE loads SET reported_at = NULL WHERE id = %s", [load_id])
