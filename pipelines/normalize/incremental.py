"""The next file of a link: what an earlier one came to is kept for offers that are the same, the rest is normalised.

What an offer comes to is a function of what was sent of it. So the raw offers of both files are laid side by side
(`pairs`) and compared (`comparison`); whatever is not proven to be the same is *new* and goes through the rules as any
other. What an offer owes to the rest of its file is dealt with as well:

* an offer that shares its SKU with another one of its file is new (`pairs`);
* of remarks made once per load, the earlier file has noted the first offer of each section that earned them (`notes`).
  Where that one is lost, those of its section that follow it are new: one of them may be the first now.

Both files were normalised under the same rules, options and tables on the same day; that is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.model import RAW_SCHEMA, FeedFormat, ParseResult
from pipelines.normalize import characteristics, notes
from pipelines.normalize.ahead import ahead
from pipelines.normalize.batches import groups_of_batches
from pipelines.normalize.comparison import lines_moved, same
from pipelines.normalize.in_turn import InTurn
from pipelines.normalize.pairs import Ordinals, find_pairs

# Files of fewer offers are normalised whole as fast.
LEAST = 5_000
# Of each offer some dozens of bytes are held.
MOST = 1_000_000
# Where more is new, all of the file is normalised, and the next one is compared with that.
NEW_SHARE = 0.5
# Formats whose records stand one after the other, each with all its values: the first offer to earn a remark is also
# the one with the least line.
_FORMATS = frozenset({FeedFormat.YML, FeedFormat.CSV, FeedFormat.JSON})


@dataclass(frozen=True)
class Earlier:
    """An earlier file that was normalised whole: its raw offers and what was made of them, all Parquet."""

    raw_offers: Path
    offers: Path
    rejected: Path
    issues: Path
    notes: Path


@dataclass(frozen=True)
class Kept:
    """Which offers of the earlier file are kept, and which of this file are new.

    Attributes:
        ordinals: for each offer of the earlier file its ordinal in this one; -1 where it is not kept.
        moved: how many lines further down it stands.
        ends: for each batch of this file, the ordinal after its last offer, and the one after the last that is kept of
            it in the earlier file.
        new: the raw offers that are new, Parquet of `RAW_SCHEMA`.
    """

    ordinals: Ordinals
    moved: Ordinals
    ends: list[tuple[int, int]]
    new: Path


def is_comparable(parsed: ParseResult) -> bool:
    """Whether it pays to keep what is made of the file's offers, and whether it can be proven."""
    return LEAST <= parsed.read <= MOST and parsed.format in _FORMATS and not parsed.parts and not parsed.delta


def find_kept(connection: duckdb.DuckDBPyConnection, raw: Path, earlier: Earlier, scratch: Path) -> Kept | None:
    """Compare a file, which is the view `raw` as well, with an earlier one; None where too much of it is new.

    What is known of the file as a whole is put where the rules look for it: misspelt names of new offers, and among the
    `notes` what the earlier file has noted of kept ones.
    """
    connection.read_parquet(str(earlier.raw_offers)).create_view("earlier_raw")
    other = np.full(pq.read_metadata(raw).num_rows, -1)  # for each offer the one that it was; -1 where it is new
    ordinals, others = find_pairs(connection)
    other[ordinals] = others
    if _too_new(other):
        return None
    moved, new = _compare(raw, earlier.raw_offers, other, scratch / "different.parquet")
    if _too_new(other):
        return None
    kept = np.flatnonzero(other >= 0)
    places = pa.table({"ordinal": kept, "earlier": other[kept], "moved": moved[kept]})
    lost = notes.lost(connection, earlier.notes, places)
    following = kept[other[kept] > lost[other[kept] // notes.SECTION]]
    other[following] = -1
    if len(following):
        new = _with_following(raw, new, other, scratch / "new.parquet")
    connection.read_parquet(str(new)).create_view("new_raw")
    unknown = characteristics.find_misspelt(connection, "new_raw")
    if not characteristics.all_looked_at(unknown + notes.unknown_names(earlier.notes)):
        return None
    notes.take_up(connection, earlier.notes, places)
    return Kept(*_places(other, moved, pq.read_metadata(earlier.raw_offers).num_rows), _ends(raw, other), new)


def _too_new(other: Ordinals) -> bool:
    return bool(np.mean(other < 0) > NEW_SHARE)


def _compare(raw: Path, earlier: Path, other: Ordinals, different: Path) -> tuple[Ordinals, Path]:
    """By how many lines each offer was moved that is the same as its pair; the pairs of all others are undone.

    Offers without a pair are written to `different`, a row group for each batch.
    """
    moved = np.zeros_like(other)
    with pq.ParquetWriter(different, RAW_SCHEMA, compression="lz4") as writer:
        start = 0
        for offers, others in ahead(_side_by_side(raw, earlier, other)):
            of_batch = slice(start, start := start + offers.num_rows)
            moved[of_batch] = lines_moved(offers, others)
            other[of_batch][~same(offers, others)] = -1
            writer.write_table(offers.filter(pa.array(other[of_batch] < 0)))
    return moved, different


def _side_by_side(raw: Path, earlier: Path, other: Ordinals) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The offers of each batch, and beside each of them its pair; nothing where it has none."""
    with pq.ParquetFile(raw) as file, InTurn(earlier) as before:
        start = 0
        for groups in groups_of_batches(file.metadata):
            offers = file.read_row_groups(groups)
            pairs = other[start : (start := start + offers.num_rows)]
            others = before.until(int(pairs.max()) + 1)
            first = others["ordinal"][0].as_py() if others.num_rows else 0
            yield offers, others.take(pa.array(pairs - first, mask=pairs < 0))


def _with_following(raw: Path, different: Path, other: Ordinals, out: Path) -> Path:
    """All offers that are new, where some are besides those that differ; only batches with such are read again."""
    with (
        pq.ParquetFile(raw) as file,
        pq.ParquetFile(different) as known,
        pq.ParquetWriter(out, RAW_SCHEMA, compression="lz4") as writer,
    ):
        start = 0
        for number, groups in enumerate(groups_of_batches(file.metadata)):
            rows = known.read_row_group(number)
            end = start + sum(file.metadata.row_group(group).num_rows for group in groups)
            new = other[start:end] < 0
            if np.count_nonzero(new) > rows.num_rows:
                rows = file.read_row_groups(groups).filter(pa.array(new))
            writer.write_table(rows)
            start = end
    return out


def _places(other: Ordinals, moved: Ordinals, earlier: int) -> tuple[Ordinals, Ordinals]:
    """For each offer of the earlier file its ordinal in this one, and by how many lines it was moved."""
    kept = np.flatnonzero(other >= 0)
    ordinals, lines = np.full(earlier, -1), np.zeros(earlier, np.int64)
    ordinals[other[kept]], lines[other[kept]] = kept, moved[kept]
    return ordinals, lines


def _ends(raw: Path, other: Ordinals) -> list[tuple[int, int]]:
    metadata = pq.read_metadata(raw)
    sizes = [sum(metadata.row_group(g).num_rows for g in groups) for groups in groups_of_batches(metadata)]
    reached = np.maximum.accumulate(other) + 1
    return [(end, int(reached[end - 1])) for end in np.cumsum(sizes).tolist()]
