"""The report of a large bad file: `python -m benchmarks.report --offers 100000`.

A feed whose every offer is faulty, by five causes of known sizes, goes through all steps. The causes must be found and
ranked as planted. Then the complete list is written once more as a workbook and as CSV, each in a process of its own,
to see what memory that takes beyond an almost empty one, and LibreOffice, where it is installed, opens the workbook.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.meter import Measure, measure

# code -> its share of the offers, and the tag that the offers lack.
PLANTED = {
    "price_missing": (0.50, "price"),
    "vendor_missing": (0.25, "vendor"),
    "unit_missing": (0.15, "unitOkei"),
    "name_missing": (0.07, "name"),
    "description_missing": (0.03, "description"),
}
_TAGS = {
    "name": "Болт М{n}",
    "description": "Болт стальной оцинкованный, длина {n} мм",
    "price": "{n}.50",
    "vat": "22",
    "vendor": "Завод {n}",
    "unitOkei": "796",
}
_LIST = """
import sys
from pathlib import Path
from pipelines.report import write_csv, write_xlsx
issues, out = map(Path, sys.argv[1:])
if out.suffix == ".xlsx":
    write_xlsx(issues, out, "yml")
else:
    with out.open("w", encoding="utf-8-sig", newline="") as stream:
        write_csv(issues, stream, "yml")
"""


def feed(offers: int) -> Iterator[str]:
    """A YML file of offers that each lack one tag."""
    lacking = [tag for share, tag in PLANTED.values() for _ in range(round(offers * share))]
    random.Random(1).shuffle(lacking)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog><shop><offers>\n'
    for number, lacks in enumerate(lacking, start=1):
        tags = "".join(f"<{tag}>{text.format(n=number)}</{tag}>" for tag, text in _TAGS.items() if tag != lacks)
        yield f'<offer id="B-{number}" available="many">{tags}</offer>\n'
    yield "</offers></shop></yml_catalog>\n"


def main() -> None:
    """Make the feed, load it, write the lists, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--offers", type=int, default=100_000)
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="catalog-feeds-bench-"))
    work.chmod(0o755)
    table = Table(title=f"{asked.offers:,} faulty offers of {len(PLANTED)} causes", title_justify="left")
    for column in ("step", "s", "CPU s", "peak MB", "notes"):
        table.add_column(column, justify="left" if column in ("step", "notes") else "right")

    def tell(step: str, measured: Measure, notes: str = "") -> None:
        table.add_row(step, f"{measured.wall:.1f}", f"{measured.cpu:.1f}", f"{measured.peak / 1e6:.0f}", notes)

    try:
        with (work / "feed.yml").open("w", encoding="utf-8") as out:
            out.writelines(feed(asked.offers))
        report, measured = _load(work)
        tell("load, with its report", measured, _ranked(report, asked.offers))
        folder = work / "home" / "objects" / "loads" / "1"
        few = _few(work)
        for name in ("issues.xlsx", "issues.csv"):
            base, full = (_list(path, work / name) for path in (few, folder / "issues.parquet"))
            size = (work / name).stat().st_size / 1e6
            tell(f"{name}, {size:.1f} MB", full, f"{(full.peak - base.peak) / 1e6:.0f} MB more than for a few remarks")
        table.add_row("LibreOffice", "", "", "", _opened(work))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    Console(width=120).print(table)


def _load(work: Path) -> tuple[dict[str, Any], Measure]:
    script = (
        "import sys; from pathlib import Path; from pipelines import steps; from pipelines.settings import Settings\n"
        "with steps.open_house(Settings(home=sys.argv[2])) as house:\n"
        "    steps.load_source(house, sys.argv[1], supplier='bench', shop='main', settings={})\n"
    )
    command = [sys.executable, "-c", script, str(work / "feed.yml"), str(work / "home")]
    measured = measure(command, home=work / "home")
    return json.loads((work / "home" / "objects" / "loads" / "1" / "report.json").read_text("utf-8")), measured


def _ranked(report: dict[str, Any], offers: int) -> str:
    """Say that the causes are those that were planted, in their order; anything else is a failure of the benchmark."""
    found = [(c["code"], c["offers"]) for c in report["causes"] if c["severity"] == "error" and c["offers"]]
    planted = [(code, round(offers * share)) for code, (share, _) in PLANTED.items()]
    if found != planted:
        msg = f"the causes found are {found}, planted were {planted}"
        raise SystemExit(msg)
    return "causes ranked as planted"


def _few(work: Path) -> Path:
    """An almost empty list, for what a process needs in any case."""
    import pyarrow.parquet as pq

    issues = pq.read_table(work / "home" / "objects" / "loads" / "1" / "issues.parquet")
    pq.write_table(issues.slice(0, 5), work / "few.parquet")
    return work / "few.parquet"


def _list(issues: Path, out: Path) -> Measure:
    return measure([sys.executable, "-c", _LIST, str(issues), str(out)])


def _opened(work: Path) -> str:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        return "not installed"
    profile = f"-env:UserInstallation=file://{work}/office"
    # 76 is UTF-8; separator and quotation mark are given as code points.
    converting = [office, profile, "--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76"]
    subprocess.run([*converting, "--outdir", str(work / "opened"), str(work / "issues.xlsx")], check=True, timeout=600)
    with (work / "opened" / "issues.csv").open(encoding="utf-8", newline="") as opened:
        rows = sum(1 for _ in csv.reader(opened))
    with (work / "issues.csv").open(encoding="utf-8-sig", newline="") as written:
        expected = sum(1 for _ in csv.reader(written, delimiter=";"))
    if rows != expected:
        msg = f"LibreOffice sees {rows} rows of {expected}"
        raise SystemExit(msg)
    return f"opens the workbook, {rows:,} rows with the header, as many as the CSV"


if __name__ == "__main__":
    main()
