"""What is sent again and again: the distinct values of some columns, looked up once for as long as it is remembered.

A file names its characteristics in some hundred ways and its regions by some dozen codes, and a million values bear
them: the rules look at each name and code once, and values take what is known of theirs by number.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# So many are remembered; beyond, a new book is begun: values that are all different must not fill the memory.
REMEMBERED = 50_000


def distinct(rows: pa.Table, *columns: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """The first row of each distinct value of these columns together, and the number of its value for each row."""
    both = np.zeros(rows.num_rows, np.int64)
    for column in columns:
        codes = _codes(rows[column])
        both = both * (codes.max(initial=0) + 1) + codes
    _, first, numbers = np.unique(both, return_index=True, return_inverse=True)
    return rows.take(first), numbers


def least(values: pa.ChunkedArray, numbers: npt.NDArray[np.int64], distinct: int) -> pa.Array:
    """The least of the values that have a number, for each number; NULL where there is none."""
    none = np.iinfo(np.int64).max
    found = np.full(distinct, none)
    np.minimum.at(found, numbers, pc.fill_null(values, none).to_numpy())
    return pa.array(found, mask=found == none)


def with_facts(facts: pa.Table, numbers: npt.NDArray[np.int64], prefix: str = "") -> dict[str, pa.Array]:
    """The columns of `facts` for each row by its number, without a copy."""
    return {
        f"{prefix}{name}": pa.DictionaryArray.from_arrays(numbers, facts[name].combine_chunks())
        for name in facts.column_names
    }


def _codes(texts: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A number for each text, equal for equal ones; 0 for NULL."""
    encoded = texts.combine_chunks().dictionary_encode()
    codes: npt.NDArray[np.int64] = pc.fill_null(pc.add(encoded.indices, 1), 0).to_numpy().astype(np.int64)
    return codes


class Glossary:
    """What is known of the values that were met so far.

    Args:
        columns: what a value consists of.
        look_up: what the rules make of values, a row for each, in their order.
    """

    def __init__(self, columns: tuple[str, ...], look_up: Callable[[pa.Table], pa.Table]) -> None:
        self._columns, self._look_up = columns, look_up
        self._numbers: dict[tuple[Hashable, ...], int] = {}
        self._known: pa.Table | None = None

    def facts(self, values: pa.Table) -> pa.Table:
        """What is known of these distinct values, a row for each; those not met before are looked up."""
        if len(self._numbers) > REMEMBERED:
            self._numbers, self._known = {}, None
        keys = list(zip(*(values[column].to_pylist() for column in self._columns), strict=True))
        new = [number for number, key in enumerate(keys) if key not in self._numbers]
        self._numbers.update({keys[number]: len(self._numbers) + n for n, number in enumerate(new)})
        if new or self._known is None:
            found = self._look_up(values.take(pa.array(new, pa.int64())))
            self._known = pa.concat_tables([self._known, found] if self._known else [found]).combine_chunks()
        return self._known.take(pa.array([self._numbers[key] for key in keys], pa.int64()))
