"""The page of a snapshot: whatever suppliers wrote stays text, nothing remote, every plot is there, empty or not."""

from __future__ import annotations

import re

import duckdb
import pytest
from lxml import html

from pipelines.publish.snapshot.page import DAYS, render_page
from pipelines.publish.snapshot.tables import ACCREDITATIONS, CHANGES, ISSUES, META, OFFERS, SCHEMA
from pipelines.publish.snapshot.views import STORED, create_views

HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def snapshot():
    """The tables of a snapshot of nothing."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for table in STORED:
            connection.execute(f"CREATE TABLE {table.place} ({table.shape})")
        create_views(connection)
        counted = ["offers", "offer_params", "offer_regions", "changes", "loads", "suppliers"]
        connection.execute(
            f"INSERT INTO {META.place} (taken_at, rows, loads) VALUES ('2026-11-22 21:30:00+00', map(?, ?), [1])",
            [counted, [0] * len(counted)],
        )
        yield connection


def fill(snapshot: duckdb.DuckDBPyConnection) -> None:
    """Two suppliers, three offers, changes of prices on the last day and long ago, an issue."""
    snapshot.execute(f"INSERT INTO {SCHEMA}.suppliers VALUES ('a', ?), ('b', 'Ромашка')", [HOSTILE])
    snapshot.execute(f"INSERT INTO {ACCREDITATIONS.place} VALUES ('main', 'a', 'granted', true)")
    for sku, price, status in (("1", 10, "published"), ("2", None, "published"), ("3", 10, "hidden")):
        snapshot.execute(
            f"INSERT INTO {OFFERS.place} (shop, supplier, sku_key, sku, price, availability, status, changed_at)"
            " VALUES ('main', 'a', ?, ?, ?, 'many', ?, '2026-11-20 00:00:00+00')",
            [sku, sku, price, status],
        )
    # 21:30 in Greenwich is the next day in Moscow.
    for number, (before, after, at) in enumerate(
        [("100", "104", "2026-11-22 21:10:00+00"), ("100", "95", "2026-11-22 20:10:00+00"), ("1", "9", "2026-10-01")]
    ):
        snapshot.execute(
            f"INSERT INTO {CHANGES.place} (id, kind, fields, before, after, \"at\") VALUES (?, 'changed', ['price'],"
            " json_object('price', ?), json_object('price', ?), ?)",
            [number, before, after, at],
        )
    snapshot.execute(f"INSERT INTO {ISSUES.place} (load, code, severity) VALUES (1, 'x', 'error')")
    snapshot.execute(f"INSERT INTO {SCHEMA}.issue_codes VALUES ('x', 'error', 'O6', ?, '')", [HOSTILE])


def bars(page: html.HtmlElement, plot: str) -> dict[str, int]:
    """Class -> number of bars that are seen, of a plot by its label."""
    (svg,) = page.xpath(f"//svg[starts-with(@aria-label, '{plot}')]")
    seen = [
        bar.get("class") for bar in svg.iter("rect") if float(bar.get("width")) > 0 and float(bar.get("height")) > 0
    ]
    return {name: seen.count(name) for name in seen}


def test_R4_the_page_of_an_empty_catalog_is_whole(snapshot):
    page = html.fromstring(render_page(snapshot))
    assert [h.text for h in page.iter("h2")] == [
        "Товары поставщиков",
        "Изменения по дням",
        "На сколько процентов меняются цены",
        "Замечания к последним загрузкам",
        "Качество данных",
        "Последние загрузки",
    ]
    assert not list(page.iter("rect"))


def test_R4_plots_show_what_the_snapshot_holds(snapshot):
    fill(snapshot)
    page = html.fromstring(render_page(snapshot))
    assert bars(page, "Товары") == {"orderable": 1, "visible": 1, "hidden": 1}
    assert bars(page, "Изменения по дням") == {"same": 2}
    assert bars(page, "Изменения цен") == {"prices": 2}
    assert bars(page, "Замечания") == {"error": 1}
    assert f"Изменения за {DAYS} дней" in page.text_content()
    assert "Снимок на 23 ноября 2026, 00:30 МСК" in page.text_content()


def test_R4_what_a_supplier_wrote_is_text_and_nothing_is_remote(snapshot):
    fill(snapshot)
    text = render_page(snapshot)
    page = html.fromstring(text)
    assert not list(page.iter("script", "link", "img", "iframe"))
    assert not re.search(r"(src|href|url\()", text)
    assert "<script>alert(1)</script>[U+001B][31m" in page.text_content()
    assert "\x1b" not in text
