"""Raw offers on their way to Parquet: rows in, small row groups out, exactly `model.RAW_SCHEMA`."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.model import RAW_SCHEMA

# Memory is the row group's, not the document's: a few megabytes of offers at a time.
ROW_GROUP_OFFERS = 2048
ROW_GROUP_BYTES = 8 << 20

# One row is a list: a value per column, where a list column holds a list of tuples in the order of its struct.
Row = list[Any]
COLUMN_INDEX = {name: i for i, name in enumerate(RAW_SCHEMA.names)}


class RawWriter:
    """Writes rows of raw offers to a Parquet file that appears only when everything was written.

    Use as a context manager: on a clean exit the file is at `out`, on an exception nothing is.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._partial = out.with_name(f"{out.name}.partial")
        self._rows: list[Row] = []
        self._bytes = 0
        self.written = 0

    def __enter__(self) -> Self:
        self._parquet = pq.ParquetWriter(
            self._partial, RAW_SCHEMA, compression="zstd", compression_level=1, write_statistics=False
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
            self._parquet.close()
            if kind is None:
                self._partial.replace(self._out)
        finally:
            self._partial.unlink(missing_ok=True)

    def add(self, row: Row) -> None:
        """Add one offer; `row` belongs to the writer from now on."""
        self._rows.append(row)
        self.written += 1
        if len(self._rows) >= ROW_GROUP_OFFERS:
            self._flush()

    def account(self, size: int) -> None:
        """Say that the rows added since the last call came from `size` bytes of the document."""
        self._bytes += size
        if self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._bytes = 0
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [_array(column, field.type) for column, field in zip(columns, RAW_SCHEMA, strict=True)]
        self._rows = []
        self._parquet.write_batch(pa.RecordBatch.from_arrays(arrays, schema=RAW_SCHEMA))


def _array(column: tuple[Any, ...], type_: pa.DataType) -> pa.Array:
    if not pa.types.is_list(type_):
        return pa.array(column, type_)
    offsets = [0]
    items: list[tuple[Any, ...]] = []
    for value in column:
        items += value
        offsets.append(len(items))
    fields = list(type_.value_type)
    values = zip(*items, strict=True) if items else ([] for _ in fields)
    arrays = [pa.array(v, field.type) for v, field in zip(values, fields, strict=True)]
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.StructArray.from_arrays(arrays, fields=fields), type=type_
    )
