"""A CommerceML document that is cut between its records says what it says as a whole, or is read as a whole."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from functools import partialmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import SupplierError
from pipelines.model import ParseResult
from pipelines.options import LinkOptions
from pipelines.parse import body, parse
from pipelines.parse.commerceml import cut
from pipelines.parse.commerceml.exchange import _Exchange
from pipelines.parse.commerceml.file_set import SourcePart
from pipelines.parse.commerceml.item_slices import ItemSliceReader
from pipelines.parse.slices import Cut, Run, Unproven
from pipelines.parse.sniff import sniff
from pipelines.parse.wrapping import Context

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" ВерсияСхемы="2.08">
<Классификатор><Свойства><Свойство><Ид>p</Ид><Наименование>Цвет</Наименование></Свойство></Свойства></Классификатор>
<ПакетПредложений СодержитТолькоИзменения="false">
<ТипыЦен><ТипЦены><Ид>t</Ид><Наименование>Розничная</Наименование></ТипЦены></ТипыЦен>
<Предложения>
"""
OFFERS = """<Предложение><Ид>1</Ид><Наименование>один</Наименование>
<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>1</ЦенаЗаЕдиницу></Цена></Цены></Предложение>
<Предложение Статус="">
<Ид>2</Ид><Артикул>A-2</Артикул><Картинка>img/2.jpg</Картинка>
<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>2</ЦенаЗаЕдиницу></Цена></Цены>
</Предложение><Предложение><Ид>3</Ид><Странно/><Картинка>img/3.jpg</Картинка>
<ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>красный</Значение></ЗначенияСвойства></ЗначенияСвойств>
<Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>3</ЦенаЗаЕдиницу></Цена></Цены></Предложение>
"""
TAIL = "</Предложения>\n</ПакетПредложений></КоммерческаяИнформация>\n"
CLEAN = HEAD + OFFERS + TAIL
BORDER = "</Предложение><Предложение>"
NEXT = "<Предложение><Ид>9</Ид></Предложение>"
FLAG = "СодержитТолькоИзменения"
GOODS = "<Каталог><Товары><Товар><Ид>1</Ид></Товар></Товары></Каталог>"

PROVEN = {
    "clean": ("", ""),
    "no namespace": (' xmlns="urn:1C.ru:commerceml_2"', ""),
    "changes only": ('"false"', '"true"'),
    "a bare ampersand": ("один", "A & B"),
    "HTML names": ("один", "A&nbsp;B"),
    "a control character": ("один", "о\x0bдин"),
    "CDATA with the end of a record": ("один", "<![CDATA[</Предложение>]]>"),
    "an end in a comment": ("<Наименование>один", "<!-- </Предложение> --><Наименование>один"),
    "a record in a record": ("<Странно/>", NEXT),
    "two types of prices": ("<Цена><ИдТипаЦены>t<", "<Цена><ИдТипаЦены>u</ИдТипаЦены></Цена><Цена><ИдТипаЦены>t<"),
    "something known in the tail": ("</Предложения>", f"</Предложения><{FLAG}>true</{FLAG}>"),
    "a comment between": (BORDER, f"</Предложение><!-- {NEXT} --><Предложение>"),
    "the same Ид twice": ("<Ид>3<", "<Ид>2<"),
    "lines that end as in DOS": ("\n", "\r\n"),
}  # fmt: skip
DOUBTFUL = {
    "another element between": (BORDER, "</Предложение><Подарок>x</Подарок><Предложение>"),
    "a comment over a border": ("один", f"<!-- {BORDER} -->"),
    "an end with a space": ("</Предложение>", "</Предложение >"),
    "two lists": (BORDER, "</Предложение></Предложения><Предложения><Предложение>"),
    "goods after the offers": ("</ПакетПредложений>", f"</ПакетПредложений>{GOODS}"),
    "a record in a comment of the header": ("<Предложения>", f"<!-- {NEXT} --><Предложения>"),
    "an end of a comment too many": (OFFERS, f"<!-- {NEXT} -->{NEXT}<Подарок/> -->"),
    "the last one is empty": ("</Предложения>", "<Предложение/></Предложения>"),
}  # fmt: skip
REFUSED = {
    "a name unknown to HTML": ("один", "&firm;"),
    "tags that do not match": ("один</Наименование>", "один</Имя>"),
    "cut short": (TAIL, ""),
    "the root is left open": ("</КоммерческаяИнформация>", ""),
    "something after the root": ("</КоммерческаяИнформация>", "</КоммерческаяИнформация><x/>"),
    "a closing tag too many": (BORDER, "</Предложение></Предложения><Предложение>"),
}

Told = tuple[list[dict[str, Any]], dict[str, Any], list[Any]]


class InThisProcess:
    """Reads runs as the workers do, and tells what they tell."""

    def __init__(self, context: Context, *, workers: int, schema: pa.Schema) -> None:
        assert workers == 2
        self._reader = ItemSliceReader(Context.from_json(context.as_json()))
        self._schema = schema

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        pass

    def read(self, runs: Iterable[Run]) -> Iterator[tuple[pa.RecordBatch, dict[str, Any]]]:
        for run in runs:
            batch, facts = self._reader.read_run(*run)
            assert batch.schema == self._schema
            yield batch, facts.as_json()


