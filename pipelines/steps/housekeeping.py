"""What is no longer needed goes: files of old loads, the raw files only they read, old snapshots and sent mails.

History in the catalog stays. What may still be asked for stays as well: loads that wait, the newest loads of every
link, whatever the catalog or a link's state points at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.fetch import raw_key
from pipelines.steps.house import House
from pipelines.steps.snapshot import LATEST


@dataclass(frozen=True)
class Retention:
    """How much is kept.

    Attributes:
        days: files of loads and mails that are younger stay.
        loads: so many newest loads of each link stay, and as many that stood in the catalog.
        snapshots: so many newest snapshots stay.
    """

    days: int = 90
    loads: int = 30
    snapshots: int = 72


@dataclass(frozen=True)
class Swept:
    """Objects that went, or would go, by kind; `bytes` is what they hold together."""

    loads: int
    raw: int
    snapshots: int
    mails: int
    bytes: int


# A load is kept for any of these reasons. A raw file is kept as long as any load or link that knows it.
_EXPIRED = """
    WITH ranked AS (
        SELECT l.*,
               row_number() OVER (PARTITION BY link_id ORDER BY id DESC) AS newest,
               row_number() OVER (PARTITION BY link_id, published ORDER BY id DESC) AS newest_alike
        FROM loads l
    ),
    expired AS (
        SELECT r.id, r.sha256 FROM ranked r
        WHERE r.status IN ('processed', 'held', 'rejected', 'failed')
          AND coalesce(r.finished_at, r.started_at) < %(before)s
          AND r.newest > %(loads)s AND NOT (r.published AND r.newest_alike <= %(loads)s)
          AND (r.held IS NULL OR EXISTS (SELECT FROM decisions d WHERE d.load_id = r.id))
          AND NOT EXISTS (SELECT FROM links k WHERE r.id IN (k.last_load_id, k.last_good_load_id))
    )
"""
_LOADS = _EXPIRED + "SELECT id FROM expired ORDER BY id"
_RAW = (
    _EXPIRED
    + """
    SELECT DISTINCT e.sha256 FROM expired e
    WHERE e.sha256 IS NOT NULL
      AND NOT EXISTS (SELECT FROM loads l WHERE l.sha256 = e.sha256 AND l.id NOT IN (SELECT id FROM expired))
      AND NOT EXISTS (SELECT FROM links k WHERE e.sha256 IN (k.fetched_sha256, k.processed_sha256))
    ORDER BY 1
"""
)
_MAILS = "SELECT message_key FROM mails WHERE coalesce(sent_at, given_up_at) < %(before)s ORDER BY id"


def sweep(house: House, retention: Retention, *, dry_run: bool = False, now: datetime | None = None) -> Swept:
    """Remove what `retention` does not keep; run again after a kill, it removes the rest.

    With `dry_run` nothing is removed, only counted.
    """
    values = {"before": (now or datetime.now(UTC)) - timedelta(days=retention.days), "loads": retention.loads}
    with house.database.connect() as conn:
        loads = [f"loads/{row[0]}" for row in conn.execute(_LOADS, values)]
        raw = [raw_key(row[0]) for row in conn.execute(_RAW, values)]
        mails = [row[0] for row in conn.execute(_MAILS, values)]
    freed, gone = 0, dict.fromkeys(("raw", "loads", "mails", "snapshots"), 0)
    # Raw files first: a load whose files are gone is not listed a second time.
    groups = {
        "raw": [[key] for key in raw],
        "loads": (list(house.store.list(folder)) for folder in loads),
        "mails": [[key] for key in mails],
        "snapshots": [[key] for key in _old_snapshots(house, retention.snapshots)],
    }
    for kind, sets in groups.items():
        for keys in sets:
            size = _remove(house, keys, dry_run=dry_run)
            freed += size
            gone[kind] += size > 0
    return Swept(**gone, bytes=freed)


def _old_snapshots(house: House, kept: int) -> list[str]:
    keys = [key for key in house.store.list("snapshots") if key.endswith(".duckdb")]
    latest = json.loads(house.store.get_bytes(LATEST))["key"] if house.store.exists(LATEST) else None
    return [key for key in keys[: max(len(keys) - kept, 0)] if key != latest]


def _remove(house: House, keys: Iterable[str], *, dry_run: bool) -> int:
    """Bytes of what is there of these keys, which is gone afterwards."""
    freed = 0
    for key in keys:
        if house.store.exists(key):
            freed += house.store.size(key)
            if not dry_run:
                house.store.delete(key)
    return freed
