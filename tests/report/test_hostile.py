"""Whatever a supplier writes into any field, it reaches every form of the report as harmless text."""

from __future__ import annotations

import csv
import email
import io
import json
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import ISSUE_SCHEMA, Counts, Issue, LoadFacts, LoadStatus
from pipelines.report import (
    Envelope,
    LoadReport,
    build,
    compose_mail,
    render_html,
    render_text,
    write_csv,
    write_json,
    write_xlsx,
)

NAUGHTY = [
    # formulas
    '=HYPERLINK("http://evil.example","цена")',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "=cmd|' /C calc'!A0",
    "\t=1",
    "\r=1",
    "＝1+1",
    "%0A=1",
    # markup and scripts
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "'\"`><a href=//evil.example>",
    "<!-- --> <!--",
    "]]>",
    "<![CDATA[",
    "&lt;script&gt;",
    "&#60;script&#62;",
    "<style>*{display:none}</style>",
    "</td></table>",
    "javascript:alert(1)",
    "data:text/html,<b>",
    "<iframe src=//evil.example>",
    "{{7*7}}",
    "{% raw %}",
    "${7*7}",
    "#{7*7}",
    "{sent}{line}{0}{sent.__class__}",
    "%s%n%x",
    "%(sent)s",
    # headers and lines
    "a\r\nBcc: victim@example.org",
    "a\nSubject: x",
    "a\r\n\r\nbody",
    "\r\n.\r\nQUIT\r\n",
    "=?utf-8?q?=0D=0A?=",
    "--=_0_catalog",
    "a\u2028b\u2029c",
    "\x0b\x0c\x85",
    # direction, width, invisibility
    "100\u202e001",
    "\u200f\u200e\u2066x\u2069",
    "\ufeffBOM",
    "a\u200bb",
    "\u00adsoft",
    "Z\u0353a\u0321l\u0334g\u0337o",
    "ﷺ" * 9,
    "👩‍👩‍👧‍👧🏳️‍🌈",
    "\U000e0041tag",
    "ｆｕｌｌ",
    "№ «ёлка» — 5 ½ ㎏",
    # controls and broken text
    "\x00",
    "\x1b[31mred\x1b[0m",
    "\x7f\x80\x9f",
    "\x07\x08\x08",
    "\ufffe\uffff",
    "\ud7ff\ue000",
    # files, databases, other programs
    "../../etc/passwd",
    "C:\\con\\con",
    "'; DROP TABLE loads; --",
    "1e309",
    "NaN",
    "null",
    "undefined",
    "",
    " ",
    "\u00a0",
    "0x10",
    "-0",
    "x" * 3000,
    "ы" * 500,
    '"' * 500,
    ";;;;",
    '";"',
    ",,,,",
    "|",
    "\\",
    "\\u0000",
    "`id`",
    "$(id)",
    "() { :;}; echo",
]

ACTS = {chr(code) for code in range(0x20) if chr(code) != "\n"} | set("\x7f\u202e\u2066\u200f\ufeff\u2028")
CODES = ("price_invalid", "vat_unknown", "unit_recognized", "unknown_tags", "duplicate_conflict", "unit_text_overruled")


def everywhere(text: str) -> list[Issue]:
    """Remarks with the text in every field, of every severity and kind."""
    values = {"sku": text, "part": text, "field": text, "sent": text, "published": text}
    return [
        Issue(code, ordinal=n if ISSUE_CODES[code].scope == "offer" else None, line=n + 1, **values)
        for n, code in enumerate(CODES)
    ]


def report_of(load: LoadFacts, issues: Path, text: str, write_rejected: Any) -> LoadReport:
    files = {"issues_csv": f"https://files.example/{text}", "raw": text}
    return build(load, issues, write_rejected({0: text}), files, None, visible=1, issues_before=issues)


def assert_harmless(report: LoadReport, issues: Path, folder: Path) -> None:
    page, text = render_html(report), render_text(report)
    document = lxml_html.fromstring(page)
    elements = [element for element in document.iter("*") if isinstance(element.tag, str)]
    assert not {e.tag for e in elements} & {"script", "iframe", "svg", "style", "link", "object", "form"}
    assert not any(name.startswith("on") for element in elements for name in element.attrib)
    assert all(e.get("href", "https://files.example/").startswith("https://files.example/") for e in elements)
    assert all(e.get("src", "data:image/png;").startswith("data:image/png;") for e in elements)
    for said in (page, text):
        assert not ACTS & set(said)

    mail = compose_mail(report, Envelope("Каталог <a@b.example>", ["c@d.example"]))
    parsed = email.message_from_bytes(mail.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    assert parsed.keys() == mail.keys()
    assert str(parsed["Subject"]) == mail["Subject"]
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]

    write_xlsx(issues, folder / "issues.xlsx")
    sheet = openpyxl.load_workbook(folder / "issues.xlsx").active
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "n"}
    assert all(type(cell.value) in {str, int, type(None)} for row in sheet.iter_rows(min_row=2) for cell in row)

    with (folder / "issues.csv").open("w", encoding="utf-8-sig", newline="") as out:
        write_csv(issues, out)
    table = list(
        csv.reader(io.StringIO((folder / "issues.csv").read_bytes().decode("utf-8-sig"), newline=""), delimiter=";")
    )
    assert len(table) == sheet.max_row
    for row in table[1:]:
        assert len(row) == 10
        for cell in row:
            assert not cell.startswith(("=", "+", "@", "\t", "\r"))
            assert not cell.startswith("-") or cell[1:].replace(",", ".").replace(".", "", 1).isdigit()
            assert not ACTS & set(cell)

    document = io.StringIO()
    write_json(report, issues, document)
    assert len(json.loads(document.getvalue())["issues"]) == len(table) - 1


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_strings_are_harmless_everywhere(
    make_load: Callable[..., LoadFacts], write_issues: Any, write_rejected: Any, tmp_path: Path, text: str
) -> None:
    counts = Counts(read=9, accepted=8, rejected=1, created=8, errors=2, warnings=2, infos=2)
    load = make_load(link=text, supplier=text, shop=text, encoding=text, counts=counts)
    issues = write_issues(everywhere(text))
    assert_harmless(report_of(load, issues, text, write_rejected), issues, tmp_path)


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_harmless_everywhere(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        {name: getattr(issue, name) for name in ISSUE_SCHEMA.names if name != "severity"}
        | {"severity": ISSUE_CODES[issue.code].severity.value}
        for issue in everywhere(text)
    ]
    pq.write_table(pa.Table.from_pylist(rows, ISSUE_SCHEMA), folder / "issues.parquet")
    load = LoadFacts(
        id=1, link_id=1, link=text, supplier=text, shop=text, status=LoadStatus.PROCESSED, counts=Counts(read=2)
    )
    report = build(load, folder / "issues.parquet", None, {}, None)
    assert_harmless(report, folder / "issues.parquet", folder)
