"""Loads and issues to report on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import (
    ISSUE_SCHEMA,
    REJECTED_SCHEMA,
    Counts,
    Issue,
    LoadFacts,
    LoadStatus,
    PriceChange,
    PriceChanges,
)


@pytest.fixture
def make_load() -> Callable[..., LoadFacts]:
    def make(**changes: Any) -> LoadFacts:
        facts: dict[str, Any] = {
            "id": 4812,
            "link_id": 7,
            "link": "основной прайс",
            "supplier": "ООО «Крепёж-Сервис»",
            "shop": "kim",
            "status": LoadStatus.PROCESSED,
            "format": "yml",
            "encoding": "utf-8",
            "sha256": "9f2c" * 16,
            "bytes": 12_400_000,
            "started_at": datetime(2026, 11, 22, 4, 14, tzinfo=UTC),
            "finished_at": datetime(2026, 11, 22, 4, 15, 3, tzinfo=UTC),
            "counts": Counts(read=10, accepted=8, rejected=2, created=1, changed=2, restored=1, unchanged=4, hidden=3),
            "actualization": {"requested": True, "applied": True, "why_not": None},
        }
        return LoadFacts(**(facts | changes))

    return make


@pytest.fixture
def prices() -> PriceChanges:
    widest = (PriceChange("A-1", "Болт М8", Decimal("100.00"), Decimal("250.00")),)
    return PriceChanges(up=12, down=3, median=Decimal("3.10"), histogram=(0, 0, 1, 1, 1, 5, 4, 2, 0, 1), widest=widest)


@pytest.fixture
def write_issues(tmp_path: Path) -> Callable[[Iterable[Issue]], Path]:
    numbers = itertools.count()

    def write(issues: Iterable[Issue]) -> Path:
        path = tmp_path / f"issues-{next(numbers)}.parquet"
        rows = [
            {name: getattr(issue, name) for name in ISSUE_SCHEMA.names if name != "severity"}
            | {"severity": ISSUE_CODES[issue.code].severity.value}
            for issue in issues
        ]
        pq.write_table(pa.Table.from_pylist(rows, ISSUE_SCHEMA), path)
        return path

    return write


@pytest.fixture
def write_rejected(tmp_path: Path) -> Callable[[dict[int, str]], Path]:
    def write(names: dict[int, str]) -> Path:
        path = tmp_path / "rejected.parquet"
        rows = [{"ordinal": ordinal, "line": 1, "name": name, "codes": []} for ordinal, name in names.items()]
        pq.write_table(pa.Table.from_pylist(rows, REJECTED_SCHEMA), path)
        return path

    return write
