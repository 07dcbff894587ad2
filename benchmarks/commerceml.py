"""The goods of `benchmarks.generate` as a CommerceML exchange: `python -m benchmarks.commerceml OUT --megabytes 30`.

What comes is the archived form of a set: `import.xml` with a classifier of all properties, half of them with a
dictionary, and `offers.xml` with three types of prices and two warehouses. One seed is the same goods in both forms.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from uuid import UUID
from xml.sax.saxutils import escape

from lxml import etree

from benchmarks.generate import ENCODINGS, PARAM_NAMES, ROOM, offer_xml, param_name
from pipelines.fetch.limits import FetchLimits
from pipelines.fetch.sets import Pile, packed

PRICE_TYPES = ("Розничная", "Оптовая", "Закупочная")
_NAMES = {param_name(number): number for number in range(PARAM_NAMES)}
_ENTRIES = 10  # of each dictionary


def goods_xml(seed: int, number: int) -> tuple[str, str]:
    """(Товар, Предложение) of one offer of the generator."""
    offer = etree.fromstring(offer_xml(seed, number))
    text = {child.tag: escape(child.text or "") for child in offer}
    key = _guid("goods", number)
    properties = "".join(
        f"<ЗначенияСвойства><Ид>{_guid('property', _NAMES[p.get('name') or ''])}</Ид>"
        f"<Значение>{_value(_NAMES[p.get('name') or ''], number, p.text or '')}</Значение></ЗначенияСвойства>\n"
        for p in offer.iterfind("param")
    )
    goods = (
        f"<Товар>\n<Ид>{key}</Ид>\n<Артикул>{offer.get('id')}</Артикул>\n<Наименование>{text['name']}</Наименование>\n"
        f'<БазоваяЕдиница Код="{text["unitOkei"]}">{text["units"]}</БазоваяЕдиница>\n'
        f"<Группы><Ид>{text['categoryId']}</Ид></Группы>\n<Описание>{text['description']}</Описание>\n"
        f"<ТорговаяМарка>{text['vendor']}</ТорговаяМарка>\n<ЗначенияСвойств>\n{properties}</ЗначенияСвойств>\n"
        f"<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>{text['vat']}</Ставка></СтавкаНалога>"
        "</СтавкиНалогов>\n<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Вес</Наименование>"
        f"<Значение>{text['weight']}</Значение></ЗначениеРеквизита></ЗначенияРеквизитов>\n</Товар>\n"
    )
    prices = "".join(
        f"<Цена><Представление>{text['price']} руб.</Представление><ИдТипаЦены>{_guid('price', place)}</ИдТипаЦены>"
        f"<ЦенаЗаЕдиницу>{text['price']}</ЦенаЗаЕдиницу><Валюта>руб</Валюта><Единица>{text['units']}</Единица>"
        "<Коэффициент>1</Коэффициент></Цена>\n"
        for place in range(len(PRICE_TYPES))
    )
    stocks = "".join(
        f'<Склад ИдСклада="{warehouse}" КоличествоНаСкладе="{amount}"/>'
        for warehouse, amount in (("main", text["quantity"]), ("far", "1"))
    )
    return goods, f"<Предложение>\n<Ид>{key}</Ид>\n<Цены>\n{prices}</Цены>\n{stocks}\n</Предложение>\n"


def _guid(kind: str, number: int) -> UUID:
    return UUID(int=Random(f"{kind}/{number}").getrandbits(128))


def _value(name: int, number: int, sent: str) -> str:
    """A value as sent, or a reference into the dictionary of a property that has one."""
    return str(_guid(f"value of {name}", number % _ENTRIES)) if name % 2 else escape(sent)


def _classifier() -> Iterator[str]:
    yield "<Классификатор><Ид>1</Ид><Свойства>\n"
    for number in range(PARAM_NAMES):
        yield f"<Свойство><Ид>{_guid('property', number)}</Ид><Наименование>{param_name(number)}</Наименование>"
        if number % 2:
            yield "<ТипЗначений>Справочник</ТипЗначений><ВариантыЗначений>\n"
            for entry in range(_ENTRIES):
                key = _guid(f"value of {number}", entry)
                yield f"<Справочник><ИдЗначения>{key}</ИдЗначения><Значение>Вид {entry}</Значение></Справочник>\n"
            yield "</ВариантыЗначений>"
        yield "</Свойство>\n"
    yield "</Свойства></Классификатор>\n"


def exchange(seed: int, *, encoding: str, bytes_wanted: int) -> Iterator[bytes]:
    """The archived form of an exchange that has about the wanted number of bytes."""
    head = f'<?xml version="1.0" encoding="{encoding}"?>\n<КоммерческаяИнформация ВерсияСхемы="2.08">\n'
    tail = "</КоммерческаяИнформация>\n"
    types = "".join(
        f"<ТипЦены><Ид>{_guid('price', place)}</Ид><Наименование>{name}</Наименование></ТипЦены>"
        for place, name in enumerate(PRICE_TYPES)
    )
    with tempfile.TemporaryFile() as goods, tempfile.TemporaryFile() as offers, tempfile.TemporaryFile() as both:

        def write(out: io.BufferedRandom, text: str) -> int:
            return out.write(text.encode(encoding))

        size = write(goods, head)
        size += sum(write(goods, part) for part in _classifier())
        size += write(goods, "<Каталог><Ид>1</Ид><Товары>\n")
        size += write(offers, f"{head}<ПакетПредложений><ТипыЦен>{types}</ТипыЦен><Предложения>\n")
        for number in count():
            one, its_offer = goods_xml(seed, number)
            size += write(goods, one) + write(offers, its_offer)
            if size >= bytes_wanted:
                break
        write(goods, f"</Товары></Каталог>{tail}")
        write(offers, f"</Предложения></ПакетПредложений>{tail}")
        limits = FetchLimits()
        pile = Pile(both, limits)
        for name, part in (("import.xml", goods), ("offers.xml", offers)):
            part.seek(0)
            pile.add(name, iter(partial(part.read, 1 << 20), b""))
        yield from packed(pile.parts, limits)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commerceml", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--megabytes", type=float, required=True, help="size of the exchange, 10^6 bytes")
    parser.add_argument("--encoding", choices=ENCODINGS, default="utf-8")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    wanted = int(asked.megabytes * 1_000_000) - ROOM
    with asked.out.open("wb") as out:
        out.writelines(exchange(asked.seed, encoding=asked.encoding, bytes_wanted=wanted))
    print(f"{asked.out}: {asked.out.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
