"""Sets of CommerceML files: one tar, parts in any order, lines that run through all of them, nothing trusted."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.errors import SupplierError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import FeedFormat, ParseResult, Part
from pipelines.options import LinkOptions
from pipelines.parse import parse
from pipelines.parse.commerceml import file_set

Read = Callable[..., tuple[ParseResult, list[dict[str, Any]]]]
Refuse = Callable[..., SupplierError]
FEEDS = Path(__file__).resolve().parents[3] / "shared" / "feeds" / "commerceml"


def tar(parts: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A set as the archive keeps it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in sorted(parts.items()):
            member = tarfile.TarInfo(name)
            member.size, member.type = len(data), kind
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def part(content: str, encoding: str = "utf-8") -> bytes:
    """One file: the declaration on line 1, the content on line 2, a line feed at the end."""
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n<КоммерческаяИнформация>{content}</КоммерческаяИнформация>\n'
    return text.encode(encoding)


def goods(*keys: str) -> str:
    listed = "".join(f"<Товар><Ид>{k}</Ид>\n<Наименование>Товар {k}</Наименование></Товар>" for k in keys)
    return f"<Каталог><Товары>{listed}</Товары></Каталог>"


def offers(*keys: str, content: str = "") -> str:
    listed = "".join(f"<Предложение>\n<Ид>{k}</Ид>{content}</Предложение>" for k in keys)
    return f"<ПакетПредложений><Предложения>{listed}</Предложения></ПакетПредложений>"


PRICE = "<Цены><Цена>\n<ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
STOCK = "<Остатки><Остаток><Количество>7</Количество></Остаток></Остатки>"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Parse a body; settings of the link as keywords."""

    def run(data: bytes, **settings: Any) -> tuple[ParseResult, list[dict[str, Any]]]:
        out = tmp_path / "raw_offers.parquet"
        result = parse(lambda: io.BytesIO(data), out, options=LinkOptions(**settings))
        assert {p.name for p in tmp_path.iterdir()} <= {out.name, "refused"}
        return result, pq.read_table(out).to_pylist()

    return run


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """Parse a body that must be rejected whole; nothing may be left behind."""
    folder = tmp_path / "refused"
    folder.mkdir()

    def run(data: bytes, **settings: Any) -> SupplierError:
        with pytest.raises(SupplierError) as caught:
            parse(lambda: io.BytesIO(data), folder / "out.parquet", options=LinkOptions(**settings))
        assert list(folder.iterdir()) == []
        assert caught.value.code in ISSUE_CODES
        return caught.value

    return run


# --- parts ------------------------------------------------------------------------------------------------------------


def test_parts_are_one_exchange_and_lines_run_through_them(read: Read) -> None:
    parts = {
        "goods/goods_1.xml": part(goods("1")),  # 4 lines: the last one is empty
        "goods/goods_2.xml": part(goods("2"), "windows-1251"),
        "offers/offers.xml": part(offers("1", "2")),  # 5 lines
        "prices/prices.xml": part(offers("2", "1", content=PRICE)),
        "rests/rests.xml": part(offers("1", content=STOCK)),
    }
    result, rows = read(tar(parts))
    assert result.parts == tuple(Part(name, line) for name, line in zip(sorted(parts), (1, 5, 9, 14, 21), strict=True))
    assert result.encoding == "utf-8, windows-1251"
    assert [(r["external_id"], r["name"], r["price"], r["quantity"]) for r in rows] == [
        ("1", "Товар 1", "5", "7"),
        ("2", "Товар 2", "5", None),
    ]
    first, second = rows
    assert (first["line"], first["name_line"], first["price_line"], first["quantity_line"]) == (10, 3, 19, 23)
    assert (second["line"], second["name_line"], second["price_line"]) == (11, 7, 17)


def test_the_order_of_parts_does_not_matter_to_the_offers(read: Read) -> None:
    contents = [goods("1", "2"), offers("2", "1", content=PRICE), offers("1", content=STOCK)]

    def values(names: str) -> list[tuple[Any, ...]]:
        rows = read(tar({f"{name}.xml": part(content) for name, content in zip(names, contents, strict=True)}))[1]
        return sorted((r["external_id"], r["name"], r["price"], r["quantity"]) for r in rows)

    assert values("abc") == values("cba") == values("bca") == [("1", "Товар 1", "5", "7"), ("2", "Товар 2", "5", None)]


