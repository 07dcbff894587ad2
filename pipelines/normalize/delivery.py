"""O11 the delivery time in days."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Rule, about

DAYS_LIMIT = 3650

DELIVERY = Rule(
    ids=("O11",),
    steps=(
        Columns(
            {
                "delivery_read": (
                    r"CASE WHEN regexp_full_match(trimmed(sent_delivery_time), '\d{1,9}')"
                    " THEN CAST(trimmed(sent_delivery_time) AS INTEGER) END"
                )
            }
        ),
        Columns({"delivery_days": f"CASE WHEN delivery_read <= {DAYS_LIMIT} THEN delivery_read END"}),
    ),
    remarks=(
        about("delivery_dropped", "delivery_time", "trimmed(sent_delivery_time) IS NOT NULL AND delivery_days IS NULL"),
    ),
)
