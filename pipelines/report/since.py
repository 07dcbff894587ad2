"""What became of the remarks since the last load: fixed, remaining and new, by code (R2)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.model import Severity
from pipelines.report.wording import PLACEHOLDERS, fill_common, issue_code

_MEMORY = "512MB"

# A remark is the same as before when its code is given to the same offer; lines and values may have moved.
_OFFER = "hash(CASE WHEN ordinal IS NULL THEN NULL ELSE coalesce(lower(trim(sku)), '#' || ordinal) END)"
_COMPARED = f"""
SELECT
    code,
    count(*) FILTER (WHERE NOT now) AS fixed,
    count(*) FILTER (WHERE now AND before) AS remaining,
    count(*) FILTER (WHERE NOT before) AS new
FROM (
    SELECT code, offer, bool_or(now) AS now, bool_or(NOT now) AS before
    FROM (
        SELECT code, {_OFFER} AS offer, true AS now FROM read_parquet($now) WHERE severity <> 'info'
        UNION ALL
        SELECT code, {_OFFER} AS offer, false AS now FROM read_parquet($before) WHERE severity <> 'info'
    )
    GROUP BY code, offer
)
GROUP BY code
"""


@dataclass(frozen=True)
class Course:
    """One code since the last load, in offers; a remark about the whole file counts as one."""

    code: str
    severity: Severity
    message: str
    fixed: int
    remaining: int
    new: int


def compare(now: Path, before: Path) -> tuple[Course, ...]:
    """The course of every error and warning: those of offers lost first, then those that moved most.

    Args:
        now, before: Parquets of `ISSUE_SCHEMA`.
    """
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as connection,
    ):
        rows = connection.execute(_COMPARED, {"now": str(now), "before": str(before)}).fetchall()
    courses = [_course(*row) for row in rows]
    return tuple(
        sorted(courses, key=lambda c: (c.severity is not Severity.ERROR, -(c.fixed + c.new), -c.remaining, c.code))
    )


def _course(code: str, fixed: int, remaining: int, new: int) -> Course:
    entry = issue_code(code)
    return Course(entry.code, entry.severity, fill_common(entry.message, {}, PLACEHOLDERS), fixed, remaining, new)
