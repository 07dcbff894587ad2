"""Of the records of an offer the first that says anything counts, value by value."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.parse.commerceml.plain import PLAIN, plain_values
from pipelines.parse.commerceml.store import ITEM_SCHEMA

SENT = st.sampled_from([None, "", " ", "\u00a0\n", "a", " b", "в "])
LISTED = st.lists(st.sampled_from("xyz"), max_size=2)
RECORD = st.fixed_dictionaries({"ordinal": st.integers(0, 4), "name": SENT, "pictures": LISTED, "repeated": LISTED})


def first(values: list[Any]) -> Any:
    """The first that is not blank, else the first that is there."""
    there = [value for value in values if value is not None]
    return next((value for value in there if value.strip(" \n\u00a0")), next(iter(there), None))


@given(st.lists(RECORD, min_size=1, max_size=12))
def test_the_first_record_that_says_anything_counts(drawn: list[dict[str, Any]]) -> None:
    drawn.sort(key=lambda record: record["ordinal"])
    records = pa.Table.from_pylist(
        [
            {
                "name": record["name"],
                "name_line": None if record["name"] is None else line,
                "pictures": [{"value": each, "line": line} for each in record["pictures"]],
                "repeated": [{"field": "Цена", "value": each, "line": line} for each in record["repeated"]],
            }
            for line, record in enumerate(drawn)
        ],
        ITEM_SCHEMA,
    ).append_column("ordinal", [[record["ordinal"] for record in drawn]])
    expected = []
    for ordinal, its in groupby(enumerate(drawn), key=lambda pair: pair[1]["ordinal"]):
        group = list(its)
        name = first([record["name"] for _, record in group])
        line = next((line for line, record in group if record["name"] is not None and record["name"] == name), None)
        pictures = next((record["pictures"] for _, record in group if record["pictures"]), None)
        repeated = [each for _, record in group for each in record["repeated"]]
        expected.append((ordinal, name, line, pictures, repeated))
    found = plain_values(records)
    assert [
        (row["ordinal"], row["name"], row["name_line"], row["pictures"] and [p["value"] for p in row["pictures"]],
         [r["value"] for r in row["repeated"]])
        for row in found.to_pylist()
    ] == expected  # fmt: skip
    assert {name for name in found.column_names if found[name].null_count < len(expected)} <= {
        *("ordinal", "name", "name_line", "pictures", "repeated")
    }
    assert set(PLAIN) < set(found.column_names)
