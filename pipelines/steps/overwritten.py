"""What a load is about to undo of the work by hand, as remarks of that load (P9)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines import publish
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import ISSUE_SCHEMA, OFFER_FIELDS, QUOTE_LIMIT, LoadFacts, OfferStatus
from pipelines.registry import Connection
from pipelines.steps.house import House
from pipelines.steps.remarks import add_remarks

CODE = "edit_overwritten"
_LABELS = {field.name: field.label for field in OFFER_FIELDS} | {"status": "Статус"}
# Numbers that are shown without their trailing zeros, unlike money.
_MEASURES = ("quantity", "weight_kg", "dimensions_cm")
_UNDONE = pa.schema([(name, pa.string()) for name in ("sku_key", "sku", "sent", "published")])
# An offer that is about to be hidden stands nowhere in the file.
_PLACED = """
    SELECT o.ordinal, $code AS code, $severity AS severity, u.sku, o.part, o.line, NULL AS field, u.sent, u.published
    FROM undone u LEFT JOIN read_parquet($offers) o USING (sku_key) ORDER BY o.ordinal NULLS FIRST, u.sku_key
"""


def say_overwritten(house: House, conn: Connection, load: LoadFacts, offers: Path, folder: Path, *, hide: bool) -> None:
    """Tell of each offer whose values or status a person had changed and the staged load changes back.

    Args:
        offers: the load's `offers.parquet`.
        folder: a scratch folder.
        hide: missing offers are going to be hidden.
    """
    undone = [
        {
            "sku_key": row.sku_key,
            "sku": row.sku,
            "sent": _shown(row.by_hand),
            "published": _shown(row.by_load),
        }
        for row in publish.overwritten(conn, load.shop, load.supplier, hide=hide)
    ]
    if not undone:
        return
    values = {"code": CODE, "severity": ISSUE_CODES[CODE].severity.value, "offers": str(offers)}
    with duckdb.connect() as connection:
        connection.register("undone", pa.Table.from_pylist(undone, _UNDONE))
        remarks = connection.execute(_PLACED, values).to_arrow_table().cast(ISSUE_SCHEMA)
    add_remarks(house, load.id, remarks, folder)
    load.counts.warnings += len(remarks)


def _shown(values: dict[str, Any]) -> str:
    """Fields with their values for people, in the order of the card, no longer than a quote."""
    return "; ".join(f"{label}: {_value(name, values[name])}" for name, label in _LABELS.items() if name in values)[
        :QUOTE_LIMIT
    ]


def _value(name: str, value: str | list[str] | None) -> str:
    if not value:
        return "нет"
    entries = value if isinstance(value, list) else [value]
    if name == "status":
        entries = [OfferStatus(entry).label for entry in entries]
    if name in _MEASURES:
        entries = [f"{Decimal(entry).normalize():f}" for entry in entries]
    return ("/" if name in _MEASURES else ", ").join(entries)
