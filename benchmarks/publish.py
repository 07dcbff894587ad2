"""What publishing costs: a first load, the same again, one with few changes, one with other prices everywhere (P3).

    python -m benchmarks.publish --offers 250000 --changes 1000
    python -m benchmarks.publish --offers 50000 --catalog 100000 1000000 5000000

With `--catalog` the few changes are published again and again, in catalogs that hold so many offers with those of a
thousand other suppliers.

Each load is published by the step itself, from Parquet made here, into the embedded PostgreSQL. Written rows are those
that PostgreSQL counted; CPU is ours and that of the server's process that works for us. The guard on prices is part of
the time.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.__main__ import OUT
from benchmarks.catalog import fill
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
    if asked.catalog:
        _grow(home, asked.offers, asked.changes, sorted(asked.catalog))
        return
    table = Table(title=f"{asked.offers:,} offers", title_justify="left")
    for column in ("load", "check s", "publish s", "both s", "CPU s", "offers inserted", "updated", "changes logged"):
        table.add_column(column, justify="left" if column == "load" else "right")
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
        table.add_row("rollback", "", "", f"{took:.2f}", "", "", "", "")
    Console(width=110).print(table)
    shutil.rmtree(home)


def _grow(home: Path, offers: int, changes: int, sizes: list[int]) -> None:
    """Print what the few changes take in catalogs of these sizes, each filled anew."""
    table = Table(title=f"{changes:,} changes of {offers:,} offers", title_justify="left")
    for column in ("offers in the catalog", "check s", "publish s", "both s", "CPU s", "x smallest", "x CPU"):
        table.add_column(column, justify="right")
    smallest: tuple[float, ...] = ()
    for size in sizes:
        fill(home, size - offers, OTHERS)
        with steps.open_house(Settings(home=str(home))) as house, house.database.connect() as conn:
            _load(house, conn, offers, 0, 0)
            runs = [_load(house, conn, offers, changes, version)[1] for version in range(1, RUNS + 1)]
        shutil.rmtree(home)
        seconds = tuple(statistics.median(part) for part in zip(*runs, strict=True))
        smallest = smallest or seconds
        growth = (now / then for now, then in zip(seconds[-2:], smallest[-2:], strict=True))
        table.add_row(f"{size:,}", *(f"{s:.2f}" for s in (*seconds, *growth)))
    Console(width=110).print(table)


def _load(
    house: steps.House, conn: Connection, offers: int, changed: int, version: int
) -> tuple[int, tuple[float, float, float, float]]:
    """Publish one load; gives back its id and the seconds of check, publish and both, and the CPU seconds."""
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
    before = _cpu(conn)
    publish_load(house, conn, load, clock, spellings={})
    check, publish = clock.seconds["check"], clock.seconds["publish"]
    return load_id, (check, publish, check + publish, _cpu(conn) - before)


def _cpu(conn: Connection) -> float:
    server = psutil.Process(conn.info.backend_pid).cpu_times()
    return time.process_time() + server.user + server.system


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
