"""CommerceML as raw offers: the element map, section by section (F7, O1-O15 of `research/formats.md` 3.2)."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import SupplierError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import RAW_SCHEMA, FeedFormat, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse import parse, short_key
from pipelines.parse.commerceml.item import ELEMENTS_LIMIT
from pipelines.parse.commerceml.price_types import TYPES_LIMIT
from pipelines.parse.commerceml.sections import DIRECTORY_LIMIT
from pipelines.parse.document import RECORD_BYTES_LIMIT
from pipelines.parse.tags import DISTINCT_TAGS_LIMIT

Parsed = tuple[ParseResult, list[dict[str, Any]]]
Read = Callable[..., Parsed]
Refuse = Callable[..., SupplierError]

GUID = "018d777d-9094-11ec-a2ff-04421a23d8e8"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Parse a document given by the content of its root; settings of the link as keywords."""

    def run(content: str, *, given: list[str] | None = None, encoding: str = "utf-8", **settings: Any) -> Parsed:
        out = tmp_path / "raw_offers.parquet"
        keys = None
        if given is not None:
            keys = tmp_path / "given.parquet"
            pq.write_table(pa.table({"external_id": given}), keys)
        data = document(content, encoding)
        result = parse(lambda: io.BytesIO(data), out, options=LinkOptions(**settings), given_keys=keys)
        table = pq.read_table(out)
        assert table.schema.equals(RAW_SCHEMA)
        rows = table.to_pylist()
        assert result.format is FeedFormat.COMMERCEML
        assert result.read == len(rows)
        assert [r["ordinal"] for r in rows] == list(range(len(rows)))
        assert {p.name for p in tmp_path.iterdir()} <= {out.name, "given.parquet", "refused"}
        assert {i.code for i in result.issues} <= set(ISSUE_CODES)
        return result, rows

    return run


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """Parse a document that must be rejected whole; nothing may be left behind."""
    folder = tmp_path / "refused"
    folder.mkdir()

    def run(content: str, **settings: Any) -> SupplierError:
        data = document(content)
        with pytest.raises(SupplierError) as caught:
            parse(lambda: io.BytesIO(data), folder / "raw_offers.parquet", options=LinkOptions(**settings))
        assert list(folder.iterdir()) == []
        assert caught.value.code in ISSUE_CODES
        return caught.value

    return run


