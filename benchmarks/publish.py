"""What publishing costs: a first load, the same again, one with few changes, one with other prices everywhere (P3).

    python -m benchmarks.publish --offers 250000 --changes 1000
    python -m benchmarks.publish --offers 50000 --catalog 100000 1000000 5000000

With `--catalog` the few changes are published again and again, while the catalog grows to so many offers by those of a
thousand other suppliers.

Each load is published by the step itself, from Parquet made here, into the embedded PostgreSQL. Written rows are those
that PostgreSQL counted. The guard on prices is part of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import shutil
import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.__main__ import OUT
from pipelines import registry, steps
from pipelines.model import ISSUE_SCHEMA, OFFER_FIELDS, OFFER_SCHEMA, REJECTED_SCHEMA, Counts
from pipelines.options import parse_options
from pipelines.registry import Connection, Decider
from pipelines.settings import Settings
from pipelines.steps.house import Clock, load_key, stored
from pipelines.steps.publishing import publish_load

BATCH = 10_000
DESCRIPTION = "<p>Сталь оцинкованная, класс прочности 8.8, упаковка по 100 штук.</p>" * 4
OPTIONS = {"actualize": True}
OTHERS = 1_000
RUNS = 5
COUNTERS = "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = %s"


def main() -> None:
    """Run what the arguments ask for and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish", description=__doc__)
    parser.add_argument("--offers", type=int, default=250_000)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--catalog", type=int, nargs="+", help="offers of all suppliers together")
    asked = parser.parse_args()
    home = OUT / "publish-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    table = Table(title=f"{asked.offers:,} offers", title_justify="left")
    for column in ("load", "check s", "publish s", "both s", "offers inserted", "updated", "changes logged"):
        table.add_column(column, justify="left" if column == "load" else "right")
    if asked.catalog:
        _grow(home, asked.offers, asked.changes, sorted(asked.catalog))
        return
    runs = {"first": (0, 0), "again": (0, 0), "few changes": (asked.changes, 1), "all prices": (asked.offers, 2)}
    with steps.open_house(Settings(home=str(home))) as house, house.database.connect() as conn:
        for name, (changed, version) in runs.items():
            before = _counters(conn)
            load_id, seconds = _load(house, conn, asked.offers, changed, version)
            written = [now - then for now, then in zip(_counters(conn), before, strict=True)]
            table.add_row(name, *(f"{s:.2f}" for s in seconds), *(f"{n:,}" for n in written))
        began = time.perf_counter()
        steps.rollback(house, load_id, Decider("bench", "bench"))
        took = time.perf_counter() - began
        table.add_row("rollback", "", "", f"{took:.2f}", "", "", "")
    Console(width=110).print(table)
    shutil.rmtree(home)


def _grow(home: Path, offers: int, changes: int, sizes: list[int]) -> None:
    """Print what the few changes take in catalogs of these sizes."""
    table = Table(title=f"{changes:,} changes of {offers:,} offers", title_justify="left")
    for column in ("offers in the catalog", "check s", "publish s", "both s", "x smallest"):
        table.add_column(column, justify="right")
    versions, smallest = itertools.count(1), 0.0
    with steps.open_house(Settings(home=str(home))) as house, house.database.connect() as conn:
        _load(house, conn, offers, 0, 0)
        for number in range(OTHERS):
            registry.ensure_supplier(conn, f"other-{number}")
            registry.ensure_accreditation(conn, f"other-{number}", "main")
        conn.commit()
        known = offers
        for size in sizes:
            _fill(house, known, size)
            known = max(known, size)
            runs = [_load(house, conn, offers, changes, next(versions))[1] for _ in range(RUNS)]
            seconds = [statistics.median(part) for part in zip(*runs, strict=True)]
            smallest = smallest or seconds[-1]
            table.add_row(f"{size:,}", *(f"{s:.2f}" for s in seconds), f"{seconds[-1] / smallest:.2f}")
    Console(width=110).print(table)
    shutil.rmtree(home)


