"""A file of raw offers in batches, and each batch as tables of plain columns: offers, regions, characteristics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BATCH_ROWS = 6144
BATCH_BYTES = 24_000_000
# Lists that become rows of their own.
_TABLES = ("params", "regions")
# Of a characteristic: column of `RAW_SCHEMA` -> what rules call it.
_PARAM_COLUMNS = {
    "ordinal": "ordinal",
    "position": "position",
    "name": "sent_name",
    "value": "sent_value",
    "unit": "sent_unit",
    "line": "param_line",
}


class Batch(NamedTuple):
    """Some raw offers.

    Attributes:
        offers: a row for each, in the order of the file.
        params, regions: a row for each entry of these lists, with the offer's `ordinal` and its `position` in the list,
            from 1.
    """

    offers: pa.Table
    params: pa.Table
    regions: pa.Table


def groups_of_batches(metadata: pq.FileMetaData) -> Iterator[range]:
    """Row groups that make a batch each: neighbours, up to a number of rows or of bytes."""
    first = rows = size = 0
    for number, group in enumerate(metadata.row_group(i) for i in range(metadata.num_row_groups)):
        if rows and (rows + group.num_rows > BATCH_ROWS or size + group.total_byte_size > BATCH_BYTES):
            yield range(first, number)
            first, rows, size = number, 0, 0
        rows += group.num_rows
        size += group.total_byte_size
    if rows:
        yield range(first, metadata.num_row_groups)


def read_batch(raw: Path, groups: Sequence[int]) -> Batch:
    """The batch in these row groups of a Parquet file of `RAW_SCHEMA`."""
    with pq.ParquetFile(raw) as file:
        offers = file.read_row_groups(groups, use_threads=False).combine_chunks()
    params, regions = (_entries(offers, name) for name in _TABLES)
    return Batch(offers.drop_columns(list(_TABLES)), params.rename_columns(_PARAM_COLUMNS), regions)


def _entries(offers: pa.Table, name: str) -> pa.Table:
    """A row for each entry of a column of lists."""
    column = offers[name].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    entries = column.flatten()
    columns = dict(zip(entries.type.names, entries.flatten(), strict=True))
    ordinals = np.repeat(offers["ordinal"].to_numpy(), lengths)
    return pa.table({"ordinal": ordinals, "position": _positions(lengths), **columns})


def _positions(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    starts = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum(), dtype=np.int64) - np.repeat(starts, lengths) + 1
