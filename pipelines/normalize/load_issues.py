"""Remarks on the load as a whole: those made once, and those that follow from the numbers of its offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import ISSUE_SCHEMA, Issue, Part
from pipelines.normalize import notes, vat
from pipelines.normalize.batches import BATCH_ROWS
from pipelines.normalize.parts import in_parts


def said_once(connection: duckdb.DuckDBPyConnection) -> Iterator[Issue]:
    """The remarks that are made once per load, a bounded number of each."""
    left_out: dict[str, int] = {}
    for code, line, field, sent, published, place, total in connection.execute(notes.ONCE).fetchall():
        yield Issue(code, line, field, sent, published)
        if place == notes.NOTES_SHOWN:
            left_out[code] = total - place
    if number := sum(left_out.values()):
        yield Issue("param_remarks_more", sent=str(number))


def judge_load(read: int, accepted: int, codes: Counter[str]) -> Iterator[Issue]:
    """Remarks that follow from the number of offers read and accepted, and of their remarks (F8, O7)."""
    if read and not accepted:
        yield Issue("all_offers_rejected")
    unknown = codes["vat_unknown"]
    if unknown > vat.UNKNOWN_SHARE * read:
        yield Issue("vat_unknown_share", sent=f"{unknown} / {read}", published=vat.NOT_TAXED)


def write_before(load_issues: Sequence[Issue], offer_issues: Path, out: Path, parts: Sequence[Part]) -> None:
    """Write all issues in file order: those of the load, then those of its offers."""
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
    with (
        pq.ParquetWriter(out, ISSUE_SCHEMA, compression="zstd") as writer,
        pq.ParquetFile(offer_issues) as source,
    ):
        table = pa.Table.from_pylist(rows, ISSUE_SCHEMA).drop_columns(["part"])
        writer.write_table(in_parts(table, parts, ISSUE_SCHEMA))
        for group in range(source.num_row_groups):
            writer.write_table(source.read_row_group(group), row_group_size=BATCH_ROWS)
