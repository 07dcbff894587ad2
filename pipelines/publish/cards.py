"""An offer's card as published, with its history and the way back to the file it came from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pipelines.errors import OperatorError
from pipelines.model import MONEY, OFFER_FIELDS
from pipelines.publish.places import Place

# What a region may set for itself (O18), as the catalog's function `effective_terms` takes and gives it.
TERMS = ("price", "price_without_vat", "availability", "quantity", "delivery_days")

_MONEY = frozenset(f.name for f in OFFER_FIELDS if f.type == MONEY)
HISTORY_LIMIT = 100
# Somewhere, or in the buyer's place where that is known (O9).
_ORDERABLE = """v.sku_key IS NOT NULL
    AND CASE WHEN %s THEN v.orderable ELSE can_be_ordered(e.price, e.price_without_vat, e.availability) END"""


def read_card(
    conn: psycopg.Connection[Any], *, shop: str, supplier: str, sku_key: str, place: Place | None = None
) -> dict[str, Any]:
    """The card of one offer, in the order and under the names of the offer's JSON, plus its newest changes.

    With a place, price, availability and delivery time are those of the most specific region that holds there, and
    `effective_for` tells the place and at which level they were found: `municipality`, `subject`, `district`, or
    `offer` where no region fits (N2).

    Args:
        sku_key: the offer's identity (O1), as the catalog keys it.
        place: where the buyer is.

    Raises:
        OperatorError: this supplier has no such offer in this shop.
    """
    fields = ", ".join(f"{'e' if f.name in TERMS else 'o'}.{f.name}" for f in OFFER_FIELDS if f.name != "sku")
    with conn.cursor(row_factory=dict_row) as cursor:
        card = cursor.execute(
            f"""
            SELECT e.region AS effective_region, o.shop_id AS shop, o.supplier_id AS supplier, o.sku, o.status,
                   v.sku_key IS NOT NULL AS visible, {_ORDERABLE} AS orderable, {fields},
                   o.load_id AS load, o.external_id, o.part, o.line,
                   l.sha256,
                   o.first_seen_at, o.changed_at
            FROM offers o JOIN loads l ON l.id = o.load_id
            CROSS JOIN LATERAL effective_terms(o.regions, {", ".join(f"o.{name}" for name in TERMS)}, %s) e
            LEFT JOIN visible_offers v
                ON (v.shop_id, v.supplier_id, v.sku_key) = (o.shop_id, o.supplier_id, o.sku_key)
            WHERE o.shop_id = %s AND o.supplier_id = %s AND o.sku_key = %s
            """,
            [place is None, list(place.chain) if place else [], shop, supplier, sku_key],
        ).fetchone()
        if card is None:
            msg = f"supplier {supplier} has no offer {sku_key!r} in shop {shop}"
            raise OperatorError(msg)
        history = cursor.execute(
            """
            SELECT c.at, c.load_id AS load, c.edit_id AS edit, e.who, e.why, c.kind, c.fields, c.before, c.after
            FROM changes c LEFT JOIN edits e ON e.id = c.edit_id
            WHERE c.shop_id = %s AND c.supplier_id = %s AND c.sku_key = %s ORDER BY c.id DESC LIMIT %s
            """,
            [shop, supplier, sku_key, HISTORY_LIMIT],
        ).fetchall()
    region = card.pop("effective_region")
    plain = {name: _plain(name, value) for name, value in card.items()}
    if place:
        level = place.chain[region] if region else "offer"
        plain["effective_for"] = {"code": place.code, "level": place.level, "name": place.name, "from": level}
    return plain | {"history": [{key: _plain(key, value) for key, value in row.items()} for row in history]}


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401 - any value of a row
    if isinstance(value, Decimal):
        return f"{value:.2f}" if name in _MONEY else f"{value.normalize():f}"
    if isinstance(value, list):
        return [_plain(name, v) for v in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value
