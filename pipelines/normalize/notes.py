"""Remarks made once per load: they wait until the whole file is read, since the first offer that earns one is named.

The first offer of each section that earns a remark is noted. For the report the first of all would do; those of later
sections are for the next load of the link, which may have lost it (`incremental`).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# Of remarks made once for each value, the first so many are in the report; the rest are counted.
NOTES_SHOWN = 50
# So many neighbouring offers of the file are a section.
SECTION = 512

_TABLE = """
    CREATE TABLE notes (code VARCHAR, rank INTEGER, each_value BOOLEAN, ordinal BIGINT, line BIGINT, field VARCHAR,
        sent VARCHAR, published VARCHAR)"""
# What makes two remarks one.
ONE = "code, rank, CASE WHEN each_value THEN sent END, CASE WHEN each_value THEN published END"
_FIRST = """
    code, rank, any_value(each_value) AS each_value, min(ordinal) AS ordinal, min(line) AS line,
    arg_min(field, ordinal) AS field, arg_min(sent, ordinal) AS sent, arg_min(published, ordinal) AS published"""


# From the issues of a batch.
NOTE = f"INSERT INTO notes SELECT {_FIRST} FROM issue_rows WHERE once GROUP BY {ONE}, section_of(ordinal)"
ONCE = f"""
    SELECT code, line, field, sent, published, place, total
    FROM (
        SELECT *, row_number() OVER (PARTITION BY code ORDER BY ordinal, line, sent, published) AS place,
            count(*) OVER (PARTITION BY code) AS total
        FROM (SELECT {_FIRST} FROM notes GROUP BY {ONE}))
    WHERE place <= {NOTES_SHOWN} ORDER BY rank, place"""
_WRITE = """
    COPY (FROM notes ORDER BY rank, sent, published, ordinal)
    TO $path (FORMAT parquet, COMPRESSION zstd, KV_METADATA {unknown_names: $unknown})"""


def open_notes(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `notes`, and `section_of(ordinal)`, the number of the section that an offer stands in."""
    connection.execute(_TABLE)
    connection.execute(f"CREATE MACRO section_of(ordinal) AS ordinal // {SECTION}")


def write(connection: duckdb.DuckDBPyConnection, path: Path, *, unknown_names: int) -> None:
    """Write all notes to a Parquet file, and how many names of characteristics the file has that nobody knows."""
    connection.execute(_WRITE, {"path": str(path), "unknown": str(unknown_names)})


def unknown_names(path: Path) -> int:
    """How many names of characteristics nobody knows in a file whose notes these are."""
    return int(pq.read_metadata(path).metadata[b"unknown_names"])


# The notes of an earlier file with the place that their offers have now, and for each remark the first offer that has
# one. Those noted after it do not matter.
_KNOWN = f"""(
    SELECT note.*, place.ordinal AS ordinal_now, note.line + place.moved AS line_now,
        min(CASE WHEN place.ordinal IS NOT NULL THEN note.ordinal END) OVER (PARTITION BY {ONE}) AS first_kept
    FROM read_parquet($path) AS note LEFT JOIN places AS place ON place.earlier = note.ordinal)"""
_TAKE_UP = f"""
    INSERT INTO notes SELECT code, rank, each_value, ordinal_now, line_now, field, sent, published
    FROM {_KNOWN} WHERE ordinal = first_kept"""
_LOST = f"""
    SELECT section_of(ordinal) AS section, min(ordinal) AS ordinal FROM {_KNOWN}
    WHERE first_kept IS NULL OR ordinal < first_kept GROUP BY ALL"""


def lost(connection: duckdb.DuckDBPyConnection, path: Path, places: pa.Table) -> npt.NDArray[np.int64]:
    """The offers that an earlier file has noted and that have no place in this one.

    Args:
        path: as `write` wrote it.
        places: `ordinal` of an offer, `earlier` its ordinal in the earlier file, `moved` by how many lines.

    Returns:
        For each section of the earlier file the first offer in it that may have hidden a remark of those that follow
        it there; a number beyond all offers where there is none.
    """
    found = _known(connection, _LOST, path, places).fetchnumpy()
    last = max(pc.max(places["earlier"]).as_py() or 0, found["ordinal"].max(initial=0))
    first = np.full(last // SECTION + 1, np.iinfo(np.int64).max)
    first[found["section"]] = found["ordinal"]
    return first


def take_up(connection: duckdb.DuckDBPyConnection, path: Path, places: pa.Table) -> None:
    """Put what an earlier file has noted of offers that have a place in this one among the notes; arguments alike."""
    _known(connection, _TAKE_UP, path, places)


def _known(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, places: pa.Table
) -> duckdb.DuckDBPyConnection:
    connection.register("places", places)
    return connection.execute(query, {"path": str(path)})