def told(data: bytes, folder: Path, *, cutting: bool = False) -> Told:
    """What is kept of a document before anything is joined: its records, and what was learned besides."""
    exchange = _Exchange(folder, LinkOptions(), cutting=cutting)
    exchange.read([SourcePart(None, lambda: io.BytesIO(data), sniff(data, whole=True))])
    sections = exchange._sections
    besides = [exchange._encodings, exchange._remarks, sections.delta, sections.items.counts, sections.items.section]
    facts = sections.facts.as_json()
    declared = [sections.facts.types.choose("price_type", wanted) for wanted in ("t", "Розничная")]
    tables = [pq.read_table(path).to_pylist() for path in (exchange._store.items_path, exchange._store.properties_path)]
    return tables[0], facts, [tables[1], declared, *besides]


def told_by_parts(data: bytes, folder: Path, *, run_bytes: int = 60) -> Told:
    """What a document says when it is cut; raises `Unproven`."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(body, "LARGE_BYTES", 0)
        patched.setattr(cut, "WorkerPool", InThisProcess)
        patched.setattr(Cut, "runs", partialmethod(Cut.runs, run_bytes))
        return told(data, folder, cutting=True)


def altered(change: tuple[str, str], encoding: str = "utf-8") -> bytes:
    assert change[0] in CLEAN
    return CLEAN.replace(*change).replace("utf-8", encoding).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
@pytest.mark.parametrize("name", PROVEN)
def test_what_is_proven_is_what_the_whole_document_says(name: str, encoding: str, tmp_path: Path) -> None:
    data = altered(PROVEN[name], encoding)
    plain = told(data, tmp_path)
    assert len(plain[0]) == 3
    assert plain[1]["pictures_skipped"] == (2, "img/2.jpg", plain[0][1]["line"] + 1)
    assert told_by_parts(data, tmp_path) == plain
    assert told_by_parts(data, tmp_path, run_bytes=9_999) == plain


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_is_doubtful_is_not_told_by_parts(name: str, tmp_path: Path) -> None:
    data = altered(DOUBTFUL[name])
    with pytest.raises(Unproven):
        told_by_parts(data, tmp_path)
    assert told(data, tmp_path)[0]


def test_a_doubtful_exchange_is_read_from_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tar_of({"a.xml": CLEAN.encode(), "b.xml": altered(DOUBTFUL["another element between"])})
    plain = parsed(data, tmp_path)
    assert (plain[0].read, len(plain[0].parts)) == (3, 2)
    monkeypatch.setattr(body, "LARGE_BYTES", 0)
    monkeypatch.setattr(cut, "WorkerPool", InThisProcess)
    assert parsed(data, tmp_path) == plain


@pytest.mark.parametrize("name", REFUSED)
def test_what_strict_parsing_refuses_is_never_proven(name: str, tmp_path: Path) -> None:
    data = altered(REFUSED[name])
    with pytest.raises(Unproven):
        told_by_parts(data, tmp_path)
    with pytest.raises(SupplierError):
        told(data, tmp_path)


def test_two_processes_say_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "".join(f"<Товар><Ид>{n}</Ид><Наименование>Товар &nbsp; {n}</Наименование></Товар>\n" for n in range(2_000))
    head, tail = HEAD.partition("<Пакет")[0], "</КоммерческаяИнформация>"
    goods = f"{head}<Каталог><Товары>{names}</Товары></Каталог>{tail}"
    data = tar_of({"import.xml": goods.encode(), "offers.xml": CLEAN.encode()})
    plain = parsed(data, tmp_path)
    assert plain[1][1]["name"] == "Товар \xa0 2"
    monkeypatch.setattr(body, "LARGE_BYTES", 10_000)  # the goods are, the offers are not
    monkeypatch.setattr(Cut, "runs", partialmethod(Cut.runs, 50_000))
    assert parsed(data, tmp_path) == plain


def parsed(data: bytes, folder: Path) -> tuple[ParseResult, list[dict[str, Any]]]:
    out = folder / "raw.parquet"
    return parse(lambda: io.BytesIO(data), out), pq.read_table(out).to_pylist()


def tar_of(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def test_a_link_with_an_address_for_pictures_has_it_in_parts_too() -> None:
    context = Context("utf-8", record="Предложение", picture_base_url="https://s.example/p")
    batch, facts = ItemSliceReader(context).read_run(OFFERS.encode(), 1)
    addresses = [[each["value"] for each in pictures] for pictures in batch["pictures"].to_pylist()]
    assert addresses == [[], ["https://s.example/p/img/2.jpg"], ["https://s.example/p/img/3.jpg"]]
    assert facts.pictures_skipped == (0, "", 0)


MARKUP = "<Предложение> </Предложение> <Товар/> <!-- --> <![CDATA[ ]]> <?x ?> ' & ; < > </Предложения> <Предложения>"
PIECES = st.sampled_from([*MARKUP.split(), "</Предложение >", "<Предложение/>", " ", "\n", "\x01"])


@given(st.lists(st.tuples(st.integers(0, len(CLEAN)), PIECES), max_size=3), st.integers(20, 900))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_put_into_a_document_its_parts_say_the_same_or_nothing(
    tmp_path: Path, edits: list[tuple[int, str]], run_bytes: int
) -> None:
    text = CLEAN
    for place, piece in sorted(edits, reverse=True):
        text = text[:place] + piece + text[place:]
    try:
        found = told_by_parts(text.encode(), tmp_path, run_bytes=run_bytes)
    except (Unproven, SupplierError):
        return
    assert told(text.encode(), tmp_path) == found
