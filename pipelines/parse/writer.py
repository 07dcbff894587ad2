"""Rows on their way to Parquet, small row groups at a time."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.model import RAW_SCHEMA
from pipelines.parse.rows import Rows

# Memory is the row group's, not the document's: a few megabytes at a time.
ROW_GROUP_ROWS = 2048
ROW_GROUP_BYTES = 8 << 20


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
        self._left: pa.Table = schema.empty_table()  # of batches, what does not fill a row group yet
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
        self._flush_rows()
        table = pa.Table.from_batches([*self._left.to_batches(), batch])
        whole = table.num_rows - table.num_rows % self._group_rows
        for start in range(0, whole, self._group_rows):
            self._write(table.slice(start, self._group_rows))
        self._left = table.slice(whole)
        if self._left.nbytes >= ROW_GROUP_BYTES:
            self._flush_left()
        self.rows += batch.num_rows

    def account(self, size: int) -> None:
        """Say that the rows added since the last call came from `size` bytes of the document."""
        self._bytes += size
        if self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._bytes = 0
        self._flush_left()
        self._flush_rows()

    def _flush_rows(self) -> None:
        if self._cells:
            self._write(pa.Table.from_batches([self.take()]))

    def _flush_left(self) -> None:
        if self._left.num_rows:
            self._write(self._left)
            self._left = self._schema.empty_table()

    def _write(self, group: pa.Table) -> None:
        self._wait()
        self._written = self._pool.submit(self._parquet.write_table, group)

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()
            self._written = None


class RawWriter(TableWriter):
    """Writes raw offers: rows of `ROW_WIDTH` values placed by `COLUMN_INDEX`."""

    def __init__(self, out: Path) -> None:
        super().__init__(out, RAW_SCHEMA)
