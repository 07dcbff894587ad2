"""`make bench`: each stage against what the XML library alone needs for the same file, with memory.

Feeds are made by `benchmarks.generate` and kept in `bench-out/`. Stages run round-robin, a fresh process each time, and
the table shows medians; a ratio compares a stage with the floor of the same file in the same run. `again` is the same
file loaded a second time: nothing changed, so nothing is written. `changed` is what comes an hour later, with a percent
of the offers changed and another date. The floor is that of YML: other formats have none, and no generator of changes.
What others do with the same YML file (`benchmarks.peers`) is measured when it is asked for.
Where real feeds are at hand, `benchmarks.coverage` says how much of them is recognised.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import coverage
from benchmarks.generate import ENCODINGS
from benchmarks.meter import Measure, measure

OUT = Path("bench-out").resolve()
# format -> the module that makes its feeds, and how they are named
FORMATS = {
    "yml": ("benchmarks.generate", "yml"),
    "csv": ("benchmarks.tables", "csv"),
    "commerceml": ("benchmarks.commerceml", "tar"),
}
STAGES = ("floor", "parse", "normalize", "gate", "load", "again", "changed")
CHANGED = 0.01  # share of the offers
PEERS = ("pandas", "xmltodict", "xml2arrow", "rows")


def main() -> None:
    """Run what the arguments ask for and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[30, 300], help="sizes of the feeds, 10^6 bytes")
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, default=list(ENCODINGS))
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=["yml"])
    parser.add_argument("--stages", nargs="+", choices=STAGES + PEERS, default=list(STAGES))
    parser.add_argument("--runs", type=int, default=3, help="runs of each stage; the table shows medians")
    asked = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    table = Table(title=_machine(), title_justify="left")
    for column in ("feed", "stage", "s", "x floor", "MB/s", "CPU s", "peak MB", "x smallest"):
        table.add_column(column, justify="left" if column in ("feed", "stage") else "right")
    for form, encoding in itertools.product(asked.formats, asked.encodings):
        stages = [stage for stage in asked.stages if form == "yml" or stage not in ("floor", "changed", *PEERS)]
        smallest: dict[str, float] = {}
        for size in sorted(asked.megabytes):
            later = feed_of(size, encoding, form, mutate=CHANGED) if "changed" in stages else None
            runs = _runs(feed_of(size, encoding, form), later, stages, asked.runs)
            floor = _median(runs["floor"], "wall") if "floor" in runs else None
            for stage, measures in runs.items():
                wall, peak = _median(measures, "wall"), _median(measures, "peak")
                smallest.setdefault(stage, peak)
                table.add_row(
                    f"{size} MB {form} {encoding}",
                    stage,
                    f"{wall:.2f}",
                    f"{wall / floor:.2f}" if floor else "",
                    f"{size / wall:.0f}",
                    f"{_median(measures, 'cpu'):.2f}",
                    f"{peak / 1e6:.0f}",
                    f"{peak / smallest[stage]:.2f}",
                )
            table.add_section()
    console = Console(width=110)
    console.print(table)
    if coverage.FEEDS.is_dir():
        coverage.report(coverage.cover(coverage.feeds_of(coverage.FEEDS)), console)


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def feed_of(megabytes: int, encoding: str, form: str = "yml", *, mutate: float = 0.0) -> Path:
    """A generated feed of this size, made once; `mutate` as of `benchmarks.generate`."""
    generator, suffix = FORMATS[form]
    path = OUT / f"{megabytes}-{encoding}{f'-{mutate}' if mutate else ''}.{suffix}"
    if not path.exists():
        aside = path.with_suffix(".part")
        command = [sys.executable, "-m", generator, "--megabytes", str(megabytes), "--encoding", encoding]
        command += ["--mutate", str(mutate)] if mutate else []
        subprocess.run([*command, str(aside)], check=True)
        aside.replace(path)
    return path


def _runs(feed: Path, later: Path | None, stages: list[str], runs: int) -> dict[str, list[Measure]]:
    measures: dict[str, list[Measure]] = {stage: [] for stage in stages}
    for number in range(runs):
        work = OUT / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for stage in stages:
            print(f"{feed.name}: {stage}, run {number + 1} of {runs}", file=sys.stderr)
            name = "load" if stage in ("again", "changed") else stage
            source = later if stage == "changed" else feed
            command = [sys.executable, "-m", "benchmarks.stages", name, str(source), str(work)]
            measures[stage].append(measure(command, home=work / "home"))
        shutil.rmtree(work)
    return measures


def _median(measures: list[Measure], what: str) -> float:
    return float(statistics.median(getattr(m, what) for m in measures))


if __name__ == "__main__":
    main()
