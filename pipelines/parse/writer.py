"""Rows on their way to Parquet, small row groups at a time; raw offers are rows of exactly `model.RAW_SCHEMA`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.model import RAW_SCHEMA

# Memory is the row group's, not the document's: a few megabytes at a time.
ROW_GROUP_ROWS = 2048
ROW_GROUP_BYTES = 8 << 20


def scalar_fields(schema: pa.Schema) -> tuple[pa.Field, ...]:
    """The columns a row holds: those that are not lists, in the order of the schema."""
    return tuple(field for field in schema if not pa.types.is_list(field.type))


COLUMN_INDEX = {field.name: i for i, field in enumerate(scalar_fields(RAW_SCHEMA))}
ROW_WIDTH = len(COLUMN_INDEX)


class ListColumn:
    """A column of lists of structs under construction."""

    def __init__(self, field: pa.Field) -> None:
        self._type = field.type
        self._fields = list(field.type.value_type)
        self._width = len(self._fields)
        self._cells: list[Any] = []  # structs one after another
        self._offsets = [0]

    def append(self, values: Sequence[str | int | None]) -> None:
        """Add one struct, a value per field, to the list of the current row."""
        self._cells += values

    def end_row(self) -> None:
        """What is appended from now on belongs to the next row."""
        self._offsets.append(len(self._cells) // self._width)

    def take(self) -> pa.Array:
        """The finished rows; the column is empty afterwards."""
        arrays = [pa.array(self._cells[i :: self._width], field.type) for i, field in enumerate(self._fields)]
        structs = pa.StructArray.from_arrays(arrays, fields=self._fields)
        result = pa.ListArray.from_arrays(pa.array(self._offsets, pa.int32()), structs, type=self._type)
        self._cells = []
        self._offsets = [0]
        return result


class Rows:
    """Rows of `schema` under construction, taken as columns."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._scalars = scalar_fields(schema)
        self._width = len(self._scalars)
        self._cells: list[Any] = []  # rows one after another
        self.lists = {field.name: ListColumn(field) for field in schema if pa.types.is_list(field.type)}
        self.rows = 0

    def add(self, row: list[Any]) -> None:
        """Add one row: the values that are not lists, and what was appended to `lists` since the last one."""
        self._cells += row
        for column in self.lists.values():
            column.end_row()
        self.rows += 1

    def take(self) -> pa.RecordBatch:
        """The rows added since the last call."""
        arrays = {f.name: pa.array(self._cells[i :: self._width], f.type) for i, f in enumerate(self._scalars)}
        arrays |= {name: column.take() for name, column in self.lists.items()}
        self._cells = []
        return pa.RecordBatch.from_arrays([arrays[name] for name in self._schema.names], schema=self._schema)


class TableWriter(Rows):
    """Writes rows of `schema` to a Parquet file that appears only when everything was written.

    A row group holds `group_rows` rows, fewer where `ROW_GROUP_BYTES` of the document are in it.

    Use as a context manager: on a clean exit the file is at `out`, on an exception nothing is. Compression runs beside
    the parsing, one row group behind it at most.
    """

    def __init__(self, out: Path, schema: pa.Schema, *, group_rows: int = ROW_GROUP_ROWS) -> None:
        super().__init__(schema)
        self._group_rows = group_rows
        self._out = out
        self._partial = out.with_name(f"{out.name}.partial")
        self._bytes = 0
        self._written: Future[None] | None = None

    def __enter__(self) -> Self:
        self._parquet = pq.ParquetWriter(
            self._partial,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,  # row groups are small: the codec finds repetitions as well, and faster
            write_statistics=False,
        )
        self._pool = ThreadPoolExecutor(1, "raw-parquet")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
                self._wait()
        finally:
            self._pool.shutdown()
            try:
                self._parquet.close()
                if kind is None:
                    self._partial.replace(self._out)
            finally:
                self._partial.unlink(missing_ok=True)

    def add(self, row: list[Any]) -> None:
        """Add one row, as `Rows.add`."""
        super().add(row)
        if len(self._cells) >= self._group_rows * self._width:
            self._flush()

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows that are columns already, exactly of the schema."""
        self._flush()
        for start in range(0, batch.num_rows, self._group_rows):
            self._write(batch.slice(start, self._group_rows))
        self.rows += batch.num_rows

    def account(self, size: int) -> None:
        """Say that the rows added since the last call came from `size` bytes of the document."""
        self._bytes += size
        if self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._bytes = 0
        if self._cells:
            self._write(self.take())

    def _write(self, batch: pa.RecordBatch) -> None:
        self._wait()
        self._written = self._pool.submit(self._parquet.write_batch, batch)

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()
            self._written = None


class RawWriter(TableWriter):
    """Writes raw offers: rows of `ROW_WIDTH` values placed by `COLUMN_INDEX`."""

    def __init__(self, out: Path) -> None:
        super().__init__(out, RAW_SCHEMA)