def document(content: str, encoding: str = "utf-8") -> bytes:
    """The declaration is on line 1, the content begins on line 2."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><КоммерческаяИнформация ВерсияСхемы="2.08">\n{content}'
    return f"{text}</КоммерческаяИнформация>".encode(encoding)


def catalogue(*goods: str, attributes: str = "") -> str:
    return f"<Каталог {attributes}><Ид>k</Ид><Товары>{''.join(goods)}</Товары></Каталог>"


def package(*offers: str, attributes: str = "", before: str = "") -> str:
    listed = f"<Предложения>{''.join(offers)}</Предложения>"
    return f"<ПакетПредложений {attributes}><Ид>k#</Ид>{before}{listed}</ПакетПредложений>"


def goods(content: str, key: str = "1", attributes: str = "") -> str:
    return f"<Товар {attributes}><Ид>{key}</Ид>{content}</Товар>"


def offer(content: str = "", key: str = "1") -> str:
    return f"<Предложение><Ид>{key}</Ид>{content}</Предложение>"


def price(value: str, kind: str = "a", more: str = "") -> str:
    return f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу>{more}</Цена>"


def prices(*each: str) -> str:
    return f"<Цены>{''.join(each)}</Цены>"


def price_types(*each: tuple[str, str], more: str = "") -> str:
    listed = "".join(f"<ТипЦены><Ид>{k}</Ид><Наименование>{n}</Наименование>{more}</ТипЦены>" for k, n in each)
    return f"<ТипыЦен>{listed}</ТипыЦен>"


def classifier(*sections: str) -> str:
    return f"<Классификатор>{''.join(sections)}</Классификатор>"


def named(container: str, element: str, *pairs: tuple[str, str]) -> str:
    listed = "".join(
        f"<{element}><Наименование>{n}</Наименование><Значение>{v}</Значение></{element}>" for n, v in pairs
    )
    return f"<{container}>{listed}</{container}>"


def requisites(*pairs: tuple[str, str]) -> str:
    return named("ЗначенияРеквизитов", "ЗначениеРеквизита", *pairs)


def characteristics(*pairs: tuple[str, str]) -> str:
    return named("ХарактеристикиТовара", "ХарактеристикаТовара", *pairs)


def issues(result: ParseResult) -> dict[str, tuple[str | None, str | None]]:
    """What is said of the exchange: code -> (sent, published)."""
    return {i.code: (i.sent, i.published) for i in result.issues}


def params(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(p["name"], p["value"]) for p in row["params"]]


def one(read: Read, good: str = "", its_offer: str = "", before: str = "", **settings: Any) -> dict[str, Any]:
    """The only offer of an exchange of one goods."""
    return read(before + catalogue(goods(good)) + package(offer(its_offer)), **settings)[1][0]


# --- sections ---------------------------------------------------------------------------------------------------------

SECTIONS = {
    "classifier": classifier("<Свойства><Свойство><Ид>p</Ид><Наименование>Цвет</Наименование></Свойство></Свойства>"),
    "catalogue": catalogue(
        goods(
            "<Наименование>Стол</Наименование><ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид>"
            "<Значение>белый</Значение></ЗначенияСвойства></ЗначенияСвойств>"
        )
    ),
    "package": package(offer(prices(price("5"))), before=price_types(("a", "Розница"))),
    "changes": f"<ИзмененияПакетаПредложений><Предложения>{offer('<Количество>7</Количество>')}</Предложения>"
    "</ИзмененияПакетаПредложений>",
}


@pytest.mark.parametrize("order", [list(SECTIONS), list(reversed(SECTIONS))], ids=["usual", "reversed"])
def test_sections_come_in_any_order(read: Read, order: list[str]) -> None:
    result, (row,) = read("".join(SECTIONS[name] for name in order))
    assert (row["name"], row["price"], row["quantity"], params(row)) == ("Стол", "5", "7", [("Цвет", "белый")])
    assert result.delta


def test_F7_any_namespace(read: Read) -> None:
    with pytest.raises(SupplierError):  # what is wrong with one file says nothing of the next
        read(catalogue("<a></b>"))
    content = catalogue(goods("<Наименование>x</Наименование>")) + package(offer(prices(price("5"))))
    plain = read(content)[1]
    for namespace in ("urn:1C.ru:commerceml_210", "urn:1C.ru:commerceml 2"):
        spaced = content.replace("<Каталог", f"<Каталог xmlns='{namespace}'").replace(
            "<ПакетПредложений", f"<ПакетПредложений xmlns='{namespace}'"
        )
        assert read(spaced)[1] == plain


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "koi8-r", "utf-16"])
def test_F6_any_encoding(read: Read, encoding: str) -> None:
    content = catalogue(goods("<Наименование>Стол письменный</Наименование>")) + package(offer(prices(price("5"))))
    result, (row,) = read(content, encoding=encoding)
    assert (row["name"], result.encoding) == ("Стол письменный", encoding)


def test_F6_windows_1251_declared_as_utf_8_is_proven_and_bytes_before_the_root_are_skipped(tmp_path: Path) -> None:
    content = catalogue(goods("<Наименование>Стол письменный</Наименование>")) + package(offer())
    data = b"<b>Notice</b>\n" + document(content).decode().encode("windows-1251").partition(b"?>")[2]
    result = parse(lambda: io.BytesIO(data), tmp_path / "out.parquet")
    assert {i.code for i in result.issues} == {"leading_bytes_skipped", "encoding_overridden"}
    assert pq.read_table(tmp_path / "out.parquet")["name"].to_pylist() == ["Стол письменный"]


def test_lines_are_those_of_each_value(read: Read) -> None:
    content = catalogue(
        goods(
            "\n<Наименование>a</Наименование>\n<Картинка>http://x.ru/1.jpg</Картинка>\n"
            "<ЗначенияРеквизитов>\n<ЗначениеРеквизита><Наименование>Вес</Наименование>\n<Значение>2</Значение>"
            "</ЗначениеРеквизита></ЗначенияРеквизитов>"
            + characteristics(("Цвет", "\nбелый"))
        )
    ) + package("\n" + offer(f"\n<Цены>\n{price('5')}</Цены>\n<Количество>3</Количество>"))  # fmt: skip
    row = read(content)[1][0]
    assert (row["line"], row["name_line"], row["pictures"][0]["line"], row["weight_line"]) == (9, 3, 4, 7)
    assert (row["price_line"], row["quantity_line"], row["params"][0]["line"]) == (11, 12, 7)


def test_spellings_are_those_of_the_format(read: Read) -> None:
    spellings = read(package(offer()))[0].spellings
    assert (spellings["sku"], spellings["price"], spellings["quantity"]) == ("Артикул", "ЦенаЗаЕдиницу", "Количество")


def test_unknown_elements_are_counted_and_known_ones_are_not(read: Read) -> None:
    known = "<Штрихкод>1</Штрихкод><НомерВерсии/><Страна>Россия</Страна>"
    result, _ = read(
        catalogue(goods(f"{known}<Новинка>да</Новинка>"), goods("\n<Новинка/>", "2")) + package(offer(), offer("", "2"))
    )
    assert [(i.code, i.field, i.sent, i.line) for i in result.issues] == [("unknown_tags", "Новинка", "2", 2)]


# --- O1 ---------------------------------------------------------------------------------------------------------------


def test_O1_a_short_key_is_stable_and_fits_an_article() -> None:
    assert short_key(f"{GUID}#{GUID}") == "piiozgli2rf6zwlq"
    assert short_key("1") != short_key("2")
    assert len(short_key("x" * 10_000)) == 16
    assert set("".join(short_key(str(i)) for i in range(200))) <= set("abcdefghijklmnopqrstuvwxyz234567")


@pytest.mark.parametrize(
    ("good", "its_offer", "sku"),
    [
        ("<Артикул>A-1</Артикул>", "", "A-1"),
        ("<Артикул>A-1</Артикул>", "<Артикул>B-1</Артикул>", "B-1"),
        ("<Артикул>A-1</Артикул>", "<Артикул/>", "A-1"),
        ("<Артикул>A-1</Артикул>" + requisites(("Код", "7")), "", "A-1"),
        ("<Артикул> </Артикул>" + requisites((" КОД ", "00-07")), "", "00-07"),
        (requisites(("Код", "")), "", short_key("1")),
        ("", "", short_key("1")),
    ],
)
def test_O1_article_then_code_then_short_key(read: Read, good: str, its_offer: str, sku: str) -> None:
    row = one(read, good, its_offer)
    assert (row["sku"], row["external_id"]) == (sku, "1")
    assert row["sku_line"] == 2


def test_O1_a_variant_has_an_article_only_if_it_is_its_own(read: Read) -> None:
    def article(text: str) -> str:
        return f"<Артикул>{text}</Артикул>"

    offers = [
        offer(article("A-1"), "1#a"),  # the goods' own
        offer(article("A-1-b"), "1#b"),
        offer(article("A-1-c"), "1#c"),  # shared with the next
        offer(article("A-1-c"), "1#d"),
        offer("", "1#e"),
        offer(article("A-1-c"), "2#f"),  # of other goods: those are for the rule of duplicates
        offer(requisites(("Код", "K-1")), "1#g"),  # the goods' own
        offer(requisites(("Код", "K-2")), "1#h"),
    ]
    card = goods(article("A-1") + requisites(("Код", "K-1")))
    rows = read(catalogue(card, goods("", "2")) + package(*offers))[1]
    keys = {r["external_id"]: r["sku"] for r in rows}
    short = {key: short_key(key) for key in keys}
    assert keys == {**short, "1#b": "A-1-b", "2#f": "A-1-c", "1#h": "K-2"}


def test_O1_goods_listed_as_variants_have_their_own_card_first(read: Read) -> None:
    """Some exports list each variant among the goods, with the whole Ид."""
    cards = [
        goods("<Артикул>A</Артикул><Наименование>Стол</Наименование><Описание>Об обоих</Описание>"),
        goods("<Артикул>A-w</Артикул><Наименование>Стол белый</Наименование>", "1#w"),
    ]
    row = read(catalogue(*cards) + package(offer("", "1#w")))[1][0]
    assert (row["sku"], row["name"], row["description"]) == ("A-w", "Стол белый", "Об обоих")


def test_O1_a_short_key_that_was_given_is_kept(read: Read) -> None:
    content = catalogue(goods("<Артикул>A-1</Артикул>"), goods("<Артикул>A-2</Артикул>", "2"))
    rows = read(content + package(offer(), offer("", "2")), given=["1", "gone"])[1]
    assert [r["sku"] for r in rows] == [short_key("1"), "A-2"]


@pytest.mark.parametrize(
    ("sent", "key"),
    [("321", "321"), (" a ", "a"), ("#a", "a"), ("a#", "a"), ("a#b", "a#b"), ("#a#b#", "a#b"), ("яя9", "яя9")],
)
def test_keys_are_joined_whatever_stands_around_them(read: Read, sent: str, key: str) -> None:
    content = catalogue(goods("<Наименование>x</Наименование>", key.partition("#")[0])) + package(offer("", sent))
    row = read(content)[1][0]
    assert (row["external_id"], row["name"]) == (key, "x")


def test_an_offer_without_a_key_is_an_offer_without_an_article(read: Read) -> None:
    nameless = "<Предложение><Наименование>x</Наименование></Предложение>"
    rows = read(package(nameless, nameless) + package(nameless))[1]
    assert [(r["sku"], r["external_id"], r["name"]) for r in rows] == [(None, None, "x")] * 3


def test_a_variant_may_be_named_beside_its_goods(read: Read) -> None:
    change = "<ИзмененияПакетаПредложений><Предложения>"
    change += "<Предложение><Ид>1</Ид><ИдХарактеристики>a</ИдХарактеристики><Количество>3</Количество></Предложение>"
    change += "</Предложения></ИзмененияПакетаПредложений>"
    (row,) = read(package(offer("<Наименование>x</Наименование>", "1#a")) + change)[1]
    assert (row["external_id"], row["name"], row["quantity"]) == ("1#a", "x", "3")


# --- O3, O4, O12: texts -----------------------------------------------------------------------------------------------


def test_O3_the_name_of_a_variant_beats_that_of_the_goods(read: Read) -> None:
    name = "<Наименование>Стол</Наименование>"
    assert one(read, name, "<Наименование>Стол (белый)</Наименование>")["name"] == "Стол (белый)"
    assert one(read, name, "<Наименование> </Наименование>")["name"] == "Стол"
    assert one(read, "<Наименование/><ПолноеНаименование>Стол большой</ПолноеНаименование>")["name"] == "Стол большой"
    assert one(read, requisites(("Полное наименование", "Стол")))["name"] == "Стол"
    assert one(read)["name"] is None
    assert one(read, "<Наименование/>")["name"] == ""


def test_O4_description(read: Read) -> None:
    html = requisites(("ОписаниеВФорматеHTML", "&lt;p&gt;a&lt;/p&gt;"))
    assert one(read, f"<Описание>текст <b>да</b></Описание>{html}")["description"] == "текст <b>да</b>"
    assert one(read, f"<Описание/>{html}")["description"] == "<p>a</p>"


BRANDS = classifier(
    "<Свойства><Свойство><Ид>b</Ид><Наименование>Бренд</Наименование><ТипЗначений>Справочник</ТипЗначений>"
    f"<ВариантыЗначений><Справочник><ИдЗначения>{GUID}</ИдЗначения><Значение>Espado</Значение></Справочник>"
    "</ВариантыЗначений></Свойство></Свойства>"
)
BRANDED = (
    f"<ЗначенияСвойств><ЗначенияСвойства><Ид>b</Ид><Значение>{GUID}</Значение></ЗначенияСвойства></ЗначенияСвойств>"
)
MAKER = "<Изготовитель><Ид>1</Ид><Наименование>Завод в Китае</Наименование></Изготовитель>"


@pytest.mark.parametrize(
    ("good", "vendor"),
    [
        (f"<ТорговаяМарка>A</ТорговаяМарка>{requisites(('Производитель', 'B'))}{MAKER}", "A"),
        (f"<ТорговаяМарка/>{requisites(('Производитель', 'B'))}{MAKER}", "B"),
        (requisites(("Бренд", GUID)) + MAKER, "Espado"),
        (requisites(("Бренд", GUID.replace("0", "1"))) + MAKER, "Завод в Китае"),
        (BRANDED + MAKER, "Espado"),
        (MAKER, "Завод в Китае"),
        ("", None),
    ],
)
def test_O12_vendor_is_the_brand_and_only_then_the_factory(read: Read, good: str, vendor: str | None) -> None:
    row = one(read, good, before=BRANDS)
    assert row["vendor"] == vendor
    assert (row["vendor_line"] is None) == (vendor is None)


def test_O12_article_of_the_maker_and_model(read: Read) -> None:
    row = one(read, "<Артикул>A-1</Артикул><Модель>M</Модель>")
    assert (row["sku"], row["vendor_code"], row["model"]) == ("A-1", None, "M")
    of_maker = requisites(("Артикул производителя", "M-1"))
    assert one(read, f"<Артикул>A-1</Артикул>{of_maker}")["vendor_code"] == "M-1"
    shared = read(catalogue(goods("\n<Артикул>A-1</Артикул>")) + package(offer("", "1#a")))[1][0]
    assert (shared["sku"], shared["vendor_code"], shared["vendor_code_line"]) == (short_key("1#a"), "A-1", 3)


# --- O5: units --------------------------------------------------------------------------------------------------------

UNITS = classifier(
    "<ЕдиницыИзмерения>"
    "<ЕдиницаИзмерения><Ид>796 </Ид><Код>796 </Код><НаименованиеКраткое>шт</НаименованиеКраткое>"
    "<НаименованиеПолное>Штука     </НаименованиеПолное></ЕдиницаИзмерения>"
    "<ЕдиницаИзмерения><Ид>u-704</Ид><Код>704</Код><НаименованиеКраткое>набо</НаименованиеКраткое>"
    "<НаименованиеПолное>набор</НаименованиеПолное></ЕдиницаИзмерения>"
    "<ЕдиницаИзмерения><Ид>839</Ид><Код/><НаименованиеКраткое/><НаименованиеПолное>комплект</НаименованиеПолное>"
    "</ЕдиницаИзмерения></ЕдиницыИзмерения>"
)


@pytest.mark.parametrize(
    ("unit", "code", "name"),
    [
        ("<БазоваяЕдиница Код='796' НаименованиеПолное='Штука'>шт</БазоваяЕдиница>", "796", "шт"),
        ("<БазоваяЕдиница Код='796' НаименованиеКраткое='шт' НаименованиеПолное='Штука'/>", "796", "шт"),
        ("<БазоваяЕдиница Код='796' НаименованиеПолное='Штука'/>", "796", "Штука"),
        ("<БазоваяЕдиница>шт<Пересчет><Единица>2</Единица></Пересчет></БазоваяЕдиница>", None, "шт"),
        ("<БазоваяЕдиница>796 </БазоваяЕдиница>", "796 ", "шт"),
        ("<БазоваяЕдиница>704</БазоваяЕдиница>", "704", "набор"),
        ("<БазоваяЕдиница>839</БазоваяЕдиница>", "839", "комплект"),
        ("<БазоваяЕдиница>2009</БазоваяЕдиница>", "2009", None),
        ("<БазоваяЕдиница/>", None, None),
        ("<КодЕдиницыИзмерения>796</КодЕдиницыИзмерения>", "796", "шт"),
    ],
)
def test_O5_unit_by_code_and_name(read: Read, unit: str, code: str | None, name: str | None) -> None:
    row = one(read, unit, before=UNITS)
    assert (row["unit_okei"], row["units"]) == (code, name)
    assert (row["units_line"] is None) == (name is None and code is None)


def test_O5_the_unit_of_the_price_where_nothing_else_is_said(read: Read) -> None:
    in_pieces = prices(price("5", more="<Единица>шт</Единица><Коэффициент>1</Коэффициент>"))
    in_packs = prices(price("5", more="<Единица>упак</Единица><Коэффициент>10</Коэффициент>"))
    assert one(read, "", in_pieces)["units"] == "шт"
    assert one(read, "", in_packs)["units"] is None
    assert one(read, "<БазоваяЕдиница Код='166'/>", in_pieces)["units"] is None


# --- O6, O7, O8: prices -----------------------------------------------------------------------------------------------

TYPES = price_types(("a", "Розничная"), ("b", "Оптовая "), ("c", "РРЦ"))
SEVERAL = prices(price("1", "c"), price("2", "b"), price("3", "a"))


def test_O6_the_only_type_of_prices_is_taken(read: Read) -> None:
    content = package(offer(prices(price("5", "b"), price("", "c"))), before=TYPES)
    assert read(content)[1][0]["price"] == "5"
    assert read(package(offer(prices("<Цена><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>"))))[1][0]["price"] == "5"


@pytest.mark.parametrize("setting", ["b", "Оптовая", " оптовая ", "ОПТОВАЯ"])
def test_O6_a_type_is_chosen_by_name_or_key(read: Read, setting: str) -> None:
    row = read(package(offer(SEVERAL), before=TYPES), price_type=setting)[1][0]
    assert row["price"] == "2"
    assert row["repeated"] == []


def test_O6_several_types_and_none_chosen(refuse: Refuse) -> None:
    error = refuse(package(offer(SEVERAL), before=TYPES))
    assert error.code == "price_type_not_chosen"
    assert error.detail == "«РРЦ» (c), «Оптовая» (b), «Розничная» (a)"
    assert refuse(package(offer(SEVERAL))).detail == "c, b, a"


def test_O6_an_unknown_type_names_those_found(refuse: Refuse) -> None:
    error = refuse(package(offer(SEVERAL), before=TYPES), price_type="Закупка")
    assert error.code == "price_type_unknown"
    assert error.detail == ("price_type = «Закупка»; в файле есть: «Розничная» (a), «Оптовая» (b), «РРЦ» (c)")
    assert (
        refuse(package(offer(SEVERAL), before=TYPES), price_type="a", rrp_price_type="x").code == "price_type_unknown"
    )


def test_O6_two_types_of_one_name(read: Read, refuse: Refuse) -> None:
    types = price_types(("a", "Опт"), ("b", "Опт"), ("c", "РРЦ"))
    assert refuse(package(offer(SEVERAL), before=types), price_type="опт").detail == "«Опт» (a), «Опт» (b)"
    only = package(offer(prices(price("1", "c"), price("2", "b"))), before=types)
    assert read(only, price_type="Опт")[1][0]["price"] == "2"


def test_O6_no_prices_at_all_need_no_choice(read: Read) -> None:
    assert read(package(offer("<Количество>1</Количество>")), price_type="Опт")[1][0]["price"] is None


def test_O6_the_list_of_types_is_bounded(refuse: Refuse) -> None:
    many = prices(*(price("1", f"type {i}") for i in range(TYPES_LIMIT)))
    detail = refuse(package(offer(many))).detail or ""
    assert detail.endswith(f"и ещё {TYPES_LIMIT - 20}")
    assert refuse(package(offer(many), offer(prices(price("1", "more")), "2"))).code == "xml_limit"


def test_S3_the_recommended_price_is_a_type_of_its_own(read: Read) -> None:
    row = read(package(offer(SEVERAL), before=TYPES), price_type="Розничная", rrp_price_type="ррц")[1][0]
    assert (row["price"], row["rrp"]) == ("3", "1")


def tax(included: str, name: str = "НДС") -> str:
    return f"<Налог><Наименование>{name}</Наименование><УчтеноВСумме>{included}</УчтеноВСумме></Налог>"


@pytest.mark.parametrize(
    ("of_price", "of_type", "column"),
    [
        (tax("true"), tax("false"), "price"),
        (tax("false"), tax("true"), "price_without_nds"),
        ("", tax("false"), "price_without_nds"),
        ("", tax("1"), "price"),
        ("", tax("Да"), "price"),
        ("", tax("Истина"), "price"),
        ("", tax("нет"), "price_without_nds"),
        (tax("false", "Акциз"), tax("true"), "price"),
        ("", "", "price"),
        (tax(""), "", "price"),
    ],
)
def test_O6_whether_vat_is_in_the_sum(read: Read, of_price: str, of_type: str, column: str) -> None:
    row = read(package(offer(prices(price("5", more=of_price))), before=price_types(("a", "A"), more=of_type)))[1][0]
    assert [c for c in ("price", "price_without_nds") if row[c] is not None] == [column]
    assert row[column] == "5"
    assert row[f"{column}_line"] == 2


def test_O6_the_first_price_of_a_type_counts_and_another_one_is_said(read: Read) -> None:
    row = read(package(offer(prices(price(""), price("5"), price("5"), price("6")))))[1][0]
    assert row["price"] == "5"
    assert [(r["field"], r["value"]) for r in row["repeated"]] == [("ЦенаЗаЕдиницу", "6")]


def test_O6_an_empty_price_is_empty_and_words_about_a_price_are_not_read(read: Read) -> None:
    assert read(package(offer(prices(price(" ")))))[1][0]["price"] == " "
    words = "<Цена><Представление>159,4 грн</Представление><ИдТипаЦены>a</ИдТипаЦены></Цена>"
    assert read(package(offer(prices(words))))[1][0]["price"] in (None, "")


@pytest.mark.parametrize(
    ("value", "coefficient", "unit", "sent", "converted"),
    [
        ("1594", "10", "упак", "159.4", "1594 за 10 упак → 159.4"),
        ("1 594,5", "10,0", "упак", "159.45", "1 594,5 за 10,0 упак → 159.45"),
        ("10", "3", "", "3.333333333333333333333333333", "10 за 3 → 3.333333333333333333333333333"),
        ("5", "0.5", "шт", "10", "5 за 0.5 шт → 10"),
        ("5", "1.000", "шт", "5", None),
        ("5", "", "шт", "5", None),
        ("5", "десять", "упак", "5 за десять упак", None),
        ("5", "0", "упак", "5 за 0 упак", None),
        ("5", "-2", "упак", "5 за -2 упак", None),
        ("5", "1e1", "упак", "5 за 1e1 упак", None),
        ("договорная", "2", "упак", "договорная за 2 упак", None),
        ("", "10", "упак", "", None),
    ],
)
def test_O6_a_price_of_several_base_units_is_for_one(
    read: Read, value: str, coefficient: str, unit: str, sent: str, converted: str | None
) -> None:
    more = f"<Единица>{unit}</Единица><Коэффициент>{coefficient}</Коэффициент>"
    result, (row,) = read(package(offer(prices(price(value, more=more)))))
    assert row["price"] == sent
    assert issues(result).get("prices_converted") == (("1", converted) if converted else None)


def test_O7_the_rate_is_that_of_vat(read: Read) -> None:
    def rates(*pairs: tuple[str, str]) -> str:
        listed = "".join(
            f"<СтавкаНалога><Наименование>{n}</Наименование><Ставка>{r}</Ставка></СтавкаНалога>" for n, r in pairs
        )
        return f"<СтавкиНалогов>{listed}</СтавкиНалогов>"

    assert one(read, rates(("Акциз", "5"), ("НДС", "20")))["vat"] == "20"
    assert one(read, rates(("НДС", "Без налога")))["vat"] == "Без налога"
    assert one(read, "<СтавкиНалогов><СтавкаНалога><Ставка>10</Ставка></СтавкаНалога></СтавкиНалогов>")["vat"] == "10"
    assert one(read, rates(("Акциз", "5")))["vat"] is None


def test_O8_currency_of_the_price_then_of_its_type(read: Read) -> None:
    types = price_types(("a", "A"), more="\n<Валюта>USD</Валюта>")
    usd = read(package(offer(prices(price("5"))), before=types))[1][0]
    rub = read(package(offer(prices(price("5", more="<Валюта>руб</Валюта>"))), before=types))[1][0]
    assert (usd["currency"], usd["currency_line"], rub["currency"], rub["currency_line"]) == ("USD", 3, "руб", 3)
    assert read(package(offer(prices(price("5")))))[1][0]["currency"] is None


# --- O10: stock -------------------------------------------------------------------------------------------------------

WAREHOUSES = (
    "<Склады><Склад><Ид>w1</Ид><Наименование>Основной</Наименование></Склад>"
    "<Склад Ид='w2' Наименование='Брак  Склад'/></Склады>"
)


def stock(key: str, amount: str) -> str:
    return f"<Склад ИдСклада='{key}' КоличествоНаСкладе='{amount}'/>"


def rest(key: str, amount: str) -> str:
    return f"<Остаток><Склад><Ид>{key}</Ид><Количество>{amount}</Количество></Склад></Остаток>"


@pytest.mark.parametrize(
    ("content", "quantity"),
    [
        ("<Количество>145.984</Количество>", "145.984"),
        ("<Количество>-3</Количество>", "-3"),
        ("<Количество/>", ""),
        ("", None),
        (stock("w1", "2") + stock("w2", "0.5"), "2.5"),
        (f"<Склады>{stock('w1', '2')}{stock('w2', '3')}</Склады>", "5"),
        ("<Склады ИдСклада='w1' КоличествоНаСкладе='2'/><Склады ИдСклада='w2' КоличествоНаСкладе='3'/>", "5"),
        (f"<Остатки>{rest('w1', '10')}{rest('w2', '1 000')}</Остатки>", "1010"),
        (f"<Остатки>{rest('w1', '0.1')}{rest('w2', '0,2')}</Остатки>", "0.3"),
        (f"<Остатки>{rest('w1', '10')}{rest('w2', '-3')}</Остатки>", "7"),
        (f"<Остатки>{rest('w1', '0')}{rest('w2', '0')}</Остатки>", "0"),
        ("<Остатки><Остаток><Количество>4</Количество></Остаток></Остатки>", "4"),
        ("<Остатки><Остаток><Склад>w1</Склад><Количество>4</Количество></Остаток></Остатки>", "4"),
        (f"<Остатки>{rest('w1', '')}{rest('w2', '3')}</Остатки>", "3"),
        (f"<Остатки>{rest('w1', '')}</Остатки>", None),
        (f"<Остатки>{rest('w1', '&gt;10')}{rest('w2', '3')}</Остатки>", ">10"),
        (f"<Количество>8</Количество>{stock('w1', '2')}", "8"),
        (f"<Количество/>{stock('w1', '2')}", "2"),
        (f"{rest('w1', '5')}", None),
    ],
)
def test_O10_quantity_or_the_sum_of_warehouses(read: Read, content: str, quantity: str | None) -> None:
    row = one(read, "", content)
    assert row["quantity"] == quantity
    assert (row["quantity_line"] is None) == (quantity is None)


@pytest.mark.parametrize("excluded", ["w2", "W2", "брак склад", "w2, Китай"])
def test_O10_warehouses_may_be_left_out_by_key_or_name(read: Read, excluded: str) -> None:
    content = f"<Количество>5</Количество><Остатки>{rest('w1', '2')}{rest('w2', '3')}</Остатки>"
    row = read(package(offer(content), before=WAREHOUSES), exclude_warehouses=excluded)[1][0]
    assert row["quantity"] == "2"


def test_O10_nothing_is_left_where_all_warehouses_are_left_out(read: Read) -> None:
    content = package(
        offer(f"<Остатки>{rest('w2', '3')}</Остатки>"),
        offer("<Количество>5</Количество>", "2"),
        offer(f"<Количество>6</Количество>{stock('w1', '6')}", "3"),
        before=WAREHOUSES,
    )
    assert [r["quantity"] for r in read(content, exclude_warehouses="w2")[1]] == ["0", "5", "6"]


def test_O10_a_warehouse_that_nobody_sends_is_remarked(read: Read) -> None:
    content = package(offer(stock("w1", "2")), before=WAREHOUSES)
    found = issues(read(content, exclude_warehouses="Китай,w2")[0])
    assert found["warehouse_unknown"] == ("Китай", "«Основной» (w1), «Брак  Склад» (w2)")
    assert "warehouse_unknown" not in issues(read(content, exclude_warehouses="w2")[0])


def test_O10_amounts_of_other_sections_are_of_other_warehouses(read: Read) -> None:
    first = package(offer(stock("w1", "2") + stock("w1", "1")))
    same = package(offer(stock("w1", "2")))
    other = package(offer(stock("w2", "10")))
    assert read(first + same + other)[1][0]["quantity"] == "13"


# --- O13: characteristics ---------------------------------------------------------------------------------------------


def prop(key: str, name: str, *values: tuple[str, str]) -> str:
    listed = "".join(
        f"<Справочник><ИдЗначения>{k}</ИдЗначения><Значение>{v}</Значение></Справочник>" for k, v in values
    )
    return (
        f"<Свойство><Ид>{key}</Ид><Наименование>{name}</Наименование>"
        f"<ВариантыЗначений>{listed}</ВариантыЗначений></Свойство>"
    )


def values(*pairs: tuple[str, str]) -> str:
    listed = "".join(f"<ЗначенияСвойства><Ид>{k}</Ид><Значение>{v}</Значение></ЗначенияСвойства>" for k, v in pairs)
    return f"<ЗначенияСвойств>{listed}</ЗначенияСвойств>"


PROPERTIES = classifier(
    f"<Свойства>{prop('p1', 'Цвет', ('1', 'белый'), (GUID, 'чёрный'))}{prop('p2', 'Размер', ('1', 'XL'))}</Свойства>"
)


def test_O13_values_of_properties_and_their_dictionaries(read: Read) -> None:
    content = values(("p1", "1"), ("p2", "1"), ("p1", GUID), ("p2", "своё"), ("p2", ""))
    row = one(read, content, before=PROPERTIES)
    assert params(row) == [
        ("Цвет", "белый"), ("Размер", "XL"), ("Цвет", "чёрный"), ("Размер", "своё"), ("Размер", ""),
    ]  # fmt: skip


def test_O13_older_and_newer_ways_to_declare_a_property(read: Read) -> None:
    declared = classifier(
        "<Свойства><СвойствоНоменклатуры><ТипыЗначений><ТипЗначений><Тип>Справочник</Тип><ВариантыЗначений>"
        "<ВариантЗначения><Ид>v</Ид><Значение>белый</Значение></ВариантЗначения></ВариантыЗначений></ТипЗначений>"
        "</ТипыЗначений><Наименование>Цвет</Наименование><Ид>p</Ид></СвойствоНоменклатуры></Свойства>"
    )
    by_key = (
        "<ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><ИдЗначения>v</ИдЗначения></ЗначенияСвойства></ЗначенияСвойств>"
    )
    assert params(one(read, by_key, before=declared)) == [("Цвет", "белый")]


def test_O13_what_cannot_be_resolved_is_counted_and_not_published(read: Read) -> None:
    unknown = GUID.replace("0", "f")
    content = catalogue(goods(values(("p1", unknown), ("none", "3"), ("none", ""), ("p1", "1")))) + package(offer())
    result, (row,) = read(PROPERTIES + content)
    assert params(row) == [("Цвет", "белый")]
    assert issues(result)["property_values_unresolved"] == ("2", f"Цвет = {unknown}")


def test_O13_a_reference_to_nothing_is_an_empty_value(read: Read) -> None:
    content = catalogue(goods(values(("p1", "00000000-0000-0000-0000-000000000000")))) + package(offer())
    result, (row,) = read(PROPERTIES + content)
    assert (params(row), result.issues) == ([("Цвет", "")], ())


def test_O13_several_values_and_sentinels_are_left_to_the_rules(read: Read) -> None:
    both = "<ЗначенияСвойства><Ид>p1</Ид><Значение>a</Значение><Значение>b</Значение></ЗначенияСвойства>"
    content = f"<ЗначенияСвойств>{both}</ЗначенияСвойств>" + characteristics(("Длина", "-999 999 999,9"))
    row = one(read, content, before=PROPERTIES)
    assert params(row) == [("Цвет", "a"), ("Цвет", "b"), ("Длина", "-999 999 999,9")]


def test_O13_a_characteristic_of_the_variant_takes_the_place_of_that_of_the_goods(read: Read) -> None:
    card = characteristics(("Цвет", "любой"), ("Материал", "дуб"), ("Вид", "стол"))
    own = values(("p1", "1")) + characteristics(("цвет ", "белый"), ("Вид", ""))
    row = one(read, card, own, before=PROPERTIES)
    assert params(row) == [("Цвет", "белый"), ("Материал", "дуб"), ("Вид", "стол")]


def test_O13_requisites_are_no_characteristics(read: Read) -> None:
    assert one(read, requisites(("ВидНоменклатуры", "Столы"), ("Бренд", "Дуб")))["params"] == []


# --- O14, O15, O16 ----------------------------------------------------------------------------------------------------

PICTURES = "<Картинка>import_files/1/а b.jpg</Картинка><Картинка/><Картинка>https://x.ru/2.jpg</Картинка>"


def test_O14_names_of_files_are_addresses_under_the_links_folder(read: Read) -> None:
    row = one(read, PICTURES, picture_base_url="https://img.example/feed")
    assert [p["value"] for p in row["pictures"]] == [
        "https://img.example/feed/import_files/1/%D0%B0%20b.jpg",
        "https://x.ru/2.jpg",
    ]


def test_O14_names_of_files_without_a_folder_are_counted(read: Read) -> None:
    result, (row,) = read(catalogue(goods(PICTURES)) + package(offer()))
    assert [p["value"] for p in row["pictures"]] == ["https://x.ru/2.jpg"]
    assert issues(result) == {"pictures_without_address": ("1", "import_files/1/а b.jpg")}


@pytest.mark.parametrize("name", ["//evil.example/1.jpg", "javascript:alert(1)", "\\\\host\\1.jpg", "/1.jpg"])
def test_O14_the_name_of_a_file_never_leads_to_another_host(read: Read, name: str) -> None:
    row = one(read, f"<Картинка>{name}</Картинка>", picture_base_url="https://img.example/")
    assert row["pictures"][0]["value"].startswith("https://img.example/")


def test_O15_weight_and_dimensions(read: Read) -> None:
    sizes = "<Длина>10,5</Длина><Ширина>20</Ширина><Высота>30</Высота>"
    row = one(read, f"<Вес>1.5</Вес>{sizes}")
    assert (row["weight"], row["dimensions"]) == ("1.5", "10,5/20/30")
    assert one(read, requisites(("Вес", "2")))["weight"] == "2"
    unknown = one(read, "<Вес>0</Вес><Длина>0</Длина><Ширина>0.00</Ширина><Высота>3</Высота>")
    assert (unknown["weight"], unknown["dimensions"]) == (None, None)


def test_O16_the_first_group_is_the_category(read: Read) -> None:
    assert one(read, "<Группы><Ид>g1</Ид><Ид>g2</Ид></Группы>")["category_id"] == "g1"
    assert one(read, "<Группы><Группа><Ид>g3</Ид></Группа></Группы>")["category_id"] == "g3"
    assert one(read)["category_id"] is None


# --- parts that do not match ------------------------------------------------------------------------------------------


def test_parts_that_do_not_match_are_counted(read: Read) -> None:
    cards = catalogue(goods(""), goods("", "2"), goods("", "3"))
    result, rows = read(cards + package(offer(), offer("", "8"), offer("", "9#a"), offer("", "2#b")))
    assert [r["external_id"] for r in rows] == ["1", "8", "9#a", "2#b"]
    assert issues(result) == {"goods_without_offers": ("1", "3"), "offers_without_goods": ("2", "8")}


def test_F8_goods_without_any_offer_are_no_offers(refuse: Refuse) -> None:
    error = refuse(catalogue(goods(""), goods("", "2")))
    assert (error.code, error.detail) == ("no_offers", "карточек товаров: 2, а предложений с ценами и остатками нет")
    assert refuse("").code == "no_offers"
    assert refuse(package()).code == "no_offers"


@pytest.mark.parametrize(
    "mark",
    [
        "Статус='Удален'",
        "Статус='Удалён'",
        "<ПометкаУдаления>true</ПометкаУдаления>",
        requisites(("ПометкаУдаления", "Да")),
    ],
)
def test_P5_what_is_deleted_is_left_out_and_counted(read: Read, mark: str) -> None:
    attributes, content = (mark, "") if mark.startswith("С") else ("", mark)
    cards = catalogue(goods(content, attributes=attributes), goods("<ПометкаУдаления>false</ПометкаУдаления>", "2"))
    result, rows = read(cards + package(offer("", "1#a"), offer("", "1#b"), offer("", "2")))
    assert [r["external_id"] for r in rows] == ["2"]
    assert issues(result) == {"goods_deleted": ("2", "1#a")}


def test_P5_an_offer_may_be_deleted_by_itself(read: Read, refuse: Refuse) -> None:
    gone = "<ПометкаУдаления>true</ПометкаУдаления>"
    assert [r["external_id"] for r in read(package(offer(gone), offer("", "2")))[1]] == ["2"]
    assert refuse(package(offer(gone))).detail == "все предложения помечены на удаление"


def test_O2_the_same_offer_twice_in_one_section_is_two(read: Read) -> None:
    rows = read(
        package(offer(prices(price("1"))), offer(prices(price("2")))) + package(offer("<Количество>3</Количество>"))
    )[1]
    assert [(r["price"], r["quantity"]) for r in rows] == [("1", "3"), ("2", None)]


def test_O2_the_same_goods_twice_are_read_once_and_counted(read: Read) -> None:
    cards = catalogue(
        goods("<Наименование>a</Наименование>"), goods("<Наименование>b</Наименование><Описание>c</Описание>")
    )
    result, (row,) = read(cards + package(offer()))
    assert (row["name"], row["description"]) == ("a", "c")
    assert issues(result) == {"goods_repeated": ("1", "1")}
    in_parts = catalogue(goods("<Наименование>a</Наименование>")) + catalogue(goods("<Описание>c</Описание>"))
    result, (row,) = read(in_parts + package(offer()))
    assert (row["name"], row["description"], issues(result)) == ("a", "c", {})


def test_a_value_given_twice_in_one_offer_is_said(read: Read) -> None:
    row = one(read, "", "<Артикул/><Артикул>a</Артикул>\n<Артикул>b</Артикул><Артикул>a</Артикул>")
    assert row["sku"] == "a"
    assert row["repeated"] == [{"field": "Артикул", "value": "b", "line": 3}]


# --- P6: changes only -------------------------------------------------------------------------------------------------

ONLY = "СодержитТолькоИзменения"


@pytest.mark.parametrize(
    ("content", "sections"),
    [
        (catalogue(goods("")) + package(offer()), None),
        (catalogue(goods(""), attributes=f"{ONLY}='false'") + package(offer(), attributes=f"{ONLY}='0'"), None),
        (catalogue(goods(""), attributes=f"{ONLY}='true'") + package(offer(), attributes=f"{ONLY}='false'"), "Каталог"),
        (catalogue(goods("")) + package(offer(), attributes=f"{ONLY}='1'"), "ПакетПредложений"),
        (catalogue(goods("")) + package(offer(), before=f"<{ONLY}>Истина</{ONLY}>"), "ПакетПредложений"),
        (catalogue(goods("")) + package(offer(), before=f"<{ONLY}>ложь</{ONLY}>"), None),
        (catalogue(attributes=f"{ONLY}='true'") + package(offer()), None),
        (
            classifier(PROPERTIES).replace("<Классификатор>", f"<Классификатор {ONLY}='true'>", 1) + package(offer()),
            None,
        ),
        (SECTIONS["changes"], "ИзмененияПакетаПредложений"),
        (
            catalogue(goods(""), attributes=f"{ONLY}='true'") + package(offer(), attributes=f"{ONLY}='true'"),
            "Каталог, ПакетПредложений",
        ),
    ],
)
def test_P6_any_section_of_changes_makes_the_file_one_of_changes(
    read: Read, content: str, sections: str | None
) -> None:
    result, _ = read(content)
    assert result.delta == (sections is not None)
    assert [i.sent for i in result.issues if i.code == "delta_file"] == ([sections] if sections else [])


def test_P6_a_flag_after_the_offers_counts_as_well(read: Read) -> None:
    late = package(offer()).replace("</ПакетПредложений>", f"<{ONLY}>true</{ONLY}></ПакетПредложений>")
    assert read(late)[0].delta


def test_O1_in_changes_an_article_that_was_not_sent_is_not_made_up(read: Read) -> None:
    """The catalog knows it: what has not changed is not sent."""
    delta = f"{ONLY}='true'"
    offers = [
        offer("<Количество>1</Количество>"),
        offer("<Наименование>x</Наименование>", "2"),
        offer("<Количество>1</Количество>", "3#a"),
        offer("<Наименование>x</Наименование>", "4#a"),  # a new variant comes with its name
        offer("", "5"),
        offer("<Артикул>A-6</Артикул>", "6"),
        offer("", "7"),
    ]
    content = catalogue(goods("", "5")) + package(*offers, attributes=delta)
    rows = read(content, given=["7"])[1]
    skus = {r["external_id"]: r["sku"] for r in rows}
    assert skus == {"1": None, "2": None, "3#a": None, "6": "A-6", **{k: short_key(k) for k in ("4#a", "5", "7")}}


# --- limits -----------------------------------------------------------------------------------------------------------


def test_F5_limits(read: Read, refuse: Refuse) -> None:
    assert read(package(offer("<Картинка/>" * (ELEMENTS_LIMIT - 2))))[0].read == 1
    assert refuse(package(offer("<Картинка/>" * (ELEMENTS_LIMIT - 1)))).code == "xml_limit"
    tags = "".join(f"<x{i}/>" for i in range(DISTINCT_TAGS_LIMIT + 1))
    assert refuse(package(offer(tags))).code == "xml_limit"
    assert refuse(package(offer(f"<Цены>{tags}</Цены>"))).code == "xml_limit"
    assert refuse(f"<Каталог>{tags}</Каталог>").code == "xml_limit"
    long = "x" * 1_000_000
    error = refuse(package("\n" + offer(f"<a>{long}</a>" * (RECORD_BYTES_LIMIT // len(long) + 2))))
    assert (error.code, error.line) == ("xml_limit", 3)
    units = "".join(f"<ЕдиницаИзмерения><Ид>{i}</Ид><НаименованиеКраткое>x</НаименованиеКраткое></ЕдиницаИзмерения>"
                    for i in range(DIRECTORY_LIMIT + 1))  # fmt: skip
    assert refuse(classifier(f"<ЕдиницыИзмерения>{units}</ЕдиницыИзмерения>") + package(offer())).code == "xml_limit"


def test_F5_a_large_card_shared_by_very_many_variants_is_refused(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.parse.commerceml.plan.TOTAL_LIMIT", 1_000_000)
    variants = [offer("", f"1#{i}") for i in range(101)]
    error = refuse(catalogue(goods(f"<Описание>{'x' * 10_000}</Описание>")) + package(*variants))
    assert error.code == "xml_limit"


def test_F5_what_is_not_well_formed_publishes_nothing(refuse: Refuse) -> None:
    error = refuse(package(offer() * 30_000) + "\n</Каталог>")
    assert (error.code, error.line, error.part) == ("xml_malformed", 3, None)


def test_many_offers_in_another_order_than_their_goods(read: Read) -> None:
    """Offers are put together batch by batch; none is lost or mixed up between batches and row groups."""
    count = 5_000
    order = sorted(range(count), key=lambda i: i * 7919 % count)
    text = "x" * 500
    cards = [goods(f"<Наименование>Товар {i}</Наименование><Описание>{text}</Описание>", str(i)) for i in range(count)]
    rows = read(catalogue(*cards) + package(*(offer(prices(price(str(i + 1))), str(i)) for i in order)))[1]
    assert [(r["external_id"], r["name"], r["price"]) for r in rows] == [
        (str(i), f"Товар {i}", str(i + 1)) for i in order
    ]


def test_the_same_bytes_give_the_same_file(tmp_path: Path) -> None:
    cards = [goods(f"<Наименование>Товар {i}</Наименование>{values(('p1', '1'))}", str(i)) for i in range(3_000)]
    data = document(
        PROPERTIES + catalogue(*cards) + package(*(offer(prices(price("1")), str(i)) for i in range(3_000)))
    )
    outs = [tmp_path / f"{i}.parquet" for i in range(2)]
    for out in outs:
        parse(lambda: io.BytesIO(data), out)
    assert outs[0].read_bytes() == outs[1].read_bytes()
