"""The quality of a price list in points from 0 to 100, and what they are made of. It is told, and blocks nothing.

The score is the sum of five parts, each a share of offers times its weight in points:

| part | points | share |
| --- | --- | --- |
| accepted | 40 | offers of the file that were accepted |
| clean | 20 | accepted offers without a warning |
| filled | 20 | of the recommended fields of the accepted offers, those that are there |
| recognised | 10 | units and characteristics of the accepted offers that stand in the reference tables |
| exact | 10 | accepted offers that say how many are there, or that there are none |

A file that was rejected before its offers were read has no score; one whose every offer was rejected has 0.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

_MEMORY = "256MB"

# Fields that help buyers find and choose, whether the shop requires them or not.
RECOMMENDED = ("description", "vendor", "vendor_code", "pictures", "category_id", "params", "weight_kg")

WEIGHTS = {"accepted": 40, "clean": 20, "filled": 20, "recognised": 10, "exact": 10}
LABELS = {
    "accepted": "Товары приняты",
    "clean": "Приняты без предупреждений",
    "filled": "Заполнены рекомендуемые поля",
    "recognised": "Единицы и характеристики узнаны",
    "exact": "Остатки указаны точно",
}

_LISTS = {"pictures", "params"}
_FILLED = " + ".join(
    f"({f'len({name}) > 0' if name in _LISTS else f'{name} IS NOT NULL'})::INT" for name in RECOMMENDED
)
# NULL where there is nothing to take a share of.
_SHARES = f"""
WITH warned AS (
    SELECT DISTINCT ordinal FROM read_parquet($issues) WHERE severity = 'warning' AND ordinal IS NOT NULL
)
SELECT
    avg(CASE WHEN warned.ordinal IS NULL THEN 1 ELSE 0 END) AS clean,
    avg({_FILLED}) / {len(RECOMMENDED)} AS filled,
    sum((unit_okei IS NOT NULL)::INT + len(list_filter(params, lambda param: param.name IS NOT NULL)))
        / sum(1 + len(params)) AS recognised,
    avg(CASE WHEN availability IN ('exact', 'out_of_stock') THEN 1 ELSE 0 END) AS exact
FROM (SELECT * REPLACE (coalesce(params, []) AS params, coalesce(pictures, []) AS pictures) FROM read_parquet($offers))
LEFT JOIN warned USING (ordinal)
"""


@dataclass(frozen=True)
class Part:
    """One part of a score: `points` out of `weight`, for a share of offers from 0 to 1."""

    name: str
    share: float
    points: int
    weight: int

    @property
    def label(self) -> str:
        """What it measures, in Russian."""
        return LABELS[self.name]

    @property
    def percent(self) -> int:
        """The share as people read it; never 100 while something is missing."""
        return int(self.share * 100 + 1e-9)


@dataclass(frozen=True)
class Score:
    """The points of a price list; the parts add up to them exactly."""

    parts: tuple[Part, ...]

    @property
    def points(self) -> int:
        """From 0 to 100."""
        return sum(part.points for part in self.parts)


def score(offers: Path, issues: Path, *, read: int, accepted: int) -> Score:
    """The score of a file that was read to its end.

    Args:
        offers: Parquet of `OFFER_SCHEMA`, the accepted offers.
        issues: Parquet of `ISSUE_SCHEMA`.
        read: offers in the file, at least one.
        accepted: of them.
    """
    shares = {"accepted": accepted / read}
    if accepted:
        with (
            tempfile.TemporaryDirectory() as spill,
            duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as connection,
        ):
            result = connection.execute(_SHARES, {"offers": str(offers), "issues": str(issues)})
            names = [column[0] for column in result.description]
            shares |= {name: float(share or 0) for name, share in zip(names, result.fetchone() or (), strict=True)}
    return Score(tuple(_part(name, shares.get(name, 0.0)) for name in WEIGHTS))


def _part(name: str, share: float) -> Part:
    # Rounded down, so that full points mean that nothing is missing.
    return Part(name, share, points=int(share * WEIGHTS[name] + 1e-9), weight=WEIGHTS[name])
