"""Whether raw offers of two files are the same but for their place: values equal, lines moved as the offer is.

Values are compared, not hashes of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.normalize.duplicates import is_place

_PLACE = ("ordinal", "line")


def same(offers: pa.Table, others: pa.Table) -> npt.NDArray[np.bool_]:
    """For each row whether it is the same offer as the row beside it in `others`."""
    moved = lines_moved(offers, others)
    equal = np.ones(offers.num_rows, np.bool_)
    for name in offers.column_names:
        if name not in _PLACE:
            equal &= _same(name, offers[name].combine_chunks(), others[name].combine_chunks(), moved)
    return equal


def lines_moved(offers: pa.Table, others: pa.Table) -> npt.NDArray[np.int64]:
    """By how many lines each row stands further down than the row beside it; 0 where there is none."""
    moved: npt.NDArray[np.int64] = pc.fill_null(pc.subtract(offers["line"], others["line"]), 0).to_numpy()
    return moved


def _same(name: str, values: pa.Array, others: pa.Array, moved: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """For each value whether it is the same, where lines are those of an offer that is `moved` by so many lines."""
    if pa.types.is_list(values.type):
        return _same_lists(values, others, moved)
    if pa.types.is_struct(values.type):
        equal = _equal(values.is_null(), others.is_null())
        for field, column, other in zip(values.type, values.flatten(), others.flatten(), strict=True):
            equal &= _same(field.name, column, other, moved)
        return equal
    return _equal(values, pc.add(others, pa.array(moved)) if is_place(name) else others)


def _same_lists(values: pa.ListArray, others: pa.ListArray, moved: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    lengths, other_lengths = (pc.fill_null(pc.list_value_length(lists), -1).to_numpy() for lists in (values, others))
    equal: npt.NDArray[np.bool_] = lengths == other_lengths
    rows = np.flatnonzero(equal)
    if len(rows) < len(equal):
        values, others = values.take(pa.array(rows)), others.take(pa.array(rows))
    of_entries = np.repeat(rows, np.maximum(lengths[rows], 0))
    entries_equal = _same("", values.flatten(), others.flatten(), moved[of_entries])
    equal[of_entries[~entries_equal]] = False
    return equal


def _equal(values: pa.Array, others: pa.Array) -> npt.NDArray[np.bool_]:
    """For each value whether it equals the other, NULL being equal to NULL alone."""
    if values.equals(others):
        return np.ones(len(values), np.bool_)
    both = pc.equal(values.is_null(), others.is_null())
    equal = pc.and_(both, pc.fill_null(pc.equal(values, others), True))
    return np.asarray(equal, np.bool_)
