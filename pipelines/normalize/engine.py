"""The run of all rules over one file: batches of raw offers in; accepted offers, rejected offers and issues out.

Memory is bounded: a batch holds some thousand offers or some megabytes, DuckDB spills beyond its limit, and what
concerns the whole file (duplicates) is found first, over keys alone. The same input gives the same bytes: batches
follow the file and every result is ordered. Where an earlier file of the link is given, only what is new in this one
goes through the rules (`incremental`), and the results are the same bytes again.
"""

from __future__ import annotations

import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
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
from pipelines.model import ISSUE_SCHEMA, OFFER_SCHEMA, REJECTED_SCHEMA, ParseResult, Part
from pipelines.normalize import characteristics, duplicates, incremental, load_issues, notes
from pipelines.normalize.ahead import ahead
from pipelines.normalize.batches import groups_of_batches
from pipelines.normalize.incremental import Earlier
from pipelines.normalize.merge import Files, merged
from pipelines.normalize.session import open_session
from pipelines.normalize.stopwatch import Stopwatch
from pipelines.normalize.worker import Results, Worker
from pipelines.options import Options
from pipelines.reference import Reference

WORKERS = 2
# Written where the load is one that the next may be compared with.
NOTES_FILE = "notes.parquet"


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
    earlier: Earlier | None = None,
    timed: Callable[[str, float], None] | None = None,
) -> Totals:
    """Apply the loading rules to raw offers.

    Args:
        raw: Parquet of `RAW_SCHEMA`.
        out: folder that gets `offers.parquet`, `rejected.parquet` and `issues.parquet`; and `notes.parquet` where these
            may serve as `earlier` of another file: it was large enough for that, and went through the rules whole.
        parsed: what parsing learned of the file.
        options: settings of the link and its shop.
        reference: the reference tables.
        today: the day that dated reference data is judged by.
        earlier: what was made of another file with the same options, reference and day, the same format and spellings,
            by this very code. It saves time and changes nothing.
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
        totals = _run(connection, raw, out, Path(scratch), parsed=parsed, earlier=earlier, watch=watch)
    pa.default_memory_pool().release_unused()  # some hundred megabytes that DuckDB could not use in later steps
    if timed is not None:
        for part, seconds in watch.seconds.items():
            timed(part, seconds)
    return totals


def _run(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    out: Path,
    scratch: Path,
    *,
    parsed: ParseResult,
    earlier: Earlier | None,
    watch: Stopwatch,
) -> Totals:
    connection.read_parquet(str(raw)).create_view("raw")
    with watch("duplicates"):
        connection.execute(duplicates.FIND)
    notes.open_notes(connection)
    kept = None
    if earlier is not None and incremental.is_comparable(parsed):
        with watch("compare"):
            kept = incremental.find_kept(connection, raw, earlier, scratch)
    files = Files(out / "offers.parquet", out / "rejected.parquet", scratch / "issues.parquet")
    if earlier is not None and kept is not None:
        new = Files(*(scratch / f"new-{path.name}" for path in files))
        _write(_in_order(connection, kept.new, parsed.parts), new, watch)
        made = _write(ahead(merged(earlier, kept, new)), files, watch)
    else:
        with watch("misspelt"):
            unknown_names = characteristics.find_misspelt(connection)
        made = _write(_in_order(connection, raw, parsed.parts), files, watch)
        if incremental.is_comparable(parsed) and characteristics.all_looked_at(unknown_names):
            notes.write(connection, out / NOTES_FILE, unknown_names=unknown_names)
    if parsed.read != made.accepted + made.rejected:
        msg = f"{parsed.read} offers were read, but {made.accepted} accepted and {made.rejected} rejected"
        raise InternalError(msg)
    codes = made.codes
    of_load = [
        *parsed.issues,
        *load_issues.said_once(connection),
        *load_issues.judge_load(parsed.read, made.accepted, codes),
    ]
    load_issues.write_before(of_load, files.issues, out / "issues.parquet", parsed.parts)
    codes.update(issue.code for issue in of_load)
    by_severity = Counter[str]()
    for code, number in codes.items():
        by_severity[ISSUE_CODES[code].severity.value] += number
    return Totals(
        read=parsed.read,
        accepted=made.accepted,
        rejected=made.rejected,
        errors=by_severity["error"],
        warnings=by_severity["warning"],
        infos=by_severity["info"],
    )


@dataclass(frozen=True)
class _Made:
    """What a run has written: offers by what became of them, issues by their code."""

    accepted: int
    rejected: int
    codes: Counter[str]


def _write(batches: Iterable[Results], files: Files, watch: Stopwatch) -> _Made:
    """Write the results of batches, a row group each, and account for them."""
    accepted = rejected = 0
    codes: Counter[str] = Counter()
    with (
        _writer(files.offers, OFFER_SCHEMA) as offers,
        _writer(files.rejected, REJECTED_SCHEMA) as refused,
        _writer(files.issues, ISSUE_SCHEMA) as issues,
    ):
        for results in batches:
            accepted += results.offers.num_rows
            rejected += results.rejected.num_rows
            with watch("write"):
                offers.write_table(results.offers.combine_chunks())
                refused.write_table(results.rejected.combine_chunks())
                issues.write_table(results.issues.combine_chunks())
            codes += results.codes
            watch.add(results.watch)
    return _Made(accepted, rejected, codes)


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
