"""Keys of the supplier's own system, as the catalog knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

# What a SKU looks like that was made of such a key; who reads this compares it with what is made of the key (O1).
_MADE = "^[a-z2-7]{16}$"


def external_keys(
    conn: psycopg.Connection[Any], shop: str, supplier: str, *, batch: int
) -> Iterator[list[tuple[str, str]]]:
    """Pairs (key in the supplier's system, SKU) of the offers whose SKU may be made of that key, by the batch."""
    with conn.cursor(name="external_keys") as cursor:
        cursor.execute(
            "SELECT external_id, sku FROM offers WHERE shop_id = %s AND supplier_id = %s AND external_id IS NOT NULL"
            " AND sku ~ %s ORDER BY sku_key",
            [shop, supplier, _MADE],
        )
        while rows := cursor.fetchmany(batch):
            yield rows
