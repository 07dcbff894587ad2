"""One price list of a hundred products, written in every format: `python -m examples.price_list FOLDER`.

Whatever a supplier has, the same goods give the same cards; the tests load all of these and compare them field by
field. What only some formats can say (regions, delivery times, positions) is not among it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

NUMBER = 100
_KINDS = ("Болт", "Гайка", "Шайба", "Кабель", "Труба", "Краска", "Перчатки", "Кресло", "Бумага", "Лампа")
_VENDORS = ("Завод «Прогресс»", "ООО «Северсталь-метиз»", "Ёлочка & Ко", "ТД <Мир>")
_UNITS = (("796", "шт", "Штука"), ("166", "кг", "Килограмм"), ("006", "м", "Метр"), ("778", "упак", "Упаковка"))
_COLOURS = ("красный", "синий", "белый", "чёрный")
_CATALOG, _CLASSIFIER = "916c4658-0001", "916c4658-0002"
_RETAIL, _WHOLESALE = "price-retail", "price-wholesale"
_MAIN, _FAULTY = "store-main", "store-faulty"


@dataclass(frozen=True)
class Product:
    """One product as its owner knows it. `price` is with VAT, `quantity` is what the main store holds."""

    number: int
    sku: str
    name: str
    description: str
    vendor: str
    price: Decimal
    unit: tuple[str, str, str]  # OKEI code, short name, full name
    quantity: Decimal
    category: str
    weight: Decimal
    params: tuple[tuple[str, str], ...]

    @property
    def guid(self) -> str:
        """Its key in the accounting system."""
        return f"5d3f1b2c-0000-11ef-804f-{self.number:012d}"


def products() -> tuple[Product, ...]:
    """The hundred products, always the same."""
    return tuple(
        Product(
            number=n,
            sku=f"kim{n:05d}",
            name=f"{_KINDS[n % len(_KINDS)]} М{n} «{_COLOURS[n % 4]}»",
            description=f"Товар № {n}: прочный, недорогой & надёжный. Размер {n}x{n + 1}.",
            vendor=_VENDORS[n % len(_VENDORS)],
            price=Decimal(1200 + n * 37) + Decimal(n % 100) / 100,
            unit=_UNITS[n % len(_UNITS)],
            quantity=Decimal(n) / 4 if n % 4 == 1 else Decimal(n),
            category=f"group-{n % 7}",
            weight=Decimal(n) / 10,
            params=(("Длина, мм", str(n * 10)), ("Цвет", _COLOURS[n % 4]))[: 1 + n % 2],
        )
        for n in range(1, NUMBER + 1)
    )


def write_yml(folder: Path) -> Path:
    """YML in UTF-8."""
    offers = "\n".join(
        f'<offer id="{p.sku}" available="count"><name>{escape(p.name)}</name><price>{p.price}</price><vat>20</vat>'
        f"<currencyId>RUB</currencyId><categoryId>{p.category}</categoryId><vendor>{escape(p.vendor)}</vendor>"
        f"<description>{escape(p.description)}</description><unitOkei>{p.unit[0]}</unitOkei><units>{p.unit[1]}</units>"
        f"<quantity>{p.quantity}</quantity><weight>{p.weight}</weight>"
        + "".join(f'<param name="{escape(name)}">{escape(value)}</param>' for name, value in p.params)
        + "</offer>"
        for p in products()
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="2026-11-22 05:00"><shop><offers>\n'
        f"{offers}\n</offers></shop></yml_catalog>\n"
    )
    return _written(folder / "price.yml", text)


def write_csv(folder: Path) -> Path:
    """CSV as Russian Excel saves it: windows-1251, semicolons, decimal commas."""
    return _written(folder / "price.csv", "".join(_csv_lines()), "windows-1251")


def _csv_lines() -> Iterator[str]:
    yield _csv_line(
        ["Идентификатор продукта*", "Наименование*", "Описание*", "Цена", "Код ОКЕИ", "Единица измерения*"]
        + ["Производитель*", "Валюта", "Код категории поставщика", "Наличие товара", "Количество товара"]
        + ["НДС (yes/no)*", "Вес"]
        + [f"{what} характеристики {n}" for n in (1, 2) for what in ("Название", "Значение", "Единица измерения")]
    )
    for p in products():
        params = [cell for name, value in p.params for cell in (name, value, "")]
        yield _csv_line(
            [p.sku, p.name, p.description, _comma(p.price), p.unit[0], p.unit[1], p.vendor, "RUR", p.category]
            + ["точное количество", _comma(p.quantity), "20%", _comma(p.weight)]
            + params
            + [""] * (6 - len(params))
        )


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=";", lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _comma(number: Decimal) -> str:
    return str(number).replace(".", ",")


def write_json(folder: Path) -> Path:
    """A distributor's answer in JSON; `JSON_SETTINGS` say how to read it."""
    items = [
        {
            "code": p.sku,
            "title": p.name,
            "text": p.description,
            "brand": p.vendor,
            "prices": {"retail": float(p.price)},
            "vat": 20,
            "okei": p.unit[0],
            "stock": {"state": "count", "main": float(p.quantity)},
            "group": p.category,
            "weight": float(p.weight),
            "params": [{"name": name, "value": value} for name, value in p.params],
        }
        for p in products()
    ]
    return _written(folder / "price.json", json.dumps({"data": {"items": items}}, ensure_ascii=False, indent=1))


