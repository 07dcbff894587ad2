"""A page with plots, made from a snapshot: one file that reads well offline; no scripts, nothing remote (R4)."""

from __future__ import annotations

import functools
import unicodedata
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from babel.dates import format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

SUPPLIERS = 20
CODES = 15
DAYS = 30

# Kinds of changes as a plot tells them apart.
_KINDS = {"created": "new", "restored": "new", "changed": "same", "edited": "same"}
_OTHERS = "gone"
_FIELDS = {
    "fill_description": "описание",
    "fill_vendor": "произв.",
    "fill_pictures": "фото",
    "fill_params": "характ.",
    "params_recognized": "узнаны",
    "fill_category_id": "категория",
    "fill_position_codes": "позиции",
    "fill_regions": "регионы",
    "fill_weight_kg": "вес",
}

_OFFERS = f"""
    SELECT s.name, o.supplier, count(*) FILTER (WHERE orderable) AS orderable,
        count(*) FILTER (WHERE visible AND NOT orderable) AS visible, count(*) FILTER (WHERE NOT visible) AS hidden
    FROM offers o JOIN suppliers s USING (supplier) GROUP BY ALL ORDER BY count(*) DESC, o.supplier LIMIT {SUPPLIERS}
"""
# Plots speak of days and hours as the readers of the page live them.
_ZONE = "Europe/Moscow"
_DAY = f"CAST({{}} AT TIME ZONE '{_ZONE}' AS DATE)"
_CHANGES = f"""
    SELECT {_DAY.format('"at"')} AS day, kind, count(*) AS changes FROM changes, meta
    WHERE "at" > taken_at - INTERVAL {DAYS} DAY GROUP BY ALL
"""
_LAST_DAYS = f"SELECT {_DAY.format('taken_at')} - unnest(range({DAYS - 1}, -1, -1))::INTEGER AS day FROM meta"
_STEPS = (-50, -20, -10, -5, 0, 5, 10, 20, 50)
_PRICES = f"""
    WITH moved AS (
        SELECT (CAST(after ->> 'price' AS DOUBLE) / CAST(before ->> 'price' AS DOUBLE) - 1) * 100 AS percent
        FROM changes, meta
        WHERE list_contains(fields, 'price') AND "at" > taken_at - INTERVAL {DAYS} DAY
            AND CAST(before ->> 'price' AS DOUBLE) > 0 AND CAST(after ->> 'price' AS DOUBLE) > 0
    )
    SELECT len(list_filter({list(_STEPS)}, lambda step: percent >= step)) AS step, count(*) FROM moved GROUP BY step
"""
_ISSUES = f"""
    SELECT i.code, i.severity, c.message, count(*) AS issues, count(DISTINCT i.load) AS loads
    FROM issues i JOIN issue_codes c USING (code) GROUP BY ALL ORDER BY issues DESC, i.code LIMIT {CODES}
"""
_QUALITY = f"""
    SELECT s.name, q.supplier, q.offers, q.median_age_days, {", ".join(f"q.{name}" for name in _FIELDS)}
    FROM quality q JOIN suppliers s USING (supplier) ORDER BY q.offers DESC, q.supplier LIMIT {SUPPLIERS}
"""
_LINKS = f"""
    SELECT l.supplier, l.link, l.score, l.rejected_share, l.errors_share, l.warnings_share, l.age_hours, l.read
    FROM load_quality l SEMI JOIN (SELECT unnest(loads) AS load FROM meta) m USING (load)
    ORDER BY l.rejected_share DESC NULLS LAST, l.warnings_share DESC NULLS LAST, l.load LIMIT {SUPPLIERS}
"""


def render_page(snapshot: duckdb.DuckDBPyConnection) -> str:
    """What the catalog is like: offers, changes, prices, issues and the quality of data by supplier; in Russian.

    Everything a supplier wrote is escaped, and characters that would act instead of print are shown by code point.
    """
    (taken_at, rows) = snapshot.execute("SELECT taken_at, rows FROM meta").fetchall()[0]
    facts = {
        "taken_at": taken_at.astimezone(ZoneInfo(_ZONE)),
        "rows": rows,
        "offers": _named(snapshot, _OFFERS),
        "days": _days(snapshot),
        "steps": _steps(snapshot),
        "issues": _named(snapshot, _ISSUES),
        "quality": _named(snapshot, _QUALITY),
        "links": _named(snapshot, _LINKS),
        "fields": _FIELDS,
    }
    return _environment().get_template("page.html.j2").render(facts)


def _named(snapshot: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    answer = snapshot.execute(query)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _days(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The last days, the oldest first, each with how many changes of each sort it saw."""
    days = {day: {"day": day, "new": 0, "same": 0, "gone": 0} for (day,) in snapshot.execute(_LAST_DAYS).fetchall()}
    for day, kind, changes in snapshot.execute(_CHANGES).fetchall():
        if day in days:
            days[day][_KINDS.get(kind, _OTHERS)] += changes
    return list(days.values())


def _steps(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """How many prices changed by how much, in percent; a change on a border belongs to the step above it."""
    counted = dict(snapshot.execute(_PRICES).fetchall())
    borders = [f"{step:+d}".replace("-", "−").replace("+0", "0") for step in _STEPS]
    between = [f"{a}…{b}" for a, b in pairwise(borders)]
    names = [f"< {borders[0]}", *between, f"≥ {borders[-1]}"]
    return [{"name": name, "prices": counted.get(place, 0)} for place, name in enumerate(names)]


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.publish.snapshot"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["moment"] = _moment
    return environment


def _number(value: float | None) -> str:
    return "—" if value is None else str(format_decimal(round(value, 1), locale="ru"))


def _moment(value: datetime) -> str:
    return str(format_datetime(value, "d MMMM y, HH:mm 'МСК'", tzinfo=value.tzinfo, locale="ru"))


def _printed(value: Any) -> Any:  # noqa: ANN401 - whatever a template shows
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c == " " or unicodedata.category(c)[0] != "C" else f"[U+{ord(c):04X}]" for c in value)
