"""Types of prices of an exchange, and the choice of one of them (O6)."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Self

from pipelines.errors import SupplierError

TYPES_LIMIT = 1_000
_SHOWN = 20
_NAME_SHOWN = 60


@dataclass(frozen=True)
class PriceType:
    """One type of prices.

    Attributes:
        id: its Ид; empty for prices that name no type.
        name: as declared; None for a type that prices refer to and nobody declares.
        currency: of prices that name none.
        currency_line: where that stands.
        taxed: whether VAT is in the sum; None when that is not said.
    """

    id: str
    name: str | None = None
    currency: str | None = None
    currency_line: int | None = None
    taxed: bool | None = None

    def shown(self) -> str:
        """The type as an operator may write it in a setting."""
        if not self.name:
            return self.id[:_NAME_SHOWN] or "без типа"
        return f"«{self.name[:_NAME_SHOWN]}» ({self.id[:_NAME_SHOWN]})"


class PriceTypes:
    """The types that an exchange declares, and those that its prices use."""

    def __init__(self) -> None:
        self._declared: dict[str, PriceType] = {}
        self._used: dict[str, int] = {}  # Ид -> the line of the first price of the type
        self._empty: dict[str, int] = {}

    def declare(self, found: PriceType, line: int) -> None:
        """Take a declaration that stands at `line`; the first one of an Ид counts."""
        self._declared.setdefault(found.id, found)
        _bound(self._declared, line)

    def use(self, type_id: str, line: int, *, filled: bool) -> None:
        """Take note of a price of this type at `line`; only one that is not empty makes the type worth choosing."""
        used = self._used if filled else self._empty
        if type_id not in used:
            used[type_id] = line
            _bound(used, line)

    def follow(self, later: Self) -> None:
        """Take note of the prices in the part of the exchange that follows."""
        for types, filled in ((later._used, True), (later._empty, False)):
            for type_id, line in types.items():
                self.use(type_id, line, filled=filled)

    def used_as_json(self) -> list[dict[str, int]]:
        """The types that prices use, as values of JSON."""
        return [self._used, self._empty]

    @classmethod
    def from_json(cls, values: list[dict[str, int]]) -> Self:
        """What `used_as_json` told."""
        types = cls()
        types._used, types._empty = values
        return types

    def choose(self, setting: str, wanted: str | None) -> PriceType | None:
        """The type a link's `setting` asks for by name or Ид, or the only one there is; None when there are no prices.

        Raises:
            SupplierError: `price_type_unknown` when there is none like it, `price_type_not_chosen` when there are
                several; both name the types of the exchange.
        """
        used = {type_id: self._declared.get(type_id, PriceType(type_id)) for type_id in self._used}
        everything = {**{type_id: PriceType(type_id) for type_id in self._empty}, **self._declared, **used}
        if not everything:
            return None
        if wanted is None:
            candidates = list((used or everything).values())
        else:
            asked = _folded(wanted)
            candidates = [t for t in everything.values() if _folded(t.id) == asked]
            candidates = candidates or [t for t in everything.values() if _folded(t.name or "") == asked]
            if len(candidates) > 1:
                candidates = [t for t in candidates if t.id in used] or candidates
        if not candidates:
            detail = f"{setting} = «{(wanted or '')[:_NAME_SHOWN]}»; в файле есть: {_listed(everything.values())}"
            raise SupplierError("price_type_unknown", detail=detail)
        if len(candidates) > 1:
            raise SupplierError("price_type_not_chosen", detail=_listed(candidates))
        return candidates[0]


def _bound(types: Sized, line: int) -> None:
    if len(types) > TYPES_LIMIT:
        raise SupplierError("xml_limit", line=line, detail=f"больше {TYPES_LIMIT} видов цен")


def _listed(types: Iterable[PriceType]) -> str:
    shown = [each.shown() for each in types]
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" и ещё {more}" if more > 0 else "")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
