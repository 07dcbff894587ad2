"""One Товар or Предложение -> one item of the store: which element says what (the element map of CommerceML).

Both are read alike: an offer may say anything that goods say, and in some exports goods have prices. Values are taken
as sent; of two ways to say a thing within one record the first that is not empty counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote, urljoin

from lxml import etree

from pipelines.errors import SupplierError
from pipelines.parse.commerceml.facts import ItemFacts
from pipelines.parse.commerceml.keys import goods_key, key_of, short_key
from pipelines.parse.commerceml.store import GOODS, ITEM_INDEX, ITEM_VALUES, OFFER
from pipelines.parse.commerceml.units import price_in_base_unit, unit_of
from pipelines.parse.document import Reader, children_of, local_name, markup_of, text_of
from pipelines.parse.rows import Rows

ELEMENTS_LIMIT = 50_000

# Elements of one value -> where it goes; `full_name` and the like are second choices for another value.
_VALUES = {
    "Ид": "key",
    "ИдХарактеристики": "variant",
    "Артикул": "article",
    "Наименование": "name",
    "ПолноеНаименование": "full_name",
    "ТорговаяМарка": "vendor",
    "Модель": "model",
    "КодЕдиницыИзмерения": "unit_code",
    "Количество": "quantity",
    "Вес": "weight",
    "Длина": "length",
    "Ширина": "width",
    "Высота": "height",
    "ПометкаУдаления": "deletion",
}
# Requisites that say something of the kind, by folded name.
_REQUISITES = {
    "код": "code",
    "артикул производителя": "vendor_code",
    "полное наименование": "full_name",
    "описаниевформатеhtml": "html",
    "вес": "weight",
    "длина": "length",
    "ширина": "width",
    "высота": "height",
    "пометкаудаления": "deletion",
}
VENDOR_NAMES = frozenset({"производитель", "бренд", "торговая марка", "торговаямарка"})
# Known, and of no use to buyers.
_NOT_LOADED = """
    Акцизы Аналоги Владелец ДействительноПо ДействительноС Единица Единицы ИдКаталога ИдКлассификатора
    ИдТовараУКонтрагента КодГруппыТоваров КодТНВЭД Комментарий Комплектующие НомерВерсии Пересчет Резерв Скидки
    Страна СтранаПроисхождения ШтрихКод Штрихкод Штрихкоды