JSON_SETTINGS = {
    "format": "json",
    "json_items": "data.items",
    "tags": "sku:code,name:title,description:text,vendor:brand,price:prices.retail,unit_okei:okei,"
    "available:stock.state,quantity:stock.main,category_id:group",
}


def write_commerceml_204(folder: Path) -> Path:
    """CommerceML 2.04 in windows-1251: import.xml and offers.xml, no namespace, stock as one number."""
    goods = "".join(
        f"<Товар><Ид>{p.guid}</Ид><Артикул>{p.sku}</Артикул><Наименование>{escape(p.name)}</Наименование>"
        f'<БазоваяЕдиница Код="{p.unit[0]}" НаименованиеПолное="{p.unit[2]}">{p.unit[1]}</БазоваяЕдиница>'
        f"<Группы><Ид>{p.category}</Ид></Группы><Описание>{escape(p.description)}</Описание>"
        f"<ЗначенияСвойств>{_property_values(p)}</ЗначенияСвойств>{_vat()}"
        f"<ЗначенияРеквизитов>{_requisite('Производитель', escape(p.vendor))}{_requisite('Вес', str(p.weight))}"
        "</ЗначенияРеквизитов></Товар>\n"
        for p in products()
    )
    offers = "".join(
        f"<Предложение><Ид>{p.guid}</Ид><Наименование>{escape(p.name)}</Наименование>"
        f"<Цены>{_price(p, in_sum=False)}</Цены><Количество>{p.quantity}</Количество></Предложение>\n"
        for p in products()
    )
    _document(folder / "import.xml", f"{_classifier()}{_goods(goods)}", "2.04", "windows-1251")
    _document(folder / "offers.xml", _package(f"{_price_types()}{_offers(offers)}"), "2.04", "windows-1251")
    return folder


def write_commerceml_209(folder: Path) -> Path:
    """CommerceML 2.09, split: goods in two parts, offers, prices and rests apart, stock by warehouses."""
    listed = products()
    for part, half in enumerate((listed[:60], listed[60:])):
        goods = "".join(
            f"<Товар><Ид>{p.guid}</Ид><Артикул>{p.sku}</Артикул><Наименование>{escape(p.name)}</Наименование>"
            f'<БазоваяЕдиница Код="{p.unit[0]} " НаименованиеКраткое="{p.unit[1]}"></БазоваяЕдиница>'
            f"<ТорговаяМарка>{escape(p.vendor)}</ТорговаяМарка><Группы><Ид>{p.category}</Ид></Группы>"
            f"<Описание>{escape(p.description)}</Описание><ЗначенияСвойств>{_property_values(p)}</ЗначенияСвойств>"
            f"{_vat()}<ЗначенияРеквизитов>{_requisite('Вес', str(p.weight))}</ЗначенияРеквизитов></Товар>\n"
            for p in half
        )
        _document(folder / f"import0_{part + 1}.xml", f"{_classifier() if not part else ''}{_goods(goods)}", "2.09")
    names = "".join(f"<Предложение><Ид>{p.guid}</Ид></Предложение>\n" for p in listed)
    prices = "".join(f"<Предложение><Ид>{p.guid}</Ид><Цены>{_price(p)}</Цены></Предложение>\n" for p in listed)
    rests = "".join(
        f'<Предложение><Ид>{p.guid}</Ид><Склад ИдСклада="{_FAULTY}" КоличествоНаСкладе="5"/>'
        f'<Склад ИдСклада="{_MAIN}" КоличествоНаСкладе="{p.quantity}"/></Предложение>\n'
        for p in reversed(listed)
    )
    # The classifier of prices comes after those who refer to it: sections stand in any order.
    _document(folder / "offers0_1.xml", _package(_offers(names)), "2.09")
    _document(folder / "prices0_1.xml", _package(f"{_offers(prices)}{_price_types()}"), "2.09")
    _document(folder / "rests0_1.xml", _package(f"{_stores()}{_offers(rests)}"), "2.09")
    return folder


