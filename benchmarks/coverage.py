"""How much of what real feeds say is recognised: `python -m benchmarks.coverage [FOLDER]`, and a part of `make bench`.

Counted over all YML files of the folder that can be read: unit texts (of offers and of characteristics, and the word
behind a number where a base unit is expected), region codes, names of characteristics. `exact` is the official form
after folding, `synonym` another known spelling, `closeness` a typo or, of regions, a code that was rolled up, restored
or followed to its successor.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from pipelines.errors import SupplierError
from pipelines.normalize import characteristics, regions
from pipelines.normalize.rule import Columns, Lookup, Rule, rows_sql
from pipelines.normalize.session import open_session
from pipelines.normalize.unit import resolve
from pipelines.options import Options
from pipelines.parse import parse
from pipelines.reference import load_reference

FEEDS = Path(__file__).resolve().parent.parent.parent / "shared" / "feeds"
DAY = date(2026, 11, 22)  # dated reference data is judged by this day
HOW = ("exact", "synonym", "closeness", "not")
MISSED_SHOWN = 10
TYPOS_SHOWN = 200

_UNIT = Rule(
    ids=("N1",),
    steps=(
        *resolve("text", "unit"),
        Columns({"unit_code": "coalesce(padded_code(text), unit)"}),
        Lookup("units", "unit_code", "code", {"unit_found": "code", "unit_shown": "shown"}),
    ),
)
_UNIT_TEXTS = """(
    SELECT clean(text) AS text, count(*) AS uses
    FROM (
        SELECT unnest([coalesce(clean(units), clean(unit_name))]) AS text FROM raw
        UNION ALL SELECT unnest(list_transform(params, lambda p: p.unit)) FROM raw
        UNION ALL SELECT number_parts(clean(param.value)).tail
            FROM (SELECT unnest(params) AS param FROM raw)
            JOIN characteristic_spellings ON spelling = name_folded(param.name)
            JOIN base_characteristics USING (name)
            WHERE okei IS NOT NULL
                AND regexp_full_match(number_parts(clean(param.value)).tail, '[^\\d\\s/][^\\d\\s,;]*'))
    WHERE clean(text) IS NOT NULL GROUP BY ALL)"""
_REGION_CODES = """(
    SELECT sent_code, count(*) AS uses
    FROM (SELECT unnest(list_transform(regions, lambda r: r.code)) AS sent_code FROM raw) GROUP BY ALL)"""
_NAMES = """(
    SELECT sent_name, NULL AS sent_unit, count(*) AS uses
    FROM (SELECT unnest(list_transform(params, lambda p: p.name)) AS sent_name FROM raw) GROUP BY ALL)"""

# What is measured: the texts of a file, how each was recognised and as what.
QUERIES = {
    "units with a text": rows_sql(
        _UNIT_TEXTS,
        (_UNIT,),
        """text, uses, unit_shown AS meaning,
        CASE WHEN text = unit_shown THEN 'exact' WHEN unit_known OR unit_found IS NOT NULL THEN 'synonym' ELSE 'not' END
            AS how""",
    ),
    "region codes": rows_sql(
        _REGION_CODES,
        (regions.CODE,),
        """sent_code AS text, uses, code AS meaning,
        CASE WHEN code IS NULL THEN 'not' WHEN code = sent_code THEN 'exact'
            WHEN code_rolled_up OR code_restored OR code_replaced THEN 'closeness' ELSE 'synonym' END AS how""",
    ),
    "names of characteristics": rows_sql(
        _NAMES,
        (characteristics.NAME,),
        """name_text AS text, uses, base_name AS meaning,
        CASE recognized WHEN 'typo' THEN 'closeness' ELSE coalesce(recognized, 'not') END AS how""",
    ),
}


@dataclass
class Coverage:
    """What was met of one kind of text; the keys are (text, how it was recognised, as what)."""

    uses: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)

    def total(self, *, distinct: bool) -> int:
        """Occurrences, or distinct texts."""
        return len(self.uses) if distinct else self.uses.total()

    def share(self, *hows: str, distinct: bool) -> float:
        """The part that was recognised in these ways, of one; one where there is nothing to recognise."""
        found = sum(1 if distinct else uses for (_, how, _), uses in self.uses.items() if how in hows)
        total = self.total(distinct=distinct)
        return found / total if total else 1.0

    def most_frequent(self, how: str, number: int) -> list[tuple[str, str | None, int]]:
        """Texts recognised in this way, with their meaning and occurrences."""
        chosen = [(text, meaning, uses) for (text, way, meaning), uses in self.uses.items() if way == how]
        return sorted(chosen, key=lambda entry: (-entry[2], entry[0]))[:number]


def feeds_of(folder: Path) -> Iterator[Path]:
    """The YML files of a folder and those below it, in order."""
    yield from sorted(path for path in folder.rglob("*.*ml") if "commerceml" not in path.parts)


def cover(feeds: Iterable[Path]) -> dict[str, Coverage]:
    """What was recognised in these feeds, by kind; a feed that cannot be read is passed over and named."""
    found = {kind: Coverage() for kind in QUERIES}
    for feed in feeds:
        try:
            _cover(feed, found)
        except SupplierError as error:
            print(f"{feed.name}: passed over, {error.code}", file=sys.stderr)
    return found


def _cover(feed: Path, found: dict[str, Coverage]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw_offers.parquet"
        parsed = parse(lambda: feed.open("rb"), raw)
        session = open_session(Path(folder), parsed=parsed, options=Options(), reference=load_reference(), today=DAY)
        with session as connection:
            connection.read_parquet(str(raw)).create_view("raw")
            characteristics.find_misspelt(connection)
            _count(connection, found)


def _count(connection: duckdb.DuckDBPyConnection, found: dict[str, Coverage]) -> None:
    for kind, query in QUERIES.items():
        rows = connection.execute(f"SELECT text, how, meaning, uses FROM ({query}) WHERE text IS NOT NULL").fetchall()
        for text, how, meaning, uses in rows:
            found[kind].uses[text, how, meaning] += uses


def report(found: dict[str, Coverage], console: Console, *, typos: bool = False) -> None:
    """Print the shares, the most frequent texts that were not recognised and, if asked, what was taken for typos."""
    table = Table(title="Recognised in real feeds, %", title_justify="left")
    for column in ("what", "of", "number", "exact", "synonym", "closeness", "not"):
        table.add_column(column, justify="left" if column in {"what", "of"} else "right")
    for kind, coverage in found.items():
        for distinct in (False, True):
            shares = [f"{100 * coverage.share(how, distinct=distinct):.1f}" for how in HOW]
            if not coverage.uses:
                shares = ["–"] * len(HOW)
            number = f"{coverage.total(distinct=distinct):,}"
            table.add_row(kind, "distinct" if distinct else "occurrences", number, *shares)
    console.print(table)
    for kind, coverage in found.items():
        for text, _, uses in coverage.most_frequent("not", MISSED_SHOWN):
            console.print(f"{kind}, not recognised: {uses:>6,}  {text}", markup=False, highlight=False)
    if typos:
        for text, meaning, uses in found["names of characteristics"].most_frequent("closeness", TYPOS_SHOWN):
            console.print(f"typo: {uses:>6,}  {text} → {meaning}", markup=False, highlight=False)


def main() -> None:
    """Measure a folder of feeds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FEEDS)
    parser.add_argument("--typos", action="store_true", help=f"print up to {TYPOS_SHOWN} names taken for typos")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        sys.exit(f"no folder {asked.folder}")
    report(cover(feeds_of(asked.folder)), Console(width=110), typos=asked.typos)


if __name__ == "__main__":
    main()
