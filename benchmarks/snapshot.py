"""The analyst's snapshot at size: `python -m benchmarks.snapshot --offers 1000000`.

A catalog is made in an embedded PostgreSQL of its own, ten characteristics to an offer. Then, each in a process of its
own: a snapshot from nothing, an hour's one after `--changed` of the offers got another price, the questions of
`docs/analysts.md` on it and on plain Parquet of the same tables, and the catalog as of before the change.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.catalog import fill
from benchmarks.meter import Measure, measure
from pipelines.publish.changes import origin

# An hour's changes of prices, with their history.
_HOUR = f"""
    WITH a AS (
        UPDATE offers SET price = price + 1, changed_at = now() WHERE hashtext(sku_key) % {{one_in}} = 0
        RETURNING old.price AS was, new.price AS becomes, {origin("old")} AS origin, new.*
    )
    INSERT INTO changes (load_id, shop_id, supplier_id, sku_key, kind, fields, before, after, origin, at)
    SELECT load_id, shop_id, supplier_id, sku_key, 'changed', '{{{{price}}}}', jsonb_build_object('price', was),
        jsonb_build_object('price', becomes), a.origin, now()
    FROM a;
"""


def main() -> None:
    """Make the catalog, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snapshot", description=__doc__)
    parser.add_argument("--offers", type=int, default=100_000)
    parser.add_argument("--one-in", type=int, default=100, help="one offer in so many changes in the hour")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stage:
        _STAGES[asked.stage](asked.home, asked.offers, asked.one_in)
        return
    home = Path(tempfile.mkdtemp(prefix="catalog-feeds-bench-"))
    home.chmod(0o755)
    table = Table(title=f"{asked.offers:,} offers, {asked.offers * 10:,} characteristics", title_justify="left")
    for column in ("stage", "s", "CPU s", "peak MB", "notes"):
        table.add_column(column, justify="left" if column in ("stage", "notes") else "right")
    try:
        for stage in _STAGES:
            measured = _run(stage, home, asked.offers, asked.one_in)
            notes = json.loads((home / "notes.json").read_text()) if (home / "notes.json").exists() else ""
            table.add_row(
                stage, f"{measured.wall:.1f}", f"{measured.cpu:.1f}", f"{measured.peak / 1e6:.0f}", str(notes)
            )
            (home / "notes.json").unlink(missing_ok=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    Console(width=150).print(table)


def _run(stage: str, home: Path, offers: int, one_in: int) -> Measure:
    command = [sys.executable, "-m", "benchmarks.snapshot", "--stage", stage, "--home", str(home)]
    try:
        return measure([*command, "--offers", str(offers), "--one-in", str(one_in)])
    except subprocess.CalledProcessError:
        print(f"stage {stage} failed", file=sys.stderr)
        raise


def _note(home: Path, **notes: object) -> None:
    (home / "notes.json").write_text(json.dumps(notes))


def _execute(home: Path, command: str) -> None:
    from pipelines import steps
    from pipelines.settings import Settings

    with steps.open_house(Settings(home=str(home))) as house, house.database.connect() as conn:
        conn.execute(command)
        conn.commit()


def make(home: Path, offers: int, _one_in: int) -> None:
    """The catalog."""
    fill(home, offers)


def anew(home: Path, _offers: int, _one_in: int) -> None:
    """A snapshot from nothing, with the whole history."""
    _snapshot(home)


def change(home: Path, _offers: int, one_in: int) -> None:
    """An hour of the catalog."""
    _execute(home, _HOUR.format(one_in=one_in))


def hourly(home: Path, _offers: int, _one_in: int) -> None:
    """A snapshot from the one before."""
    _snapshot(home)


def _snapshot(home: Path) -> None:
    from pipelines import steps
    from pipelines.settings import Settings

    with steps.open_house(Settings(home=str(home))) as house:
        began = time.perf_counter()
        path = Path(steps.write_snapshot(house))
        history = sum(p.stat().st_size for p in (home / "objects" / "history").rglob("*.parquet"))
        _note(
            home,
            seconds=round(time.perf_counter() - began, 1),
            snapshot_mb=path.stat().st_size // 10**6,
            history_mb=history // 10**6,
        )


def questions(home: Path, _offers: int, _one_in: int) -> None:
    """The questions of the guide, on the snapshot."""
    from docs.analysts import questions as asked
    from pipelines import steps
    from pipelines.settings import Settings

    with steps.open_house(Settings(home=str(home))) as house:
        took = {}
        for number, question in enumerate(asked(), start=1):
            began = time.perf_counter()
            steps.peek_snapshot(house, question.query, limit=1000)
            took[number] = round(time.perf_counter() - began, 2)
    _note(home, total=round(sum(took.values()), 1), slowest=max(took.values()), each=list(took.values()))


def parquet(home: Path, _offers: int, _one_in: int) -> None:
    """The same tables as plain Parquet."""
    import duckdb

    from pipelines import steps
    from pipelines.settings import Settings

    with steps.open_house(Settings(home=str(home))) as house:
        latest = json.loads(house.store.get_bytes(steps.LATEST))["key"]
        folder = home / "parquet"
        folder.mkdir()
        with house.store.local(latest) as path, duckdb.connect(str(path), read_only=True) as snapshot:
            for name in ("offers", "offer_params", "offer_regions", "changes"):
                snapshot.execute(f"COPY {name} TO '{folder / name}.parquet' (COMPRESSION zstd)")
    _note(home, mb=sum(p.stat().st_size for p in folder.iterdir()) // 10**6)


def on_parquet(home: Path, _offers: int, _one_in: int) -> None:
    """Three of the questions that need no macro, on plain Parquet and on the snapshot."""
    import duckdb

    from pipelines import steps
    from pipelines.settings import Settings

    queries = (
        "SELECT supplier, count(*), avg(price) FROM offers GROUP BY 1",
        "SELECT name, count(*), count(DISTINCT value) FROM offer_params GROUP BY 1 ORDER BY 2 DESC LIMIT 20",
        "SELECT kind, count(*) FROM changes GROUP BY 1",
    )
    took: dict[str, list[float]] = {"parquet": [], "snapshot": []}
    with duckdb.connect() as plain:
        for name in ("offers", "offer_params", "changes"):
            plain.execute(f"CREATE VIEW {name} AS SELECT * FROM '{home}/parquet/{name}.parquet'")
        for query in queries:
            began = time.perf_counter()
            plain.execute(query).fetchall()
            took["parquet"].append(round(time.perf_counter() - began, 2))
    with steps.open_house(Settings(home=str(home))) as house:
        for query in queries:
            began = time.perf_counter()
            steps.query_snapshot(house, query)
            took["snapshot"].append(round(time.perf_counter() - began, 2))
    _note(home, **took)


_STAGES: dict[str, Callable[[Path, int, int], None]] = {
    stage.__name__: stage for stage in (make, anew, change, hourly, questions, parquet, on_parquet)
}

if __name__ == "__main__":
    main()
