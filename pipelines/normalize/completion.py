"""A file that holds changes only, completed: what it does not send is what the supplier sent last (CommerceML).

Completed are raw offers, where a missing field still differs from an empty one: what is absent was not sent, what is
there and empty was cleared. The *base* is all that is known of a link before: the raw offers of its last full
file with every later change in it. An offer is known by its key in the supplier's system, or by its SKU where either
side has no such key. What comes from the base has no line: it stands in another file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.model import QUOTE_LIMIT, RAW_SCHEMA, Issue
from pipelines.normalize import sku, text
from pipelines.normalize.buckets import Buckets
from pipelines.normalize.duplicates import CONTENT, is_place

MEMORY_LIMIT = "512MB"  # of keys, one small row an offer; whole offers are never more than a piece of the file
PIECES = 128
ROW_GROUP_OFFERS = 2048
ROW_GROUP_BYTES = 8 << 20

# What says one thing in several ways is sent as a whole: a new price with VAT makes the old one without it untrue.
_WHOLES = (
    ("price", "price_without_nds"),
    ("vat", "nds"),
    ("unit_okei", "units", "unit_name"),
    ("available", "quantity", "count", "stock_quantity", "outlets"),
)
_WHOLE_OF = {column: whole for whole in _WHOLES for column in whole}
# What is said about the row of the file itself.
_OF_ROW = ("row_fault", "row_fault_sent", "repeated")
# An offer of the base, and the ordinal of the one that is completed from it.
_COMPLETES = "completes"
_SOURCE_ROWS = RAW_SCHEMA.append(pa.field(_COMPLETES, pa.int64()))

_KEYS = """
    CREATE TABLE {name}_keys AS
    SELECT ordinal, nullif(trim(external_id), '') AS external_id, sku_key(sku) AS key FROM {name}
"""
# Offers of the base under the key of an offer of the file; all of them are told anew.
_KNOWN = """
    CREATE TABLE known AS
    SELECT f.ordinal, b.ordinal AS base_ordinal FROM file_keys f JOIN base_keys b USING (external_id)
    UNION ALL
    SELECT f.ordinal, b.ordinal FROM file_keys f JOIN base_keys b USING (key)
    WHERE f.external_id IS NULL OR (b.external_id IS NULL
        AND f.external_id NOT IN (SELECT external_id FROM base_keys WHERE external_id IS NOT NULL))
"""
# The one an offer is completed from. Of several, any if they say the same; none where they differ: it would be a guess.
_SOURCE = f"""
    CREATE TABLE source AS
    WITH several AS MATERIALIZED (
        SELECT ordinal, base_ordinal FROM known
        WHERE ordinal IN (SELECT ordinal FROM known GROUP BY ordinal HAVING count(*) > 1)
    ), differing AS (
        SELECT several.ordinal
        FROM several
        JOIN (
            SELECT ordinal, {CONTENT} AS content FROM base
            WHERE ordinal IN (SELECT base_ordinal FROM several)
        ) AS contents ON contents.ordinal = base_ordinal
        GROUP BY several.ordinal HAVING count(DISTINCT content) > 1
    )
    SELECT ordinal, min(base_ordinal) AS base_ordinal FROM known
    WHERE ordinal NOT IN (SELECT ordinal FROM differing) GROUP BY ordinal
"""
_NEW = """
    SELECT count(*), min(line), arg_min(coalesce(sku, external_id, ''), line)
    FROM file WHERE ordinal NOT IN (SELECT ordinal FROM known)
"""
_SUPPLIED = """
    COPY (SELECT DISTINCT sku_key FROM read_parquet($files) WHERE sku_key IS NOT NULL ORDER BY sku_key)
    TO $out (FORMAT parquet, COMPRESSION zstd)
