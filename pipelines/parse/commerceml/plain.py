"""Values that stand once in a record: of all records of an offer the first that says anything counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# raw column -> column of an item
PLAIN = {
    "name": "name",
    "article": "article",
    "vendor_code": "vendor_code",
    "model": "model",
    "description": "description",
    "unit_okei": "unit_code",
    "units": "unit_name",
    "vat": "vat",
    "weight": "weight",
    "dimensions": "dimensions",
    "category_id": "category",
    "quantity": "quantity",
    "vendor": "vendor",
    "maker": "maker",
}
# What the join takes for nothing (`filled`).
_SPACES = " \t\n\f\r\u00a0"
_Flags = npt.NDArray[np.bool_]


def plain_values(records: pa.Table) -> pa.Table:
    """One row an offer, of records that stand in the order of the offers, those of an offer before those of its goods.

    Of a value that is empty everywhere the first empty one counts. Repetitions are those of all records.
    """
    ordinals = records["ordinal"].to_numpy()
    begins = np.flatnonzero(np.append(True, ordinals[1:] != ordinals[:-1]))
    found: dict[str, pa.ChunkedArray | pa.Array] = {"ordinal": records["ordinal"].take(pa.array(begins))}
    for name, item in PLAIN.items():
        sent = records[item]
        says = _flags(pc.not_equal(pc.utf8_ltrim(sent, characters=_SPACES), ""))
        places = _first(says, begins, otherwise=_flags(sent.is_valid()))
        found[name], found[f"{name}_line"] = sent.take(places), records[f"{item}_line"].take(places)
    listed = _flags(pc.greater(pc.list_value_length(records["pictures"]), 0))
    found["pictures"] = records["pictures"].take(_first(listed, begins, otherwise=listed))
    repeated = records["repeated"].combine_chunks()
    offsets = repeated.offsets.take(pa.array(np.append(begins, len(ordinals))))
    found["repeated"] = pa.ListArray.from_arrays(offsets, repeated.values)
    return pa.table(found)


def _flags(values: pa.ChunkedArray) -> _Flags:
    """What is true; what is null is not."""
    flags: _Flags = values.fill_null(False).to_numpy()
    return flags


def _first(wanted: _Flags, begins: npt.NDArray[np.intp], *, otherwise: _Flags) -> pa.Array:
    """The place of the first wanted record of each offer, else of the first other one, else null."""
    beyond = wanted.size
    places = np.arange(beyond)
    first, second = (np.minimum.reduceat(np.where(f, places, beyond), begins) for f in (wanted, otherwise))
    chosen = np.where(first < beyond, first, second)
    return pa.array(chosen, mask=chosen == beyond)
