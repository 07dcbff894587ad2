"""The run of all rules over one file: batches of raw offers in; accepted offers, rejected offers and issues out.

Memory is bounded: a batch holds some thousand offers or some megabytes, DuckDB spills beyond its limit, and what
concerns the whole file (duplicates) is found first, over keys alone. The same input gives the same bytes: batches
follow the file and every result is ordered.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import model
from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import (
    ISSUE_SCHEMA,
    OFFER_FIELDS,
    OFFER_SCHEMA,
    QUOTE_LIMIT,
    REJECTED_SCHEMA,
    Issue,
    ParseResult,
    Part,
)
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
    table_row,
    unit,
    vat,
    vendor,
)
from pipelines.normalize.fingerprint import fingerprint
from pipelines.normalize.parts import in_parts
from pipelines.normalize.rule import Remark, Rule, made_by, rows_sql
from pipelines.normalize.session import OPTIONS, open_session
from pipelines.normalize.stopwatch import Stopwatch
from pipelines.options import Options
from pipelines.reference import Reference

BATCH_ROWS = 4096
BATCH_BYTES = 16_000_000
WORKERS = 2
# Of remarks made once for each value, the first so many are in the report; the rest are counted.
NOTES_SHOWN = 50

# Rules of an offer, in parts: rules that read each other's columns stand together, and each part is one narrow query.
OFFER_PARTS: dict[str, tuple[Rule, ...]] = {
    "identity": (table_row.TABLE_ROW, sku.SKU, duplicates.DUPLICATES, name.NAME),
    "description": (description.DESCRIPTION,),
    "unit": (unit.UNIT,),
    "money": (vat.VAT, currency.CURRENCY, stock_class.STOCK_CLASS, price.PRICE, stock_class.RRP),
    "stock": (availability.AVAILABILITY, delivery.DELIVERY),
    "maker": (vendor.VENDOR,),
    "media": (pictures.PICTURES, measures.MEASURES),
    "category": (category.CATEGORY, category.POSITIONS, category.REPEATED),
}
REGION_RULES: tuple[Rule, ...] = (regions.CODE, regions.REGION)
NAME_RULES: tuple[Rule, ...] = (characteristics.NAME,)
PARAM_RULES: tuple[Rule, ...] = (characteristics.CHARACTERISTIC,)
# Of an offer again, once its regions are collected.
CARD_RULES: tuple[Rule, ...] = (regions.PRICED,)
COLLECTED_RULES: tuple[Rule, ...] = (
    characteristics.JOINED,
    characteristics.DROPPED,
    characteristics.CONVERTED,
)

_LISTS = ("pictures", "outlets", "params", "regions", "repeated")
_OFFER_COLUMNS = {
    "ordinal": "ordinal",
    "offer_line": "line",
    "external_id": "external_id",
    "sent_row_fault": "row_fault",
    "sent_row_fault_sent": "row_fault_sent",
    **{name: column for c in model.RAW_SCALARS for name, column in ((f"sent_{c}", c), (f"{c}_line", f"{c}_line"))},
    **{f"sent_{c}": c for c in _LISTS},
    **{f"option_{name}": f"option_{name}" for name in OPTIONS},
}
_REGION_COLUMNS = {
    **{c: c for c in ("ordinal", "position", "vat_percent")},
    **{c: f"options.{c}" for c in ("option_available_false", "option_rrp_policy")},
    **{f"offer_{c}": c for c in regions.INHERITED},
    **regions.OF_OFFER,
    **{
        name: f"entry.{column}"
        for c in model.RAW_REGION_SCALARS
        for name, column in ((f"sent_{c}", c), (f"{c}_line", f"{c}_line"))
    },
}
# One way of naming a characteristic, for the first offer of the batch that has it.
_NAME_COLUMNS = {
    "sent_name": "entry.name",
    "sent_unit": "entry.unit",
    "ordinal": "min(ordinal)",
    "param_line": "min(entry.line)",
}
_PARAM_COLUMNS = {
    "ordinal": "source.ordinal",
    "position": "position",
    "param_line": "entry.line",
    **{f"sent_{c}": f"entry.{c}" for c in ("name", "value", "unit")},
    **{c: c for c in characteristics.OF_NAME},
}
_CARD_COLUMNS = {
    c: c
    for c in ("ordinal", "on_request", "price_clean", "price_without_vat_clean", "price_line", "price_without_nds_line")
}


def _select(columns: dict[str, str], source: str) -> str:
    return f"(SELECT {', '.join(f'{column} AS {name}' for name, column in columns.items())} FROM {source})"


_BATCH = "(SELECT * FROM raw WHERE ordinal BETWEEN $first AND $last)"


def _entries(column: str) -> str:
    entries = f"unnest({column}) AS entry, generate_subscripts({column}, 1) AS position"
    return f"(SELECT ordinal, {entries} FROM {_BATCH} WHERE len({column}) > 0)"


OFFER_SOURCE = _select(_OFFER_COLUMNS, f"{_BATCH} CROSS JOIN options")
REGION_SOURCE = _select(
    _REGION_COLUMNS, f"{_entries('regions')} JOIN money_rows USING (ordinal) JOIN stock_rows USING (ordinal), options"
)
NAME_SOURCE = _select(_NAME_COLUMNS, f"{_entries('params')} GROUP BY entry.name, entry.unit")
PARAM_SOURCE = _select(
    _PARAM_COLUMNS,
    f"{_entries('params')} AS source JOIN name_rows AS named"
    " ON named.sent_name IS NOT DISTINCT FROM entry.name AND named.sent_unit IS NOT DISTINCT FROM entry.unit",
)
CARD_SOURCE = _select(_CARD_COLUMNS, "money_rows")

# The columns of a result, wherever a part made them.
_PARTS_JOINED = " ".join(
    [
        "identity_rows",
        *(f"JOIN {part}_rows USING (ordinal)" for part in OFFER_PARTS if part != "identity"),
        "LEFT JOIN params_by_offer USING (ordinal) LEFT JOIN regions_by_offer USING (ordinal)",
    ]
)
_COLLECTED_LISTS = {"params", "regions"}
_PUBLISHED = ", ".join(
    f"coalesce({f.name}, []) AS {f.name}" if f.name in _COLLECTED_LISTS else f.name for f in OFFER_FIELDS
)
ACCEPTED = f"""
    SELECT *, {fingerprint((f.name, f.type) for f in OFFER_FIELDS)} AS content_hash
    FROM (
        SELECT ordinal, offer_line AS line, sku_key, external_id, {_PUBLISHED}
        FROM {_PARTS_JOINED} WHERE ordinal NOT IN (SELECT ordinal FROM verdicts))
    ORDER BY ordinal"""
REJECTED = """
    SELECT ordinal, offer_line AS line, sku_key, sku, name, codes
    FROM identity_rows JOIN verdicts USING (ordinal) ORDER BY ordinal"""
ISSUES = """
    SELECT ordinal, code, severity, sku, line, field, sent, published
    FROM issue_rows WHERE NOT once ORDER BY ordinal, line, rank, position, field, sent"""
# What is said once per load waits in the table `notes`, a few rows a batch, until the whole file is read.
_ONE_NOTE = "code, rank, CASE WHEN each_value THEN sent END, CASE WHEN each_value THEN published END"
_FIRST_OF_NOTE = """
    code, rank, any_value(each_value) AS each_value, min(ordinal) AS ordinal, min(line) AS line,
    arg_min(field, ordinal) AS field, arg_min(sent, ordinal) AS sent, arg_min(published, ordinal) AS published"""
NOTES = """
    CREATE TABLE notes (code VARCHAR, rank INTEGER, each_value BOOLEAN, ordinal BIGINT, line BIGINT, field VARCHAR,
        sent VARCHAR, published VARCHAR)"""
NOTE = f"INSERT INTO notes SELECT {_FIRST_OF_NOTE} FROM issue_rows WHERE once GROUP BY {_ONE_NOTE}"
ONCE = f"""
    SELECT code, line, field, sent, published, place, total
    FROM (
        SELECT *, row_number() OVER (PARTITION BY code ORDER BY ordinal, line, sent, published) AS place,
            count(*) OVER (PARTITION BY code) AS total
        FROM (SELECT {_FIRST_OF_NOTE} FROM notes GROUP BY {_ONE_NOTE}))
    WHERE place <= {NOTES_SHOWN} ORDER BY rank, place"""
COUNTS = "SELECT code, count(*) FROM issue_rows WHERE NOT once GROUP BY code"
VERDICTS = f"""
    SELECT ordinal, list(code ORDER BY rank, code) AS codes
    FROM (
        SELECT ordinal, code, min(rank) AS rank FROM issue_rows
        WHERE severity = 'error' OR code = '{duplicates.IDENTICAL}' GROUP BY ordinal, code)
    GROUP BY ordinal"""

_READ_LATER = (
    REGION_SOURCE,
    CARD_SOURCE,
    ACCEPTED,
    REJECTED,
    regions.COLLECTED,
    characteristics.ORDERED,
    *characteristics.TABLES_OF_BATCH.values(),
)


def _rows_sql(source: str, source_columns: dict[str, str], rules: tuple[Rule, ...], also: tuple[str, ...] = ()) -> str:
    """The rows that rules make, with those columns only that their remarks or later queries read."""
    remarks = [str(value) for rule in rules for remark in rule.remarks for value in vars(remark).values()]
    own = {*re.findall(r"\w+", " ".join(remarks)), *also}
    later = set(re.findall(r"\w+", " ".join(_READ_LATER)))
    kept = [column for column in source_columns if column == "ordinal" or column in own]
    kept += [column for column in made_by(rules) if column in own or column in later]
    return rows_sql(source, rules, ", ".join(kept))


def _issues_sql(rules_of_rows: dict[str, tuple[Rule, ...]]) -> str:
    """All remarks of all rules as one query over the rows of a batch, in no particular order."""
    selects: list[str] = []
    for rows, rules in rules_of_rows.items():
        position = "position" if rows == "region_rows" else "0"
        remarks = [remark for rule in rules for remark in rule.remarks]
        selects += [_remark_sql(remark, rows, position, rank) for rank, remark in enumerate(remarks, len(selects))]
    # An offer repeated word for word is remarked upon for that alone, and so is a row of a table that is no row.
    return f"""
        SELECT issue.* REPLACE (coalesce(issue.line, offer_line) AS line), sku, severity,
            coalesce(tag, raw_column) AS field
        FROM ({" UNION ALL ".join(selects)}) AS issue
        JOIN identity_rows USING (ordinal) JOIN severities USING (code) LEFT JOIN spellings USING (raw_column)
        WHERE (code = '{duplicates.IDENTICAL}' OR duplicate IS DISTINCT FROM 'identical')
            AND (code = row_fault OR row_fault IS NULL)"""


def _remark_sql(remark: Remark, rows: str, position: str, rank: int) -> str:
    source = f"{rows} WHERE {remark.when}"
    if remark.each is not None:
        source = f"(SELECT *, unnest({remark.each}) AS entry FROM {source})"
    return f"""SELECT ordinal, {rank} AS rank, {position} AS position, '{remark.code}' AS code, {remark.once} AS once,
        {remark.each_value} AS each_value,
        {remark.line} AS line, {remark.field} AS raw_column,
        left({remark.sent}, {QUOTE_LIMIT}) AS sent, left({remark.published}, {QUOTE_LIMIT}) AS published
        FROM {source}"""


# What is read of the rows of a part besides what the results show and its own remarks say.
_READ_OF_PART = {"identity": ("offer_line", "external_id", "duplicate"), "money": ("stock_column",)}
# What turns one batch of raw offers into results: temporary tables, made in this order and dropped with the batch.
BATCH_TABLES = {
    **{
        f"{part}_rows": _rows_sql(OFFER_SOURCE, _OFFER_COLUMNS, rules, _READ_OF_PART.get(part, ()))
        for part, rules in OFFER_PARTS.items()
    },
    "region_rows": _rows_sql(REGION_SOURCE, _REGION_COLUMNS, REGION_RULES, regions.READ),
    "regions_by_offer": regions.COLLECTED,
    "name_rows": _rows_sql(
        NAME_SOURCE, _NAME_COLUMNS, NAME_RULES, ("sent_name", "sent_unit", *characteristics.OF_NAME)
    ),
    "param_rows": _rows_sql(PARAM_SOURCE, _PARAM_COLUMNS, PARAM_RULES, characteristics.READ),
    **characteristics.TABLES_OF_BATCH,
    "card_rows": _rows_sql(CARD_SOURCE, _CARD_COLUMNS, CARD_RULES),
    "issue_rows": _issues_sql(
        {
            **{f"{part}_rows": rules for part, rules in OFFER_PARTS.items()},
            "card_rows": CARD_RULES,
            "region_rows": REGION_RULES,
            "name_rows": NAME_RULES,
            "params_converted": (characteristics.CONVERTED,),
            "params_joined": (characteristics.JOINED,),
            "params_dropped": (characteristics.DROPPED,),
        }
    ),
    "verdicts": VERDICTS,
}


# Tables whose name does not say which part of the work they are.
_PARTS_OF_WORK = {
    "regions_by_offer": "regions",
    "region_rows": "regions",
    "name_rows": "params",
    "param_rows": "params",
    **dict.fromkeys(characteristics.TABLES_OF_BATCH, "params"),
    "card_rows": "issues",
    "issue_rows": "issues",
    "verdicts": "issues",
}


@dataclass(frozen=True)
class Totals:
    """The accounting of a file (P2): offers read = accepted + rejected; errors, warnings and infos count issues."""

    read: int
    accepted: int
    rejected: int
    errors: int
    warnings: int
    infos: int


def normalize(
    raw: Path,
    out: Path,
    *,
    parsed: ParseResult,
    options: Options,
    reference: Reference,
    today: date,
    timed: Callable[[str, float], None] | None = None,
) -> Totals:
    """Apply the loading rules to raw offers.

    Args:
        raw: Parquet of `RAW_SCHEMA`.
        out: folder that gets `offers.parquet`, `rejected.parquet` and `issues.parquet`.
        parsed: what parsing learned of the file.
        options: settings of the link and its shop.
        reference: the reference tables.
        today: the day that dated reference data is judged by.
        timed: called at the end with each part of the work and the seconds it took. Parts run beside each other, so
            that together they may take longer than the whole.

    Raises:
        OperatorError: an option names a unit or a VAT rate that is not accepted.
        InternalError: the counts do not add up (P2).
    """
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=out, prefix="normalize-") as scratch,
        open_session(Path(scratch), parsed=parsed, options=options, reference=reference, today=today) as connection,
    ):
        watch = Stopwatch()
        totals = _run(connection, raw, out, Path(scratch) / "issues.parquet", parsed=parsed, watch=watch)
    if timed is not None:
        for part, seconds in watch.seconds.items():
            timed(part, seconds)
    return totals


@dataclass(frozen=True)
class _Results:
    """What one batch came to."""

    offers: pa.Table
    rejected: pa.Table
    issues: pa.Table
    codes: Counter[str]
    watch: Stopwatch


def _run(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    out: Path,
    offer_issues: Path,
    *,
    parsed: ParseResult,
    watch: Stopwatch,
) -> Totals:
    connection.read_parquet(str(raw)).create_view("raw")
    with watch("duplicates"):
        connection.execute(duplicates.FIND)
    with watch("misspelt"):
        characteristics.find_misspelt(connection)
    connection.execute(NOTES)
    accepted = rejected = 0
    codes: Counter[str] = Counter()
    with (
        _writer(out / "offers.parquet", OFFER_SCHEMA) as offers,
        _writer(out / "rejected.parquet", REJECTED_SCHEMA) as refused,
        _writer(offer_issues, ISSUE_SCHEMA) as issues,
    ):
        for results in _in_order(connection, _batches(raw), parsed.parts):
            accepted += results.offers.num_rows
            rejected += results.rejected.num_rows
            with watch("write"):
                offers.write_table(results.offers)
                refused.write_table(results.rejected)
                issues.write_table(results.issues)
            codes += results.codes
            watch.add(results.watch)
    if parsed.read != accepted + rejected:
        msg = f"{parsed.read} offers were read, but {accepted} accepted and {rejected} rejected"
        raise InternalError(msg)
    load_issues = [*parsed.issues, *_said_once(connection), *_judge_load(parsed.read, accepted, codes)]
    _prepend(load_issues, offer_issues, out / "issues.parquet", parsed.parts)
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


def _in_order(
    connection: duckdb.DuckDBPyConnection, batches: Iterator[tuple[int, int]], parts: tuple[Part, ...]
) -> Iterator[_Results]:
    """The results of batches in the order of the file; `WORKERS` of them are under way at a time, no more are kept."""
    under_way: deque[Future[_Results]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for first, last in batches:
            if len(under_way) == WORKERS:
                yield under_way.popleft().result()
            under_way.append(pool.submit(_batch, connection, first, last, parts))
        while under_way:
            yield under_way.popleft().result()


def _batch(connection: duckdb.DuckDBPyConnection, first: int, last: int, parts: tuple[Part, ...]) -> _Results:
    watch = Stopwatch()
    with connection.cursor() as cursor:  # its temporary tables are its own and go with it
        for table, query in BATCH_TABLES.items():
            bounds = {"first": first, "last": last} if "$first" in query else None
            with watch(_part_of(table)):
                cursor.execute(f"CREATE TEMP TABLE {table} AS {query}", bounds)
        with watch("params"):
            ordered = cursor.execute(characteristics.ORDERED).to_arrow_table()
            cursor.register("params_by_offer", _lists(ordered, "params"))
        with watch("results"):
            cursor.execute(NOTE)
            return _Results(
                offers=in_parts(cursor.execute(ACCEPTED).to_arrow_table(), parts, OFFER_SCHEMA),
                rejected=in_parts(cursor.execute(REJECTED).to_arrow_table(), parts, REJECTED_SCHEMA),
                issues=in_parts(cursor.execute(ISSUES).to_arrow_table(), parts, ISSUE_SCHEMA),
                codes=Counter(dict(cursor.execute(COUNTS).fetchall())),
                watch=watch,
            )


def _part_of(table: str) -> str:
    """What the work on a table of a batch is called: `money` for `money_rows`, `params` for `params_joined`."""
    return _PARTS_OF_WORK.get(table, table.removesuffix("_rows"))


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


def _lists(rows: pa.Table, column: str) -> pa.Table:
    """One row per offer with the list of its entries, from ordered rows of one entry each.

    An aggregate that keeps order does the same at five times the cost.
    """
    ordinals = rows["ordinal"].to_numpy()
    starts = np.flatnonzero(np.diff(ordinals, prepend=-1))
    offsets = pa.array(np.append(starts, len(ordinals)), pa.int32())
    lists = pa.ListArray.from_arrays(offsets, rows["entry"].combine_chunks())
    return pa.table({"ordinal": ordinals[starts], column: lists})


def _said_once(connection: duckdb.DuckDBPyConnection) -> Iterator[Issue]:
    """The remarks that are made once per load, a bounded number of each."""
    left_out: dict[str, int] = {}
    for code, line, field, sent, published, place, total in connection.execute(ONCE).fetchall():
        yield Issue(code, line, field, sent, published)
        if place == NOTES_SHOWN:
            left_out[code] = total - place
    if number := sum(left_out.values()):
        yield Issue("param_remarks_more", sent=str(number))


def _judge_load(read: int, accepted: int, codes: Counter[str]) -> Iterator[Issue]:
    """Remarks on the load as a whole that follow from its offers (F8, O7)."""
    if read and not accepted:
        yield Issue("all_offers_rejected")
    unknown = codes["vat_unknown"]
    if unknown > vat.UNKNOWN_SHARE * read:
        yield Issue("vat_unknown_share", sent=f"{unknown} / {read}", published=vat.NOT_TAXED)


def _prepend(load_issues: list[Issue], offer_issues: Path, out: Path, parts: tuple[Part, ...]) -> None:
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
        table = pa.Table.from_pylist(rows, ISSUE_SCHEMA).drop_columns(["part"])
        writer.write_table(in_parts(table, parts, ISSUE_SCHEMA))
        for group in range(source.num_row_groups):
            writer.write_table(source.read_row_group(group), row_group_size=BATCH_ROWS)
