"""O9 availability and O10 quantity, for an offer and for each of its regions.

The smaller promise wins: where what is said and the number contradict each other, buyers are told the less, with a
warning.
"""

from __future__ import annotations

from pipelines.normalize import stock_class
from pipelines.normalize.rule import Columns, Lookup, Remark, Rule

# Which raw columns may carry the number, in the order of preference.
_QUANTITY_COLUMNS = ("quantity", "count", "stock_quantity")

# Those are of the whole offer; next comes the separate stock of its class (S2), then the outlets.
_STOCK_COLUMNS = tuple(stock_class.STOCKS.values())
_COLUMNS = (*_QUANTITY_COLUMNS, *_STOCK_COLUMNS)

QUANTITY_OF_OFFER = (
    Lookup("money_rows", "ordinal", "ordinal", {"class_column": "stock_column"}),
    Columns(
        {
            "quantity_column": (
                "CASE "
                + " ".join(f"WHEN trimmed(sent_{c}) IS NOT NULL THEN '{c}'" for c in _QUANTITY_COLUMNS)
                + " WHEN class_column IS NOT NULL THEN class_column"
                + " WHEN len(outlet_stocks) > 0 THEN 'outlets' ELSE 'quantity' END"
            )
        }
    ),
    Columns(
        {
            "quantity_sent": (
                "CASE quantity_column "
                + " ".join(f"WHEN '{c}' THEN trimmed(sent_{c})" for c in _COLUMNS)
                + " WHEN 'outlets' THEN CASE"
                " WHEN len(list_filter(outlet_stocks, lambda s: number_text(s) IS NULL)) = 0"
                " THEN CAST(list_sum(list_transform(outlet_stocks, lambda s: quantity_number(s))) AS VARCHAR)"
                " ELSE list_filter(outlet_stocks, lambda s: number_text(s) IS NULL)[1] END END"
            ),
            "quantity_at": (
                "CASE quantity_column "
                + " ".join(f"WHEN '{c}' THEN {c}_line" for c in _COLUMNS)
                + " WHEN 'outlets' THEN sent_outlets[1].line END"
            ),
        }
    ),
)

# Needs `quantity_sent`; `negative` means oversold: nothing is there.
STEPS = (
    Columns(
        {
            "availability_key": "folded(sent_available)",
            "quantity_read": "quantity_number(quantity_sent)",
            "quantity_negative": ("coalesce(number_text(after_minus(clean(quantity_sent))) IS NOT NULL, false)"),
        }
    ),
    Lookup("availability", "availability_key", "spelling", {"availability_stated": "state"}),
    Columns({"quantity": "CASE WHEN quantity_negative THEN CAST(0 AS DECIMAL(18, 6)) ELSE quantity_read END"}),
    Columns(
        {
            "availability": (
                "CASE"
                " WHEN availability_stated = 'out_of_stock' THEN 'out_of_stock'"
                " WHEN availability_stated = 'false' THEN option_available_false"
                " WHEN availability_stated = 'on_order' THEN 'on_order'"
                " WHEN quantity = 0 THEN 'out_of_stock'"
                " WHEN availability_stated IN ('many', 'few') THEN availability_stated"
                " WHEN availability_key IS NOT NULL AND availability_stated IS NULL THEN 'many'"
                " WHEN quantity > 0 THEN 'exact'"
                " ELSE 'many' END"
            ),
            "quantity_unreadable": "quantity_sent IS NOT NULL AND quantity IS NULL",
        }
    ),
)
_SHOWN = "CAST(quantity AS VARCHAR)"

_REMARKS = (
    Remark(
        "availability_missing",
        "availability_key IS NULL AND quantity_sent IS NULL",
        "'available'",
        "available_line",
        "sent_available",
        "availability",
    ),
    Remark(
        "availability_unknown",
        "availability_key IS NOT NULL AND availability_stated IS NULL",
        "'available'",
        "available_line",
        "sent_available",
        "availability",
    ),
    Remark(
        "quantity_missing",
        "availability_stated = 'count' AND quantity_sent IS NULL",
        "'quantity'",
        "available_line",
        "sent_available",
        "availability",
    ),
    Remark(
        "quantity_unreadable",
        "quantity_unreadable",
        "quantity_column",
        "quantity_at",
        "quantity_sent",
        "availability",
    ),
    Remark("quantity_negative", "quantity_negative", "quantity_column", "quantity_at", "quantity_sent", "availability"),
    Remark(
        "quantity_rounded",
        r"NOT quantity_negative AND regexp_matches(number_text(quantity_sent), '\.\d{6}\d*[1-9]')",
        "quantity_column",
        "quantity_at",
        "quantity_sent",
        _SHOWN,
    ),
    Remark(
        "availability_contradicted",
        "(availability_stated IN ('out_of_stock', 'false') AND quantity > 0)"
        " OR (availability_stated IN ('many', 'few', 'true') AND quantity = 0 AND NOT quantity_negative)",
        "'available'",
        "available_line",
        "concat(sent_available, ', ', quantity_column, ' = ', quantity_sent)",
        "availability",
    ),
)

AVAILABILITY = Rule(
    ids=("O9", "O10"),
    steps=(
        Columns(
            {
                "outlet_stocks": (
                    "list_filter(list_transform(sent_outlets, lambda o: trimmed(o.value)), lambda s: s IS NOT NULL)"
                )
            }
        ),
        *QUANTITY_OF_OFFER,
        *STEPS,
    ),
    remarks=(
        *_REMARKS,
        Remark(
            "available_false_read_as",
            "availability_stated = 'false'",
            "'available'",
            "available_line",
            "sent_available",
            "availability",
            once=True,
        ),
    ),
)