def _fill(house: steps.House, known: int, wanted: int) -> None:
    """Let the other suppliers have the offers numbered from `known` to `wanted`, with their history."""
    numbered = f"FROM generate_series({known}, {wanted - 1}) AS n"
    others = f"'main', 'other-' || n % {OTHERS}, 'sku-' || n"
    with house.database.connect(autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # a million foreign keys are known to be right
        conn.execute(
            "INSERT INTO offers (shop_id, supplier_id, sku_key, sku, name, price, currency, status, content_hash,"
            " load_id, first_seen_at, changed_at)"
            f" SELECT {others}, 'SKU-' || n, 'Болт М8×30 оцинкованный ' || n, n % 900 + 1, 'RUB', 'published',"
            f" md5(n::text), 1, now(), now() {numbered}"
        )
        conn.execute(
            "INSERT INTO changes (shop_id, supplier_id, sku_key, load_id, kind, fields, before, after, at)"
            f" SELECT {others}, 1, 'created', '{{}}', '{{}}', '{{}}', now() {numbered}"
        )
        conn.execute("VACUUM ANALYZE offers, changes")


def _load(
    house: steps.House, conn: Connection, offers: int, changed: int, version: int
) -> tuple[int, tuple[float, float, float]]:
    registry.ensure_shop(conn, "main")
    registry.ensure_supplier(conn, "bench")
    registry.ensure_accreditation(conn, "bench", "main")
    link = registry.upload_link(conn, "bench", "main")
    options = stored(parse_options(OPTIONS, {}))
    load_id = registry.create_load(conn, link.id, source="bench", sha256=str(version), options=options)
    load = registry.start_load(conn, load_id, at=datetime.now(UTC), worker="bench")
    conn.commit()
    load.counts = Counts(read=offers, accepted=offers)
    with house.scratch() as folder:
        _write(folder / "offers.parquet", offers, changed, version)
        pq.write_table(REJECTED_SCHEMA.empty_table(), folder / "rejected.parquet")
        pq.write_table(ISSUE_SCHEMA.empty_table(), folder / "issues.parquet")
        for name in ("offers", "rejected", "issues"):
            house.store.put_file(load_key(load_id, f"{name}.parquet"), folder / f"{name}.parquet")
    clock = Clock()
    publish_load(house, conn, load, clock, spellings={})
    check, publish = clock.seconds["check"], clock.seconds["publish"]
    return load_id, (check, publish, check + publish)


def _write(path: Path, offers: int, changed: int, version: int) -> None:
    nothing = {f.name: None for f in OFFER_FIELDS}
    step = max(1, offers // changed) if changed else 0
    with pq.ParquetWriter(path, OFFER_SCHEMA) as writer:
        for start in range(0, offers, BATCH):
            rows = []
            for n in range(start, min(start + BATCH, offers)):
                moved = version if step and n % step == 0 and n // step < changed else 0
                price = Decimal(100 + n % 900 + moved)
                digest = hashlib.md5(f"{n} {price}".encode(), usedforsecurity=False).hexdigest()
                rows.append(
                    {
                        **nothing,
                        "ordinal": n,
                        "line": n + 1,
                        "sku_key": f"sku-{n}",
                        "sku": f"SKU-{n}",
                        "name": f"Болт М8×30 оцинкованный {n}",
                        "description": DESCRIPTION,
                        "vendor": "Завод",
                        "price": price,
                        "vat_rate": "20",
                        "currency": "RUB",
                        "unit_okei": "796",
                        "unit_name": "шт",
                        "availability": "many",
                        "params": [{"sent_name": "Длина", "sent_value": "30 мм", "name": "Длина", "value": "30"}],
                        "content_hash": digest,
                    }
                )
            writer.write_table(pa.Table.from_pylist(rows, OFFER_SCHEMA))


def _counters(conn: Connection) -> list[int]:
    """Rows of offers inserted and updated, and rows of changes inserted, as PostgreSQL counts them."""
    conn.execute("SELECT pg_stat_force_next_flush()")
    conn.commit()
    conn.execute("SELECT pg_stat_clear_snapshot()")
    offers = conn.execute(COUNTERS, ["offers"]).fetchone() or (0, 0, 0)
    changes = conn.execute(COUNTERS, ["changes"]).fetchone() or (0, 0, 0)
    conn.commit()
    return [offers[0], offers[1], changes[0]]


if __name__ == "__main__":
    main()