def test_a_remark_about_several_parts_is_made_once(read: Read) -> None:
    names = ("import0_1.xml", "import0_2.xml")
    parts = {name: part(goods(name[-5]).replace("Товар ", "R&D &nbsp; "), "utf8") for name in names}
    parts["offers.xml"] = b"\n" + part(offers("1", "2"), "utf8")
    result, _ = read(tar(parts))
    assert [(i.code, i.line, i.sent) for i in result.issues] == [
        ("leading_bytes_skipped", 9, "1"),
        ("ampersand_escaped", 3, "2"),
        ("html_entity_replaced", 3, "2"),
    ]


def test_F1_the_format_may_be_asked_for(tmp_path: Path) -> None:
    data = tar({"a.xml": part(offers("1"))})
    out = tmp_path / "out.parquet"
    assert parse(lambda: io.BytesIO(data), out, expected=FeedFormat.COMMERCEML).read == 1
    with pytest.raises(SupplierError, match="format_unexpected"):
        parse(lambda: io.BytesIO(data), out, expected=FeedFormat.YML)


def test_F8_a_set_without_offers_says_what_is_missing(refuse: Refuse) -> None:
    error = refuse(tar({"import.xml": part(goods("1", "2"))}))
    assert (error.code, error.part) == ("no_offers", None)
    assert "предложений с ценами" in (error.detail or "")
    assert refuse(tar({})).code == "file_empty"


# --- what is wrong, and where -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (part(offers("1"))[:-20], "xml_truncated", 3),
        (part("<Каталог>\n</Товары>"), "xml_malformed", 3),
        (part("<Каталог>\n&junk;</Каталог>"), "xml_malformed", 3),
        (part("\n<Каталог>").replace("Каталог".encode(), b"\x98\xff"), "encoding_invalid", 3),
        (b"<html><title>502</title></html>", "file_is_html", 1),
        (b"", "file_empty", None),
        (b"<rss/>", "format_unknown", 1),
        (b"<yml_catalog/>", "format_unexpected", None),
    ],
    ids=["cut", "mismatch", "entity", "encoding", "html", "empty", "other", "yml"],
)
def test_F5_an_error_names_the_part_and_its_line(refuse: Refuse, data: bytes, code: str, line: int | None) -> None:
    parts = {"a/import.xml": part(goods(*"123456789")), "b/offers.xml": data, "c.xml": part(offers("1"))}
    error = refuse(tar(parts))
    assert (error.code, error.part, error.line) == (code, "b/offers.xml", line)


# --- hostile sets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_F3_only_files_are_in_a_set(refuse: Refuse, kind: bytes) -> None:
    assert refuse(tar({"a": b""}, kind=kind)).code == "archive_invalid"


def test_F3_a_damaged_set(refuse: Refuse) -> None:
    data = tar({"a.xml": part(offers("1")), "b.xml": part(offers("2"))})
    assert refuse(data[:700]).code == "archive_invalid"
    assert refuse(data[:148] + b"99999999" + data[156:]).code == "archive_invalid"


