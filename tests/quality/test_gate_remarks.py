"""Warnings of the gate as remarks of the report, and the page of a load."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import LoadFacts, LoadStatus
from pipelines.quality import Profile, render_page
from pipelines.quality.profile import FILLED

LOAD = LoadFacts(id=7, link_id=1, link="a@main", supplier="ТД «Ромашка» & Ко", shop="main", status=LoadStatus.RUNNING)
HOSTILE = "<script>alert(1)</script>\u202eя"


@pytest.fixture(scope="module")
def past():
    prices = {"price_p10": 100.0, "price_p50": 100.0, "price_p90": 100.0}
    return Profile(40, 0.0, 0.0, "RUB", prices, {f.name: 1.0 for f in FILLED}, dict.fromkeys(ISSUE_CODES, 0.0))


@pytest.fixture(scope="module")
def warned(gate, offers, make_issue, past):
    """A load whose offers share price and name, lack vendors, and are remarked upon."""
    rows = [row | {"price": Decimal(5), "name": HOSTILE, "vendor": None} for row in offers(40)]
    return gate(rows, [make_issue(i, "unit_defaulted", "warning") for i in range(30)], past=[past])


def test_warnings_become_remarks_in_the_words_of_the_supplier(warned):
    issues = {issue.code: issue for issue in warned.issues({"vendor": "Производитель", "price": "Цена"})}
    assert issues["load_field_emptied"].field == "Производитель"
    assert issues["load_field_emptied"].sent == "0 % вместо обычных 100 %"
    assert issues["load_more_remarks"].field == "unit_defaulted"
    assert issues["load_more_remarks"].sent == "75 % вместо обычных 0 %"
    assert issues["prices_all_equal"].field == "Цена"
    assert issues["prices_all_equal"].sent == "5.00"
    assert issues["names_all_equal"].sent == HOSTILE


def test_a_remark_on_offers_says_how_many_and_where_the_first_is(gate, offers):
    rows = offers(3)
    rows[1]["regions"][0] = {**rows[1]["regions"][0], "price": Decimal(1010)}
    rows[2]["regions"][0] = {**rows[2]["regions"][0], "price": Decimal("1019.99")}
    (issue,) = gate(rows).issues({})
    assert (issue.code, issue.sent, issue.line) == ("region_prices_far", "исключений: 1", 1001)


def test_sameness_of_a_few_is_no_matter(gate, offers):
    assert gate(offers(19, price=Decimal(50), name="Товар")).issues({}) == ()


def test_half_of_the_names_may_be_one(gate, offers):
    rows = offers(40)
    same = [row | {"name": "Товар"} for row in rows[:20]]
    assert gate([*same, *rows[20:]]).issues({}) == ()
    assert [i.code for i in gate([*same, rows[20] | {"name": "Товар"}, *rows[21:]]).issues({})] == ["names_all_equal"]


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for name, v in attrs if name in ("src", "href", "action")]

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_needs_nothing_else_and_runs_nothing(warned):
    html = render_page(LOAD, warned)
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert page.addresses == []
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_shows_what_a_supplier_wrote_as_text(warned):
    text = " ".join(Page(render_page(LOAD, warned)).text)
    assert "<script>alert(1)</script>[U+202E]я" in text
    assert "ТД «Ромашка» & Ко" in text


def test_the_page_tells_every_check(warned):
    text = re.sub(r"\s+", " ", " ".join(Page(render_page(LOAD, warned)).text))
    for finding in warned.findings:
        assert finding.check.title in text
    assert "0 % вместо обычных 100 %" in text


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "Препятствий для публикации нет"),
        ({"price": Decimal(0)}, "Сбой на нашей стороне"),
        ({"pictures": []}, "Файл слишком не похож на прошлые загрузки"),
    ],
)
def test_the_page_says_what_follows(gate, offers, past, change, verdict):
    rows = [row | change for row in offers(40)]
    habits = replace(past, prices={name: price * 1.2 for name, price in past.prices.items()})
    assert verdict in render_page(LOAD, gate(rows, past=[habits]))


def test_nothing_calls_out(gate, offers, monkeypatch):
    """Telemetry is off: a load is checked while no connection can be made."""

    def refuse(*_args, **_kwargs):
        msg = "the gate called out"
        raise AssertionError(msg)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert not gate(offers(1)).broken_promises


def test_nothing_is_left_behind(gate, offers, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gate(offers(1))
    assert list(tmp_path.iterdir()) == []


def test_the_library_is_imported_only_when_a_load_is_checked():
    code = "import sys, pipelines.cli, pipelines.steps; sys.exit('great_expectations' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
