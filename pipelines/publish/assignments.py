"""Values that a person gives to fields of cards, and how a card is sent again with them in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import OperatorError
from pipelines.model import RAW_REGION_SCALARS, Availability
from pipelines.publish.as_sent import AVAILABLE, RAW_COLUMNS, Sent, as_sent

SETTABLE = tuple(name for name in RAW_COLUMNS if name != "sku")

_PRICES = ("price", "price_without_vat", "price_derived")
# Card fields that are decided together: what is said of one says something of the others. A region that inherits a
# value follows it.
_DECIDED_WITH: dict[str, tuple[str, ...]] = {
    "price": (*_PRICES, "regions"),
    "price_without_vat": (*_PRICES, "regions"),
    "vat_rate": (*_PRICES, "regions"),
    "stock_class": (*_PRICES, "regions"),
    "unit_okei": ("unit_name",),
    "unit_name": ("unit_okei",),
    "availability": ("quantity", "regions"),
    "quantity": ("availability", "regions"),
    "delivery_days": ("regions",),
}


@dataclass(frozen=True)
class Assignments:
    """FIELD=VALUE, as given; an empty value clears the field.

    Attributes:
        values: name of `SETTABLE` -> text, in the words of feeds or of cards.
    """

    values: Mapping[str, str]

    @classmethod
    def parse(cls, pairs: Iterable[str]) -> Assignments:
        """Read `FIELD=VALUE` texts.

        Raises:
            OperatorError: no such field, a field twice, or no value; the message names what fits.
        """
        values: dict[str, str] = {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals or name not in SETTABLE:
                msg = f"cannot set {pair!r}: give FIELD=VALUE with a field of {', '.join(SETTABLE)}"
                raise OperatorError(msg)
            if name in values:
                msg = f"{name} is set twice"
                raise OperatorError(msg)
            values[name] = value.strip()
        return cls(values)

    @property
    def fields(self) -> tuple[str, ...]:
        """The card fields that are written."""
        written = [field for name in self.values for field in (name, *_DECIDED_WITH.get(name, ()))]
        return tuple(dict.fromkeys(written))

    @property
    def raw_columns(self) -> frozenset[str]:
        """The raw columns whose remarks speak of these values."""
        own = {RAW_COLUMNS[name] for name in self.fields if name in RAW_COLUMNS}
        return frozenset(own | {f"regions.{column}" for column in RAW_REGION_SCALARS if "regions" in self.fields})

    def resend(self, card: Mapping[str, Any]) -> Sent:
        """The card as a feed would send it with these values, without what they make obsolete."""
        sent = as_sent(card)
        for raw in self._obsolete(sent):
            sent.scalars.pop(raw, None)
        for name, value in self.values.items():
            if name == "pictures":
                sent.pictures = [value] if value else []
            elif value:
                sent.scalars[RAW_COLUMNS[name]] = _word(name, value)
            else:
                sent.scalars.pop(RAW_COLUMNS[name], None)
        return sent

    def _obsolete(self, sent: Sent) -> list[str]:
        """Raw columns of the old card that would contradict the new values; what was set itself is never among them."""
        given = self.values
        obsolete = []
        if "price" in given or ("vat_rate" in given and "price" in sent.scalars):
            obsolete.append("price_without_vat")
        if "price_without_vat" in given:
            obsolete.append("price")
        if "unit_okei" in given:
            obsolete.append("unit_name")
        if "unit_name" in given:
            obsolete.append("unit_okei")
        if "quantity" in given:
            obsolete.append("availability")
        if "availability" in given and _word("availability", given["availability"]) != AVAILABLE[Availability.EXACT]:
            obsolete.append("quantity")
        if given.get("category_id") == "":
            obsolete.append("supplier_category_id")  # or the supplier's mapping would bind the offer again
        if given.get("stock_class") == "on_request":
            obsolete += ["price", "price_without_vat"]
        return [RAW_COLUMNS[name] for name in obsolete if name not in given]


def _word(name: str, value: str) -> str:
    """A value in the words of feeds: cards name availability in words of their own."""
    if name == "availability" and value in set(Availability):
        return AVAILABLE[Availability(value)]
    return value
