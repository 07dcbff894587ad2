"""Templates load as they are, give the same cards in every form, and say what a shop requires."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import openpyxl
import pyarrow.parquet as pq
import pytest
from lxml import etree

from pipelines.columns import COLUMNS, EXAMPLE_OFFERS, Headers
from pipelines.normalize import normalize
from pipelines.options import Options, ShopOptions
from pipelines.parse import parse
from pipelines.reference import load_reference
from pipelines.template import TemplateFormat, write_template

FORMS = get_args(TemplateFormat)
AT = datetime(2026, 11, 22, 7, tzinfo=UTC)
# Where an offer came from, not what it is.
PLACE = ("ordinal", "line", "part")

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def run(form: TemplateFormat, shop: ShopOptions | None = None) -> Path:
        return write_template(form, tmp_path / f"template.{form}", shop or ShopOptions(), at=AT)[0]

    return run


def loaded(template: Path, shop: ShopOptions) -> dict[str, list[dict[str, Any]]]:
    """Offers, rejected offers and issues that a template comes to."""
    raw, out = template.with_suffix(".parquet"), template.with_suffix(".out")
    parsed = parse(lambda: template.open("rb"), raw)
    options = Options(shop=shop)
    normalize(raw, out, parsed=parsed, options=options, reference=load_reference(), today=date(2026, 11, 22))
    return {name: pq.read_table(out / f"{name}.parquet").to_pylist() for name in ("offers", "rejected", "issues")}


@pytest.mark.parametrize("form", FORMS)
def test_F1_a_template_loads_without_a_remark(write: Write, form: TemplateFormat) -> None:
    results = loaded(write(form), ShopOptions())
    assert len(results["offers"]) == EXAMPLE_OFFERS
    assert [(i["code"], i["field"], i["sent"]) for i in results["issues"]] == []
    assert results["rejected"] == []


def test_F1_templates_of_all_forms_give_the_same_cards(write: Write) -> None:
    cards = [
        [{k: v for k, v in offer.items() if k not in PLACE} for offer in loaded(write(form), ShopOptions())["offers"]]
        for form in FORMS
    ]
    assert cards[0] == cards[1] == cards[2]
    assert {offer["availability"] for offer in cards[0]} == {"exact", "many", "on_order"}
    assert [len(offer["regions"]) for offer in cards[0]] == [2, 0, 0]
    assert [len(offer["params"]) for offer in cards[0]] == [2, 1, 2]


def test_every_header_of_a_template_is_recognised(write: Write) -> None:
    with write("csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    found = [Headers().find(title) for title in header]
    assert {f.column.raw for f in found if f is not None} == {column.raw for column in COLUMNS}
    assert None not in found
    assert {len(row) for row in rows} == {len(header)}


def test_O19_what_a_shop_requires_is_marked(write: Write) -> None:
    def starred(shop: ShopOptions) -> set[str]:
        with write("csv", shop).open(encoding="utf-8-sig", newline="") as file:
            return {title[:-1] for title in next(csv.reader(file, delimiter=";")) if title.endswith("*")}

    always = {"Идентификатор продукта", "Наименование"}
    assert starred(ShopOptions(required_fields=())) == always
    assert starred(ShopOptions(required_fields=("vendor",))) == {*always, "Производитель"}
    assert starred(ShopOptions()) == {*always, "Производитель", "Описание", "НДС (yes/no)"}


@pytest.mark.parametrize("form", FORMS)
def test_explanations_follow_the_shop(write: Write, form: TemplateFormat) -> None:
    def about_vendor(shop: ShopOptions) -> str:
        template = write(form, shop)
        match form:
            case "csv":
                text = template.with_name("template-пояснения.txt").read_text(encoding="utf-8-sig")
                return next(line for line in text.splitlines() if line.startswith("Производитель:"))
            case "xlsx":
                notes = openpyxl.load_workbook(template)["Пояснения"]
                return next(row[1].value for row in notes.iter_rows() if row[0].value == "Производитель")
            case "yml":
                comments = etree.parse(template).xpath("//comment()")
                return next(c.text for c in comments if c.text.startswith(" vendor:"))

    assert "не обязательно" in about_vendor(ShopOptions(required_fields=())).lower()
    assert "не обязательно" not in about_vendor(ShopOptions()).lower()


def test_a_workbook_keeps_articles_as_text_and_the_header_in_sight(write: Write) -> None:
    book = openpyxl.load_workbook(write("xlsx"))
    goods = book["Товары"]
    assert goods.freeze_panes == "B2"
    assert {cell.data_type for row in goods.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert goods.column_dimensions["A"].number_format == "@"
    assert [row[0].value for row in book["Пояснения"].iter_rows(min_row=2)] == [c.titled("N") for c in COLUMNS]


def test_a_feed_explains_every_tag_once(write: Write) -> None:
    document = etree.parse(write("yml"))
    comments = [c.text.strip() for c in document.xpath("//comment()")]
    assert [c.partition(":")[0] for c in comments] == [column.tag for column in COLUMNS]
    assert document.getroot().get("date") == "2026-11-22T07:00+00:00"


def test_a_csv_template_opens_in_excel(write: Write) -> None:
    data = write("csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == 1 + EXAMPLE_OFFERS
