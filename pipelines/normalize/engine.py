"""The run of all rules over one file: batches of raw offers in; accepted offers, rejected offers and issues out.

Memory is bounded: a batch holds some thousand offers or some megabytes, DuckDB spills beyond its limit, and what concerns the
whole file (duplicates) is found first, over keys alone. The same input gives the same bytes: batches follow the file and every
result is ordered.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import model
from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import ISSUE_SCHEMA, OFFER_FIELDS, OFFER_SCHEMA, QUOTE_LIMIT, REJECTED_SCHEMA, Issue, ParseResult
from pipelines.normalize import (
    availability,
    category,
    characteristics,
    currency,
    delivery,
    description,
    duplicates,
    measures,
    name,
    pictures,
    price,
    regions,
    sku,
    stock_class,
    unit,
    vat,
    vendor,
)
from pipelines.normalize.fingerprint import fingerprint
from pipelines.normalize.rule import Remark, Rule, rows_sql
from pipelines.normalize.session import open_session
from pipelines.options import Options
from pipelines.reference import Reference

BATCH_ROWS = 8192
BATCH_BYTES = 32_000_000

OFFER_RULES: tuple[Rule, ...] = (
    sku.SKU,
    duplicates.DUPLICATES,
    name.NAME,
    description.DESCRIPTION,
    unit.UNIT,
    vat.VAT,
    currency.CURRENCY,
    price.PRICE,
    availability.AVAILABILITY,
    delivery.DELIVERY,
    vendor.VENDOR,
    pictures.PICTURES,
    measures.MEASURES,
    category.CATEGORY,
    category.REPEATED,
    stock_class.STOCK_CLASS,
)
REGION_RULES: tuple[Rule, ...] = (regions.CODE, regions.REGION)
PARAM_RULES: tuple[Rule, ...] = (characteristics.CHARACTERISTIC,)
CARD_RULES: tuple[Rule, ...] = (regions.REGIONS, characteristics.CHARACTERISTICS)

# The rows that rules read, one temporary table each, filled anew for every batch.
_RULES_OF_ROWS = {
    "offer_rows": OFFER_RULES,
    "region_rows": REGION_RULES,
    "param_rows": PARAM_RULES,
    "card_rows": CARD_RULES,
}

_LISTS = ("pictures", "outlets", "params", "regions", "repeated")
OFFER_SOURCE = f"""(
    SELECT ordinal, line AS offer_line,
        {", ".join(f"{c} AS sent_{c}, {c}_line" for c in model.RAW_SCALARS)},
        {", ".join(f"{c} AS sent_{c}" for c in _LISTS)},
        options.*
    FROM batch CROSS JOIN options)"""
REGION_SOURCE = f"""(
    SELECT ordinal, offer_line, sku, position, vat_percent, option_available_false,
        {", ".join(f"{c} AS offer_{c}" for c in regions.INHERITED)},
        {", ".join(f"region.{c} AS sent_{c}, region.{c}_line AS {c}_line" for c in model.RAW_REGION_SCALARS)}
    FROM (
        SELECT *, unnest(sent_regions) AS region, generate_subscripts(sent_regions, 1) AS position
        FROM offer_rows WHERE len(sent_regions) > 0))"""
PARAM_SOURCE = """(
    SELECT ordinal, offer_line, sku, position, param.line AS line,
        param.name AS sent_name, param.value AS sent_value, param.unit AS sent_unit
    FROM (
        SELECT ordinal, offer_line, sku, unnest(sent_params) AS param, generate_subscripts(sent_params, 1) AS position
        FROM offer_rows WHERE len(sent_params) > 0))"""


def _issues_sql() -> str:
    """All remarks of all rules as one query over the rows of a batch, in no particular order."""
    selects: list[str] = []
    for rows, rules in _RULES_OF_ROWS.items():
        position = "position" if rows in {"region_rows", "param_rows"} else "0"
        for rule in rules:
            selects += [_remark_sql(remark, rows, position, len(selects) + n) for n, remark in enumerate(rule.remarks)]
    return " UNION ALL ".join(selects)


def _remark_sql(remark: Remark, rows: str, position: str, rank: int) -> str:
    source = f"{rows} WHERE {remark.when}"
    if remark.each is not None:
        source = f"(SELECT *, unnest({remark.each}) AS entry FROM {source})"
    return f"""SELECT ordinal, {rank} AS rank, {position} AS position, '{remark.code}' AS code, {remark.once} AS once, sku,
        coalesce({remark.line}, offer_line) AS line, {remark.field} AS raw_column,
        left({remark.sent}, {QUOTE_LIMIT}) AS sent, left({remark.published}, {QUOTE_LIMIT}) AS published
        FROM {source}"""


# What turns one batch of raw offers into results, in order. An offer repeated word for word is remarked upon for that alone.
BATCH_STEPS = (
    f"CREATE OR REPLACE TEMP TABLE offer_rows AS {rows_sql(OFFER_SOURCE, OFFER_RULES)}",
    f"CREATE OR REPLACE TEMP TABLE region_rows AS {rows_sql(REGION_SOURCE, REGION_RULES)}",
    f"CREATE OR REPLACE TEMP TABLE param_rows AS {rows_sql(PARAM_SOURCE, PARAM_RULES)}",
    f"CREATE OR REPLACE TEMP TABLE regions_by_offer AS {regions.COLLECTED}",
    f"CREATE OR REPLACE TEMP TABLE params_by_offer AS {characteristics.JOINED}",
    f"CREATE OR REPLACE TEMP TABLE params_dropped_by_offer AS {characteristics.DROPPED}",
    f"CREATE OR REPLACE TEMP TABLE card_rows AS {rows_sql('offer_rows', CARD_RULES)}",
    f"""CREATE OR REPLACE TEMP TABLE issue_rows AS
        SELECT issue.*, severity, coalesce(tag, raw_column) AS field
        FROM ({_issues_sql()}) AS issue
        JOIN severities USING (code) LEFT JOIN spellings USING (raw_column)
        WHERE code = '{duplicates.IDENTICAL}'
           OR ordinal NOT IN (SELECT ordinal FROM offer_rows WHERE duplicate = 'identical')""",
    f"""CREATE OR REPLACE TEMP TABLE verdicts AS
        SELECT ordinal, list(code ORDER BY rank, code) AS codes
        FROM (
            SELECT ordinal, code, min(rank) AS rank FROM issue_rows
            WHERE severity = 'error' OR code = '{duplicates.IDENTICAL}' GROUP BY ordinal, code)
        GROUP BY ordinal""",
)
ACCEPTED = f"""
    SELECT ordinal, offer_line AS line, sku_key, {", ".join(f.name for f in OFFER_FIELDS)},
        {fingerprint((f.name, f.type) for f in OFFER_FIELDS)} AS content_hash
    FROM card_rows WHERE ordinal NOT IN (SELECT ordinal FROM verdicts) ORDER BY ordinal"""
REJECTED = """
    SELECT ordinal, offer_line AS line, sku_key, sku, name, codes
    FROM offer_rows JOIN verdicts USING (ordinal) ORDER BY ordinal"""
ISSUES = """
    SELECT ordinal, code, severity, sku, line, field, sent, published
    FROM issue_rows WHERE NOT once ORDER BY ordinal, line, rank, position, field, sent"""
ONCE = """
    SELECT code, arg_min(line, ordinal) AS line, arg_min(field, ordinal) AS field,
        arg_min(sent, ordinal) AS sent, arg_min(published, ordinal) AS published
    FROM issue_rows WHERE once GROUP BY code ORDER BY min(rank)"""


@dataclass(frozen=True)
class Totals:
    """The accounting of a file: offers read, accepted and rejected; issues by severity. read = accepted + rejected (P2)."""

    read: int
    accepted: int
    rejected: int
    errors: int
    warnings: int
    infos: int


def normalize(
    raw: Path, out: Path, *, parsed: ParseResult, options: Options, reference: Reference, today: date
) -> Totals:
    """Apply the loading rules to raw offers.

    Args:
        raw: Parquet of `RAW_SCHEMA`.
        out: folder that gets `offers.parquet`, `rejected.parquet` and `issues.parquet`.
        parsed: what parsing learned of the file.
        options: settings of the link and its shop.
        reference: the reference tables.
        today: the day that dated reference data is judged by.

    Raises:
        OperatorError: an option names a unit or a VAT rate that is not accepted.
        InternalError: the counts do not add up (P2).
    """
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=out, prefix="normalize-") as scratch,
        open_session(Path(scratch), parsed=parsed, options=options, reference=reference, today=today) as connection,
    ):
        return _run(connection, raw, out, Path(scratch) / "issues.parquet", parsed)


def _run(
    connection: duckdb.DuckDBPyConnection, raw: Path, out: Path, offer_issues: Path, parsed: ParseResult
) -> Totals:
    connection.read_parquet(str(raw)).create_view("raw")
    connection.execute(duplicates.FIND)
    accepted = rejected = 0
    codes: Counter[str] = Counter()
    once: dict[str, Issue] = {}
    with ExitStack() as stack:
        offers = stack.enter_context(_writer(out / "offers.parquet", OFFER_SCHEMA))
        refused = stack.enter_context(_writer(out / "rejected.parquet", REJECTED_SCHEMA))
        issues = stack.enter_context(_writer(offer_issues, ISSUE_SCHEMA))
        for first, last in _batches(raw):
            connection.execute(
                "CREATE OR REPLACE TEMP TABLE batch AS SELECT * FROM raw WHERE ordinal BETWEEN ? AND ?", [first, last]
            )
            for step in BATCH_STEPS:
                connection.execute(step)
            accepted += _append(connection, ACCEPTED, offers, OFFER_SCHEMA)
            rejected += _append(connection, REJECTED, refused, REJECTED_SCHEMA)
            _append(connection, ISSUES, issues, ISSUE_SCHEMA)
            codes.update(
                dict(
                    connection.execute("SELECT code, count(*) FROM issue_rows WHERE NOT once GROUP BY code").fetchall()
                )
            )
            for code, *about in connection.execute(ONCE).fetchall():
                once.setdefault(code, Issue(code, *about))
    if parsed.read != accepted + rejected:
        msg = f"{parsed.read} offers were read, but {accepted} accepted and {rejected} rejected"
        raise InternalError(msg)
    load_issues = [*parsed.issues, *once.values(), *_judge_load(parsed.read, accepted, codes)]
    _prepend(load_issues, offer_issues, out / "issues.parquet")
    codes.update(issue.code for issue in load_issues)
    by_severity = Counter[str]()
    for code, number in codes.items():
        by_severity[ISSUE_CODES[code].severity.value] += number
    return Totals(
        read=parsed.read,
        accepted=accepted,
        rejected=rejected,
        errors=by_severity["error"],
        warnings=by_severity["warning"],
        infos=by_severity["info"],
    )


def _batches(raw: Path) -> Iterator[tuple[int, int]]:
    """First and last ordinal of each batch: neighbouring row groups up to a number of rows or of bytes."""
    metadata = pq.read_metadata(raw)
    first = rows = size = 0
    for group in (metadata.row_group(i) for i in range(metadata.num_row_groups)):
        if rows and (rows + group.num_rows > BATCH_ROWS or size + group.total_byte_size > BATCH_BYTES):
            yield first, first + rows - 1
            first, rows, size = first + rows, 0, 0
        rows += group.num_rows
        size += group.total_byte_size
    if rows:
        yield first, first + rows - 1


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")


def _append(connection: duckdb.DuckDBPyConnection, query: str, writer: pq.ParquetWriter, schema: pa.Schema) -> int:
    table = connection.execute(query).to_arrow_table().cast(schema)
    writer.write_table(table, row_group_size=BATCH_ROWS)
    return int(table.num_rows)


def _judge_load(read: int, accepted: int, codes: Counter[str]) -> Iterator[Issue]:
    """Remarks on the load as a whole that follow from its offers (F8, O7)."""
    if read and not accepted:
        yield Issue("all_offers_rejected")
    unknown = codes["vat_unknown"]
    if unknown > vat.UNKNOWN_SHARE * read:
        yield Issue("vat_unknown_share", sent=f"{unknown} / {read}", published=vat.NOT_TAXED)


def _prepend(load_issues: list[Issue], offer_issues: Path, out: Path) -> None:
    """All issues in file order: those of the load, then those of the offers."""
    rows = [
        {
            "ordinal": None,
            "code": issue.code,
            "severity": ISSUE_CODES[issue.code].severity.value,
            "sku": issue.sku,
            "line": issue.line,
            "field": issue.field,
            "sent": issue.sent,
            "published": issue.published,
        }
        for issue in load_issues
    ]
    with _writer(out, ISSUE_SCHEMA) as writer, pq.ParquetFile(offer_issues) as source:
        writer.write_table(pa.Table.from_pylist(rows, ISSUE_SCHEMA))
        for group in range(source.num_row_groups):
            writer.write_table(source.read_row_group(group), row_group_size=BATCH_ROWS)
