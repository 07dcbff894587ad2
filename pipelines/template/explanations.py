"""What a supplier is told of each column: whether it must be filled in, and how."""

from __future__ import annotations

from pipelines.columns import Column, Need
from pipelines.options import ShopOptions


def is_required(column: Column, shop: ShopOptions) -> bool:
    """Whether a row of this shop's suppliers is not accepted without a value there."""
    return column.need is Need.ALWAYS or (column.need is Need.SHOP and column.raw in shop.required_fields)


def need(column: Column, shop: ShopOptions) -> str:
    """Whether the column must be filled in, in a few words."""
    match column.need:
        case Need.PRICE:
            return "одна из цен обязательна"
        case Need.UNIT:
            return "обязательны код или текст"
        case _:
            return "обязательно" if is_required(column, shop) else "не обязательно"


def explained(column: Column, shop: ShopOptions) -> str:
    """One paragraph about the column."""
    return f"{need(column, shop).capitalize()}. {column.explanation}"
