"""F5 rows of a table in which nobody knows which cell is which: the offer is rejected for that alone."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Remark, Rule

FAULTS = ("table_row_too_long", "table_row_too_short", "table_quote_unbalanced", "table_cell_too_long")

TABLE_ROW = Rule(
    ids=("F5",),
    steps=(Columns({"row_fault": "sent_row_fault"}),),
    remarks=tuple(
        Remark(code, f"row_fault = '{code}'", "'sku'", "offer_line", "sent_row_fault_sent") for code in FAULTS
    ),
)
