"""What whoever writes to the catalog shares: the turn to write, and the form in which changes are remembered (P10)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import psycopg

from pipelines.errors import InternalError
from pipelines.model import OFFER_FIELDS


def take_turn(conn: psycopg.Connection[Any], shop: str, supplier: str) -> datetime:
    """Wait until nobody else writes to this supplier's goods in this shop; the turn lasts to the transaction's end.

    Returns:
        The moment after waiting. `now()` is the start of the transaction; history is ordered by this one.
    """
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('catalog-feeds publish ' || %s, 0))",
        [json.dumps([shop, supplier])],
    )
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    if row is None:
        msg = "the database does not know the time"
        raise InternalError(msg)
    moment: datetime = row[0]
    return moment


def card(row: str) -> str:
    """SQL for everything the history remembers of an offer, from a row of `offers`."""
    fields = ", ".join(f"'{f.name}', {row}.{f.name}" for f in OFFER_FIELDS)
    return f"jsonb_build_object('status', {row}.status, {fields})"


# What a row of `offers` holds besides its key and its card.
BESIDES = (
    "external_id", "part", "line", "content_hash", "rest_hash", "load_id", "first_seen_at", "changed_at", "hidden_at",
)  # fmt: skip


def origin(row: str) -> str:
    """SQL for the rest of a row of `offers`: with the card it is all that undoing a change needs (P10)."""
    return "jsonb_build_object({})".format(", ".join(f"'{name}', {row}.{name}" for name in BESIDES))


# To be joined to rows that have the cards `before` and `after`: the fields that differ, and both values of each.
DIFFERING = """
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(key ORDER BY key), '{}') AS fields,
               coalesce(jsonb_object_agg(key, a.before -> key), '{}') AS before,
               coalesce(jsonb_object_agg(key, value), '{}') AS after
        FROM jsonb_each(a.after)
        WHERE value IS DISTINCT FROM a.before -> key
    ) d
"""
