"""What to fix first: a load's issues gathered by what one change would cure, ranked by the offers regained (R2).

A cause is one code on one field with one kind of value: the same word, or numbers written the same way. The issues may
be a million rows, so they are aggregated by DuckDB, and what comes out is bounded whatever goes in.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.model import FeedFormat, Severity
from pipelines.remedies import remedy
from pipelines.report.places import xpath
from pipelines.report.wording import fill, fill_common, in_words, issue_code, quote

CAUSE_LIMIT = 200
EXAMPLE_LIMIT = 3

# Values of one code and field part into causes of their own when they are this many, this large a share, and the most
# usual ones; the others stay together.
KIND_ISSUES = 3
KIND_SHARE = 0.05
KIND_LIMIT = 5

# What was sent is only evidence here: the cure is one, whatever the value.
_ONE_CURE = (
    "sku_too_long", "duplicate_identical", "duplicate_conflict", "name_cut", "name_composed", "name_from_sku",
    "text_cleaned", "description_links_removed", "description_tags_removed", "description_cut", "price_rounded",
    "prices_differ", "quantity_rounded", "pictures_over_limit", "params_joined",
    # An absent tag and an empty one are filled in by the same line of a template.
    "sku_missing", "name_missing", "description_missing", "vendor_missing", "price_missing", "vat_missing",
    "availability_missing", "quantity_missing",
)  # fmt: skip

# What they tell as published is not what stands in the place of what was sent: a number, a list, a name.
_NOT_IN_PLACE = (
    "changes_of_unknown", "description_cut", "description_tags_removed", "goods_deleted", "goods_without_offers",
    "offers_without_goods", "params_joined", "pictures_over_limit", "pictures_without_address",
    "property_values_unresolved", "region_repeated",
)  # fmt: skip

# Enough for the sums of any load in memory; beyond it DuckDB writes to a temporary folder.
_MEMORY = "512MB"

# How a value is written: words differ by what they say, numbers by their form alone («12.5» and «7.25» are the same
# mistake, «да» and «нет» are two). Runs of letters become `a`, of digits `9`, and lists of either one of them.
_KIND = r"""
CASE
    WHEN list_contains($one_cure, code) THEN NULL
    WHEN regexp_matches(sent, '\p{N}') THEN
        substr(regexp_replace(
            regexp_replace(
                regexp_replace(regexp_replace(lower(substr(sent, 1, 120)), '\p{L}+', 'a', 'g'), '\p{N}+', '9', 'g'),
                '9((, +|; *| +)9)+', '9', 'g'
            ), 'a( +a)+', 'a', 'g'
        ), 1, 60)
    ELSE lower(trim(substr(sent, 1, 200)))
END
"""
_REMARKS = f"""
CREATE TEMP TABLE remarks AS
SELECT
    file_row_number AS position, ordinal, code, field, severity, hash({_KIND}) AS kind,
    hash(sent) AS sent, hash(published) AS published,
    published IS NOT NULL AND published IS DISTINCT FROM sent AND NOT list_contains($not_in_place, code) AS converts
FROM read_parquet($issues, file_row_number = true)
"""
_KINDS = """
CREATE TEMP TABLE kinds AS
SELECT code, field, kind
FROM (
    SELECT code, field, kind, count(*) AS size, sum(count(*)) OVER (PARTITION BY code, field) AS whole
    FROM remarks GROUP BY code, field, kind
)
WHERE size >= $kind_issues AND size >= whole * $kind_share
QUALIFY row_number() OVER (PARTITION BY code, field ORDER BY size DESC, kind) <= $kind_limit
"""
_CAUSED = """
CREATE TEMP TABLE caused AS
SELECT remarks.* EXCLUDE (kind), hash(remarks.code, remarks.field, kinds.kind) AS cause
FROM remarks LEFT JOIN kinds
    ON kinds.code = remarks.code AND kinds.field IS NOT DISTINCT FROM remarks.field AND kinds.kind = remarks.kind
"""

# Errors that concern the whole file come first: nothing else helps before them. Then by offers that this change alone
# brings back, by offers concerned, by issues; code and field last, so that equal causes keep one order.
_CAUSES = """
CREATE TEMP TABLE causes AS
WITH alone AS (
    SELECT cause, count(*) AS regained
    FROM (
        SELECT min(cause) AS cause FROM caused
        WHERE severity = 'error' AND ordinal IS NOT NULL GROUP BY ordinal HAVING min(cause) = max(cause)
    )
    GROUP BY cause
), facts AS (
    SELECT
        cause, any_value(code) AS code, any_value(field) AS field, any_value(severity) AS severity,
        count(*) AS issues, count(DISTINCT ordinal) AS offers, min(position) AS first, bool_or(converts) AS converts,
        min(sent) = max(sent) AS one_sent, min(published) = max(published) AS one_published
    FROM caused GROUP BY cause
)
SELECT
    row_number() OVER (
        ORDER BY
            CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
            severity = 'error' AND offers > 0, coalesce(regained, 0) DESC, offers DESC, issues DESC,
            code, field NULLS FIRST, first
    ) AS rank,
    count(*) OVER () AS total,
    coalesce(regained, 0) AS regained,
    facts.*
