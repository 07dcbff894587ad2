"""What is kept of an earlier file and what was made of new offers, as the results of the file's own batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.normalize.in_turn import InTurn
from pipelines.normalize.incremental import Earlier, Kept
from pipelines.normalize.stopwatch import Stopwatch
from pipelines.normalize.worker import Results


class Files(NamedTuple):
    """The results of a run: Parquet of `OFFER_SCHEMA`, `REJECTED_SCHEMA` and `ISSUE_SCHEMA`, by ordinals."""

    offers: Path
    rejected: Path
    issues: Path


def merged(earlier: Earlier, kept: Kept, new: Files) -> Iterator[Results]:
    """The results of each batch of the file, in its order."""
    with ExitStack() as stack:
        sources = [
            (stack.enter_context(InTurn(before)), stack.enter_context(InTurn(now)))
            for before, now in zip((earlier.offers, earlier.rejected, earlier.issues), new, strict=True)
        ]
        for end, earlier_end in kept.ends:
            watch = Stopwatch()
            with watch("merge"):
                offers, rejected, issues = (
                    _in_order(kept, before.until(earlier_end), now.until(end)) for before, now in sources
                )
            yield Results(offers, rejected, issues, Counter(issues["code"].to_pylist()), watch)


def _in_order(kept: Kept, before: pa.Table, now: pa.Table) -> pa.Table:
    """The rows of kept offers at their places in this file, and those of new ones between them."""
    ordinals = before["ordinal"].to_numpy()
    lines = pc.add(before["line"], pa.array(kept.moved[ordinals]))
    before = before.set_column(before.schema.get_field_index("line"), before.schema.field("line"), lines)
    placed = pa.array(kept.ordinals[ordinals])
    before = before.set_column(0, before.schema.field("ordinal"), placed)
    rows = pa.concat_tables([before, now])
    order = np.argsort(rows["ordinal"].to_numpy(), kind="stable")
    return rows.take(pa.array(order[np.count_nonzero(kept.ordinals[ordinals] < 0) :]))