def write_commerceml_31(folder: Path) -> Path:
    """CommerceML 3.1: a folder for each kind, units in a list of their own, rests by warehouses."""
    listed = products()
    goods = "".join(
        f"<Товар><Ид>{p.guid}</Ид><ПометкаУдаления>false</ПометкаУдаления><Артикул>{p.sku}</Артикул>"
        f"<Наименование>{escape(p.name)}</Наименование><БазоваяЕдиница>{p.unit[0]} </БазоваяЕдиница>"
        f"<Группы><Ид>{p.category}</Ид></Группы><Описание>{escape(p.description)}</Описание>"
        f"<Изготовитель><Ид>m</Ид><Наименование>Фабрика № 1</Наименование></Изготовитель>"
        f"<ТорговаяМарка>{escape(p.vendor)}</ТорговаяМарка>"
        f"<ЗначенияСвойств>{_property_values(p)}</ЗначенияСвойств>{_vat()}<Вес>{p.weight}</Вес></Товар>\n"
        for p in listed
    )
    units = "".join(
        f"<ЕдиницаИзмерения><Ид>{code} </Ид><НаименованиеКраткое>{short}</НаименованиеКраткое><Код>{code} </Код>"
        f"<НаименованиеПолное>{full}   </НаименованиеПолное></ЕдиницаИзмерения>\n"
        for code, short, full in _UNITS
    )
    names = "".join(f"<Предложение><Ид>{p.guid}</Ид></Предложение>\n" for p in listed)
    prices = "".join(f"<Предложение><Ид>{p.guid}</Ид><Цены>{_price(p)}</Цены></Предложение>\n" for p in listed)
    rests = "".join(
        f"<Предложение><Ид>{p.guid}</Ид><Остатки>{_rest(_MAIN, p.quantity)}{_rest(_FAULTY, Decimal(3))}</Остатки>"
        "</Предложение>\n"
        for p in listed
    )
    classifier = "<Классификатор>{}</Классификатор>".format
    _document(folder / "goods" / "goods_1_1.xml", _goods(goods), "3.1")
    _document(folder / "offers" / "offers_1_1.xml", _package(_offers(names)), "3.1")
    _document(folder / "priceLists" / "priceLists_1_1.xml", classifier(_price_types()), "3.1")
    _document(folder / "prices" / "prices_1_1.xml", _package(_offers(prices)), "3.1")
    _document(folder / "propertiesGoods" / "propertiesGoods_1_1.xml", _classifier(), "3.1")
    _document(folder / "rests" / "rests_1_1.xml", _package(_offers(rests)), "3.1")
    _document(folder / "storages" / "storages_1_1.xml", classifier(_stores()), "3.1")
    _document(folder / "units" / "units_1_1.xml", classifier(f"<ЕдиницыИзмерения>{units}</ЕдиницыИзмерения>"), "3.1")
    return folder


# One price type of two, one store of two.
COMMERCEML_SETTINGS = {"price_type": "Розничная", "exclude_warehouses": "Брак"}

# How each form is written, and what a link needs to read it.
FORMS: dict[str, tuple[Callable[[Path], Path], dict[str, str]]] = {
    "yml": (write_yml, {}),
    "csv": (write_csv, {}),
    "json": (write_json, JSON_SETTINGS),
    "commerceml-2.04": (write_commerceml_204, COMMERCEML_SETTINGS),
    "commerceml-2.09": (write_commerceml_209, COMMERCEML_SETTINGS),
    "commerceml-3.1": (write_commerceml_31, COMMERCEML_SETTINGS),
}

_NAMESPACES = {"2.09": "urn:1C.ru:commerceml_2", "3.1": "urn:1C.ru:commerceml_3"}


def _document(path: Path, content: str, version: str, encoding: str = "UTF-8") -> None:
    namespace = f' xmlns="{_NAMESPACES[version]}"' if version in _NAMESPACES else ""
    _written(
        path,
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f'<КоммерческаяИнформация{namespace} ВерсияСхемы="{version}" ДатаФормирования="2026-11-22T05:00:00">\n'
        f"{content}</КоммерческаяИнформация>\n",
        encoding,
    )


