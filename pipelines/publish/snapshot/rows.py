"""Rows of the catalog on their way into DuckDB: as CSV, in pieces, typed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg import sql

from pipelines.publish.snapshot.tables import Table, quoted

# The longest row: an offer of 4 MiB as sent, its characteristics twice (sent and normalised), each quote doubled.
MAX_ROW_BYTES = 32 << 20
# Rows on their way are kept on disk in pieces of this size.
PIECE_BYTES = 256 << 20


class Rows:
    """Carries rows from the catalog to a DuckDB database.

    Args:
        scratch: a folder for a piece of the rows.
    """

    def __init__(self, catalog: psycopg.Connection[Any], database: duckdb.DuckDBPyConnection, scratch: Path) -> None:
        self._catalog = catalog
        self._database = database
        self._scratch = scratch

    def copy(self, table: Table, into: str, condition: str = "true") -> int:
        """Rows of a table's source into a DuckDB table that is there; gives back how many.

        Args:
            condition: SQL over the source, of our own making.
        """
        shape = ", ".join(f"'{c.name}': 'VARCHAR'" for c in table.columns)
        columns = ", ".join(_typed(c.name, c.type) for c in table.columns)
        copied = 0
        for piece in self._pieces(table, condition):
            (inserted,) = self._database.execute(
                f"INSERT INTO {into} SELECT {columns} FROM read_csv(?, header = false, auto_detect = false,"
                f" columns = {{{shape}}}, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
                f" allow_quoted_nulls = false, new_line = '\\n', max_line_size = {MAX_ROW_BYTES},"
                f" buffer_size = {MAX_ROW_BYTES}, parallel = false)",
                [str(piece)],
            ).fetchall()[0]
            copied += inserted
        return copied

    def _pieces(self, table: Table, condition: str) -> Iterator[Path]:
        """The rows of a query as CSV files, one after another under the same name."""
        select = ", ".join(f"({c.source})" for c in table.columns)
        # FORCE_QUOTE tells an empty text ("") from NULL (nothing between commas); DuckDB keeps the difference.
        command = (
            f"COPY (SELECT {select} FROM {table.source} WHERE ({table.where}) AND ({condition}))"
            " TO STDOUT (FORMAT csv, FORCE_QUOTE *, ENCODING 'UTF8')"
        )
        path = self._scratch / f"{table.name}.csv"
        with self._catalog.cursor() as cursor, cursor.copy(sql.SQL(command)) as arriving:
            rows = iter(arriving)
            while _write_piece(path, rows):
                yield path
        path.unlink(missing_ok=True)


def _write_piece(path: Path, rows: Iterator[Any]) -> int:
    """Write rows until the file is large enough; a row of COPY always comes whole. Gives back the bytes written."""
    size = 0
    with path.open("wb") as file:
        for row in rows:
            size += file.write(row)
            if size >= PIECE_BYTES:
                break
    return size


def _typed(name: str, kind: str) -> str:
    """SQL for a text column as its type."""
    if kind == "VARCHAR":
        return quoted(name)
    return f"CAST({quoted(name)}::JSON AS {kind})" if kind.endswith("[]") else f"CAST({quoted(name)} AS {kind})"
