"""Questions to the latest snapshot. It is opened read-only and sees no other file, whatever the query."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import duckdb

from pipelines import publish
from pipelines.errors import OperatorError
from pipelines.formulas import shielded
from pipelines.steps.house import House
from pipelines.steps.snapshot import beside, has_snapshot, latest_snapshot

Form = Literal["csv", "json", "parquet"]

_MEMORY = "2GB"
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Answer:
    """The beginning of what a query gives.

    Attributes:
        more: there are more rows than were asked for.
    """

    columns: list[str]
    rows: list[dict[str, Any]]
    more: bool


@contextmanager
def open_snapshot(house: House) -> Iterator[duckdb.DuckDBPyConnection]:
    """The latest snapshot as whoever asks may see it; what DuckDB objects to is told to the one who asked.

    Raises:
        OperatorError: there is no snapshot yet, or DuckDB does not accept a query.
    """
    if not has_snapshot(house):
        msg = "there is no snapshot yet; `catalog-feeds snapshot` writes one"
        raise OperatorError(msg)
    with house.scratch() as folder, house.store.local(latest_snapshot(house)) as path:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": _MEMORY,
            "temp_directory": str(folder / "spill"),
        }
        try:
            with duckdb.connect(str(path), read_only=True, config=config) as snapshot:
                # A query reads this one file: neither others of this machine, nor may it write any.
                snapshot.execute("SET enable_external_access = false; SET lock_configuration = true")
                yield snapshot
        except duckdb.Error as error:
            raise OperatorError(str(error)) from error


def query_snapshot(house: House, query: str) -> list[dict[str, Any]]:
    """All rows that a query of the latest snapshot gives; for answers that are known to be small.

    Raises:
        OperatorError: as `open_snapshot`.
    """
    with open_snapshot(house) as snapshot:
        return [row for rows in _answer(snapshot, query)[1] for row in rows]


def peek_snapshot(house: House, query: str, *, limit: int) -> Answer:
    """The first rows that a query of the latest snapshot gives.

    Raises:
        OperatorError: as `open_snapshot`.
    """
    with open_snapshot(house) as snapshot:
        columns, blocks = _answer(snapshot, query)
        rows: list[dict[str, Any]] = []
        for block in blocks:
            rows += block
            if len(rows) > limit:
                break
        return Answer(columns, rows[:limit], len(rows) > limit)


def write_answer(house: House, query: str, out: BinaryIO, form: Form) -> None:
    """Everything that a query of the latest snapshot gives, as it comes.

    `csv` is for Excel: UTF-8 with its mark, semicolons, and nothing that would be taken for a formula; nested values
    are JSON. `json` is an array with a row to each line, decimals as text. `parquet` keeps all types.

    Raises:
        OperatorError: as `open_snapshot`.
    """
    with open_snapshot(house) as snapshot:
        if form == "parquet":
            _write_parquet(snapshot, query, out)
        else:
            (_write_csv if form == "csv" else _write_json)(*_answer(snapshot, query), out)


def save_answer(house: House, query: str, out: Path, form: Form) -> None:
    """`write_answer` into a file, which appears whole or not at all."""
    with beside(out) as path, path.open("wb") as file:
        write_answer(house, query, file, form)


def write_page(house: House, out: Path) -> None:
    """A page with plots of the latest snapshot, whole or not at all.

    Raises:
        OperatorError: there is no snapshot yet, or the page cannot be written.
    """
    with open_snapshot(house) as snapshot:
        page = publish.render_page(snapshot)
    with beside(out) as path:
        path.write_text(page, encoding="utf-8")


def _answer(snapshot: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], Iterator[list[dict[str, Any]]]]:
    cursor = snapshot.execute(query)
    columns = [column[0] for column in cursor.description or ()]

    def blocks() -> Iterator[list[dict[str, Any]]]:
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield [dict(zip(columns, row, strict=True)) for row in rows]

    return columns, blocks()


def _write_csv(columns: list[str], blocks: Iterator[list[dict[str, Any]]], out: BinaryIO) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";")
    writer.writerow(columns)
    for rows in blocks:
        writer.writerows([shielded(_cell(value)) for value in row.values()] for row in rows)
    text.detach()


def _write_json(_columns: list[str], blocks: Iterator[list[dict[str, Any]]], out: BinaryIO) -> None:
    separator = "[\n"
    for rows in blocks:
        for row in rows:
            out.write((separator + _as_json(row)).encode())
            separator = ",\n"
    out.write(b"\n]\n" if separator == ",\n" else b"[]\n")


def _write_parquet(snapshot: duckdb.DuckDBPyConnection, query: str, out: BinaryIO) -> None:
    import pyarrow.parquet as pq

    answer = snapshot.sql(query)
    if answer is None:
        msg = "this statement gives no rows"
        raise OperatorError(msg)
    with answer.to_arrow_reader(_ROWS_AT_ONCE) as batches, pq.ParquetWriter(out, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _cell(value: Any) -> str:  # noqa: ANN401 - any value of a row
    if value is None:
        return ""
    return _as_json(value) if isinstance(value, dict | list) else str(_plain(value))


def _as_json(value: Any) -> str:  # noqa: ANN401 - any value of a row
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a row
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