"""
_IGNORED = frozenset(_NOT_LOADED.split())
_TRUE = frozenset({"true", "1", "да", "истина"})
_DELETED = frozenset({"удален", "удалён"})
_NOTHING = re.compile(r"[\s0.,]*")  # an empty measure, or zero: not known
_NO_REFERENCE = "00000000-0000-0000-0000-000000000000"
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)

_VALUE_INDEX = {name: ITEM_INDEX[name] for name in ITEM_VALUES}

_Value = tuple[str, int]  # and its line
# Reads one child of an item: (element, index of its line).
_Reader = Callable[[etree._Element, int], None]


def is_true(text: str | None) -> bool:
    """A Переключатель as 1C and its imitators write it."""
    return text is not None and text.strip().casefold() in _TRUE


class ItemReader:
    """Reads goods and offers, one after another, into rows of `ITEM_SCHEMA`.

    Attributes:
        section: number of the section that is being read.
        counts: items read so far, by kind.
    """

    def __init__(self, rows: Rows, facts: ItemFacts, picture_base_url: str | None) -> None:
        self._writer = rows
        self._facts = facts
        self._names = facts.names
        self._types = facts.types
        self._pictures_at = f"{picture_base_url.rstrip('/')}/" if picture_base_url else None
        self._lines: list[int] = []
        self._found: dict[str, _Value] = {}
        self._readers: dict[str, _Reader] = {}
        self._containers: dict[str, _Reader] = {
            "БазоваяЕдиница": self._unit,
            "Описание": self._description,
            "Группы": self._category,
            "Картинка": self._picture,
            "Изготовитель": self._maker,
            "ЗначенияСвойств": self._properties,
            "ХарактеристикиТовара": self._characteristics,
            "ЗначенияРеквизитов": self._requisites,
            "СтавкиНалогов": self._taxes,
            "Цены": self._prices,
            "Склады": self._warehouses,
            "Склад": self._warehouse,
            "Остатки": self._warehouses,
        }
        self.section = 0
        self.counts = {OFFER: 0, GOODS: 0}

    def reader(self, kind: int) -> Reader:
        """What reads records of this kind."""

        def read(item: etree._Element, lines: list[int], start: int) -> int:
            return self._read(kind, item, lines, start)

        return read

    def _read(self, kind: int, item: etree._Element, lines: list[int], start: int) -> int:
        self._lines = lines
        self._found = {}
        elements = list(item.iter())  # as long as they are held they know their tags, and are not made again
        self._names.meet_all(item, lines, start)
        if len(elements) > ELEMENTS_LIMIT:
            limit = f"в одном товаре больше {ELEMENTS_LIMIT} меток"
            raise SupplierError("xml_limit", line=lines[start], detail=limit)
        for name, child, at in children_of(item, start):
            reader = self._readers.get(name)
            if reader is None:
                reader = self._learn(name)
            reader(child, at)
        self._write(kind, item, lines[start])
        return len(elements)

    def _write(self, kind: int, item: etree._Element, line: int) -> None:
        found = self._found
        self._second_choice("name", "full_name")
        self._second_choice("description", "html")
        self._measures()
        key = key_of(found["key"][0]) if "key" in found else ""
        variant = key_of(found["variant"][0]) if "variant" in found else ""
        if variant and "#" not in key:
            key = f"{key}#{variant}" if key else variant
        status = item.get("Статус", "").strip().casefold()
        row: list[str | int | bool | None] = [
            self._writer.rows,
            kind,
            self.section,
            line,
            key,
            goods_key(key),
            short_key(key) if key and kind == OFFER else None,
            status in _DELETED or is_true(found.get("deletion", ("", 0))[0]),
            len(etree.tostring(item, encoding="unicode", method="text", with_tail=False)),
        ]
        row += [None] * (2 * len(ITEM_VALUES))
        for name, value in found.items():
            place = _VALUE_INDEX.get(name)
            if place is not None:
                row[place], row[place + 1] = value
        self._writer.add(row)
        self.counts[kind] += 1

    # --- values that stand once ---------------------------------------------------------------------------------------

    def _keep(self, name: str, value: str, line: int, field: str) -> None:
        """Take a value; the first that is not empty counts, and another one is said to be repeated."""
        known = self._found.get(name)
        if known is None or not known[0].strip():
            self._found[name] = (value, line)
        elif value.strip() and value != known[0] and field:
            self._writer.lists["repeated"].append((field, value, line))

    def _second_choice(self, name: str, other: str) -> None:
        value = self._found.get(other)
        if value is not None and not self._found.get(name, ("", 0))[0].strip():
            self._found[name] = value

    def _measures(self) -> None:
        found = self._found
        for name in ("weight", "length", "width", "height"):
            if name in found and _NOTHING.fullmatch(found[name][0]):
                del found[name]
        if all(name in found for name in ("length", "width", "height")):
            sizes = "/".join(found[name][0].strip() for name in ("length", "width", "height"))
            found["dimensions"] = (sizes, found["length"][1])

    def _unit(self, element: etree._Element, at: int) -> None:
        code, name = unit_of(
            element.text or "",
            element.get("Код", ""),
            element.get("НаименованиеКраткое", ""),
            element.get("НаименованиеПолное", ""),
        )
        for value, column in ((code, "unit_code"), (name, "unit_name")):
            if value is not None:
                self._keep(column, value, self._lines[at], "БазоваяЕдиница")

    def _description(self, element: etree._Element, at: int) -> None:
        self._keep("description", markup_of(element), self._lines[at], "Описание")

    def _category(self, element: etree._Element, at: int) -> None:
        """The first group counts; goods may stand in several."""
        for place, each in enumerate(element.iter(), at):
            if local_name(each.tag) == "Ид" and "category" not in self._found:
                self._keep("category", text_of(each), self._lines[place], "")

    def _maker(self, element: etree._Element, at: int) -> None:
        for name, child, place in children_of(element, at):
            if name == "Наименование":
                self._keep("maker", text_of(child), self._lines[place], "")

    def _taxes(self, element: etree._Element, at: int) -> None:
        for _, tax, place in children_of(element, at):
            parts = {name: (text_of(child), line) for name, child, line in children_of(tax, place)}
            if "Ставка" in parts and "ндс" in parts.get("Наименование", ("ндс", 0))[0].casefold():
                rate, rate_at = parts["Ставка"]
                self._keep("vat", rate, self._lines[rate_at], "Ставка")

    # --- values that stand in lists -----------------------------------------------------------------------------------

    def _picture(self, element: etree._Element, at: int) -> None:
        sent, line = text_of(element).strip(), self._lines[at]
        if not sent:
            return
        if not _ADDRESS.match(sent):
            if self._pictures_at is None:
                self._facts.skip_pictures(1, sent, line)
                return
            sent = urljoin(self._pictures_at, quote(sent.replace("\\", "/").lstrip("/")))
        self._writer.lists["pictures"].append((sent, line))

    def _properties(self, element: etree._Element, at: int) -> None:
        add = self._writer.lists["params"].append
        for _, pair, place in children_of(element, at):
            key, named, values = "", None, []
            for name, child, where in children_of(pair, place):
                if name == "Ид":
                    key = text_of(child).strip()
                elif name == "Наименование":
                    named = text_of(child)
                elif name in {"Значение", "ИдЗначения"}:
                    value = text_of(child)
                    values.append(("" if value.strip() == _NO_REFERENCE else value, self._lines[where]))
            for value, line in values:
                add((key, named, value, True, line))

    def _characteristics(self, element: etree._Element, at: int) -> None:
        for named, value, line in self._named_values(element, at):
            self._writer.lists["params"].append((None, named, value, True, line))

    def _requisites(self, element: etree._Element, at: int) -> None:
        for named, value, line in self._named_values(element, at):
            folded = " ".join(named.split()).casefold()
            if folded in VENDOR_NAMES:
                self._writer.lists["params"].append((None, named, value, False, line))
            elif folded in _REQUISITES:
                self._keep(_REQUISITES[folded], value, line, "")

    def _named_values(self, element: etree._Element, at: int) -> Iterator[tuple[str, str, int]]:
        """(name, value, line) of each child that holds Наименование and Значение."""
        for _, pair, place in children_of(element, at):
            named, value, line = "", None, 0
            for name, child, where in children_of(pair, place):
                if name == "Наименование":
                    named = text_of(child)
                elif name == "Значение" and value is None:
                    value, line = text_of(child), self._lines[where]
            if value is not None:
                yield named, value, line

    def _prices(self, element: etree._Element, at: int) -> None:
        for name, price, place in children_of(element, at):
            if name == "Цена":
                self._price(price, place)

    def _price(self, element: etree._Element, at: int) -> None:
        parts: dict[str, _Value] = {}
        taxed: bool | None = None
        for name, child, place in children_of(element, at):
            if name == "Налог":
                taxed = tax_in_sum(child) if taxed is None else taxed
            else:
                parts.setdefault(name, (text_of(child), self._lines[place]))
        nothing = ("", 0)
        sent, line = parts.get("ЦенаЗаЕдиницу", ("", self._lines[at]))
        unit, coefficient = parts.get("Единица", nothing)[0], parts.get("Коэффициент", nothing)[0]
        value, converted = price_in_base_unit(sent, coefficient, unit)
        packed = f"{sent.strip()} за {coefficient.strip()} {unit.strip()}".rstrip() if converted else None
        base_unit = (unit.strip() or None) if value == sent else None
        currency, currency_line = parts.get("Валюта", nothing)
        type_id = parts.get("ИдТипаЦены", nothing)[0].strip()
        self._types.use(type_id, line, filled=bool(value.strip()))
        self._writer.lists["prices"].append(
            (type_id, value, packed, currency or None, currency_line or None, taxed, base_unit, line)
        )

    def _warehouses(self, element: etree._Element, at: int) -> None:
        """Остатки or Склады: a list of places, or one place in its attributes."""
        if element.get("КоличествоНаСкладе") is not None:
            self._warehouse(element, at)
        for name, child, place in children_of(element, at):
            if name == "Склад":
                self._warehouse(child, place)
            elif name == "Остаток":
                self._rest(child, place)

    def _rest(self, element: etree._Element, at: int) -> None:
        """Остаток: the amounts of warehouses, or the amount of one, or of nobody knows where."""
        total: _Value | None = None
        places: list[tuple[etree._Element, int]] = []
        for name, child, place in children_of(element, at):
            if name == "Количество":
                total = total or (text_of(child), self._lines[place])
            elif name == "Склад":
                places.append((child, place))
        for child, place in places:
            self._warehouse(child, place, total)
        if not places and total is not None:
            self._writer.lists["stocks"].append((None, *total))

    def _warehouse(self, element: etree._Element, at: int, amount: _Value | None = None) -> None:
        """Склад with its own amount, or with the one that stands beside it."""
        key = element.get("ИдСклада") or element.get("Ид") or (element.text or "")
        sent = element.get("КоличествоНаСкладе")
        if sent is not None:
            amount = (sent, self._lines[at])
        for name, child, place in children_of(element, at):
            if name == "Ид":
                key = text_of(child)
            elif name in {"Количество", "КоличествоНаСкладе"}:
                amount = (text_of(child), self._lines[place])
        if amount is not None:
            self._writer.lists["stocks"].append((key.strip() or None, *amount))

    # --- elements -----------------------------------------------------------------------------------------------------

    def _learn(self, name: str) -> _Reader:
        """What to do with an element that was not met before."""
        reader = self._containers.get(name)
        if reader is None and name in _VALUES:
            reader = partial(self._value, _VALUES[name])
        self._readers[name] = reader or (self._ignore if name in _IGNORED else self._unknown)
        return self._readers[name]

    def _value(self, column: str, element: etree._Element, at: int) -> None:
        self._keep(column, text_of(element), self._lines[at], local_name(element.tag))

    def _ignore(self, element: etree._Element, at: int) -> None:
        """Pass over what is known and not loaded."""

    def _unknown(self, element: etree._Element, at: int) -> None:
        self._facts.unknown.meet(local_name(element.tag), self._lines[at])


def tax_in_sum(tax: etree._Element) -> bool | None:
    """What a Налог says of its being part of the sum; None for another tax than VAT, or when it says nothing."""
    parts = {local_name(child.tag): text_of(child) for child in tax}
    if "ндс" not in parts.get("Наименование", "ндс").casefold() or not parts.get("УчтеноВСумме", "").strip():
        return None
    return is_true(parts["УчтеноВСумме"])
