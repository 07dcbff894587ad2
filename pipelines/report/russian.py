"""Numbers, dates and counted words in Russian. Babel knows the grammar; the words are in one table here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_decimal

_RU = Locale("ru")
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"

# Suppliers sit in eleven time zones; the zone of the platform is the one that every report names. Moscow keeps one
# offset all year, so the zone needs no time zone database.
_MOSCOW = timezone(timedelta(hours=3), "МСК")

# What stands after 1, 2 and 5.
_FORMS: dict[str, tuple[str, str, str]] = {
    "offer": ("товар", "товара", "товаров"),
    "of_offers": ("товара", "товаров", "товаров"),
    "accepted": ("принят", "приняты", "принято"),
    "hidden": ("скрыт", "скрыты", "скрыто"),
    "which": ("которого", "которых", "которых"),
    "will_return": ("вернётся", "вернутся", "вернутся"),
    "new": ("новый", "новых", "новых"),
    "changed": ("изменённый", "изменённых", "изменённых"),
    "restored": ("вернувшийся", "вернувшихся", "вернувшихся"),
    "price": ("цена", "цены", "цен"),
    "went_up": ("выросла", "выросли", "выросло"),
    "went_down": ("снизилась", "снизились", "снизилось"),
    "day": ("день", "дня", "дней"),
    "load": ("загрузка", "загрузки", "загрузок"),
    "point": ("балл", "балла", "баллов"),
    "times": ("раз", "раза", "раз"),
    "byte": ("байт", "байта", "байт"),
}
_CATEGORIES = {"one": 0, "few": 1, "many": 2}


def number(value: int) -> str:
    """A whole number, its thousands parted by no-break spaces: `1 234 567`."""
    return format_decimal(value, locale=_RU).replace("-", MINUS)


def money(value: Decimal) -> str:
    """A price with its kopecks: `1 200,50`."""
    return format_decimal(value, format="#,##0.00", locale=_RU).replace("-", MINUS)


def percent(value: Decimal | float) -> str:
    """A change in percent with its sign, to a tenth: `+3,1 %`."""
    sign = "+" if value > 0 else ""
    return f"{sign}{format_decimal(value, format='#,##0.#', locale=_RU).replace('-', MINUS)}{NBSP}%"


def word(value: int, name: str) -> str:
    """The form of a word of the table that agrees with a whole number: `товар`, `товара`, `товаров`."""
    return _FORMS[name][_CATEGORIES[_RU.plural_form(abs(value))]]


def counted(value: int, name: str) -> str:
    """A number and its word, never parted at a line's end: `21 товар`."""
    return f"{number(value)}{NBSP}{word(value, name)}"


def times(value: float) -> str:
    """How many times something grew: `3 раза`, `10 раз`, `2,5 раза`."""
    if value == int(value):
        return counted(int(value), "times")
    return f"{format_decimal(value, format='#,##0.##', locale=_RU)}{NBSP}{_FORMS['times'][1]}"


def moment(value: datetime) -> str:
    """A moment with its zone: `22 ноября 2026, 07:15 (МСК)`.

    Raises:
        ValueError: the datetime is naive; its zone cannot be guessed.
    """
    if value.tzinfo is None:
        msg = "a moment without a time zone"
        raise ValueError(msg)
    local = value.astimezone(UTC).astimezone(_MOSCOW)
    return f"{format_datetime(local, 'd MMMM y, HH:mm', locale=_RU)} ({local.tzname()})".replace(" ", NBSP, 1)


def size(value: int) -> str:
    """A size in decimal units, as the limit of a file is given (F3): `12,4 МБ`."""
    for unit, scale in (("МБ", 1_000_000), ("КБ", 1_000)):
        if value >= scale:
            return f"{format_decimal(value / scale, format='#,##0.#', locale=_RU)}{NBSP}{unit}"
    return counted(value, "byte")