def test_F3_bytes_and_parts_of_a_set_are_bounded(read: Read, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {f"{i}.xml": part(offers(str(i))) for i in range(4)}
    monkeypatch.setattr(file_set, "BYTES_LIMIT", sum(map(len, parts.values())))
    assert read(tar(parts))[0].read == 4
    assert refuse(tar({**parts, "4.xml": part(offers())})).code == "file_too_large"
    monkeypatch.setattr(file_set, "PARTS_LIMIT", 3)
    assert refuse(tar(parts)).code == "archive_invalid"


@pytest.mark.parametrize("name", ["x" * 301 + ".xml", "a\n.xml", "a\u202e.xml"])
def test_F3_names_are_short_and_printable(refuse: Refuse, name: str) -> None:
    assert refuse(tar({name: part(offers("1"))})).code == "archive_invalid"


def test_F3_long_names_are_read(read: Read) -> None:
    name = f"{'папка/' * 30}offers.xml"
    assert read(tar({name: part(offers("1"))}))[0].parts == (Part(name, 1),)


def test_F3_headers_do_not_fill_the_memory(refuse: Refuse) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.xml")
        member.pax_headers = {"comment": "x" * (2 << 20)}
        archive.addfile(member, io.BytesIO())
    assert refuse(packed.getvalue()).detail == "заголовки набора слишком длинные"


def test_F3_a_file_with_holes_is_refused(refuse: Refuse) -> None:
    """A sparse member may claim any size."""
    header = bytearray(tar({"a.xml": b""})[:512])
    header[156:157] = b"S"
    header[386 : 386 + 24] = b"00000000000\00000000000000\0"
    header[483 : 483 + 12] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert refuse(bytes(header) + bytes(1024)).code == "archive_invalid"


# --- real exchanges ---------------------------------------------------------------------------------------------------

real = pytest.mark.skipif(not FEEDS.is_dir(), reason="real feeds stay out of the repository")
ONE_TYPE = {"price_type": "37c47a93-e1b8-11ec-a301-04421a23d8e8"}


def folder(name: str) -> bytes:
    return tar({path.name: path.read_bytes() for path in (FEEDS / name).iterdir()})


@real
@pytest.mark.parametrize(
    ("name", "settings", "read_offers", "delta", "codes"),
    [
        ("2.04-2016", {}, 1426, True, {"delta_file"}),
        ("2.04-2017", {}, 1571, False, set()),
        (
            "3.1",
            ONE_TYPE,
            9,
            True,
            {
                "delta_file",
                "goods_without_offers",
                "offers_without_goods",
                "pictures_without_address",
                "property_values_unresolved",
            },
        ),
    ],
)
def test_real_exchanges(
    read: Read, name: str, settings: dict[str, str], read_offers: int, delta: bool, codes: set[str]
) -> None:
    result, rows = read(folder(name), **settings)
    assert (result.read, result.delta, {i.code for i in result.issues}) == (read_offers, delta, codes)
    assert len({r["external_id"] for r in rows}) == read_offers
    assert all(r["sku"] for r in rows if not delta)


@real
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("2.04-2016/import.xml", "no_offers"),
        ("2.04-2016/offers.xml", 1426),
        ("2.04-2017/import.xml", "no_offers"),
        ("2.04-2017/offers.xml", 1571),
        ("3.1/goods.xml", "no_offers"),
        ("3.1/offers.xml", 3),
        ("3.1/prices.xml", "price_type_not_chosen"),
        ("3.1/rests.xml", 5),
        ("3.1/units.xml", "no_offers"),
        ("3.1/propertiesGoods.xml", "no_offers"),
    ],
)
def test_real_files_by_themselves(read: Read, refuse: Refuse, name: str, outcome: str | int) -> None:
    data = (FEEDS / name).read_bytes()
    if isinstance(outcome, str):
        assert refuse(data).code == outcome
    else:
        assert read(data)[0].read == outcome


@real
def test_the_real_exchange_of_3_1_names_its_price_types(refuse: Refuse) -> None:
    error = refuse(folder("3.1"))
    assert error.code == "price_type_not_chosen"
    assert ONE_TYPE["price_type"] in (error.detail or "")


@real
def test_the_real_exchange_of_3_1_value_by_value(read: Read) -> None:
    """One product as its five files say it, copied from them by hand."""
    result, rows = read(folder("3.1"), **ONE_TYPE)
    (row,) = (r for r in rows if r["external_id"] == "069efcc9-a098-11ed-a325-04421a23d8e8")
    first = {part.name: part.first_line for part in result.parts}
    values = {
        "sku": ("29002", "goods.xml", 629),
        "name": ('Картридж "А" (блок из 2 шт) для фильтр-насосов INTEX 29002', "goods.xml", 630),
        "unit_okei": ("796 ", "goods.xml", 631),
        "units": ("шт", "goods.xml", 631),
        "category_id": ("5a95fe7d-2892-11e6-811d-00155d87f90d", "goods.xml", 633),
        "vendor": ("Intex", "goods.xml", 868),
        "vat": ("20", "goods.xml", 874),
        "price": ("540", "prices.xml", 210),
        "currency": ("руб", "prices.xml", 211),
        "quantity": ("0", "rests.xml", 15),
    }
    for column, (value, part_name, line) in values.items():
        assert (row[column], row[f"{column}_line"]) == (value, first[part_name] + line - 1), column
    assert (row["vendor_code"], row["price_without_nds"], row["weight"], row["dimensions"]) == (None,) * 4
    assert (row["line"], row["description"][:8]) == (first["prices.xml"] + 203, "Картридж")
    filled = {p["name"]: p["value"] for p in row["params"] if p["value"]}
    assert filled["Бренд"] == "Intex"
    assert filled["Высота коробки (см)"] == "21.5"
