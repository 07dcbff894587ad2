"""The quality score and its parts: a share each, adding up exactly, blocking nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.model import OFFER_SCHEMA, Issue
from pipelines.report.score import LABELS, RECOMMENDED, WEIGHTS, Score, score

WriteIssues = Callable[[Iterable[Issue]], Path]
FULL: dict[str, Any] = {
    "description": "d",
    "vendor": "v",
    "vendor_code": "c",
    "pictures": ["https://a/b"],
    "category_id": "1",
    "params": [{"sent_name": "Длина", "name": "Длина"}],
    "weight_kg": 1,
    "unit_okei": "796",
    "availability": "exact",
}


@pytest.fixture
def write_offers(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    def write(offers: list[dict[str, Any]]) -> Path:
        path = tmp_path / "offers.parquet"
        pq.write_table(pa.Table.from_pylist([{"ordinal": n, **o} for n, o in enumerate(offers)], OFFER_SCHEMA), path)
        return path

    return write


def points(found: Score) -> dict[str, int]:
    return {part.name: part.points for part in found.parts}


def test_the_weights_are_a_hundred_and_every_part_has_its_words() -> None:
    assert sum(WEIGHTS.values()) == 100
    assert list(WEIGHTS) == list(LABELS)
    assert set(RECOMMENDED) <= set(OFFER_SCHEMA.names)


def test_a_faultless_file_has_a_hundred(write_offers: Any, write_issues: WriteIssues) -> None:
    issues = write_issues([Issue("unknown_tags"), Issue("text_cleaned", ordinal=0)])
    assert score(write_offers([FULL] * 3), issues, read=3, accepted=3).points == 100


@pytest.mark.parametrize(
    ("offer", "part", "expected"),
    [
        ({"description": None}, "filled", int(20 * (2 + 6 / 7) / 3)),
        ({"pictures": []}, "filled", int(20 * (2 + 6 / 7) / 3)),
        ({"params": None}, "filled", int(20 * (2 + 6 / 7) / 3)),
        ({"unit_okei": None}, "recognised", int(10 * 5 / 6)),
        ({"params": [{"sent_name": "x", "name": None}]}, "recognised", int(10 * 5 / 6)),
        ({"availability": "many"}, "exact", int(10 * 2 / 3)),
        ({"availability": "out_of_stock"}, "exact", 10),
    ],
)
def test_each_part_measures_its_share(
    write_offers: Any, write_issues: WriteIssues, offer: dict[str, Any], part: str, expected: int
) -> None:
    found = score(write_offers([FULL, FULL, FULL | offer]), write_issues([]), read=3, accepted=3)
    assert points(found)[part] == expected
    assert {name: value for name, value in points(found).items() if name != part} == {
        name: weight for name, weight in WEIGHTS.items() if name != part
    } or part == "filled"


def test_rejected_offers_and_warnings_cost(write_offers: Any, write_issues: WriteIssues) -> None:
    issues = write_issues([Issue("price_rounded", ordinal=0), Issue("vat_unknown", ordinal=0)])
    found = score(write_offers([FULL, FULL]), issues, read=4, accepted=2)
    assert (points(found)["accepted"], points(found)["clean"]) == (20, 10)


def test_nothing_accepted_is_nothing(write_offers: Any, write_issues: WriteIssues) -> None:
    assert score(write_offers([]), write_issues([]), read=4, accepted=0).points == 0


def test_full_points_mean_that_nothing_is_missing(write_offers: Any, write_issues: WriteIssues) -> None:
    found = score(write_offers([FULL]), write_issues([]), read=100_000, accepted=99_999)
    accepted = found.parts[0]
    assert (accepted.points, accepted.percent) == (39, 99)