"""


def complete(
    changes: Path, base: Path | None, out: Path, new_base: Path, *, made_key: Callable[[str], str]
) -> tuple[Issue, ...]:
    """Complete the raw offers of a file that holds changes only.

    Memory is bounded: only keys are compared as a whole, offers are joined piece by piece, with the disk beside `out`.

    Args:
        changes: Parquet of `RAW_SCHEMA`, what the file says; null and the empty list mean "not sent".
        base: Parquet of `RAW_SCHEMA`, also of an earlier version with fewer columns; None when nothing is known yet.
        out: gets the offers of the file, completed, in its order and with its lines.
        new_base: gets the base with those offers in it. Its lines are those of whichever file told a value.
        made_key: the SKU that parsing makes of a key of the supplier's system for want of one. Nobody sent it, and so
            that of the base stays.

    Returns:
        Remarks on the load as a whole.
    """
    with (
        tempfile.TemporaryDirectory(dir=out.parent, prefix="complete-") as scratch,
        _connect(Path(scratch)) as connection,
    ):
        connection.create_function("made_key", made_key, ["VARCHAR"], "VARCHAR")
        connection.read_parquet(str(changes)).create_view("file")
        _view_base(connection, base)
        for name in ("file", "base"):
            connection.execute(_KEYS.format(name=name))
        connection.execute(_KNOWN)
        connection.execute(_SOURCE)
        number, line, example = connection.execute(_NEW).fetchall()[0]
        with Buckets(Path(scratch), _SOURCE_ROWS) as sources, _writer(out) as completed, _writer(new_base) as told:
            pieces = _pieces(changes)
            if base is not None:
                _deal_out(connection, base, pieces, sources=sources, untouched=told)
            for row in _completed_rows(connection, changes, pieces, sources):
                completed.write(row)
                told.write(row, renumbered=True)
    if base is None:
        return (Issue("changes_without_base", sent=str(number)),)
    return (Issue("changes_of_unknown", line, sent=str(number), published=example[:QUOTE_LIMIT]),) if number else ()


def supplied(offers: Path, before: Path | None, out: Path) -> None:
    """Write the keys of all offers that a link supplies: those of its base and those it has just changed (P5).

    Args:
        offers: Parquet with a column `sku_key`: accepted offers of this load.
        before: the same of the base: its offers, or what this function wrote for it.
    """
    files = [str(path) for path in (offers, before) if path is not None]
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="supplied-") as scratch, _connect(Path(scratch)) as db:
        db.execute(_SUPPLIED, {"files": files, "out": str(out)})


def _connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 1,
        "temp_directory": str(scratch),
        "preserve_insertion_order": False,  # every result is ordered explicitly
        "autoinstall_known_extensions": False,
        "enable_external_file_cache": False,
        # Piece after piece the heap would fray and grow; freed pages go back at once.
        "allocator_flush_threshold": "1MB",
        "allocator_bulk_deallocation_flush_threshold": "1MB",
    }
    connection = duckdb.connect(config=config)
    for macros in (text.MACROS, sku.MACROS):
        connection.execute(macros)
    return connection


def _view_base(connection: duckdb.DuckDBPyConnection, base: Path | None) -> None:
    """The base with all columns of today, whatever version wrote it."""
    empty = "SELECT * FROM file WHERE false"
    if base is None:
        connection.execute(f"CREATE VIEW base AS {empty}")
    else:
        connection.read_parquet(str(base)).create_view("base_file")
        connection.execute(f"CREATE VIEW base AS {empty} UNION ALL BY NAME SELECT * FROM base_file")


def _sent(column: str) -> str:
    return f"len(f.{column}) > 0" if pa.types.is_list(RAW_SCHEMA.field(column).type) else f"f.{column} IS NOT NULL"


def _placeless(expression: str, kind: pa.DataType) -> str:
    """SQL for a value of the base without the lines it stood on."""
    if not pa.types.is_list(kind):
        return expression
    fields = ", ".join(f"'{f.name}': {'NULL' if is_place(f.name) else f'entry.{f.name}'}" for f in kind.value_type)
    return f"list_transform({expression}, lambda entry: {{{fields}}})"


def _completed(column: str, kind: pa.DataType) -> str:
    """SQL for a column of an offer `f` of the file, completed from the offer `b` of the base."""
    if column in ("ordinal", *_OF_ROW) or is_place(column):
        return f"f.{column}"
    if column == "sku":
        return "CASE WHEN f.sku IS NULL OR f.sku = made_key(f.external_id) THEN coalesce(b.sku, f.sku) ELSE f.sku END"
    told = " OR ".join(_sent(c) for c in _WHOLE_OF.get(column, (column,)))
    return f"CASE WHEN b.ordinal IS NULL OR {told} THEN f.{column} ELSE {_placeless(f'b.{column}', kind)} END"


_COMPLETED = f"""
    SELECT {", ".join(f"{_completed(f.name, f.type)} AS {f.name}" for f in RAW_SCHEMA)}
    FROM piece f LEFT JOIN sources b ON b.{_COMPLETES} = f.ordinal
    ORDER BY f.ordinal
