"""Offers of two files that may be the same one: of one SKU, which neither file has twice, and in the order of both."""

from __future__ import annotations

from bisect import bisect_left

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.normalize.duplicates import keyed

Ordinals = npt.NDArray[np.int64]


def _alone(table: str) -> str:
    """SQL: the offers of a table that share their SKU with no other."""
    return f"(SELECT key, any_value(ordinal) AS ordinal FROM ({keyed(table)}) GROUP BY key HAVING count(*) = 1)"


_PAIRS = f"""
    SELECT offer.ordinal, other.ordinal AS other FROM {_alone("raw")} AS offer JOIN {_alone("earlier_raw")} AS other
    USING (key) ORDER BY offer.ordinal"""


def find_pairs(connection: duckdb.DuckDBPyConnection) -> tuple[Ordinals, Ordinals]:
    """Ordinals of pairs of offers, the first of `raw` and the second of `earlier_raw`; both rise.

    An offer that was moved within its file is in no pair, where that breaks the order of the others.
    """
    found = connection.execute(_PAIRS).fetchnumpy()
    ordinals, others = found["ordinal"], found["other"]
    if (np.diff(others) < 0).any():
        rising = longest_rising(others)
        ordinals, others = ordinals[rising], others[rising]
    return ordinals, others


def longest_rising(values: Ordinals) -> Ordinals:
    """Where the values of a longest rising subsequence stand (patience sorting); the values are all different."""
    ends: list[int] = []  # the least value that a subsequence of each length ends with,
    places: list[int] = []  # where it stands,
    before = np.full(len(values), -1)  # and where the one before each value stands
    for place, value in enumerate(values.tolist()):
        length = bisect_left(ends, value)
        ends[length : length + 1] = [value]
        places[length : length + 1] = [place]
        before[place] = places[length - 1] if length else -1
    chain = []
    place = places[-1] if places else -1
    while place >= 0:
        chain.append(place)
        place = int(before[place])
    return np.array(chain[::-1], np.int64)
