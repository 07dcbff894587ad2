"""Files that hold changes only: completed from what their link sent before, and what the link supplies in all (P5, P6).

The base of a link is in the folder of its last good load: `base.parquet` where that was a file of changes, otherwise
its own `raw_offers.parquet`. Whatever removes old loads leaves the last good one of each link.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import normalize, parse, publish, registry
from pipelines.model import LoadFacts, ParseResult
from pipelines.steps.house import House, load_key

# What parsing does with an article that was made of a key is asked of the catalog before (O1).
_GIVEN = pa.schema([("external_id", pa.string())])
_GIVEN_BATCH = 10_000


def complete_changes(house: House, load: LoadFacts, parsed: ParseResult, folder: Path) -> ParseResult:
    """Put `folder/base.parquet` beside `folder/raw_offers.parquet`, and complete that from the link's base.

    Gives back what is known of the file, with the remarks of this.
    """
    raw, changes = folder / "raw_offers.parquet", folder / "changes.parquet"
    raw.replace(changes)
    with _of_last_good_load(house, load, "base.parquet", "raw_offers.parquet") as base:
        issues = normalize.complete(changes, base, raw, folder / "base.parquet", made_key=parse.short_key)
    changes.unlink()
    return replace(parsed, issues=(*parsed.issues, *issues))


def note_supplied(house: House, load: LoadFacts, folder: Path) -> None:
    """Write `folder/supplied.parquet`: keys of all that the link supplies once this file of changes is published."""
    with _of_last_good_load(house, load, "supplied.parquet", "offers.parquet") as before:
        normalize.supplied(folder / "offers.parquet", before, folder / "supplied.parquet")


def supplied_key(house: House, load_id: int) -> str:
    """Where the keys (`sku_key`) of what a link supplies stand, by its last good load."""
    key = load_key(load_id, "supplied.parquet")
    return key if house.store.exists(key) else load_key(load_id, "offers.parquet")


def given_keys(house: House, load: LoadFacts, folder: Path) -> Path | None:
    """The offers whose SKU was made of their key in the supplier's system, for parsing to leave them that; or None."""
    path = folder / "given_keys.parquet"
    found = False
    with house.database.connect() as conn, pq.ParquetWriter(path, _GIVEN) as writer:
        for keys in publish.external_keys(conn, load.shop, load.supplier, batch=_GIVEN_BATCH):
            given = [external_id for external_id, sku in keys if parse.short_key(external_id) == sku]
            writer.write_table(pa.table({"external_id": given}, schema=_GIVEN))
            found = found or bool(given)
    return path if found else None


@contextmanager
def _of_last_good_load(house: House, load: LoadFacts, *names: str) -> Iterator[Path | None]:
    """A file of the load before this one that stands in the catalog: the first of these names that there is."""
    with house.database.connect() as conn:
        before = registry.last_good_load(conn, load)
    keys = [load_key(before.id, name) for name in names] if before else []
    found = next((key for key in keys if house.store.exists(key)), None)
    if found is None:
        yield None
    else:
        with house.store.local(found) as path:
            yield path
