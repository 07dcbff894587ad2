"""Rows of entries into a list for each offer, without a copy: neighbours in the rows are neighbours in the list."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def in_order(rows: pa.Table, *columns: str) -> pa.Table:
    """The rows by these columns of numbers; they are moved only where they are out of order."""
    keys = [rows[column].to_numpy() for column in columns]
    order = np.lexsort(keys[::-1])
    return rows if np.array_equal(order, np.arange(len(order))) else rows.take(order)


def plain(rows: pa.Table) -> pa.Table:
    """The rows with texts instead of numbers of texts."""
    kinds = [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in rows.schema]
    return rows.cast(pa.schema(kinds))


def ends(ordinals: pa.ChunkedArray, of_entries: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Where the entries of each offer end, with a zero before the first; both in order of the file."""
    numbers = np.searchsorted(ordinals.to_numpy(), of_entries.to_numpy())
    return np.append(0, np.bincount(numbers, minlength=len(ordinals)).cumsum()).astype(np.int32)


def lists(rows: pa.Table, entry: pa.StructType, ends: npt.NDArray[np.int32]) -> pa.ListArray:
    """The rows as lists of entries."""
    columns = [rows[f.name].combine_chunks().cast(f.type) for f in entry]
    return pa.ListArray.from_arrays(pa.array(ends), pa.StructArray.from_arrays(columns, fields=list(entry)))


def texts(rows: pa.ChunkedArray, ends: npt.NDArray[np.int32]) -> pa.StringArray:
    """The texts of the entries of each offer, one after the other."""
    text = rows.combine_chunks().cast(pa.string())
    _, starts, letters = text.buffers()
    if not len(text):
        return pa.array([""] * (len(ends) - 1), pa.string())
    of_rows = np.frombuffer(starts, np.int32, count=len(text) + 1, offset=4 * text.offset)
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(of_rows[ends]), letters)
