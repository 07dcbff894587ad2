"""A seeded generator of YML feeds as this platform's suppliers send them.

Every offer is made by a random generator of its own, seeded by the feed's seed and the offer's number, so two feeds of
one seed are equal byte for byte, and a feed made with `mutate` differs from the plain one in exactly the chosen offers
and in its date, which is an hour later.

    python -m benchmarks.generate --megabytes 300 --encoding windows-1251 --seed 1 feed.yml
    python -m benchmarks.generate --megabytes 300 --seed 1 --mutate 0.01 next.yml
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape, quoteattr

ENCODINGS = ("utf-8", "windows-1251")
PARAM_NAMES = 2_000
ROOM = 100_000

_GOODS = (
    "Кабель силовой", "Автоматический выключатель", "Перчатки нитриловые", "Бумага офисная", "Подшипник шариковый",
    "Насос центробежный", "Кресло офисное", "Светильник светодиодный", "Труба стальная", "Краска фасадная",
    "Дрель ударная", "Картридж лазерный", "Кран шаровой", "Провод установочный", "Костюм рабочий",
)  # fmt: skip
_VENDORS = (
    "ООО «Завод»",
    "ТД Ромашка",
    "Электромаш",
    "Bosch",
    "ABB",
    "Северсталь",
    "ПромСнаб & Ко",
    "Schneider",
    "КЭАЗ",
)
_WORDS = (
    "надёжный", "прочный", "предназначен", "для", "промышленных", "помещений", "поставляется", "в", "комплекте",
    "изготовлен", "из", "нержавеющей", "стали", "соответствует", "ГОСТ", "рабочая", "температура", "до", "градусов",
    "гарантия", "производителя", "устойчив", "к", "влаге", "и", "пыли", "упаковка", "картон", "материал", "корпус",
    "монтаж", "на", "стену", "напряжение", "сети", "220", "вольт", "мощность", "кВт", "класс", "защиты", "IP65",
)  # fmt: skip
_QUALITIES = (
    "Длина", "Ширина", "Высота", "Масса", "Цвет", "Материал", "Мощность", "Напряжение", "Диаметр", "Толщина", "Объём",
    "Давление", "Температура", "Класс", "Серия", "Тип", "Стандарт", "Покрытие", "Частота", "Ток",
)  # fmt: skip
_PARTS = (
    "корпуса", "изделия", "кабеля", "упаковки", "рукоятки", "основания", "провода", "двигателя", "резьбы", "панели",
)  # fmt: skip
_UNITS = (
    ("796", "шт"), ("166", "кг"), ("006", "м"), ("055", "м2"), ("112", "л"), ("839", "компл"), ("778", "упак"),
)  # fmt: skip
_PARAM_UNITS = ("мм", "см", "м", "кг", "г", "В", "Вт", "кВт", "А", "л", "", "")
_VALUES = ("чёрный", "белый", "сталь", "пластик", "да", "нет", "оцинкованное", "промышленный", "россия", "медь")
_REGIONS = (
    "ЦФО", "СЗФО", "УФО", "ПФО", "45000000", "40000000", "46000000", "65000000", "36701000", "40301000", "40302000",
)  # fmt: skip


def param_name(number: int) -> str:
    """One of the `PARAM_NAMES` distinct names of characteristics; low numbers are meant to be frequent."""
    quality = _QUALITIES[number % len(_QUALITIES)]
    rest = number // len(_QUALITIES)
    if not rest:
        return quality
    return f"{quality} {_PARTS[rest % len(_PARTS)]}" + (f" {rest // len(_PARTS)}" if rest >= len(_PARTS) else "")


def offer_xml(seed: int, number: int, change: str | None = None) -> str:
    """One offer; `change` is None, "price" or "description"."""
    random = Random(f"{seed}/{number}")
    goods, vendor = random.choice(_GOODS), random.choice(_VENDORS)
    model = f"{random.choice('АБВГКМНПРСТ')}{random.choice('АВЕКМНОРСТ')}-{random.randrange(10, 10_000)}"
    code, unit = random.choice(_UNITS)
    price = random.randrange(1_000, 9_000_000)
    text = " ".join(random.choices(_WORDS, k=115)).capitalize()
    if change == "price":
        price += 100
    elif change == "description":
        text += " Новая партия."
    name = f"{goods} {model} {random.choice(_WORDS)} {random.choice(_WORDS)}"
    quantity = random.randrange(0, 5_000)
    lines = [
        f'<offer id="SKU-{seed % 1000:03d}-{number:08d}" available="count">',
        f"<name>{escape(name)}</name>",
        f"<url>https://supplier.example/catalog/item-{number}/?from=feed&amp;id={number}</url>",
        f"<price>{_money(price)}</price>",
        f"<price_without_nds>{_money((price * 100 + 60) // 120)}</price_without_nds>",
        "<vat>20</vat>",
        "<currencyId>RUR</currencyId>",
        f"<categoryId>{random.randrange(1, 400)}</categoryId>",
        *(f"<picture>https://supplier.example/img/{number}_{i}.jpg</picture>" for i in range(random.randrange(1, 4))),
        f"<vendor>{escape(vendor)}</vendor>",
        f"<vendorCode>{model}/{number % 97}</vendorCode>",
        f"<model>{model}</model>",
        f"<description><![CDATA[<p>{text}.</p>]]></description>",
        f"<unitOkei>{code}</unitOkei>",
        f"<units>{unit}</units>",
        f"<quantity>{quantity}</quantity>",
        f"<delivery_time>{random.randrange(1, 30)}</delivery_time>",
        f"<weight>{random.randrange(1, 90_000) / 1000:g}</weight>",
        f"<dimensions>{random.randrange(1, 200)}/{random.randrange(1, 200)}/{random.randrange(1, 200)}</dimensions>",
        f"<barcode>46{random.randrange(10**11):011d}</barcode>",
    ]
    for name_number in sorted(_param_numbers(random)):
        param_unit = random.choice(_PARAM_UNITS)
        value = str(random.randrange(1, 5_000) / 10) if param_unit else random.choice(_VALUES)
        unit_attribute = f" unit={quoteattr(param_unit)}" if param_unit else ""
        lines.append(f"<param name={quoteattr(param_name(name_number))}{unit_attribute}>{value}</param>")
    if random.random() < 0.25:
        lines.append("<regions>")
        lines += [
            f'<region id="{region}"><price>{_money(price + random.randrange(0, 100_000))}</price>'
            f"<quantity>{random.randrange(0, 500)}</quantity>"
            f"<delivery_time>{random.randrange(1, 40)}</delivery_time></region>"
            for region in random.sample(_REGIONS, random.randrange(1, 5))
        ]
        lines.append("</regions>")
    lines.append("</offer>\n")
    return "\n".join(lines)


def _param_numbers(random: Random) -> set[int]:
    """About ten distinct names; a few are frequent and most are rare."""
    return {int(PARAM_NAMES * random.random() ** 3) for _ in range(random.randrange(6, 16))}


def _money(kopecks: int) -> str:
    return f"{kopecks // 100}.{kopecks % 100:02d}"


def feed(
    seed: int, *, encoding: str, bytes_wanted: int | None, offers_wanted: int | None, mutate: float = 0.0
) -> Iterator[bytes]:
    """A whole feed in parts, until it has the wanted number of offers or bytes.

    `mutate` is the share of offers that differ from the plain feed of the same seed: of them 70 % have another price,
    10 % another description, 10 % are missing, and 10 % are followed by a new offer.
    """
    size = 0
    header = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<!DOCTYPE yml_catalog SYSTEM "shops.dtd">\n'
        f'<yml_catalog date="2026-01-15 {13 if mutate else 12}:00">\n<shop>\n'
        "<name>Поставщик</name>\n<company>ООО «Поставщик»</company>\n"
        '<url>https://supplier.example/</url>\n<currencies><currency id="RUR" rate="1"/></currencies>\n<categories>\n'
    )
    header += "".join(f'<category id="{i}">Категория {i}</category>\n' for i in range(1, 400))
    yield (header + "</categories>\n<offers>\n").encode(encoding)
    number = 0
    while (offers_wanted is None or number < offers_wanted) and (bytes_wanted is None or size < bytes_wanted):
        plain = offer_xml(seed, number).encode(encoding)
        size += len(plain)  # the plain feed decides where to stop, so that a mutated one covers the same offers
        choice = Random(f"{seed}/{number}/change").random()
        if choice >= mutate:
            yield plain
        elif choice < 0.7 * mutate:
            yield offer_xml(seed, number, "price").encode(encoding)
        elif choice < 0.8 * mutate:
            yield offer_xml(seed, number, "description").encode(encoding)
        elif choice < 0.9 * mutate:
            yield plain
            yield offer_xml(seed, number + 50_000_000).encode(encoding)
        number += 1
    yield "</offers>\n</shop>\n</yml_catalog>\n".encode(encoding)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--megabytes", type=float, help="size of the feed, 10^6 bytes")
    wanted.add_argument("--offers", type=int)
    parser.add_argument("--encoding", choices=ENCODINGS, default="utf-8")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutate", type=float, default=0.0, help="share of offers that differ from the plain feed")
    arguments = parser.parse_args()
    # Header, last offer and changed offers come on top: a feed of 300 MB must not be larger than F3 lets through.
    bytes_wanted = int(arguments.megabytes * 1_000_000) - ROOM if arguments.megabytes else None
    with arguments.out.open("wb") as out:
        for part in feed(
            arguments.seed,
            encoding=arguments.encoding,
            bytes_wanted=bytes_wanted,
            offers_wanted=arguments.offers,
            mutate=arguments.mutate,
        ):
            out.write(part)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
