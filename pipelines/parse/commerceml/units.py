"""How CommerceML writes a unit of measure, and prices in one (N1, O6)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext

# 1C cuts short names to so many letters in some exports: «набо» for «набор».
_CUT_LENGTH = 4
_PRECISION = 28


def unit_name(short: str, full: str) -> str | None:
    """The name by which a unit is known: the short one, or the full one where the short one is but its beginning."""
    short, full = short.strip(), full.strip()
    cut = len(short) == _CUT_LENGTH and full.isalpha() and full.casefold().startswith(short.casefold())
    return (full if cut else short or full) or None


def unit_of(text: str, code: str, short: str, full: str) -> tuple[str | None, str | None]:
    """(code, name) of a unit given by its element: text, code and names of the attributes, empty where absent.

    A text of digits without a code beside it is the code itself, as in CommerceML 3.1.
    """
    if not code.strip() and text.strip().isdecimal():
        return text, unit_name(short, full)
    return code or None, unit_name(text.strip() or short, full)


def price_in_base_unit(price: str, coefficient: str, unit: str) -> tuple[str, bool]:
    """(a price for the base unit, whether it had to be converted) for a price of `coefficient` base units (O6).

    Stock is counted in base units, so prices are too. A coefficient that cannot be read makes the price one that
    cannot be read either: it is returned with the coefficient in it.
    """
    if coefficient.strip() in {"", "1"} or not price.strip():
        return price, False
    share = _number(coefficient)
    if share == 1:
        return price, False
    value = _number(price)
    if share is None or share <= 0 or value is None:
        return f"{price.strip()} за {coefficient.strip()} {unit.strip()}".rstrip(), False
    with localcontext(prec=_PRECISION):
        return f"{value / share:f}", True


def _number(text: str) -> Decimal | None:
    plain = "".join(text.split()).replace(",", ".")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    return number if number.is_finite() and "e" not in plain.lower() and "_" not in plain else None
