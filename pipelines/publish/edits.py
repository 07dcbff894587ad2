"""Work by hand in the catalog: other values, other statuses, with the history of both; and what a load overwrites (P9).

An edit is one transaction and one row of `edits`; each offer that it changed has a row of `changes` that names it. What
is so already is left alone. An edited card bears a fingerprint that no file has, so that the next load that sends the
offer writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import Rollback
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from pipelines.errors import InternalError
from pipelines.model import OFFER_FIELDS, ChangeKind, OfferStatus
from pipelines.publish.changes import DIFFERING, card, origin
from pipelines.publish.difference import LASTING
from pipelines.publish.selection import Selection

# No md5: a file always differs from it.
EDITED_HASH = "edited by hand"
# Changes that are given back as examples.
EXAMPLES = 20

# command -> what it makes of an offer, and how the history calls that
STATUSES: dict[str, tuple[OfferStatus, ChangeKind]] = {
    "hide": (OfferStatus.HIDDEN, ChangeKind.HIDDEN),
    "publish": (OfferStatus.PUBLISHED, ChangeKind.RESTORED),
    "draft": (OfferStatus.DRAFT, ChangeKind.DRAFTED),
    "delete": (OfferStatus.DELETED, ChangeKind.DELETED),
}


@dataclass(frozen=True)
class Order:
    """Who wants something done by hand, to which offers, and why.

    Attributes:
        at: the moment it is done, as `take_turn` gave it.
    """

    selection: Selection
    who: str
    why: str | None
    at: datetime


@dataclass(frozen=True)
class Edited:
    """What came of an edit.

    Attributes:
        edit: its number; None when everything was so already, and nothing was written.
        offers: how many offers it changed.
        examples: the first of them by key: sku, fields, and before and after of those fields.
    """

    edit: int | None
    offers: int
    examples: list[dict[str, Any]]


def set_status(conn: psycopg.Connection[Any], order: Order, command: str) -> Edited:
    """Give the selected offers another status, by a command of `STATUSES`.

    The caller has taken the turn (`take_turn`) and commits.
    """
    status, kind = STATUSES[command]
    condition, values = order.selection.condition()
    update = f"""
        UPDATE offers o SET status = %(status)s, changed_at = %(at)s,
            hidden_at = CASE WHEN %(status)s <> '{OfferStatus.PUBLISHED}' THEN coalesce(o.hidden_at, %(at)s) END
        WHERE {condition} AND o.status <> %(status)s
    """
    return _write(conn, order, _Edit(command, kind, update, {**values, "status": status.value}))


def set_values(
    conn: psycopg.Connection[Any],
    order: Order,
    fields: Sequence[str],
    cards: Iterable[Mapping[str, Any]],
    given: Mapping[str, str],
) -> Edited:
    """Write these fields of these cards.

    The caller has taken the turn (`take_turn`) and commits.

    Args:
        fields: the published fields to write.
        cards: rows of `OFFER_SCHEMA`; of each, `sku_key` and `fields` are taken.
        given: what the person gave, for the record.
    """
    conn.execute("CREATE TEMPORARY TABLE edited (sku_key text PRIMARY KEY, card jsonb NOT NULL) ON COMMIT DROP")
    with conn.cursor() as cursor, cursor.copy("COPY edited FROM STDIN") as copy:
        for row in cards:
            copy.write_row((row["sku_key"], Jsonb({name: _json(row[name]) for name in fields})))
    new = {f.name: _typed(f.name, f.type) for f in OFFER_FIELDS if f.name in fields}
    differs = " OR ".join(f"o.{name} IS DISTINCT FROM {value}" for name, value in new.items())
    update = f"""
        UPDATE offers o SET {", ".join(f"{name} = {value}" for name, value in new.items())},
            content_hash = '{EDITED_HASH}', rest_hash = NULL, changed_at = %(at)s
        FROM edited e
        WHERE o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = e.sku_key COLLATE "C"
            AND ({differs})
    """
    return _write(conn, order, _Edit("set", ChangeKind.EDITED, update, {}, given))


@dataclass(frozen=True)
class Overwritten:
    """What a load undoes of the work by hand on one offer (P9): values people gave, and those it brings instead.

    Attributes:
        by_hand, by_load: published field, or `status`, -> its value: a text, a list of texts, or None.
    """

    sku_key: str
    sku: str
    by_hand: dict[str, Any]
    by_load: dict[str, Any]


def overwritten(conn: psycopg.Connection[Any], shop: str, supplier: str, *, hide: bool) -> Iterator[Overwritten]:
    """What the staged load is about to undo of the work by hand, in the order of keys.

    Only what a person asked for is told, not what followed from it, and only until a load has written the offer again.

    Args:
        hide: missing offers are going to be hidden.
    """
    with conn.cursor("overwritten", row_factory=class_row(Overwritten)) as cursor:
        cursor.execute(_OVERWRITTEN, {"shop": shop, "supplier": supplier, "hide": hide})
        yield from cursor


def _pair(name: str, kind: pa.DataType) -> str:
    """SQL for a field's name and its JSON in the catalog and in the staged load; numbers are exact texts."""
    if pa.types.is_list(kind):
        plain = not pa.types.is_struct(kind.value_type)
        was, becomes = f"to_jsonb(o.{name}::text[])" if plain else f"o.{name}", f"s.{name}"
    else:
        was, becomes = f"to_jsonb(o.{name}::text)", f"to_jsonb(s.{name}::text)"
    if name in LASTING:
        becomes = f"CASE WHEN jsonb_array_length(nullif(s.{name}, 'null')) > 0 THEN s.{name} ELSE {was} END"
    return f"('{name}', {was}, {becomes})"


