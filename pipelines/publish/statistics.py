"""The statistics of a supplier's goods in a shop, as the platform's block «Статистика» shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from pipelines.errors import InternalError


@dataclass(frozen=True)
class Statistics:
    """Numbers of offers; deleted ones are counted nowhere.

    Attributes:
        published: «Всего опубликованных товаров». The four that follow divide these.
        bound_to_categories: «Привязаны к категориям» (O16).
        not_bound_to_categories: «Не привязаны к категориям».
        bound_to_positions: «Привязаны к справочнику позиций заказчика» (O17).
        not_bound_to_positions: «Не привязаны к справочнику позиций заказчика».
        hidden: «Всего скрыто товаров»: there, and not shown to others; drafts are among them.
        drafts: of these, those taken aside by hand to be worked on.
        visible: of the published ones, those that buyers see: the supplier is accredited (P8), and the shop shows
            unbound goods or the offer is bound (O16).
        orderable: of the visible ones, those that can be ordered somewhere: priced and not sold out (O9).
    """

    published: int
    bound_to_categories: int
    not_bound_to_categories: int
    bound_to_positions: int
    not_bound_to_positions: int
    hidden: int
    drafts: int
    visible: int
    orderable: int


_STATISTICS = """
    WITH goods AS (
        SELECT status, category_id IS NOT NULL AS categorised,
            coalesce(cardinality(position_codes), 0) > 0 AS positioned
        FROM offers WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s
    ), seen AS (
        SELECT count(*) AS visible, count(*) FILTER (WHERE orderable) AS orderable
        FROM visible_offers WHERE shop_id = %(shop)s AND supplier_id = %(supplier)s
    )
    SELECT
        count(*) FILTER (WHERE status = 'published') AS published,
        count(*) FILTER (WHERE status = 'published' AND categorised) AS bound_to_categories,
        count(*) FILTER (WHERE status = 'published' AND NOT categorised) AS not_bound_to_categories,
        count(*) FILTER (WHERE status = 'published' AND positioned) AS bound_to_positions,
        count(*) FILTER (WHERE status = 'published' AND NOT positioned) AS not_bound_to_positions,
        count(*) FILTER (WHERE status IN ('hidden', 'draft')) AS hidden,
        count(*) FILTER (WHERE status = 'draft') AS drafts,
        (SELECT visible FROM seen) AS visible,
        (SELECT orderable FROM seen) AS orderable
    FROM goods
"""


def statistics(conn: psycopg.Connection[Any], shop: str, supplier: str) -> Statistics:
    """Count a supplier's goods in a shop; a supplier that nobody knows has none."""
    with conn.cursor(row_factory=class_row(Statistics)) as cursor:
        found = cursor.execute(_STATISTICS, {"shop": shop, "supplier": supplier}).fetchone()
    if found is None:
        msg = "counting gave no row"
        raise InternalError(msg)
    return found
