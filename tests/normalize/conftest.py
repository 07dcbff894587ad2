"""A tiny way into normalize: offers as dicts of what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS, RAW_SCHEMA, FeedFormat, ParseResult
from pipelines.normalize import Totals, normalize
from pipelines.options import Options
from pipelines.reference import load_reference

# An offer that breaks no rule and gives no remark.
PLAIN = {
    "name": "Кабель",
    "description": "Медный",
    "vendor": "Завод",
    "price": "120.00",
    "vat": "20",
    "unit_okei": "796",
    "available": "many",
}


@dataclass(frozen=True)
class Result:
    totals: Totals
    offers: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    folder: Path

    @property
    def offer(self):
        assert len(self.offers) == 1, self.issues
        return self.offers[0]

    @property
    def codes(self):
        return [issue["code"] for issue in self.issues]

    def issue(self, code):
        found = [issue for issue in self.issues if issue["code"] == code]
        assert len(found) == 1, self.issues
        return found[0]


def raw_row(ordinal: int, sent: dict[str, Any]) -> dict[str, Any]:
    """A row of RAW_SCHEMA: offers stand 100 lines apart, if nothing else is said, and values on the lines after."""
    line = sent.get("line", 10 + 100 * ordinal)
    row: dict[str, Any] = {"ordinal": ordinal, "line": line, "external_id": sent.get("external_id")}
    for offset, column in enumerate(RAW_SCALARS):
        value = sent.get(column)
        row |= {column: value, f"{column}_line": None if value is None else line + offset}
    for column in ("pictures", "outlets"):
        row[column] = [{"value": v, "line": line + 50 + n} for n, v in enumerate(sent.get(column, []))]
    row["params"] = [
        {"name": p[0], "value": p[1], "unit": p[2] if len(p) > 2 else None, "line": line + 60 + n}
        for n, p in enumerate(sent.get("params", []))
    ]
    row["regions"] = [
        {
            key: value
            for column in RAW_REGION_SCALARS
            for key, value in (
                (column, region.get(column)),
                (f"{column}_line", line + 80 + n if column in region else None),
            )
        }
        for n, region in enumerate(sent.get("regions", []))
    ]
    row["repeated"] = [
        {"field": f, "value": v, "line": line + 90 + n} for n, (f, v) in enumerate(sent.get("repeated", []))
    ]
    assert not set(sent) - set(row), set(sent) - set(row)
    return row


@pytest.fixture
def raw_rows():
    """Rows of RAW_SCHEMA from offers given as dicts of raw columns, and of nothing else."""
    return lambda offers: [raw_row(n, offer) for n, offer in enumerate(offers)]


@pytest.fixture
def normalised(tmp_path):
    """Normalise offers given as dicts of raw columns; a value of None takes a column out of the plain offer."""

    def run(
        *offers,
        today=date(2026, 11, 22),
        format_=FeedFormat.YML,
        row_group=2048,
        issues=(),
        plain=True,
        reference=None,
        parts=(),
        timed=None,
        **settings,
    ):
        rows = [raw_row(n, {"sku": f"A{n}", **(PLAIN if plain else {}), **offer}) for n, offer in enumerate(offers)]
        folder = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        raw = folder / "raw_offers.parquet"
        pq.write_table(pa.Table.from_pylist(rows, RAW_SCHEMA), raw, row_group_size=row_group)
        parsed = ParseResult(format_, "utf-8", len(rows), tuple(issues), dict(RAW_SCALARS), tuple(parts))
        totals = normalize(
            raw,
            folder / "out",
            parsed=parsed,
            options=Options().with_settings(settings),
            reference=reference or load_reference(),
            today=today,
            timed=timed,
        )
        read = {n: pq.read_table(folder / "out" / f"{n}.parquet").to_pylist() for n in ("offers", "rejected", "issues")}
        return Result(totals, folder=folder / "out", **read)

    return run
