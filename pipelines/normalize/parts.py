"""Lines that run through a set of files -> the file and the line in it; what people are shown is always that pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipelines.model import Part


def in_parts(rows: pa.Table, parts: Sequence[Part], schema: pa.Schema) -> pa.Table:
    """`rows` with a column `line` that runs through the set as rows of `schema`, with `part` and the line in it.

    A single file has no parts: `part` is null and the line stays. So does a line that is not known.
    """
    names = pa.nulls(rows.num_rows, pa.string())
    if parts:
        starts = np.array([part.first_line for part in parts])
        lines = rows["line"].to_numpy()  # unknown lines are NaN
        known = ~np.isnan(lines)
        at = np.searchsorted(starts, np.where(known, lines, starts[0]), side="right") - 1
        names = pa.array(np.array([part.name for part in parts], dtype=object)[at], pa.string(), mask=~known)
        local = np.where(known, lines - starts[at] + 1, 0).astype(np.int64)
        rows = rows.set_column(rows.schema.get_field_index("line"), "line", pa.array(local, pa.int64(), mask=~known))
    return rows.append_column("part", names).select(schema.names).cast(schema)
