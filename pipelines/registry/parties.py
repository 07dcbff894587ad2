"""Shops, suppliers, and the standing of one in the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from pipelines.errors import OperatorError
from pipelines.model import Accreditation
from pipelines.registry.rows import Connection, returned, storable


@dataclass(frozen=True)
class Shop:
    """One customer's corporate store; `options` as in `ShopOptions`, only what was set."""

    id: str
    name: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Supplier:
    """Who sends feeds; `emails` get the reports of every link that names none of its own."""

    id: str
    name: str
    emails: list[str]


def ensure_shop(
    conn: Connection, shop_id: str, *, name: str | None = None, options: Mapping[str, Any] | None = None
) -> Shop:
    """The shop, created if unknown (named by its id); a name or options that are given replace what is stored."""
    with conn.cursor(row_factory=class_row(Shop)) as cursor:
        cursor.execute(
            "INSERT INTO shops (id, name, options)"
            " VALUES (%(id)s, coalesce(%(name)s, %(id)s), coalesce(%(options)s, '{}'::jsonb))"
            " ON CONFLICT (id) DO UPDATE SET"
            " name = coalesce(%(name)s, shops.name), options = coalesce(%(options)s, shops.options)"
            " RETURNING id, name, options",
            {"id": shop_id, "name": name, "options": None if options is None else Jsonb(dict(options))},
        )
        return returned(cursor)


def find_shop(conn: Connection, shop_id: str) -> Shop:
    """The shop with this id.

    Raises:
        OperatorError: there is none.
    """
    with conn.cursor(row_factory=class_row(Shop)) as cursor:
        shop = cursor.execute("SELECT id, name, options FROM shops WHERE id = %s", [shop_id]).fetchone()
    if shop is None:
        msg = f"unknown shop {shop_id!r}; shops are declared in the links file"
        raise OperatorError(msg)
    return shop


def set_shop_options(conn: Connection, shop_id: str, options: Mapping[str, Any]) -> None:
    """Replace what a shop has set."""
    conn.execute("UPDATE shops SET options = %s WHERE id = %s", [Jsonb(dict(options)), shop_id])


def ensure_supplier(
    conn: Connection, supplier_id: str, *, name: str | None = None, emails: Sequence[str] | None = None
) -> Supplier:
    """The supplier, created if unknown (named by its id); a name or addresses that are given replace what is stored."""
    with conn.cursor(row_factory=class_row(Supplier)) as cursor:
        cursor.execute(
            "INSERT INTO suppliers (id, name, emails)"
            " VALUES (%(id)s, coalesce(%(name)s, %(id)s), coalesce(%(emails)s::text[], '{}'))"
            " ON CONFLICT (id) DO UPDATE SET"
            " name = coalesce(%(name)s, suppliers.name), emails = coalesce(%(emails)s::text[], suppliers.emails)"
            " RETURNING id, name, emails",
            {"id": supplier_id, "name": name, "emails": None if emails is None else list(emails)},
        )
        return returned(cursor)


def supplier_name(conn: Connection, supplier_id: str) -> str:
    """What people call a supplier; the id of one that nobody declared."""
    row = conn.execute("SELECT name FROM suppliers WHERE id = %s", [supplier_id]).fetchone()
    return str(row[0]) if row else supplier_id


def supplier_emails(conn: Connection, supplier_id: str) -> list[str]:
    """Where a supplier's reports go; empty when nobody is known."""
    row = conn.execute("SELECT emails FROM suppliers WHERE id = %s", [supplier_id]).fetchone()
    return list(row[0]) if row else []


def ensure_accreditation(conn: Connection, supplier_id: str, shop_id: str) -> Accreditation:
    """The supplier's standing in the shop; one that has none yet is granted, a refusal or loss stays (P8)."""
    conn.execute(
        "INSERT INTO accreditations (supplier_id, shop_id, status) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [supplier_id, shop_id, Accreditation.GRANTED],
    )
    return accreditation(conn, supplier_id, shop_id)


def accreditation(conn: Connection, supplier_id: str, shop_id: str) -> Accreditation:
    """The supplier's standing in the shop; `none` when nothing is known."""
    row = conn.execute(
        "SELECT status FROM accreditations WHERE supplier_id = %s AND shop_id = %s", [supplier_id, shop_id]
    ).fetchone()
    return Accreditation.NONE if row is None else Accreditation(row[0])


def set_accreditation(
    conn: Connection, supplier_id: str, shop_id: str, status: Accreditation, *, who: str, why: str | None = None
) -> Accreditation:
    """Grant or take away; the stored goods are not touched, the view `visible_offers` follows at once (P8).

    One row changes and one of history is added, none if the standing is so already.

    Returns:
        The standing before.
    """
    # Whoever else changes it waits, so that each change of the history begins where the one before ended.
    conn.execute(
        "SELECT FROM accreditations WHERE supplier_id = %s AND shop_id = %s FOR UPDATE", [supplier_id, shop_id]
    )
    before = accreditation(conn, supplier_id, shop_id)
    if before is status:
        return before
    conn.execute(
        "INSERT INTO accreditations (supplier_id, shop_id, status) VALUES (%s, %s, %s)"
        " ON CONFLICT (shop_id, supplier_id) DO UPDATE SET status = excluded.status, changed_at = now()",
        [supplier_id, shop_id, status],
    )
    conn.execute(
        "INSERT INTO accreditation_changes (supplier_id, shop_id, before, after, who, why)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [supplier_id, shop_id, before, status, storable(who), storable(why)],
    )
    return before


def accreditation_history(
    conn: Connection, supplier_id: str, shop_id: str, *, limit: int = 100
) -> list[dict[str, Any]]:
    """Who changed the supplier's standing in the shop, when and why; the newest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT at, before, after, who, why FROM accreditation_changes"
            " WHERE supplier_id = %s AND shop_id = %s ORDER BY id DESC LIMIT %s",
            [supplier_id, shop_id, limit],
        ).fetchall()