def _classifier() -> str:
    groups = "".join(f"<Группа><Ид>group-{n}</Ид><Наименование>Группа {n}</Наименование></Группа>" for n in range(7))
    colours = "".join(
        f"<Справочник><ИдЗначения>colour-{n}</ИдЗначения><Значение>{colour}</Значение></Справочник>"
        for n, colour in enumerate(_COLOURS)
    )
    return (
        f"<Классификатор><Ид>{_CLASSIFIER}</Ид><Группы>{groups}</Группы><Свойства>"
        "<Свойство><Ид>p-length</Ид><Наименование>Длина, мм</Наименование><ТипЗначений>Число</ТипЗначений></Свойство>"
        "<Свойство><Ид>p-colour</Ид><Наименование>Цвет</Наименование><ТипЗначений>Справочник</ТипЗначений>"
        f"<ВариантыЗначений>{colours}</ВариантыЗначений></Свойство></Свойства></Классификатор>\n"
    )


def _property_values(product: Product) -> str:
    values = {"Длина, мм": "p-length", "Цвет": "p-colour"}
    return "".join(
        f"<ЗначенияСвойства><Ид>{values[name]}</Ид>"
        f"<Значение>{f'colour-{_COLOURS.index(value)}' if name == 'Цвет' else value}</Значение></ЗначенияСвойства>"
        for name, value in product.params
    )


def _vat() -> str:
    rate = "<СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога>"
    return f"<СтавкиНалогов>{rate}</СтавкиНалогов>"


def _requisite(name: str, value: str) -> str:
    return f"<ЗначениеРеквизита><Наименование>{name}</Наименование><Значение>{value}</Значение></ЗначениеРеквизита>"


def _price(product: Product, *, in_sum: bool = True) -> str:
    tax = "<Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог>" if in_sum else ""
    wholesale, retail = (
        f"<Цена><Представление>{price} руб за шт</Представление><ИдТипаЦены>{kind}</ИдТипаЦены>"
        f"<ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу><Валюта>руб</Валюта>{tax}<Коэффициент>1</Коэффициент></Цена>"
        for kind, price in ((_WHOLESALE, product.price - 100), (_RETAIL, product.price))
    )
    return wholesale + retail if product.number % 2 else retail + wholesale


def _price_types() -> str:
    tax = "<Налог><Наименование>НДС</Наименование><УчтеноВСумме>true</УчтеноВСумме></Налог>"
    return "<ТипыЦен>{}</ТипыЦен>".format(
        "".join(
            f"<ТипЦены><Ид>{kind}</Ид><Наименование>{name}</Наименование><Валюта>руб</Валюта>{tax}</ТипЦены>"
            for kind, name in ((_WHOLESALE, "Оптовая"), (_RETAIL, "Розничная"))
        )
    )


def _stores() -> str:
    return (
        f"<Склады><Склад><Ид>{_MAIN}</Ид><Наименование>Основной</Наименование></Склад>"
        f"<Склад><Ид>{_FAULTY}</Ид><Наименование>Брак</Наименование></Склад></Склады>"
    )


def _rest(store: str, quantity: Decimal) -> str:
    return f"<Остаток><Склад><Ид>{store}</Ид><Количество>{quantity}</Количество></Склад></Остаток>"


def _goods(goods: str) -> str:
    return (
        f'<Каталог СодержитТолькоИзменения="false"><Ид>{_CATALOG}</Ид><ИдКлассификатора>{_CLASSIFIER}'
        f"</ИдКлассификатора><Наименование>Каталог</Наименование><Товары>\n{goods}</Товары></Каталог>\n"
    )


def _package(content: str) -> str:
    return (
        f'<ПакетПредложений СодержитТолькоИзменения="false"><Ид>{_CATALOG}#</Ид><ИдКаталога>{_CATALOG}</ИдКаталога>'
        f"{content}</ПакетПредложений>\n"
    )


def _offers(offers: str) -> str:
    return f"<Предложения>\n{offers}</Предложения>"


def _written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def main() -> None:
    """Write all forms below a folder."""
    parser = argparse.ArgumentParser(prog="python -m examples.price_list", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for form, (write, _) in FORMS.items():
        print(write(folder / form))


if __name__ == "__main__":
    main()
