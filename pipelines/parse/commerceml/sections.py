"""The sections of CommerceML documents, in any order and any file: what is read of them, and where they say that they
hold changes only (P6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import Issue
from pipelines.parse.commerceml.facts import ItemFacts
from pipelines.parse.commerceml.item import ItemReader, is_true, tax_in_sum
from pipelines.parse.commerceml.price_types import PriceType
from pipelines.parse.commerceml.store import GOODS, OFFER, Store
from pipelines.parse.commerceml.units import unit_name
from pipelines.parse.document import Reader, Route, children_of, local_name, text_of

ROOT = "КоммерческаяИнформация"
DIRECTORY_LIMIT = 10_000
_ONLY_CHANGES = "СодержитТолькоИзменения"
_ALWAYS_CHANGES = "ИзмененияПакетаПредложений"


class Sections:
    """Reads the documents of one exchange, one after another.

    Attributes:
        items: reader of goods and offers.
        facts: what is learned besides.
        units: name of a unit by Ид and by code (3.1).
        warehouses: Ид -> name.
        delta: sections that hold changes only and have goods or offers, by name, with the line of the first.
        route: how documents are walked.
    """

    def __init__(self, store: Store, facts: ItemFacts, picture_base_url: str | None) -> None:
        self.facts = facts
        self.items = ItemReader(store.items, facts, picture_base_url)
        self.units: dict[str, str] = {}
        self.warehouses: dict[str, str] = {}
        self.delta: dict[str, int] = {}
        self._store = store
        self._names = facts.names
        self._section: tuple[str, int] = ("", 0)
        self._items_before = 0
        self._only_changes = False
        self._property = -1
        self._property_id: str | None = None
        self._property_name: str | None = None
        self.route = self.route_to(self.items.reader)

    def route_to(self, reader: Callable[[int], Reader]) -> Route:
        """How a document is walked where `reader` tells what reads its goods and its offers, by kind."""
        values = Route(records={"Справочник": self._entry, "ВариантЗначения": self._entry})
        variants = {"ВариантыЗначений": values}
        one_property = Route(
            records={"Ид": self._property_key, "Наименование": self._property_title},
            below={**variants, "ТипыЗначений": Route(below={"ТипЗначений": Route(below=variants)})},
            entered=self._enter_property,
        )
        directories = {
            "Свойства": Route(below={"Свойство": one_property, "СвойствоНоменклатуры": one_property}),
            "ТипыЦен": Route(records={"ТипЦены": self._price_type}),
            "ЕдиницыИзмерения": Route(records={"ЕдиницаИзмерения": self._unit}),
            "Склады": Route(records={"Склад": self._warehouse}),
        }
        section = Route(
            records={_ONLY_CHANGES: self._flag},
            below={
                **directories,
                "Товары": Route(records={"Товар": reader(GOODS)}),
                "Предложения": Route(records={"Предложение": reader(OFFER)}),
            },
            entered=self._enter_section,
        )
        return Route(
            below={
                "Классификатор": Route(below=directories),
                **dict.fromkeys(("Каталог", "ПакетПредложений", _ALWAYS_CHANGES), section),
            }
        )

    def end_document(self) -> None:
        """Take leave of a document: what is open in it ends."""
        self._leave_section()
        self._leave_property()

    # --- catalogues and packages --------------------------------------------------------------------------------------

    def _enter_section(self, element: etree._Element, line: int) -> None:
        self._leave_section()
        name = local_name(element.tag)
        self._section = (name, line)
        self._only_changes = name == _ALWAYS_CHANGES or is_true(element.get(_ONLY_CHANGES))
        self.items.section += 1
        self._items_before = self._read()

    def _leave_section(self) -> None:
        if self._only_changes and self._read() > self._items_before:
            self.delta.setdefault(*self._section)
        self._only_changes = False

    def _read(self) -> int:
        return sum(self.items.counts.values())

    def _flag(self, element: etree._Element, lines: list[int], start: int) -> int:
        self._only_changes = self._only_changes or is_true(text_of(element))
        return self._names.meet_all(element, lines, start)

    # --- directories --------------------------------------------------------------------------------------------------

    def _enter_property(self, _element: etree._Element, _line: int) -> None:
        self._leave_property()
        self._property += 1

    def _leave_property(self) -> None:
        if self._property_id is not None:
            self._store.properties.add([self._property, self._property_id, self._property_name])
        self._property_id = self._property_name = None

    def _property_key(self, element: etree._Element, lines: list[int], start: int) -> int:
        self._property_id = text_of(element).strip()
        return self._names.meet_all(element, lines, start)

    def _property_title(self, element: etree._Element, lines: list[int], start: int) -> int:
        self._property_name = text_of(element)
        return self._names.meet_all(element, lines, start)

    def _entry(self, element: etree._Element, lines: list[int], start: int) -> int:
        parts = {local_name(child.tag): text_of(child) for child in element}
        key = parts.get("ИдЗначения", parts.get("Ид"))
        if key is not None and "Значение" in parts:
            self._store.dictionary.add([self._property, key.strip(), parts["Значение"]])
        return self._names.meet_all(element, lines, start)

    def _price_type(self, element: etree._Element, lines: list[int], start: int) -> int:
        parts: dict[str, tuple[str, int]] = {}
        taxed = None
        for name, child, at in children_of(element, start):
            parts.setdefault(name, (text_of(child), lines[at]))
            if name == "Налог" and taxed is None:
                taxed = tax_in_sum(child)
        currency, currency_line = parts.get("Валюта", ("", 0))
        found = PriceType(
            id=parts.get("Ид", ("", 0))[0].strip(),
            name=" ".join(parts.get("Наименование", ("", 0))[0].split()) or None,
            currency=currency.strip() or None,
            currency_line=currency_line or None,
            taxed=taxed,
        )
        self.facts.types.declare(found, lines[start])
        return self._names.meet_all(element, lines, start)

    def _unit(self, element: etree._Element, lines: list[int], start: int) -> int:
        parts = {local_name(child.tag): text_of(child) for child in element}
        name = unit_name(parts.get("НаименованиеКраткое", ""), parts.get("НаименованиеПолное", ""))
        for key in (parts.get("Ид", "").strip(), parts.get("Код", "").strip()):
            if key and name:
                _remember(self.units, key, name, lines[start])
        return self._names.meet_all(element, lines, start)

    def _warehouse(self, element: etree._Element, lines: list[int], start: int) -> int:
        parts = {local_name(child.tag): text_of(child) for child in element}
        key = (parts.get("Ид") or element.get("Ид") or "").strip()
        name = (parts.get("Наименование") or element.get("Наименование") or "").strip()
        if key:
            _remember(self.warehouses, key, name, lines[start])
        return self._names.meet_all(element, lines, start)

    def issues(self) -> Iterator[Issue]:
        """The remark that the exchange holds changes only."""
        if self.delta:
            yield Issue("delta_file", line=min(self.delta.values()), field=_ONLY_CHANGES, sent=", ".join(self.delta))


def _remember(directory: dict[str, str], key: str, name: str, line: int) -> None:
    directory.setdefault(key, name)
    if len(directory) > DIRECTORY_LIMIT:
        raise SupplierError("xml_limit", line=line, detail=f"больше {DIRECTORY_LIMIT} единиц измерения или складов")
