"""Every naughty string in every text field comes through unchanged, or is refused with a reason; it harms nobody.

One feed holds them all: an offer for each string, which stands in all of its text fields, and an offer for each string
that is short enough for a SKU. What the catalog must hold is computed here, by other means than the product's.
"""

from __future__ import annotations

import csv
import email
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from email.policy import default
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl
import pytest
from lxml import html as lxml_html

from pipelines import registry, steps
from pipelines.formulas import bared

pytestmark = pytest.mark.integration

STRINGS: list[str] = json.loads((Path(__file__).with_name("naughty") / "blns.json").read_text(encoding="utf-8"))
# What only mail, spreadsheets and pages stumble over, besides.
STRINGS += [
    '=HYPERLINK("http://evil.example";"цена")',
    "+1+1",
    "@SUM(1)",
    "a\r\nBcc: victim@example.org",
    "100\u202e001",
]

# Characters that XML cannot hold: reading drops them, and says so (F6).
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
SPACES = re.compile(r"\s+")
# Nothing of a supplier's may act on a terminal, a line, or the direction of a text.
ACTS = {chr(code) for code in range(0x20) if chr(code) not in "\n\t"} | set("\x7f\u202e\u2066\u200f\ufeff\u2028")
SUPPLIER = "<script>alert('поставщик')</script>\u202e =1+1"


def kept(text: str) -> str | None:
    """What a one-line text is published as (N4): NFC, every run of spaces one space, no spaces around."""
    return SPACES.sub(" ", unicodedata.normalize("NFC", FORBIDDEN.sub("", text))).strip() or None


def offer(sku: str, text: str) -> str:
    value = escape(text)
    return (
        f"<offer id={quoteattr(sku)} available='true'><name>{value}</name><price>10</price><vat>20</vat>"
        f"<vendor>{value}</vendor><vendorCode>{value}</vendorCode><model>{value}</model>"
        f"<description>Описание {value}</description><units>{value}</units><categoryId>{value}</categoryId>"
        f"<b2b_category_id>{value}</b2b_category_id><delivery_time>{value}</delivery_time><picture>{value}</picture>"
        f"<param name={quoteattr(text)} unit={quoteattr(text)}>{value}</param>"
        f"<idToImport>{value}</idToImport><regions><region id={quoteattr(text)}><price>11</price></region></regions>"
        "</offer>"
    )


@dataclass(frozen=True)
class Sent:
    """A house in which the feed was loaded and mailed, and a snapshot written."""

    house: steps.House
    outcome: steps.Outcome

    def file(self, name: str) -> bytes:
        """A file of the load."""
        return self.house.store.get_bytes(f"loads/{self.outcome.load_id}/{name}")

    def cards(self) -> dict[str, dict[str, Any]]:
        """Offers as published, by SKU."""
        with self.house.database.connect() as conn:
            rows = conn.execute("SELECT sku, to_jsonb(o) FROM offers o WHERE status = 'published'").fetchall()
        return dict(rows)


@pytest.fixture
def sent(house: steps.House, tmp_path: Path) -> Sent:
    named = [offer(f"n{n}", text) for n, text in enumerate(STRINGS)]
    coded = [offer(text, f"код {n}") for n, text in enumerate(STRINGS) if 0 < len(text) <= 20]
    feed = tmp_path / "=1+1 <b>\u202e\r\nBcc: x'\"&.xml"
    body = "<yml_catalog><shop><offers>\n" + "\n".join(named + coded) + "\n</offers></shop></yml_catalog>"
    feed.write_bytes(body.encode())
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", name=SUPPLIER, emails=["price@a.example"])
    outcome = steps.load_source(house, str(feed), supplier="a", shop="main", settings={"default_unit": "796"})
    steps.write_snapshot(house)
    return Sent(house, outcome)


def test_O3_O12_every_naughty_string_in_every_text_field(sent: Sent, tmp_path: Path) -> None:
    assert len(STRINGS) > 400
    assert sent.outcome.status == "processed"
    cards = sent.cards()
    in_catalog(cards, sent)
    in_issue_lists(sent, tmp_path)
    in_pages_and_mail(sent)
    in_snapshot(cards, sent)
    in_exports(cards, sent, tmp_path)
    in_tables_loaded_again(cards, sent, tmp_path)