FROM facts LEFT JOIN alone USING (cause)
QUALIFY rank <= $causes
"""

# Three examples say more when their values differ. Values are told apart by a hash in 1024 buckets: memory is bounded
# when a million of them differ, and two values that share a bucket cost only variety. The first of every bucket comes
# before the second of any, the most usual bucket before the others. Rows are chosen by position and read afterwards,
# so that long values are never held for rows that are not shown.
_EXAMPLES = """
WITH buckets AS (
    SELECT rank, count(*) AS size, min(position, $examples) AS firsts
    FROM caused JOIN (SELECT rank, cause FROM causes) USING (cause)
    GROUP BY rank, sent % 1024
), candidates AS (
    SELECT rank, size, unnest(firsts) AS position, generate_subscripts(firsts, 1) AS turn FROM buckets
), chosen AS (
    SELECT rank, position FROM candidates
    QUALIFY row_number() OVER (PARTITION BY rank ORDER BY turn, size DESC, position) <= $examples
)
SELECT rank, ordinal, sku, part, line, field, sent, published
FROM read_parquet($issues, file_row_number = true) AS issue
JOIN chosen ON issue.file_row_number = chosen.position
ORDER BY rank, position
"""
_NAMES = (
    "SELECT ordinal, any_value(name) FROM read_parquet($rejected) WHERE list_contains($ordinals, ordinal) GROUP BY 1"
)


@dataclass(frozen=True)
class Example:
    """One issue of a cause, by which the supplier finds the place.

    Attributes:
        part: the file of a set in which it stands; None for a single file.
        line: in that file, from 1; of a workbook the row of its sheet.
        column: header of the column, where the file is a table.
        xpath: of the value, where the format has such a thing.
        name: of the offer; known for offers that were rejected.
    """

    sku: str | None
    part: str | None
    line: int | None
    column: str | None
    xpath: str | None
    name: str | None
    sent: str | None
    published: str | None


@dataclass(frozen=True)
class Cause:
    """Issues that one change would cure: of one code, on one field, with one kind of value.

    Attributes:
        offers: distinct offers concerned; 0 when the remark is about the whole file.
        regained: offers that would be accepted if nothing but this were put right; 0 unless it is an error.
        issues: remarks; an offer may have several, one for each region for example.
        converts: something was published in place of what was sent.
        uniform: the same was sent, and the same published, in all of them.
        message: Russian, with the values that are the same for all of them.
        remedy: Russian, with the values of the first example: a text to paste must be a whole one.
        examples: at most three, with different sent values as far as there are any.
    """

    code: str
    severity: Severity
    field: str | None
    offers: int
    regained: int
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


def find_causes(issues: Path, rejected: Path | None, feed_format: str | None = None) -> Causes:
    """The causes behind a load's issues.

    Args:
        issues: Parquet of `ISSUE_SCHEMA`, in file order, of any length.
        rejected: Parquet of `REJECTED_SCHEMA`, for the names of offers in examples.
        feed_format: value of `FeedFormat`, for the places of examples and the words of remedies.
    """
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as connection,
    ):
        lists = {"one_cure": list(_ONE_CURE), "not_in_place": list(_NOT_IN_PLACE)}
        connection.execute(_REMARKS, {"issues": str(issues), **lists})
        limits = {"kind_issues": KIND_ISSUES, "kind_share": KIND_SHARE, "kind_limit": KIND_LIMIT}
        connection.execute(_KINDS, limits)
        connection.execute(_CAUSED)
        connection.execute(_CAUSES, {"causes": CAUSE_LIMIT})
        causes = _rows(connection.execute("SELECT * FROM causes ORDER BY rank"))
        rows = _rows(connection.execute(_EXAMPLES, {"issues": str(issues), "examples": EXAMPLE_LIMIT}))
        names: dict[int, str | None] = {}
        if rejected is not None:
            ordinals = [row["ordinal"] for row in rows if row["ordinal"] is not None]
            found = connection.execute(_NAMES, {"rejected": str(rejected), "ordinals": ordinals})
            names = dict(found.fetchall())
    by_rank: dict[int, list[Example]] = {}
    for row in rows:
        by_rank.setdefault(row["rank"], []).append(_example(row, names.get(row["ordinal"]), feed_format))
    ranked = tuple(_cause(row, tuple(by_rank[row["rank"]]), feed_format) for row in causes)
    return Causes(ranked, total=causes[0]["total"] if causes else 0)


def _rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    columns = [column[0] for column in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _example(row: dict[str, Any], name: str | None, feed_format: str | None) -> Example:
    return Example(
        sku=row["sku"],
        part=row["part"],
        line=row["line"],
        column=row["field"] if feed_format == FeedFormat.CSV and row["ordinal"] is not None else None,
        # What was not sent has no place of its own: the path is that of the offer it should stand in.
        xpath=xpath(
            feed_format,
            sku=row["sku"],
            ordinal=row["ordinal"],
            field=row["field"] if row["sent"] is not None else None,
        ),
        name=name,
        sent=row["sent"],
        published=row["published"],
    )


def _cause(row: dict[str, Any], examples: tuple[Example, ...], feed_format: str | None) -> Cause:
    entry = issue_code(row["code"])
    first = examples[0]
    single = row["issues"] == 1
    values = {
        "field": _quoted(row["field"]),
        "sent": _quoted(first.sent),
        "published": _quoted(in_words(entry, first.published)),
        "sku": _quoted(first.sku),
        "line": _quoted(first.line),
    }
    same = {"sent": row["one_sent"], "published": row["one_published"], "sku": single, "line": single}
    return Cause(
        code=entry.code,
        severity=entry.severity,
        field=row["field"],
        offers=row["offers"],
        regained=row["regained"],
        issues=row["issues"],
        converts=row["converts"],
        uniform=row["one_sent"] and row["one_published"],
        message=fill_common(entry.message, values, [name for name, alike in same.items() if not alike]),
        remedy=fill(remedy(entry, feed_format), values),
        examples=examples,
    )


def _quoted(value: object) -> str | None:
    return None if value is None else quote(str(value))
