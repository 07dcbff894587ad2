"""How staged prices stand to those of the catalog, and keeping the old price of offers where they moved too far (P7).

Works on what `Publication.stage` put into `staged`: the cost grows with the offers that differ, not with the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipelines.model import PriceMoves
from pipelines.publish.difference import KEPT

# A price stays together with what it is the price of: in another unit, currency or region it would be another price.
PRICE_GROUP = (
    "price", "price_without_vat", "price_derived", "vat_rate", "currency", "unit_okei", "unit_name", "rrp", "regions",
)  # fmt: skip
EXAMPLES = 10

# One row for each staged offer whose price moved: the widest move of its own price and of the regions it had and has.
# A price in another currency has moved beyond any measure. A factor is told by the offer's own price alone: to the
# kopeck, since prices are rounded; the VAT rate is the offer's own, the one it has or the one it had.
_MOVED = """
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
    SELECT sku_key, sku, currency_before, currency_sent, place, before, sent, times,
        CASE
            WHEN currency_before <> currency_sent OR own_before IS NULL OR own_sent IS NULL THEN NULL
            WHEN abs(own_sent - own_before * 100) <= 1 THEN '100'
            WHEN abs(own_sent - own_before / 100) <= 0.01 THEN '0.01'
            WHEN abs(own_sent - own_before * with_vat) <= 0.02 THEN 'vat'
            WHEN abs(own_sent - own_before / with_vat) <= 0.01 THEN '1/vat'
        END AS factor
    FROM (
        SELECT o.sku_key, o.sku, o.currency AS currency_before, s.currency AS currency_sent,
            o.price AS own_before, s.price AS own_sent,
            CASE
                WHEN s.vat_rate ~ '^[0-9]+$' AND s.vat_rate <> '0' THEN 1 + s.vat_rate::numeric / 100
                WHEN o.vat_rate ~ '^[0-9]+$' AND o.vat_rate <> '0' THEN 1 + o.vat_rate::numeric / 100
            END AS with_vat,
            widest.*
        FROM staged s
        JOIN offers o ON o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = s.sku_key
        CROSS JOIN LATERAL (
            SELECT p.place, p.before, p.sent,
                CASE
                    WHEN s.currency IS DISTINCT FROM o.currency THEN 'Infinity'::numeric
                    ELSE greatest(p.sent / p.before, p.before / p.sent)
                END AS times
            FROM (
                SELECT NULL AS place, o.price AS before, s.price AS sent
                UNION ALL
                SELECT b ->> 'code', (b ->> 'price')::numeric, (r ->> 'price')::numeric
                FROM jsonb_array_elements(o.regions) AS b
                JOIN jsonb_array_elements(s.regions) AS r ON b ->> 'code' = r ->> 'code'
            ) p
            WHERE p.before > 0 AND p.sent > 0
            ORDER BY times DESC, p.place NULLS FIRST
            LIMIT 1
        ) widest
        WHERE s.content_hash IS NOT NULL AND o.status <> 'deleted'
    ) compared
"""
_COUNTED = """
    SELECT count(*), count(*) FILTER (WHERE times >= %(ratio)s),
        coalesce((SELECT jsonb_object_agg(factor, offers) FROM (
            SELECT factor, count(*) AS offers FROM moved WHERE factor IS NOT NULL AND times > 1 GROUP BY factor
        ) f), '{}')
    FROM moved
"""
_SHOWN = """
    coalesce('регион ' || place || ': ', '') || {price}
    || CASE WHEN currency_before IS DISTINCT FROM currency_sent THEN coalesce(' ' || {currency}, '') ELSE '' END
"""
_BEFORE = _SHOWN.format(price="before", currency="currency_before")
_SENT = _SHOWN.format(price="sent", currency="currency_sent")
_WIDEST = f"""
    SELECT sku, {_BEFORE}, {_SENT} FROM moved WHERE times >= %(ratio)s ORDER BY times DESC, sku_key LIMIT {EXAMPLES}
"""
_KEEP = """
    UPDATE staged s SET {group}, content_hash = '{KEPT}' || s.content_hash, rest_hash = NULL
    FROM offers o, moved m
    WHERE m.times >= %(limit)s AND s.sku_key = m.sku_key
      AND o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = m.sku_key
""".format(group=", ".join(f"{name} = o.{name}" for name in PRICE_GROUP), KEPT=KEPT)


def measure_moves(
    conn: psycopg.Connection[Any], party: Mapping[str, str], *, ratio: Decimal, unchanged: int
) -> PriceMoves:
    """Compare the staged prices with the catalog's.

    Args:
        party: `shop` and `supplier`.
        ratio: from how many times on a move counts as a jump.
        unchanged: offers of the file that are not staged because nothing of them differs.
    """
    conn.execute(_MOVED, party)
    with conn.cursor() as cursor:
        cursor.execute(_COUNTED, {"ratio": ratio})
        ((compared, jumped, factors),) = cursor.fetchall()
        widest = cursor.execute(_WIDEST, {"ratio": ratio}).fetchall()
    examples = tuple({"sku": sku, "before": before, "sent": sent} for sku, before, sent in widest)
    return PriceMoves(compared=compared + unchanged, jumped=jumped, factors=factors, examples=examples)


def keep_prices(conn: psycopg.Connection[Any], party: Mapping[str, str], *, limit: Decimal) -> int:
    """Give staged offers whose price moved `limit` times or more the price they have; says how many."""
    return conn.execute(_KEEP, {**party, "limit": limit}).rowcount


def write_kept(conn: psycopg.Connection[Any], path: Path, *, limit: Decimal) -> None:
    """Tell which those are, as CSV with a header: `sku_key`, the price `sent`, the price `kept`."""
    query = f"SELECT sku_key, {_SENT} AS sent, {_BEFORE} AS kept FROM moved WHERE times >= {{}} ORDER BY sku_key"
    copy = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"
    with path.open("wb") as file, conn.cursor().copy(sql.SQL(copy).format(sql.Literal(limit))) as rows:
        for block in rows:
            file.write(block)
