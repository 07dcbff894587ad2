"""O19 stock class and recommended retail price: no tag of a feed tells them, so that here every offer has none."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Rule

STOCK_CLASS = Rule(
    ids=("O19",),
    steps=(Columns({"stock_class": "CAST(NULL AS VARCHAR)", "rrp": "CAST(NULL AS DECIMAL(15, 2))"}),),
)