"""


@dataclass(frozen=True)
class _Pieces:
    """A file of changes in pieces of whole row groups.

    Attributes:
        groups: the row groups of each piece.
        starts: the first ordinal of each piece.
    """

    groups: list[list[int]]
    starts: npt.NDArray[np.int64]


def _pieces(changes: Path) -> _Pieces:
    metadata = pq.read_metadata(changes)
    rows = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    firsts = np.cumsum([0, *rows], dtype=np.int64)
    step = max(1, -(-len(rows) // PIECES))
    groups = [list(range(n, min(n + step, len(rows)))) for n in range(0, len(rows), step)]
    return _Pieces(groups, firsts[[group[0] for group in groups]])


def _deal_out(
    connection: duckdb.DuckDBPyConnection, base: Path, pieces: _Pieces, *, sources: Buckets, untouched: _Writer
) -> None:
    """Go through the base once: what is not told anew is written, what completes an offer goes where that one is."""
    known = _column(connection, "SELECT DISTINCT base_ordinal FROM known ORDER BY ALL")
    source = _column(connection, "SELECT base_ordinal FROM source ORDER BY base_ordinal, ordinal")
    completes = _column(connection, "SELECT ordinal FROM source ORDER BY base_ordinal, ordinal")
    with pq.ParquetFile(base) as file:
        for batch in file.iter_batches(ROW_GROUP_OFFERS):
            rows = _of_today(batch)
            ordinals = rows["ordinal"].to_numpy()
            untouched.write(rows.filter(pa.array(~np.isin(ordinals, known))), renumbered=True)
            first, last = np.searchsorted(source, [ordinals[0], ordinals[-1] + 1])
            places = np.searchsorted(ordinals, source[first:last])
            taken = rows.take(pa.array(places)).append_column(_COMPLETES, pa.array(completes[first:last]))
            sources.put(taken, np.searchsorted(pieces.starts, completes[first:last], side="right") - 1)


def _completed_rows(
    connection: duckdb.DuckDBPyConnection, changes: Path, pieces: _Pieces, sources: Buckets
) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(changes) as file:
        for number, groups in enumerate(pieces.groups):
            connection.register("piece", file.read_row_groups(groups))
            connection.register("sources", sources.take(number))
            yield from connection.execute(_COMPLETED).to_arrow_table().cast(RAW_SCHEMA).combine_chunks().to_batches()


def _column(connection: duckdb.DuckDBPyConnection, query: str) -> npt.NDArray[np.int64]:
    column: npt.NDArray[np.int64] = connection.execute(query).to_arrow_table().column(0).to_numpy()
    return column


def _of_today(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of a base with all columns of today, whatever version wrote it."""
    sent = set(batch.schema.names)
    arrays = [batch[f.name].cast(f.type) if f.name in sent else pa.nulls(batch.num_rows, f.type) for f in RAW_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=RAW_SCHEMA)


class _Writer:
    """Raw offers into Parquet, in row groups as parsing makes them: a batch of normalising is made of whole ones."""

    def __init__(self, parquet: pq.ParquetWriter) -> None:
        self._parquet = parquet
        self._rows = 0

    def write(self, batch: pa.RecordBatch, *, renumbered: bool = False) -> None:
        """Add rows; `renumbered`: with their ordinals counted anew."""
        if renumbered:
            ordinals = pa.array(np.arange(self._rows, self._rows + batch.num_rows))
            batch = batch.set_column(RAW_SCHEMA.get_field_index("ordinal"), RAW_SCHEMA.field("ordinal"), ordinals)
        rows = max(1, batch.num_rows * ROW_GROUP_BYTES // max(batch.nbytes, ROW_GROUP_BYTES))
        self._parquet.write_table(pa.Table.from_batches([batch]), row_group_size=rows)
        self._rows += batch.num_rows


@contextmanager
def _writer(path: Path) -> Iterator[_Writer]:
    with pq.ParquetWriter(path, RAW_SCHEMA, compression="zstd", compression_level=1, use_dictionary=False) as parquet:
        yield _Writer(parquet)