_OVERWRITTEN = f"""
    WITH by_hand AS (
        SELECT DISTINCT e.sku_key, field
        FROM changes e JOIN edits ON edits.id = e.edit_id CROSS JOIN LATERAL unnest(e.fields) AS field
        WHERE e.shop_id = %(shop)s AND e.supplier_id = %(supplier)s AND e.edit_id IS NOT NULL
            AND (field = 'status' OR edits."values" ? field)
            AND NOT EXISTS (
                SELECT FROM changes p JOIN loads l ON l.id = p.load_id
                WHERE (p.shop_id, p.supplier_id, p.sku_key) = (e.shop_id, e.supplier_id, e.sku_key) AND p.id > e.id
                    -- a load that hid the offer wrote nothing of it but that; one that was undone wrote nothing; and a
                    -- rollback undid what was done by hand since the load that it undoes
                    AND (p.kind <> '{ChangeKind.HIDDEN}' OR field = 'status')
                    AND l.undone_by IS NULL
                    AND (l.kind <> 'rollback' OR (SELECT min(id) FROM changes WHERE load_id = l.origin_load_id) < e.id)
            )
    )
    SELECT o.sku_key, o.sku, jsonb_object_agg(field, v.was) AS by_hand, jsonb_object_agg(field, v.becomes) AS by_load
    FROM by_hand
    JOIN staged s USING (sku_key)
    JOIN offers o ON o.shop_id = %(shop)s AND o.supplier_id = %(supplier)s AND o.sku_key = s.sku_key
    JOIN LATERAL (
        VALUES
            (
                'status', to_jsonb(o.status),
                CASE WHEN s.content_hash IS NULL THEN '"hidden"' ELSE '"published"' END::jsonb
            ),
            {", ".join(_pair(f.name, f.type) for f in OFFER_FIELDS)}
    ) v (field, was, becomes) USING (field)
    WHERE v.was IS DISTINCT FROM v.becomes
        AND (s.content_hash IS NOT NULL OR (%(hide)s AND field = 'status'))
    GROUP BY o.sku_key, o.sku
    ORDER BY o.sku_key
"""


@dataclass(frozen=True)
class _Edit:
    """An update of `offers o` with the values it binds, and how it is remembered."""

    command: str
    kind: ChangeKind
    update: str
    binds: Mapping[str, Any]
    given: Mapping[str, str] = field(default_factory=dict)


def _write(conn: psycopg.Connection[Any], order: Order, edit: _Edit) -> Edited:
    """Run an update and log it; one that changes nothing leaves nothing behind."""
    party = {"shop": order.selection.shop, "supplier": order.selection.supplier, "at": order.at}
    with conn.transaction() as transaction:
        row = conn.execute(
            'INSERT INTO edits (shop_id, supplier_id, command, "values", selection, offers, who, why, at)'
            " VALUES (%(shop)s, %(supplier)s, %(command)s, %(given)s, %(selection)s, 0, %(who)s, %(why)s, %(at)s)"
            " RETURNING id",
            {
                **party,
                "command": edit.command,
                "given": Jsonb(dict(edit.given)),
                "selection": Jsonb(order.selection.as_json()),
                "who": order.who,
                "why": order.why,
            },
        ).fetchone()
        if row is None:
            msg = "the database kept no edit"
            raise InternalError(msg)
        number = int(row[0])
        cursor = conn.execute(
            f"""
            WITH a AS (
                {edit.update}
                RETURNING o.sku_key, {card("old")} AS before, {card("new")} AS after, {origin("old")} AS origin
            )
            INSERT INTO changes (edit_id, shop_id, supplier_id, sku_key, kind, fields, before, after, origin, at)
            SELECT %(edit)s, %(shop)s, %(supplier)s, a.sku_key, %(kind)s, d.fields, d.before, d.after, a.origin, %(at)s
            FROM a {DIFFERING}
            """,
            {**party, **edit.binds, "edit": number, "kind": edit.kind.value},
        )
        if cursor.rowcount == 0:
            raise Rollback(transaction)
        conn.execute("UPDATE edits SET offers = %s WHERE id = %s", [cursor.rowcount, number])
        return Edited(number, cursor.rowcount, _examples(conn, number))
    return Edited(None, 0, [])


def _examples(conn: psycopg.Connection[Any], edit: int) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT o.sku, c.fields, c.before, c.after FROM changes c"
            " JOIN offers o USING (shop_id, supplier_id, sku_key) WHERE c.edit_id = %s ORDER BY c.sku_key LIMIT %s",
            [edit, EXAMPLES],
        ).fetchall()


def _typed(name: str, kind: pa.DataType) -> str:
    """SQL for a field of the staged card as the catalog's column takes it."""
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return f"nullif(e.card -> '{name}', 'null')"
    if pa.types.is_list(kind):
        element = "numeric" if pa.types.is_decimal(kind.value_type) else "text"
        rows = f"jsonb_array_elements_text(nullif(e.card -> '{name}', 'null')) WITH ORDINALITY AS v (value, place)"
        array = f"ARRAY(SELECT value::{element} FROM {rows} ORDER BY place)"
        return f"CASE WHEN e.card ->> '{name}' IS NOT NULL THEN {array} END"
    text = f"(e.card ->> '{name}')"
    if pa.types.is_decimal(kind):
        return f"{text}::numeric"
    return f"{text}::integer" if pa.types.is_integer(kind) else text


def _json(value: Any) -> Any:  # noqa: ANN401 - any value of a card
    """A value as the catalog's JSON has it: decimals are exact texts."""
    if isinstance(value, list):
        return [_json(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _json(entry) for name, entry in value.items()}
    return value if value is None or isinstance(value, int) else str(value)
