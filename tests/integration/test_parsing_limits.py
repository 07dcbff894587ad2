"""A file that harms its reader costs its own load and nothing else (F5)."""

import json

import pytest

from pipelines import steps
from pipelines.errors import InternalError
from pipelines.steps import parsing
from tests.confinement import victims


@pytest.mark.parametrize(
    ("limit", "value", "words"), [("MEMORY_BYTES", 1 << 20, "памяти"), ("WALL_SECONDS", 0.0, "времени")]
)
def test_F5_a_file_that_takes_too_much_is_rejected_and_the_next_one_is_read(
    house, load, feed, catalog_dump, monkeypatch, limit, value, words
):
    load(feed({"a": 100}), actualize=True)
    before = catalog_dump()
    with monkeypatch.context() as hostile:
        hostile.setattr(parsing, limit, value)
        outcome = load(feed({"a": 200}))
    assert (outcome.status, outcome.reason) == ("rejected", "file_too_demanding")
    assert catalog_dump() == before
    (issue,) = json.loads("".join(steps.report_json(house, outcome.load_id)))["issues"]
    assert words in issue["message"]
    assert load(feed({"a": 300})).counts["changed"] == 1


def test_F5_a_reader_that_crashes_is_our_fault_and_the_next_file_is_read(load, feed, catalog_dump, monkeypatch):
    load(feed({"a": 100}), actualize=True)
    before = catalog_dump()
    with monkeypatch.context() as hostile:
        hostile.setattr(parsing.parse, "parse_file", victims.crash_instead_of_reading)
        with pytest.raises(InternalError, match="SIGSEGV"):
            load(feed({"a": 200}))
    assert catalog_dump() == before
    assert load(feed({"a": 200})).counts["changed"] == 1


def test_F3_a_larger_file_may_take_longer_and_no_more_memory():
    small, large = parsing.limits(10**6), parsing.limits(300 * 10**6)
    assert small.cpu_seconds < large.cpu_seconds
    assert small.memory_bytes == large.memory_bytes
