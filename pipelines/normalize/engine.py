"""The run of all rules over one file: batches of raw offers in; accepted offers, rejected offers and issues out.

Memory is bounded: a batch holds some thousand offers or some megabytes, DuckDB spills beyond its limit, and what
concerns the whole file (duplicates) is found first, over keys alone. The same input gives the same bytes: batches
follow the file and every result is ordered.
"""

from __future__ import annotations

import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import (
    ISSUE_SCHEMA,
    OFFER_SCHEMA,
    REJECTED_SCHEMA,
    Issue,
    ParseResult,
    Part,
)
from pipelines.normalize import characteristics, duplicates, queries, vat
from pipelines.normalize.batches import BATCH_ROWS, groups_of_batches
from pipelines.normalize.parts import in_parts
from pipelines.normalize.session import open_session
from pipelines.normalize.stopwatch import Stopwatch
from pipelines.normalize.worker import Results, Worker
from pipelines.options import Options
from pipelines.reference import Reference

WORKERS = 2


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
    connection.execute(queries.NOTES)
    accepted = rejected = 0
    codes: Counter[str] = Counter()
    with (
        _writer(out / "offers.parquet", OFFER_SCHEMA) as offers,
        _writer(out / "rejected.parquet", REJECTED_SCHEMA) as refused,
        _writer(offer_issues, ISSUE_SCHEMA) as issues,
    ):
        for results in _in_order(connection, raw, parsed.parts):
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


def _in_order(connection: duckdb.DuckDBPyConnection, raw: Path, parts: tuple[Part, ...]) -> Iterator[Results]:
    """The results of batches in the order of the file.

    Each worker has one under way while the caller has another one: writing keeps nobody waiting.
    """
    under_way: deque[Future[Results]] = deque()
    with ExitStack() as stack:
        workers = deque(stack.enter_context(Worker(connection, raw, parts)) for _ in range(WORKERS))
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS))
        for groups in groups_of_batches(pq.read_metadata(raw)):
            done = under_way.popleft().result() if len(under_way) == WORKERS else None
            under_way.append(pool.submit(workers[0].results, groups))
            workers.rotate(-1)
            if done is not None:
                yield done
        while under_way:
            yield under_way.popleft().result()


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")


def _said_once(connection: duckdb.DuckDBPyConnection) -> Iterator[Issue]:
    """The remarks that are made once per load, a bounded number of each."""
    left_out: dict[str, int] = {}
    for code, line, field, sent, published, place, total in connection.execute(queries.ONCE).fetchall():
        yield Issue(code, line, field, sent, published)
        if place == queries.NOTES_SHOWN:
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
