"""How often a misspelt name of a characteristic is taken for the wrong one: `python -m benchmarks.typos [--seed N]`.

Real feeds hold next to no typo that matches, so typos are made: every name that real feeds use, known to us or not, is
misspelt at random by an error model that knows nothing of the matcher (a letter lost, added, replaced, doubled, two
swapped; any letter, anywhere, first and last included). What the name meant before is the truth. Of those that the
matcher takes for a characteristic, a random sample is printed for people to review, with the verdict: right when the
original name has the same meaning, wrong when it has another one or none that we know.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from benchmarks.coverage import DAY, FEEDS, feeds_of
from pipelines.errors import SupplierError
from pipelines.model import ParseResult
from pipelines.normalize import characteristics
from pipelines.normalize.rule import rows_sql
from pipelines.normalize.session import open_session
from pipelines.normalize.typos import find_typos
from pipelines.options import Options
from pipelines.parse import parse
from pipelines.reference import load_reference

SAMPLE = 200
MISSPELLINGS = 20  # of each name
_LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
_NAMES = """(
    SELECT sent_name, NULL AS sent_unit FROM (
        SELECT DISTINCT unnest(list_transform(params, lambda p: p.name)) AS sent_name FROM raw))"""


def names_of(feeds: Iterable[Path]) -> tuple[dict[str, str | None], dict[str, str]]:
    """Every folded name in these feeds -> what it means, if we know; and every known spelling -> its meaning."""
    names: dict[str, str | None] = {}
    known: dict[str, str] = {}
    for feed in feeds:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw_offers.parquet"
            try:
                parsed = _parsed(feed, raw)
            except SupplierError:
                continue
            session = open_session(
                Path(folder), parsed=parsed, options=Options(), reference=load_reference(), today=DAY
            )
            with session as connection:
                connection.read_parquet(str(raw)).create_view("raw")
                names |= _meanings(connection)
                known |= characteristics.typed_spellings(connection)
    return names, known


def _parsed(feed: Path, raw: Path) -> ParseResult:
    return parse(lambda: feed.open("rb"), raw)


def _meanings(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    query = rows_sql(_NAMES, (characteristics.NAME,), "closest_folded, base_name")
    return dict(connection.execute(f"SELECT * FROM ({query}) WHERE closest_folded IS NOT NULL").fetchall())


def misspell(name: str, chance: random.Random) -> str:
    """`name` with one random slip of the hand."""
    at = chance.randrange(len(name))
    letter = chance.choice(_LETTERS)
    match chance.randrange(5):
        case 0:
            return name[:at] + name[at + 1 :]
        case 1:
            return name[:at] + letter + name[at:]
        case 2:
            return name[:at] + letter + name[at + 1 :]
        case 3:
            return name[:at] + name[at] + name[at:]
        case _:
            return name[:at] + name[at : at + 2][::-1] + name[at + 2 :]


def matches(
    names: dict[str, str | None], known: dict[str, str], chance: random.Random
) -> Iterator[tuple[str, str, str, str | None]]:
    """(misspelt name, what it was taken for, the name before, what that meant) for each misspelling that matched."""
    origin: dict[str, str] = {}
    for name in sorted(names):
        for _ in range(MISSPELLINGS):
            wrong = misspell(name, chance)
            if wrong not in names and wrong not in known:
                origin.setdefault(wrong, name)
    for wrong, taken in sorted(find_typos(origin, known).items()):
        yield wrong, taken, origin[wrong], names[origin[wrong]]


def main() -> None:
    """Print the sample and its verdicts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.typos", description=__doc__)
    parser.add_argument("--seed", type=int, default=22)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    names, known = names_of(feeds_of(FEEDS))
    found = list(matches(names, known, chance))
    wrong = [entry for entry in found if entry[1] != entry[3]]
    print(f"{len(names):,} names misspelt; {len(found):,} misspellings matched, {len(wrong)} of them wrongly")
    for entry in chance.sample(found, min(SAMPLE, len(found))):
        print(_line(entry))
    for entry in wrong:
        print("all wrong ones:", _line(entry))


def _line(entry: tuple[str, str, str, str | None]) -> str:
    misspelt, taken, name, meant = entry
    return f"{'right' if taken == meant else 'WRONG'}  {misspelt} → {taken}   (was «{name}», {meant or 'unknown'})"


if __name__ == "__main__":
    main()
