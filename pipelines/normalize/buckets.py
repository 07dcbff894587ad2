"""A join of two large tables in little memory: rows of one are dealt out on disk to the pieces of the other.

What a database would do for it, hashing and sorting whole rows, needs memory that grows with them.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

_COMPRESSION = pa.ipc.IpcWriteOptions(compression="lz4")


class Buckets:
    """Rows by the number of the bucket they were put into, each bucket a file of a scratch folder.

    A context manager: leaving it closes the files. Every bucket is a file that is open until it is read; keep their
    number to some hundreds.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder, self._schema = folder, schema
        self._writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
        self._files = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def put(self, rows: pa.RecordBatch, numbers: npt.NDArray[np.int64]) -> None:
        """Put each row into the bucket of its number."""
        for number in np.unique(numbers):
            self._writer(int(number)).write_batch(rows.filter(pa.array(numbers == number)))

    def take(self, number: int) -> pa.Table:
        """All rows of a bucket, in the order they came; nothing can be put into it afterwards."""
        writer = self._writers.pop(number, None)
        if writer is None:
            return self._schema.empty_table()
        writer.close()
        path = self._path(number)
        with pa.OSFile(str(path)) as file:
            rows = pa.ipc.open_stream(file).read_all()
        path.unlink()
        return rows

    def _writer(self, number: int) -> pa.ipc.RecordBatchStreamWriter:
        if number not in self._writers:
            writer = pa.ipc.new_stream(str(self._path(number)), self._schema, options=_COMPRESSION)
            self._writers[number] = self._files.enter_context(writer)
        return self._writers[number]

    def _path(self, number: int) -> Path:
        return self._folder / f"bucket-{number}"
