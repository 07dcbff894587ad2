"""What a load did to the catalog, offer by offer, for operators (P10)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from pipelines import registry
from pipelines.formulas import shielded
from pipelines.steps.house import House

_CHANGES = """
    SELECT coalesce(o.sku, c.sku_key), c.kind, f.field, c.before ->> f.field, c.after ->> f.field
    FROM changes c
    LEFT JOIN offers o USING (shop_id, supplier_id, sku_key)
    CROSS JOIN LATERAL unnest(CASE WHEN cardinality(c.fields) = 0 THEN ARRAY['name'] ELSE c.fields END) AS f (field)
    WHERE c.load_id = %s
    ORDER BY c.sku_key, c.id, f.field
"""


def changes_csv(house: House, load_id: int) -> Iterator[str]:
    """The differences a load made, as blocks of a CSV file: a line for each changed field, one with the name otherwise.

    Raises:
        OperatorError: no such load.
    """
    with house.database.connect() as conn:
        registry.get_load(conn, load_id)
        block = io.StringIO()
        out = csv.writer(block, delimiter=";")
        out.writerow(("sku", "change", "field", "before", "after"))
        with conn.cursor("changes") as cursor:
            for row in cursor.execute(_CHANGES, [load_id]):
                out.writerow(shielded(cell or "") for cell in row)
                if block.tell() > 1 << 16:
                    yield block.getvalue()
                    block.seek(0)
                    block.truncate()
        yield block.getvalue()
