"""A card in the form of a feed: what a supplier would send to get exactly this card.

The way back of normalising. Work by hand judges a new value by sending the card again with that value in it, and an
exported file is the cards so written: loaded again, it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS, Availability

# How each card field is sent. What is not here follows from the others, or is a list with fields of its own.
RAW_COLUMNS = {
    "sku": "sku",
    "name": "name",
    "description": "description",
    "vendor": "vendor",
    "vendor_code": "vendor_code",
    "model": "model",
    "price": "price",
    "price_without_vat": "price_without_nds",
    "vat_rate": "vat",
    "currency": "currency",
    "unit_okei": "unit_okei",
    "unit_name": "units",
    "availability": "available",
    "quantity": "quantity",
    "delivery_days": "delivery_time",
    "category_id": "b2b_category_id",
    "supplier_category_id": "category_id",
    "position_codes": "position_codes",
    "analog_codes": "analog_gid",
    "pictures": "pictures",
    "weight_kg": "weight",
    "dimensions_cm": "dimensions",
    "stock_class": "stock_class",
    "rrp": "rrp",
}
# How feeds say each availability (O9).
AVAILABLE = {
    Availability.EXACT: "count",
    Availability.MANY: "many",
    Availability.FEW: "few",
    Availability.ON_ORDER: "order",
    Availability.OUT_OF_STOCK: "finished",
}
_SEPARATORS = {"position_codes": ",", "analog_codes": ",", "dimensions_cm": "/"}


@dataclass
class Sent:
    """An offer as sent.

    Attributes:
        scalars: name of `RAW_SCALARS` -> text; what is not sent is absent.
        params: name, value and unit of each characteristic.
        regions: names of `RAW_REGION_SCALARS` -> text, for each region.
    """

    scalars: dict[str, str]
    pictures: list[str] = field(default_factory=list)
    params: list[dict[str, str | None]] = field(default_factory=list)
    regions: list[dict[str, str]] = field(default_factory=list)

    def raw_row(self, ordinal: int) -> dict[str, Any]:
        """The offer as a row of `RAW_SCHEMA`, on no particular line."""
        line = ordinal + 1
        return {
            "ordinal": ordinal,
            "line": line,
            **_with_lines(RAW_SCALARS, self.scalars, line),
            "pictures": [{"value": address, "line": line} for address in self.pictures],
            "outlets": [],
            "params": [{**param, "line": line} for param in self.params],
            "regions": [_with_lines(RAW_REGION_SCALARS, region, line) for region in self.regions],
            "repeated": [],
        }


def as_sent(card: Mapping[str, Any]) -> Sent:
    """The card as a feed would send it.

    A price that was derived from the other is left to be derived again (O6), and a region says only what differs from
    the offer: the rest it inherits (O18).
    """
    sent = {
        raw: _text(name, card[name])
        for name, raw in RAW_COLUMNS.items()
        if name not in {"pictures", "availability", card["price_derived"]} and card[name] not in (None, [])
    }
    if card["availability"]:
        sent["available"] = AVAILABLE[Availability(card["availability"])]
    return Sent(
        scalars=sent,
        pictures=list(card["pictures"] or ()),
        params=[
            {"name": p["sent_name"], "value": p["sent_value"], "unit": p["sent_unit"]} for p in card["params"] or ()
        ],
        regions=[_region(region, card) for region in card["regions"] or ()],
    )


# What a region sends or inherits together: prices, stock, delivery.
_TOGETHER = (("price", "price_without_vat"), ("availability", "quantity"), ("delivery_days",))


def _region(region: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, str]:
    """A region of the card: numbers in it are texts or numbers of JSON."""
    own = {name: _number(region[name]) for names in _TOGETHER for name in names if name != "availability"}
    own["availability"] = region["availability"]
    sent = {"code": region["code"]}
    for names in _TOGETHER:
        if any(own[name] != card[name] for name in names):
            sent |= {RAW_COLUMNS[name]: _text(name, own[name]) for name in names if own[name] is not None}
    if "available" in sent:
        sent["available"] = AVAILABLE[Availability(sent["available"])]
    return sent


def _number(value: str | float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _text(name: str, value: Any) -> str:  # noqa: ANN401 - any value of a card
    if isinstance(value, list):
        return _SEPARATORS[name].join(_text(name, entry) for entry in value)
    if isinstance(value, Decimal) and not name.startswith(("price", "rrp")):
        return f"{value.normalize():f}"
    return str(value)


def _with_lines(columns: Mapping[str, str], sent: Mapping[str, str], line: int) -> dict[str, Any]:
    return {
        key: value
        for column in columns
        for key, value in ((column, sent.get(column)), (f"{column}_line", line if column in sent else None))
    }
