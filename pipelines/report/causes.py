"""What to fix first: a load's issues gathered by cause and ranked by the offers they cost (R2).

A cause is one code on one field: what one change in the supplier's template would cure. The issues may be a million
rows, so they are aggregated by DuckDB, and what comes out is bounded whatever goes in.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.model import Severity
from pipelines.report.wording import VARIOUS, fill, issue_code, quote

CAUSE_LIMIT = 200
EXAMPLE_LIMIT = 3

# Enough for the sums of any load in memory; beyond it DuckDB writes to a temporary folder.
_MEMORY = "512MB"

# Errors that concern the whole file come first: nothing else helps before them. Then by offers lost, then by issues;
# code and field last, so that equal causes keep one order.
_RANKED = """
CREATE TEMP TABLE causes AS
SELECT
    row_number() OVER (
        ORDER BY
            CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
            severity = 'error' AND offers > 0, offers DESC, issues DESC, code, field NULLS FIRST
    ) AS rank,
    count(*) OVER () AS total,
    *
FROM (
    SELECT
        code, field, any_value(severity) AS severity,
        count(*) AS issues,
        count(DISTINCT ordinal) AS offers,
        count(published) > 0 AS converts,
        count(sent) IN (0, count(*)) AND coalesce(min(sent) = max(sent), true) AS one_sent,
        count(published) IN (0, count(*)) AND coalesce(min(published) = max(published), true) AS one_published
    FROM read_parquet($issues)
    GROUP BY code, field
)
QUALIFY rank <= $causes
"""

# Three examples say more when their values differ. Values are told apart by a hash in 1024 buckets: memory is bounded
# when a million of them differ, and two values that share a bucket cost only variety. The first of every bucket comes
# before the second of any, the most usual bucket before the others. Rows are chosen by position and read afterwards,
# so that long values are never held for rows that are not shown.
_EXAMPLES = """
WITH buckets AS (
    SELECT rank, count(*) AS size, min(file_row_number, $examples) AS firsts
    FROM read_parquet($issues, file_row_number = true) AS issue
    JOIN (SELECT rank, code, field FROM causes) AS cause
        ON issue.code = cause.code AND issue.field IS NOT DISTINCT FROM cause.field
    GROUP BY rank, hash(sent) % 1024
), candidates AS (
    SELECT rank, size, unnest(firsts) AS position, generate_subscripts(firsts, 1) AS turn FROM buckets
), chosen AS (
    SELECT rank, position FROM candidates
    QUALIFY row_number() OVER (PARTITION BY rank ORDER BY turn, size DESC, position) <= $examples
)
SELECT rank, ordinal, sku, line, sent, published
FROM read_parquet($issues, file_row_number = true) AS issue
JOIN chosen ON issue.file_row_number = chosen.position
ORDER BY rank, position
"""
_NAMES = (
    "SELECT ordinal, any_value(name) FROM read_parquet($rejected) WHERE list_contains($ordinals, ordinal) GROUP BY 1"
)


@dataclass(frozen=True)
class Example:
    """One issue of a cause, by which the supplier finds the place. `name` is known for offers that were rejected."""

    sku: str | None
    line: int | None
    name: str | None
    sent: str | None
    published: str | None


@dataclass(frozen=True)
class Cause:
    """Issues of one code on one field.

    Attributes:
        offers: distinct offers concerned; 0 when the remark is about the whole file.
        issues: remarks; an offer may have several, one for each region for example.
        converts: something was published in place of what was sent.
        uniform: the same was sent, and the same published, in all of them.
        message: Russian, with the values that are the same for all of them, and `…` for those that differ.
        remedy: Russian, with the values of the first example: a text to paste must be a whole one.
        examples: at most three, with different sent values as far as there are any.
    """

    code: str
    severity: Severity
    field: str | None
    offers: int
    issues: int
    converts: bool
    uniform: bool
    message: str
    remedy: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Causes:
    """The first `CAUSE_LIMIT` causes in their order, and how many there are."""

    ranked: tuple[Cause, ...]
    total: int


def find_causes(issues: Path, rejected: Path | None) -> Causes:
    """The causes behind a load's issues.

    Args:
        issues: Parquet of `ISSUE_SCHEMA`, in file order, of any length.
        rejected: Parquet of `REJECTED_SCHEMA`, for the names of offers in examples.
    """
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as connection,
    ):
        connection.execute(_RANKED, {"issues": str(issues), "causes": CAUSE_LIMIT})
        causes = _rows(connection.execute("SELECT * FROM causes ORDER BY rank"))
        examples = _rows(connection.execute(_EXAMPLES, {"issues": str(issues), "examples": EXAMPLE_LIMIT}))
        names: dict[int, str | None] = {}
        if rejected is not None:
            ordinals = [row["ordinal"] for row in examples if row["ordinal"] is not None]
            found = connection.execute(_NAMES, {"rejected": str(rejected), "ordinals": ordinals})
            names = dict(found.fetchall())
    by_rank: dict[int, list[Example]] = {}
    for row in examples:
        example = Example(row["sku"], row["line"], names.get(row["ordinal"]), row["sent"], row["published"])
        by_rank.setdefault(row["rank"], []).append(example)
    ranked = tuple(_cause(row, tuple(by_rank[row["rank"]])) for row in causes)
    return Causes(ranked, total=causes[0]["total"] if causes else 0)


def _rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    columns = [column[0] for column in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _cause(row: dict[str, Any], examples: tuple[Example, ...]) -> Cause:
    entry = issue_code(row["code"])
    first = examples[0]
    single = row["issues"] == 1
    values = {
        "field": _quoted(row["field"]),
        "sent": _quoted(first.sent),
        "published": _quoted(first.published),
        "sku": _quoted(first.sku),
        "line": _quoted(first.line),
    }
    same = {"sent": row["one_sent"], "published": row["one_published"], "sku": single, "line": single}
    common = {name: value if same.get(name, True) else VARIOUS for name, value in values.items()}
    return Cause(
        code=entry.code,
        severity=entry.severity,
        field=row["field"],
        offers=row["offers"],
        issues=row["issues"],
        converts=row["converts"],
        uniform=row["one_sent"] and row["one_published"],
        message=fill(entry.message, common).replace(f"{VARIOUS}.", VARIOUS),  # an ellipsis ends a sentence by itself
        remedy=fill(entry.remedy, values),
        examples=examples,
    )


def _quoted(value: object) -> str | None:
    return None if value is None else quote(str(value))
