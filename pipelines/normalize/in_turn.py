"""A Parquet file with a rising column `ordinal`, read once from the beginning to the end, so many rows at a time."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


class InTurn:
    """Gives out the rows of a file by their ordinals; rows without one are passed over.

    A context manager: leaving it closes the file.
    """

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self._group = 0
        self._left = self._file.schema_arrow.empty_table()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def until(self, end: int) -> pa.Table:
        """The rows with ordinals below `end` that were not given out before."""
        pieces = [self._left]
        while self._group < self._file.num_row_groups and not _reaches(pieces[-1], end):
            rows = self._file.read_row_group(self._group)
            self._group += 1
            pieces.append(rows.filter(pc.is_valid(rows["ordinal"])) if rows["ordinal"].null_count else rows)
        rows = pa.concat_tables(pieces)
        place = int(np.searchsorted(rows["ordinal"].to_numpy(), end))
        self._left = rows.slice(place)
        return rows.slice(0, place)


def _reaches(rows: pa.Table, end: int) -> bool:
    """Whether there is nothing more below `end` to come: several rows may have one ordinal."""
    return rows.num_rows > 0 and int(rows["ordinal"][-1].as_py()) >= end
