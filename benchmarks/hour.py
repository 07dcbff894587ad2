"""What an hour costs, and what bounds it: `python -m benchmarks.hour --links 1000 --changed 100`.

A local server gives out one feed for each link, from several addresses of the loopback network, and answers «not
modified» like any other. Sizes are those of the wild: half of the feeds that change are larger than a megabyte, and a
few are large. Three hours follow each other: the changed links come with a first file, a percent of the offers of each
changes, and nothing changes. Then links are looked at one by one, beside the bare request, which tells what a link that
did not change costs.

Wall and CPU seconds of `catalog-feeds run` itself, its PostgreSQL and its children included; with `--airflow` the hours
go through the DAG `catalog_feeds_hourly` instead, and CPU is that of all of Airflow and of PostgreSQL.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.airflow import HOSTS, Feeds, declare, installation, run
from benchmarks.generate import feed
from benchmarks.meter import family
from pipelines import steps
from pipelines.settings import load_settings
from pipelines.steps import House

MEDIAN_BYTES = 1_000_000
SPREAD = 1.0  # of the logarithm of sizes
LOOKS = 50


def main() -> None:
    """Run the hours and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hour", description=__doc__)
    parser.add_argument("--links", type=int, default=1_000)
    parser.add_argument("--changed", type=int, default=100, help="links whose feed changes in an hour")
    parser.add_argument("--large", type=int, default=2, help="how many of these are large")
    parser.add_argument("--large-megabytes", type=int, default=100)
    parser.add_argument("--airflow", action="store_true", help="through Airflow")
    asked = parser.parse_args()
    os.environ["CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS"] = "1"
    sizes = _sizes(asked.changed, asked.large, asked.large_megabytes * 1_000_000)
    table = Table(title=f"{asked.links} links, {sum(sizes) / 1e6:.0f} MB in those that change", title_justify="left")
    for column in ("hour", "wall s", "CPU s", "loads", "of a load: fetch to report, s", "dearest parts, s"):
        table.add_column(column, justify="left" if column == "hour" else "right")
    console = Console(width=130)
    if asked.airflow:
        _through_airflow(asked.links, sizes, table)
        console.print(table)
        return
    with tempfile.TemporaryDirectory(prefix="catalog-feeds-bench-") as folder, ExitStack() as stack:
        # PostgreSQL of root runs under another account, which must reach it.
        Path(folder).chmod(0o755)
        os.environ["CATALOG_FEEDS_HOME"] = folder
        feeds = Feeds()
        for number in range(asked.links):
            feeds.write(number, 100)
        port = stack.enter_context(feeds.served())
        house = stack.enter_context(steps.open_house(load_settings()))
        declare(house, asked.links, port)
        for hour in _hours(feeds, sizes):
            table.add_row(hour, *_hour(house))
        console.print(table)
        look, request = _looks(house, asked.links, port)
        console.print(
            f"one look at a link that did not change: {look * 1e3:.1f} ms, the bare request {request * 1e3:.1f} ms"
        )


def _sizes(changed: int, large: int, large_bytes: int) -> list[int]:
    random = Random(1)
    small = [int(random.lognormvariate(0, SPREAD) * MEDIAN_BYTES) for _ in range(changed - large)]
    return [large_bytes] * large + small


def _body(seed: int, size: int, mutate: float) -> bytes:
    return b"".join(feed(seed, encoding="utf-8", bytes_wanted=size, offers_wanted=None, mutate=mutate))


def _hours(feeds: Feeds, sizes: list[int]) -> Iterator[str]:
    """The hours by their names; while one is looked at, the feeds are as they are then."""
    for hour, mutate in (("first files", 0.0), ("1 % changed", 0.01)):
        for number, size in enumerate(sizes):
            feeds.bodies[f"/{number}.yml"] = _body(number, size, mutate)
        yield hour
    yield "not modified"


def _through_airflow(links: int, sizes: list[int], table: Table) -> None:
    with installation(links) as (client, feeds):
        for hour in _hours(feeds, sizes):
            cost = run(client, hour.replace(" ", "_").replace("%", "percent"))
            if cost.state != "success":
                sys.exit(f"{hour}: {cost.state}: {cost.note}")
            parts = f"polling {cost.poll:.0f}, Airflow between tasks {cost.wall - cost.busy:.0f}"
            table.add_row(hour, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", str(cost.loads), f"{cost.each_load:.2f}", parts)


def _hour(house: House) -> tuple[str, str, str, str, str]:
    """One cycle: wall, CPU, loads, the time of a load, and where the time of all loads went."""
    with _metered() as spent:
        cycle = steps.run_cycle(house)
    loads = [outcome.load_id for outcome in cycle.outcomes if outcome.load_id is not None]
    unlike = {outcome.status for outcome in cycle.outcomes} - {"processed", "unchanged"}
    if unlike:
        sys.exit(f"links ended {unlike}")
    with house.database.connect() as conn:
        rows = conn.execute("SELECT timings FROM loads WHERE id = ANY(%s)", [loads]).fetchall()
    parts: Counter[str] = Counter()
    for (timings,) in rows:
        parts.update({name: seconds for name, seconds in timings.items() if "." not in name})
    each = f"{sum(parts.values()) / len(rows):.2f}" if rows else ""
    dearest = ", ".join(f"{name} {seconds:.0f}" for name, seconds in parts.most_common(6))
    return f"{spent['wall']:.1f}", f"{spent['cpu']:.1f}", str(len(loads)), each, dearest


@contextmanager
def _metered() -> Iterator[dict[str, float]]:
    spent: dict[str, float] = {}
    wall, cpu = time.perf_counter(), _cpu()
    yield spent
    spent |= {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu}


def _cpu() -> float:
    """CPU seconds of this process, of PostgreSQL, and of all that they started."""
    home = Path(os.environ["CATALOG_FEEDS_HOME"])
    total = 0.0
    for process in set(family(os.getpid(), home)):
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def _looks(house: House, links: int, port: int) -> tuple[float, float]:
    """Seconds of a look that finds «not modified», and of nothing but the request; medians."""
    looks, requests = [], []
    for number in range(links - min(LOOKS, links), links):
        began = time.perf_counter()
        outcome = steps.poll(house, f"link-{number}")
        looks.append(time.perf_counter() - began)
        if outcome.status != "unchanged":
            sys.exit(f"{outcome.link} is {outcome.status}")
        tag = hashlib.sha256(b"").hexdigest()[:16]
        began = time.perf_counter()
        url = f"http://{HOSTS[number % len(HOSTS)]}:{port}/{number}.yml"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"If-None-Match": tag})) as answer:
            answer.read()
        requests.append(time.perf_counter() - began)
    return statistics.median(looks), statistics.median(requests)


if __name__ == "__main__":
    main()
