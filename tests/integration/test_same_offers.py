"""Results taken over from the load before: only where everything they were made of is the same, and then the same."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from pipelines import registry, steps
from pipelines.model import FeedFormat, Issue, ParseResult
from pipelines.options import Options
from pipelines.reference import load_reference
from pipelines.registry import Decider
from pipelines.steps.house import load_key
from pipelines.steps.same_offers import RESULTS, digest_of

OFFERS = {"a": 100, "b": 200, "c": "1e3", "d": 300}  # one of them is rejected


@pytest.fixture
def taken_over(house):
    """Whether a load took its results over instead of normalising."""

    def ask(outcome):
        with house.database.connect() as conn:
            timings = registry.get_load(conn, outcome.load_id).timings
        assert "normalize" in timings
        return not any(part.startswith("normalize.") for part in timings)

    return ask


@pytest.fixture
def results(house):
    """What was made of a load's file: rows of its offers, rejected offers and issues."""

    def read(outcome):
        tables = {}
        for name in RESULTS:
            with house.store.local(load_key(outcome.load_id, name)) as path:
                tables[name] = pq.read_table(path).to_pylist()
        return tables

    return read


def test_F2_the_same_offers_under_another_date_are_not_normalised_again(load, feed, taken_over, results):
    path = feed(OFFERS)
    assert not taken_over(load(path, actualize=True))
    path.write_text(path.read_text().replace("05:00", "06:00"))
    again, fresh = load(path), load(path, supplier="b", actualize=True)
    assert (taken_over(again), taken_over(fresh)) == (True, False)
    assert results(again) == results(fresh)
    assert all(results(again).values())
    named = ("read", "accepted", "rejected", "errors", "warnings", "infos")
    assert [again.counts[name] for name in named] == [fresh.counts[name] for name in named]
    assert (again.counts["unchanged"], again.counts["rejected"]) == (3, 1)
    # and once more, from a load that had taken over itself
    path.write_text(path.read_text().replace("06:00", "07:00"))
    assert taken_over(load(path))


def test_F2_whatever_normalising_reads_is_in_the_digest(tmp_path):
    raw, other_raw = tmp_path / "raw", tmp_path / "other"
    raw.write_bytes(b"rows")
    other_raw.write_bytes(b"rows, a line further down")
    parsed = ParseResult(FeedFormat.YML, "utf-8", read=1, issues=(), spellings={"sku": "id"})
    options, reference, today = Options(), load_reference(), date(2026, 11, 28)

    def digest(raw=raw, parsed=parsed, options=options, reference=reference, today=today):
        return digest_of(raw, parsed=parsed, options=options, reference=reference, today=today)

    digests = [
        digest(),
        digest(raw=other_raw),
        digest(parsed=replace(parsed, encoding="windows-1251")),
        digest(parsed=replace(parsed, issues=(Issue("unknown_tag", line=2),))),
        digest(parsed=replace(parsed, spellings={"sku": "ID"})),
        digest(options=options.with_settings({"default_unit": "796"})),
        digest(options=options.with_settings({"required_fields": "vendor"})),
        digest(reference=SimpleNamespace(version="another")),
        digest(today=today + timedelta(days=1)),
    ]
    assert len(set(digests)) == len(digests)
    assert digest() == digests[0]


def test_P7_remarks_of_later_steps_are_made_anew(house, load, feed, taken_over, results):
    offers = {f"s{n}": 100 for n in range(9)}
    load(feed(offers | {"a": 100}))
    moved = feed(offers | {"a": 100_000})
    held = load(moved)
    again = load(moved)
    assert taken_over(again)
    assert "price_jump_held" in {issue["code"] for issue in results(held)["issues.parquet"]}
    assert results(again) == results(held)
    # once the price is confirmed there is nothing left to say of it
    steps.approve(house, again.load_id, Decider("operator", "checked"))
    confirmed = load(moved)
    assert taken_over(confirmed)
    assert "price_jump_held" not in {issue["code"] for issue in results(confirmed)["issues.parquet"]}
