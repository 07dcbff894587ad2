"""What a load did to prices, from the history it wrote (R2, P10)."""

from __future__ import annotations

from typing import Any

import psycopg

from pipelines.model import PRICE_STEPS, PriceChange, PriceChanges

WIDEST = 5

_MOVED = """
    WITH moved AS MATERIALIZED (
        SELECT c.shop_id, c.supplier_id, c.sku_key, p.before, p.after
        FROM changes c
        CROSS JOIN LATERAL (SELECT (c.before ->> 'price')::numeric AS before, (c.after ->> 'price')::numeric AS after) p
        WHERE c.load_id = %(load)s AND 'price' = ANY (c.fields) AND p.before > 0 AND p.after > 0
    )
"""
_SUMMED = f"""
    {_MOVED}
    SELECT
        count(*) FILTER (WHERE after > before),
        count(*) FILTER (WHERE after < before),
        round(percentile_cont(0.5) WITHIN GROUP (ORDER BY (after / before - 1) * 100)::numeric, 2)
    FROM moved
"""
_COUNTED = f"""
    {_MOVED}
    SELECT width_bucket((after / before - 1) * 100, %(steps)s::numeric[]), count(*) FROM moved GROUP BY 1
"""
_WIDEST = f"""
    {_MOVED}
    SELECT coalesce(o.sku, m.sku_key), o.name, m.before, m.after
    FROM moved m LEFT JOIN offers o USING (shop_id, supplier_id, sku_key)
    ORDER BY greatest(m.after / m.before, m.before / m.after) DESC, m.sku_key
    LIMIT %(widest)s
"""


def price_changes(conn: psycopg.Connection[Any], load_id: int) -> PriceChanges:
    """The prices that a load changed, those of offers that came back among them."""
    values = {"load": load_id, "steps": list(PRICE_STEPS), "widest": WIDEST}
    up, down, median = conn.execute(_SUMMED, values).fetchone() or (0, 0, None)
    counted = dict(conn.execute(_COUNTED, values).fetchall())
    return PriceChanges(
        up=up,
        down=down,
        median=median,
        histogram=tuple(counted.get(step, 0) for step in range(len(PRICE_STEPS) + 1)),
        widest=tuple(PriceChange(*row) for row in conn.execute(_WIDEST, values)),
    )
