"""O19, S2–S4: the stock class of an offer, its recommended retail price (RRP), and whether its price respects that.

The class is what the offer says; else the class of the separate stock that it has, read in the order of `STOCKS`; else
the link's. An offer `on_request` is listed without a price: whatever was sent as one is not even read.
"""

from __future__ import annotations

from pipelines.model import StockClass
from pipelines.normalize import price
from pipelines.normalize.rule import Columns, Lookup, Remark, Rule, about

# class -> raw column of its separate stock, in the order in which they decide
STOCKS = {
    StockClass.MARKETPLACE: "stock_marketplace",
    StockClass.ONLINE_STORE: "stock_online_store",
    StockClass.ON_REQUEST: "stock_on_request",
}


def _first_stock(condition: str, value: str) -> str:
    """SQL for something of the first separate stock of which a condition holds; `{column}`, `{stock}` are filled in."""
    cases = (
        f"WHEN {condition.format(column=column, stock=stock)} THEN {value.format(column=column, stock=stock)}"
        for stock, column in STOCKS.items()
    )
    return f"CASE {' '.join(cases)} END"


_OWN_STOCK = _first_stock("stock_class = '{stock}' AND trimmed(sent_{column}) IS NOT NULL", "'{column}'")
_ANY_STOCK = _first_stock("trimmed(sent_{column}) IS NOT NULL", "'{column}'")

# Before the price, which is read by the class. The quantity of a class is that of its own stock; where no stock has
# anything, the first that was sent says so.
STOCK_CLASS = Rule(
    ids=("O19", "S2"),
    steps=(
        Columns(
            {
                "class_key": "folded(sent_stock_class)",
                "class_of_stock": _first_stock("quantity_number(sent_{column}) > 0", "'{stock}'"),
            }
        ),
        Lookup("stock_classes", "class_key", "spelling", {"class_known": "class"}),
        Columns(
            {
                "stock_class": (
                    "CASE WHEN class_key IS NULL THEN coalesce(class_of_stock, option_stock_class)"
                    " ELSE coalesce(class_known, option_stock_class) END"
                ),
            }
        ),
        Columns(
            {
                "on_request": f"stock_class IS NOT DISTINCT FROM '{StockClass.ON_REQUEST}'",
                "stock_column": f"coalesce({_OWN_STOCK}, CASE WHEN class_of_stock IS NULL THEN {_ANY_STOCK} END)",
            }
        ),
    ),
    remarks=(
        about(
            "stock_class_unknown",
            "stock_class",
            "class_key IS NOT NULL AND class_known IS NULL",
            published="stock_class",
        ),
        *(
            about("price_not_published", raw, f"on_request AND trimmed(sent_{raw}) IS NOT NULL")
            for raw in price.COLUMNS.values()
        ),
    ),
)

# After the price, which is read together with the RRP: they have one currency. An RRP of zero is the usual way to say
# that there is none.
RRP = Rule(
    ids=("O19", "S3"),
    steps=(
        Columns(
            {
                "rrp": "CAST(rrp_own AS DECIMAL(15, 2))",
                "rrp_controlled": f"stock_class = '{StockClass.ONLINE_STORE}' AND option_rrp_policy <> 'off'",
            }
        ),
        Columns({"price_under_rrp": "rrp_controlled AND coalesce(price, price_without_vat) < rrp"}),
    ),
    remarks=(
        about(
            "rrp_dropped",
            "rrp",
            "rrp_fault IS NOT NULL AND (rrp_negative OR rrp_rounded OR rrp_read IS DISTINCT FROM 0)",
        ),
        about("rrp_rounded", "rrp", "rrp_rounded AND rrp_own IS NOT NULL", published="CAST(rrp AS VARCHAR)"),
        *(
            Remark(
                code,
                f"price_under_rrp AND option_rrp_policy = '{policy}'",
                "CASE WHEN trimmed(sent_price) IS NOT NULL THEN 'price' ELSE 'price_without_nds' END",
                "coalesce(price_line, price_without_nds_line)",
                "concat(coalesce(price, price_without_vat), ', РРЦ ', rrp)",
                published,
            )
            for code, policy, published in (
                ("price_below_rrp", "reject", "NULL"),
                ("price_below_rrp_published", "warn", "CAST(coalesce(price, price_without_vat) AS VARCHAR)"),
            )
        ),
    ),
)
