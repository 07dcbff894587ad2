"""The columns of КИМ's table of goods: the one list that reading, templates and exports share.

A column is found by its header in any letter case, with or without spaces, `*`, punctuation and «ё», in any order.
Characteristics and regions are numbered groups of columns, from 1 to n: «Название характеристики 1». The columns of a
region are not named in the platform's manual beyond «Код региона»; the names here are ours.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS

# Excel's widest sheet. A table with more columns is no table of goods.
COLUMNS_LIMIT = 16_384


class Need(enum.Enum):
    """Whether a column must be filled in, by the platform's manual."""

    ALWAYS = "always"
    PRICE = "price"  # one of the prices
    UNIT = "unit"  # a code or a text
    SHOP = "shop"  # the shop's setting decides
    NO = "no"


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        raw: raw column it fills: a name of `model.RAW_SCALARS`, or of a list `<list>.<its field>`.
        header: the header that we write; of a numbered column, without its number.
        explanation: what to write there, in Russian, for suppliers.
        examples: one value for each of the example offers; the values of a numbered column are separated by `|`.
        need: whether it must be filled in.
        aliases: other headers under which it is found; our own header goes before them.
        tag_examples: the examples as YML says them, where it says them in another way.
    """

    raw: str
    header: str
    explanation: str
    examples: tuple[str, str, str]
    need: Need = Need.NO
    aliases: tuple[str, ...] = ()
    tag_examples: tuple[str, str, str] | None = None

    @property
    def group(self) -> str | None:
        """The list that it is a part of; None for a plain column."""
        return self.raw.partition(".")[0] if "." in self.raw else None

    @property
    def part(self) -> str:
        """The field of its group, or the raw column itself."""
        return self.raw.rpartition(".")[2]

    @property
    def numbered(self) -> bool:
        """Whether the column stands once for each characteristic or region, with its number."""
        return self.group in NUMBERED

    @property
    def several(self) -> bool:
        """Whether a table may have several of them, under any of its headers, none of which is idle."""
        return self.group is not None or self.raw == "position_codes"

    @property
    def tag(self) -> str:
        """How YML says the same: a tag, a tag in a tag, or an attribute after `@`."""
        return _TAGS.get(self.raw) or RAW_SCALARS[self.raw]

    def titled(self, number: int | str | None = None) -> str:
        """The header as written, for the n-th characteristic or region where the column is numbered."""
        return f"{self.header} {number}" if self.numbered and number is not None else self.header

    def values(self, offer: int, *, in_yml: bool = False) -> tuple[str, ...]:
        """The values of an example offer, from 0; several only for numbered columns."""
        value = ((in_yml and self.tag_examples) or self.examples)[offer]
        return tuple(value.split("|")) if self.numbered else (value,)


# Groups whose columns stand once for each member, with its number.
NUMBERED = ("params", "regions")
EXAMPLE_OFFERS = 3

_TAGS = {
    "sku": "offer@id",
    "available": "offer@available",
    "pictures.value": "picture",
    "params.name": "param@name",
    "params.value": "param",
    "params.unit": "param@unit",
    **{f"regions.{column}": f"region/{tag}" for column, tag in RAW_REGION_SCALARS.items()},
    "regions.code": "region@id",
}

_STOCK_WORDS = "точное количество, много, мало, под заказ, закончился"

COLUMNS: tuple[Column, ...] = (
    Column(
        "sku",
        "Идентификатор продукта",
        "Артикул из вашей учётной системы: латинские буквы и цифры, до 20 знаков, без пробелов. Один и тот же товар "
        "всегда передаётся под одним артикулом. Задайте ячейкам формат «Текстовый», чтобы Excel не изменил артикул.",
        ("kab100", "per200", "krs300"),
        Need.ALWAYS,
        ("Идентификатор товара", "ID продукта", "ID товара", "Артикул", "Артикул товара", "Код товара", "SKU", "id"),
    ),
    Column(
        "name",
        "Наименование",
        "Тип товара, производитель и модель, до 255 знаков.",
        ("Кабель силовой ВВГнг 3х2,5", "Перчатки нитриловые, пара", "Кресло офисное СН-300"),
        Need.ALWAYS,
        ("Наименование товара", "Название", "Название товара", "name"),
    ),
    Column(
        "description",
        "Описание",
        "Преимущества, особенности и применение товара, до 65 000 знаков.",
        (
            "Медный кабель для прокладки в помещениях и на открытом воздухе.",
            "Защита рук от масел и растворителей, размер L.",
            "Кресло с подлокотниками и регулируемой спинкой.",
        ),
        Need.SHOP,
        ("Описание товара", "description"),
    ),
    Column(
        "price",
        "Цена",
        "Цена с НДС, одно число: 1200.50. Достаточно одной из цен, вторая рассчитывается по ставке.",
        ("122.00", "", "12000.00"),
        Need.PRICE,
        ("Цена с НДС", "Цена, руб", "Цена с НДС, руб", "price"),
    ),
    Column(
        "price_without_nds",
        "Цена без НДС",
        "Цена без НДС, одно число: 1000.42.",
        ("", "100.00", ""),
        Need.PRICE,
        ("Цена без НДС, руб", "price_without_nds"),
    ),
    Column(
        "unit_okei",
        "Код ОКЕИ",
        "Код единицы измерения по ОКЕИ: 796 — штука, 166 — килограмм, 006 — метр.",
        ("006", "715", "796"),
        Need.UNIT,
        ("ОКЕИ", "Код единицы измерения", "unitOkei"),
    ),
    Column(
        "units",
        "Единица измерения",
        "Единица, в которой вы поставляете товар, если код ОКЕИ не указан.",
        ("м", "пар", "шт"),
        Need.UNIT,
        ("Ед. изм.", "Единица", "ЕИ", "units"),
    ),
    Column(
        "vendor",
        "Производитель",
        "Наименование компании-производителя.",
        ("Кабельный завод", "Текстиль-Сервис", "Мебельная фабрика"),
        Need.SHOP,
        ("Изготовитель", "Бренд", "Торговая марка", "vendor"),
    ),
    Column(
        "vendor_code",
        "Артикул производителя",
        "Обозначение товара у производителя.",
        ("ВВГ-325", "", "СН-300"),
        aliases=("Код производителя", "vendorCode"),
    ),
    Column("model", "Модель", "Модель товара.", ("ВВГнг", "", "СН-300"), aliases=("model",)),
    Column(
        "currency",
        "Валюта",
        "RUB (или RUR), USD, EUR, UAH, KZT, KGS или TRY; пусто — рубль.",
        ("RUB", "RUB", "RUB"),
        aliases=("Код валюты", "currencyId"),
    ),
    Column(
        "b2b_category_id",
        "Идентификатор категории",
        "Категория третьего уровня из рубрикатора B2B-Center.",
        ("", "", ""),
        aliases=("ID категории", "Идентификатор категории B2B-Center", "ID категории B2B-Center", "b2b_category_id"),
    ),
    Column(
        "category_id",
        "Код категории поставщика",
        "Код категории в вашей системе, если вы загрузили соответствие своих категорий рубрикатору.",
        ("10", "20", "30"),
        aliases=("Категория поставщика", "categoryId"),
    ),
    Column(
        "available",
        "Наличие товара",
        f"Одно из значений: {_STOCK_WORDS}.",
        ("точное количество", "много", "под заказ"),
        aliases=("Наличие", "available"),
        tag_examples=("count", "many", "order"),
    ),
    Column(
        "quantity",
        "Количество товара",
        "Остаток в единицах измерения, если наличие — «точное количество».",
        ("1500.5", "", ""),
        aliases=("Количество", "Остаток", "quantity"),
    ),
    Column(
        "delivery_time",
        "Срок поставки",
        "Наибольший срок поставки в днях, одно целое число.",
        ("14", "3", "30"),
        aliases=("Срок поставки, дней", "delivery_time"),
    ),
    Column(
        "vat",
        "НДС (yes/no)",
        "Ставка НДС в процентах: 0, 10, 20 или 22; если НДС не облагается — нет.",
        ("22", "22", "нет"),
        Need.SHOP,
        ("НДС", "Ставка НДС", "vat", "nds"),
        ("22", "22", "NO_VAT"),
    ),
    Column(
        "pictures.value",
        "Изображение",
        "Полный адрес изображения, начиная с https://; до трёх адресов через пробел.",
        ("https://supplier.example/kab100.jpg", "", "https://supplier.example/krs300.jpg"),
        aliases=("Изображения", "Картинка", "Фото", "Ссылка на изображение", "picture"),
    ),
    Column(
        "weight",
        "Вес",
        "Вес единицы товара в килограммах, не длиннее 10 знаков.",
        ("0.12", "", "9.5"),
        aliases=("Вес, кг", "Масса, кг", "weight"),
    ),
    Column(
        "dimensions",
        "Габариты",
        "Длина, ширина и высота в сантиметрах через косую черту: 10.5/20/30.",
        ("", "", "60/60/110"),
        aliases=("Размеры", "Габариты, см", "Размеры, см", "Д/Ш/В", "dimensions"),
    ),
    Column(
        "params.name",
        "Название характеристики",
        "Название характеристики; номеров может быть сколько угодно.",
        ("Сечение жилы|Цвет", "Размер|", "Цвет|Материал"),
        aliases=("Наименование характеристики", "Характеристика"),
    ),
    Column(
        "params.value",
        "Значение характеристики",
        "Значение характеристики с тем же номером.",
        ("2.5|чёрный", "L|", "чёрный|ткань"),
    ),
    Column(
        "params.unit",
        "Единица измерения характеристики",
        "Единица этой характеристики: обозначение или код ОКЕИ.",
        ("мм2|", "|", "|"),
        aliases=("Ед. изм. характеристики", "Единица характеристики"),
    ),
    Column(
        "regions.code",
        "Код региона",
        "Федеральный округ (ЦФО, СЗФО …) или 8 цифр ОКТМО, если цена или наличие там свои; что не указано, берётся "
        "из общих столбцов.",
        ("ЦФО|45000000", "|", "|"),
        aliases=("Регион",),
    ),
    Column(
        "regions.price",
        "Цена региона",
        "Цена с НДС в этом регионе.",
        ("130.00|", "|", "|"),
        Need.NO,
        (
            "Цена в регионе",
            "Цена для региона",
            "Региональная цена",
            "Цена с НДС региона",
            "Цена, регион",
        ),
    ),
    Column(
        "regions.price_without_nds",
        "Цена без НДС региона",
        "Цена без НДС в этом регионе.",
        ("|", "|", "|"),
        Need.NO,
        (
            "Цена без НДС в регионе",
            "Цена без НДС для региона",
            "Региональная цена без НДС",
            "Цена без НДС, регион",
        ),
    ),
    Column(
        "regions.available",
        "Наличие товара региона",
        f"Наличие в этом регионе: {_STOCK_WORDS}.",
        (
            "|точное количество",
            "|",
            "|",
        ),
        Need.NO,
        ("Наличие товара в регионе", "Наличие региона", "Наличие в регионе", "Наличие для региона"),
        ("|count", "|", "|"),
    ),
    Column(
        "regions.quantity",
        "Количество товара региона",
        "Остаток в этом регионе.",
        ("|200", "|", "|"),
        Need.NO,
        (
            "Количество товара в регионе",
            "Количество региона",
            "Количество в регионе",
            "Остаток региона",
            "Остаток в регионе",
        ),
    ),
    Column(
        "regions.delivery_time",
        "Срок поставки региона",
        "Срок поставки в этот регион, дней.",
        ("7|", "|", "|"),
        Need.NO,
        (
            "Срок поставки в регион",
            "Срок поставки в регионе",
            "Срок поставки для региона",
        ),
    ),
    Column(
        "position_codes",
        "Код позиции закупщика",
        "Позиции справочника закупщика (ЕНС, ОЗМ, GID) через запятую.",
        ("100200,100201", "", ""),
        aliases=(
            *("Код позиции", "Номер позиции", "Идентификатор позиции", "ЕНС", "Номер ЕНС", "Код ЕНС", "ОЗМ"),
            *("Номер ОЗМ", "Код ОЗМ", "GID", "Номер GID", "Код GID", "idToImport"),
        ),
    ),
    Column(
        "analog_gid",
        "Аналог GID/ЕНС/ОЗМ",
        "Позиции справочника закупщика, которым товар — аналог, через запятую.",
        ("", "", ""),
        aliases=(
            "Аналог GID/ Аналог ЕНС/ Аналог ОЗМ и т.д.",
            "Аналог GID",
            "Аналог ЕНС",
            "Аналог ОЗМ",
            "Код аналога",
            "Код аналога позиции закупщика",
            "analogGID",
        ),
    ),
    Column(
        "gid",
        "Код позиции закупщика для РА",
        "Код позиции закупщика для рамочных соглашений.",
        ("", "", ""),
        aliases=("GID для РА", "Код для РА"),
    ),
    Column(
        "stock_class",
        "Класс остатка",
        "Для дистрибьюторов: для маркетплейсов, для интернет-магазинов или цена по запросу.",
        ("", "", ""),
        aliases=("Класс остатков", "stock_class"),
    ),
    Column(
        "rrp",
        "РРЦ",
        "Рекомендованная розничная цена: ниже неё товар класса «для интернет-магазинов» не продаётся.",
        ("", "", ""),
        aliases=("Рекомендованная розничная цена", "Цена РРЦ", "rrp"),
    ),
    Column(
        "stock_marketplace",
        "Остаток для маркетплейсов",
        "Для дистрибьюторов: остаток этого класса.",
        ("", "", ""),
        aliases=("Остатки для маркетплейсов", "stock_marketplace"),
    ),
    Column(
        "stock_online_store",
        "Остаток для интернет-магазинов",
        "Для дистрибьюторов: остаток этого класса.",
        ("", "", ""),
        aliases=("Остатки для интернет-магазинов", "stock_online_store"),
    ),
    Column(
        "stock_on_request",
        "Остаток по запросу",
        "Для дистрибьюторов: остаток, цена которого сообщается по запросу.",
        ("", "", ""),
        aliases=("Остатки по запросу", "stock_on_request"),
    ),
)

# Raw columns that tables have no column for: other tags for what one column says here.
XML_ONLY = frozenset({"type_prefix", "unit_name", "nds", "count", "stock_quantity"})

# How issues name each raw column of a table; a numbered column without a number is meant in general.
HEADERS: dict[str, str] = {
    **{column.raw: column.titled("N") for column in COLUMNS},
    "pictures": next(column.header for column in COLUMNS if column.group == "pictures"),
    "params": next(column.titled("N") for column in COLUMNS if column.raw == "params.name"),
}


@dataclass(frozen=True)
class Found:
    """What a header says: its column, the number that it gives to a characteristic or region, and how it is written.

    Attributes:
        own: it is our own header or the one that the link names, not an alias.
    """

    column: Column
    number: int | None
    own: bool


_NUMBER_TEMPLATE = re.compile(r"\d*\s*1\s*(\.\.\.?|…|-)\s*n\s*$", re.IGNORECASE)
_NUMBERED = re.compile(r"([^\d]*)(\d{1,6})([^\d]*)")


class Headers:
    """Recognises headers; `renamed` says which raw columns this supplier writes under a header of its own."""

    def __init__(self, renamed: Mapping[str, str] | None = None) -> None:
        renamed = renamed or {}
        self._plain: dict[str, tuple[Column, bool]] = {}
        for column in COLUMNS:
            if column.raw in renamed:
                continue
            for spelling in column.aliases:
                self._plain.setdefault(folded(spelling), (column, False))
        for column in COLUMNS:
            if column.raw not in renamed:
                self._plain[folded(column.header)] = (column, True)
        by_raw = {column.raw: column for column in COLUMNS}
        self._plain |= {folded(header): (by_raw[raw], True) for raw, header in renamed.items() if raw in by_raw}

    def find(self, header: str) -> Found | None:
        """What a header means; None when nobody knows it."""
        spelling = folded(_NUMBER_TEMPLATE.sub("", header))
        plain = self._plain.get(spelling)
        if plain is not None:
            return Found(plain[0], None, plain[1])
        match = _NUMBERED.fullmatch(spelling)
        if match is None:
            return None
        plain = self._plain.get(match[1] + match[3])
        if plain is None or plain[0].group is None:
            return None
        return Found(plain[0], int(match[2]), plain[1])


def folded(header: str) -> str:
    """A header as headers are compared: small letters and digits, ё as е, nothing else."""
    text = unicodedata.normalize("NFKC", header.replace("№", " ")).casefold().replace("ё", "е")
    return "".join(c for c in text if c.isalnum())