def in_catalog(cards: dict[str, dict[str, Any]], sent: Sent) -> None:
    """The text in every field as it was sent; what is refused has an error that says why."""
    nameless = {f"n{n}" for n, text in enumerate(STRINGS) if kept(text) is None}
    assert len(nameless) == 3
    errors = {(issue["sku"], issue["code"]) for issue in issues_of(sent) if issue["severity"] == "error"}
    refused = {sku for sku, _ in errors}
    every = {f"n{n}" for n in range(len(STRINGS))}
    assert every - set(cards) == nameless
    assert {(sku, "name_missing") for sku in nameless} <= errors
    for n, text in enumerate(STRINGS):
        if (card := cards.get(f"n{n}")) is None:
            continue
        for field in ("name", "vendor", "vendor_code", "model"):
            assert card[field] == kept(text), (n, field, text)
        for param in card["params"]:
            assert (kept(param["sent_name"]), kept(param["sent_value"])) == (kept(text), kept(text))
        assert_harmless_markup(card["description"])
    for n, text in enumerate(STRINGS):
        sku = kept(text)
        if sku is None or len(text) > 20:
            continue
        assert (sku in cards and cards[sku]["name"] == f"код {n}") or sku in refused, (n, text)


def assert_harmless_markup(markup: str) -> None:
    if "<" not in markup:
        return
    elements = list(lxml_html.fromstring(f"<div>{markup}</div>").iter("*"))
    assert {e.tag for e in elements} <= {"div", "b", "p", "br", "ul", "ol", "li", "i", "em", "strong", "u"}, markup
    assert not [e for e in elements if e.attrib], markup


def issues_of(sent: Sent) -> list[dict[str, Any]]:
    return json.loads(sent.file("report.json"))["issues"]


def in_issue_lists(sent: Sent, folder: Path) -> None:
    """What was sent stands in both lists as evidence: text in each cell, no formula, no act."""
    issues = issues_of(sent)
    assert len(issues) > 5 * len(STRINGS)
    table = list(csv.reader(io.StringIO(sent.file("issues.csv").decode("utf-8-sig"), newline=""), delimiter=";"))
    (folder / "issues.xlsx").write_bytes(sent.file("issues.xlsx"))
    sheet = list(openpyxl.load_workbook(folder / "issues.xlsx").active.iter_rows())
    assert len(table) == len(sheet) == len(issues) + 1
    assert {cell.data_type for row in sheet[1:] for cell in row} <= {"s", "n"}
    for row in table[1:]:
        assert len(row) == len(table[0])
        for cell in row:
            assert not ACTS & set(cell), cell
            assert not re.match(r"[=+@\t\r]|-(?![\d.,]+$)", cell), cell
    quoted = {bared(row[table[0].index("Прислано")]) for row in table}
    # Delivery times are quoted as they are, but for what has no shape of its own and for what is too long to quote.
    plain = [text for text in STRINGS if kept(text) == text and len(text) < 100 and not shapeless(text)]
    assert len(plain) > 300
    assert [text for text in plain if text not in quoted] == []


