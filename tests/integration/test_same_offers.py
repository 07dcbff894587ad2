"""Results taken over from a load before: only where everything they were made of is the same, and then the same."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from pipelines import registry, steps
from pipelines.model import FeedFormat, Issue, ParseResult
from pipelines.normalize import incremental
from pipelines.options import Options
from pipelines.reference import load_reference
from pipelines.registry import Decider
from pipelines.steps import same_offers
from pipelines.steps.house import load_key
from pipelines.steps.manifest import read_manifest
from pipelines.steps.same_offers import RESULTS, comparable, digests

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


def test_F2_whatever_normalising_reads_is_in_the_digests(tmp_path, monkeypatch):
    raw, other_raw = tmp_path / "raw", tmp_path / "other"
    raw.write_bytes(b"rows")
    other_raw.write_bytes(b"rows, a line further down")
    parsed = ParseResult(FeedFormat.YML, "utf-8", read=1, issues=(), spellings={"sku": "id"})
    options, reference, today = Options(), load_reference(), date(2026, 11, 28)

    def made(raw=raw, parsed=parsed, options=options, reference=reference, today=today):
        return digests(raw, parsed=parsed, options=options, reference=reference, today=today)

    of_the_file = [
        made(raw=other_raw),
        made(parsed=replace(parsed, encoding="windows-1251")),
        made(parsed=replace(parsed, issues=(Issue("unknown_tag", line=2),))),
    ]
    of_the_rules = [
        made(parsed=replace(parsed, spellings={"sku": "ID"})),
        made(parsed=replace(parsed, format=FeedFormat.CSV)),
        made(options=options.with_settings({"default_unit": "796"})),
        made(options=options.with_settings({"required_fields": "vendor"})),
        made(reference=SimpleNamespace(version="another")),
        made(today=today + timedelta(days=1)),
    ]
    plain = made()
    assert made() == plain
    monkeypatch.setattr(same_offers, "_code", lambda: "another")
    of_the_rules.append(made())
    found = [plain, *of_the_file, *of_the_rules]
    assert len({digest.made_of for digest in found}) == len(found)
    assert {digest.made_under for digest in of_the_file} == {plain.made_under}
    assert len({digest.made_under for digest in [plain, *of_the_rules]}) == 1 + len(of_the_rules)


@pytest.fixture
def compared(house, monkeypatch):
    """The load that the offers of a load were compared with; None where all of them were normalised."""
    monkeypatch.setattr(incremental, "LEAST", 1)

    def ask(outcome):
        with house.database.connect() as conn:
            merged = "normalize.merge" in registry.get_load(conn, outcome.load_id).timings
        base = read_manifest(house, outcome.load_id).compared_with
        assert merged == (base != outcome.load_id)
        return base if merged else None

    return ask


def test_F2_offers_that_are_the_same_are_not_normalised_again(load, feed, compared, results):
    first = load(feed(OFFERS))
    assert compared(first) is None
    second = load(feed(OFFERS | {"a": 101}))
    third = load(feed({"new": 1} | OFFERS | {"b": 201}))
    assert [compared(outcome) for outcome in (second, third)] == [first.load_id] * 2
    fresh = load(feed({"new": 1} | OFFERS | {"b": 201}), supplier="b")
    assert compared(fresh) is None
    assert results(third) == results(fresh)
    assert all(results(third).values())
    named = ("read", "accepted", "rejected", "errors", "warnings", "infos")
    assert [third.counts[name] for name in named] == [fresh.counts[name] for name in named]
    assert third.counts["rejected"] == 1


def test_F2_results_that_were_taken_over_whole_are_compared_with_where_they_came_from(load, feed, compared, taken_over):
    first = load(feed(OFFERS))
    again = load(feed(OFFERS))
    assert taken_over(again)
    assert compared(load(feed(OFFERS | {"a": 101}))) == first.load_id


def test_F2_without_all_the_files_of_a_load_nothing_is_compared_with_it(house, load, feed, compared):
    first = load(feed(OFFERS)).load_id
    under = read_manifest(house, first).made_under

    def known(made_under=under):
        with comparable(house, first, made_under) as earlier:
            return earlier is not None

    assert known()
    assert not known("another digest")
    for name in ("raw_offers.parquet", "notes.parquet", *RESULTS, "transform.json"):
        key = load_key(first, name)
        data = house.store.get_bytes(key)
        house.store.delete(key)
        assert not known(), name
        house.store.put_bytes(key, data)
        assert known(), name
    house.store.put_bytes(load_key(first, "issues_of_file.parquet"), b"not what normalising wrote")
    assert not known()
    assert compared(load(feed(OFFERS | {"a": 101}))) is None


def test_F2_other_settings_are_other_rules(load, feed, compared):
    first = load(feed(OFFERS))
    second = load(feed(OFFERS | {"a": 101}), default_unit="166")
    assert compared(second) is None
    assert compared(load(feed(OFFERS | {"a": 102}), default_unit="166")) == second.load_id != first.load_id


def test_P7_remarks_of_later_steps_are_not_kept(house, load, feed, compared, results):
    offers = {f"s{n}": 100 for n in range(9)}
    first = load(feed(offers | {"a": 100}))
    held = load(feed(offers | {"a": 100_000}))
    assert compared(held) == first.load_id
    assert "price_jump_held" in {issue["code"] for issue in results(held)["issues.parquet"]}
    assert compared(load(feed(offers | {"a": 101}))) == first.load_id


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
