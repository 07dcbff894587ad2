"""Which offers of a supplier are meant: by SKU, or by the filters of the platform's list of goods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pipelines.errors import OperatorError
from pipelines.model import OFFER_FIELDS, OfferStatus

_BATCH_ROWS = 500
# Unknown SKUs that a complaint names.
_NAMED = 10
# Letters of all alphabets, whatever the locale of the server.
_LOWER = "lower({} COLLATE pg_c_utf8)"


@dataclass(frozen=True)
class Selection:
    """Offers of one supplier in one shop. Conditions add up, and none means all that are not deleted.

    Attributes:
        shop, supplier: whose they are.
        sku_keys: identities (O1); None for any.
        search: part of the SKU, the name or the description, in any letter case.
        bound_category: whether the offer is bound to the rubricator (O16).
        bound_position: whether it has codes of the buyer's positions (O17).
        price_from, price_to: bounds of the price with VAT, both included; a price for a region counts too.
        category: a category of the rubricator.
        status: only this one; deleted offers are met only by asking for them.
    """

    shop: str
    supplier: str
    sku_keys: tuple[str, ...] | None = None
    search: str | None = None
    bound_category: bool | None = None
    bound_position: bool | None = None
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    category: str | None = None
    status: OfferStatus | None = None

    @property
    def is_everything(self) -> bool:
        """True when nothing was asked for."""
        return not self.as_json()

    def as_json(self) -> dict[str, Any]:
        """The conditions, as plain values."""
        named = {name: value for name, value in vars(self).items() if value is not None and name not in _PARTY}
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in named.items()}

    def condition(self) -> tuple[str, dict[str, Any]]:
        """SQL over a row `o` of `offers`, and the values it binds; their names begin with `selected_`."""
        conditions = ["o.shop_id = %(selected_shop)s", "o.supplier_id = %(selected_supplier)s"]
        conditions += [sql for field, sql in _CONDITIONS.items() if getattr(self, field) is not None]
        if self.status is None:
            conditions.append(f"o.status <> '{OfferStatus.DELETED}'")
        values = vars(self) | {"sku_keys": list(self.sku_keys or ())}
        return " AND ".join(conditions), {f"selected_{name}": value for name, value in values.items()}


_PARTY = ("shop", "supplier")
_CONDITIONS = {
    "sku_keys": "o.sku_key = ANY(%(selected_sku_keys)s)",
    "search": "({})".format(
        " OR ".join(
            f"strpos({_LOWER.format(f'o.{name}')}, {_LOWER.format('%(selected_search)s')}) > 0"
            for name in ("sku", "name", "description")
        )
    ),
    "bound_category": "(o.category_id IS NOT NULL) = %(selected_bound_category)s",
    "bound_position": "(coalesce(cardinality(o.position_codes), 0) > 0) = %(selected_bound_position)s",
    **{
        f"price_{end}": (
            f"(o.price {sign} %(selected_price_{end})s OR EXISTS (SELECT FROM jsonb_array_elements(o.regions) r"
            f" WHERE (r ->> 'price')::numeric {sign} %(selected_price_{end})s))"
        )
        for end, sign in (("from", ">="), ("to", "<="))
    },
    "category": "o.category_id = %(selected_category)s",
    "status": "o.status = %(selected_status)s",
}


def selected_cards(conn: psycopg.Connection[Any], selection: Selection) -> Iterator[dict[str, Any]]:
    """The cards of the selected offers in the order of their keys: `sku_key`, `status` and the published fields.

    They stream through a cursor of the server's, within the transaction of `conn`.
    """
    condition, values = selection.condition()
    fields = ", ".join(f"o.{field.name}" for field in OFFER_FIELDS)
    with conn.cursor("selected_cards", row_factory=dict_row) as cursor:
        cursor.itersize = _BATCH_ROWS
        cursor.execute(
            f"SELECT o.sku_key, o.status, {fields} FROM offers o WHERE {condition} ORDER BY o.sku_key", values
        )
        yield from cursor


def require_known(conn: psycopg.Connection[Any], selection: Selection) -> None:
    """Make sure that the supplier has all offers whose SKUs were given in the shop, in whatever status.

    Raises:
        OperatorError: it has not; the message names them.
    """
    rows = conn.execute(
        "SELECT key FROM unnest(%s::text[]) AS key WHERE NOT EXISTS (SELECT FROM offers"
        ' WHERE shop_id = %s AND supplier_id = %s AND sku_key = key COLLATE "C") LIMIT %s',
        [list(selection.sku_keys or ()), selection.shop, selection.supplier, _NAMED],
    ).fetchall()
    if rows:
        unknown = ", ".join(repr(key) for (key,) in rows)
        msg = f"supplier {selection.supplier} has no offer {unknown} in shop {selection.shop}"
        raise OperatorError(msg)