def shapeless(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cf", "Cc", "Co") for character in text)


def in_pages_and_mail(sent: Sent) -> None:
    """The report and its mail: no markup, header or direction of the supplier's."""
    page, text = sent.file("report.html").decode(), sent.file("report.txt").decode()
    (message,) = (email.message_from_bytes(p.read_bytes(), policy=default) for p in sent.house.outbox.iterdir())
    assert not message.defects
    assert "victim" not in str(message["To"]) + str(message["Bcc"])
    assert message.keys() == list(dict.fromkeys(message.keys()))
    mailed = [
        part.get_content().replace("\r\n", "\n") for part in message.walk() if part.get_content_maintype() == "text"
    ]
    assert len(mailed) == 2
    for said in (page, text, *mailed):
        assert not ACTS & set(said)
    for said in (page, mailed[1]):
        elements = [e for e in lxml_html.fromstring(said).iter("*") if isinstance(e.tag, str)]
        assert not {e.tag for e in elements} & {"script", "iframe", "object", "form", "link", "input", "video", "audio"}
        assert not [n for e in elements for n in e.attrib if n.startswith("on")]
        assert not [e for e in elements if "evil" in e.get("href", "") + e.get("src", "")]
        assert not [e for e in elements if e.get("href", "").lower().startswith("javascript")]


def in_snapshot(cards: dict[str, dict[str, Any]], sent: Sent) -> None:
    rows = steps.query_snapshot(sent.house, "SELECT sku, name, vendor, model, description FROM offers")
    assert {row["sku"]: row["name"] for row in rows} == {sku: card["name"] for sku, card in cards.items()}
    for row in rows:
        assert row == {field: cards[row["sku"]][field] for field in row}


def in_exports(cards: dict[str, dict[str, Any]], sent: Sent, folder: Path) -> None:
    """The goods as tables hold the same texts, and as YML load again to the same cards."""
    chosen = steps.select("main", "a")
    steps.export_offers(sent.house, chosen, folder / "goods.xlsx", "xlsx")
    cells = list(openpyxl.load_workbook(folder / "goods.xlsx").active.iter_rows())
    assert {cell.data_type for row in cells for cell in row} <= {"s", "n"}
    assert not any(cell.hyperlink for row in cells for cell in row)
    steps.export_offers(sent.house, chosen, folder / "goods.csv", "csv")
    with (folder / "goods.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file, delimiter=";"))
    assert not [cell for line in lines for cell in line if re.match(r"[=+@]", cell)]
    for table in ([[cell.value for cell in row] for row in cells], [list(map(bared, line)) for line in lines]):
        sku, name = table[0].index("Идентификатор продукта"), table[0].index("Наименование")
        assert {row[sku]: row[name] for row in table[1:]} == {key: card["name"] for key, card in cards.items()}
    steps.export_offers(sent.house, chosen, folder / "goods.yml", "yml")
    again = steps.load_source(
        sent.house, str(folder / "goods.yml"), supplier="a", shop="main", settings={}, dry_run=True
    )
    assert (again.counts["unchanged"], again.counts["rejected"]) == (len(cards), 0)


def in_tables_loaded_again(cards: dict[str, dict[str, Any]], sent: Sent, folder: Path) -> None:
    """What goods change or lose that are loaded from a table: articles (O1), and CR, which no cell brings back."""
    no_article = {sku for sku in cards if not re.fullmatch("[A-Za-z0-9]+", sku)}
    capitals = {sku for sku in cards if sku not in no_article and sku != sku.lower()}
    with_cr = {f"n{n}" for n, text in enumerate(STRINGS) if "\r" in text}
    assert (len(no_article), len(capitals), len(with_cr)) == (142, 16, 1)
    changed = {sku.lower(): ["sku"] for sku in capitals} | {key: ["params"] for key in with_cr}
    for form, expected in (("xlsx", changed), ("csv", {})):  # what the first has changed is so in the second
        path = folder / f"goods.{form}"
        done = steps.export_offers(sent.house, steps.select("main", "a"), path, form)
        assert done.lossy == len(no_article) + len(expected)
        again = steps.load_source(sent.house, str(path), supplier="a", shop="main", settings={})
        with sent.house.database.connect() as conn:
            rows = conn.execute("SELECT sku_key, fields FROM changes WHERE load_id = %s", [again.load_id]).fetchall()
        assert dict(rows) == expected
        assert again.counts["rejected"] == len(no_article)
        assert again.counts["unchanged"] == len(cards) - len(no_article) - len(expected)
    errors = [issue for issue in issues_of(Sent(sent.house, again)) if issue["severity"] == "error"]
    assert sorted(issue["sku"] for issue in errors) == sorted(sku.lower() for sku in no_article)
    assert {issue["code"] for issue in errors} <= {"sku_characters", "sku_exponent", "sku_date"}
