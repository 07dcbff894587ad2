"""Expectations in the life of a link: pages and numbers of loads, remarks, holds, faults of ours (P1, P7)."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import registry, steps
from pipelines.errors import InternalError
from pipelines.model import OFFER_SCHEMA
from pipelines.reference import load_reference
from pipelines.registry import Decider
from pipelines.steps.gate import check_load

PICTURE = "<picture>https://example.com/1.jpg</picture></offer>"
PARAM = '<param name="Материал">сталь</param></offer>'


@pytest.fixture
def shelf(feed):
    """A feed of so many goods, each with the given tags."""

    def write(number, *tags, base=100, name="feed.xml"):
        path = feed({f"a{i}": base + i for i in range(number)}, name=name)
        text = path.read_text(encoding="utf-8")
        for tag in tags:
            text = text.replace("</offer>", tag)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def issues(house, outcome):
    blob = io.BytesIO(house.store.get_bytes(f"loads/{outcome.load_id}/issues.parquet"))
    return [(row["code"], row["field"], row["sent"]) for row in pq.read_table(blob).to_pylist()]


def object_of(house, outcome, name):
    return house.store.get_bytes(f"loads/{outcome.load_id}/{name}")


def test_R1_each_load_has_its_page_and_the_time_it_took(house, load, shelf):
    outcome = load(shelf(3))
    report = json.loads("".join(steps.report_json(house, outcome.load_id)))
    assert outcome.files["quality_html"].endswith(f"loads/{outcome.load_id}/quality.html")
    assert report["files"]["quality_html"]
    assert report["timings"]["gate"] > 0
    assert "Препятствий для публикации нет" in object_of(house, outcome, "quality.html").decode()


def test_P7_a_load_that_lost_what_the_link_always_sent_is_held_whole(house, load, shelf, catalog_dump):
    load(shelf(30, PICTURE, PARAM))
    before = catalog_dump()
    held = load(shelf(31, PARAM))
    assert (held.status, held.counts["created"], held.counts["hidden"]) == ("held", 0, 0)
    assert catalog_dump() == before
    with house.database.connect() as conn:
        facts = registry.get_load(conn, held.load_id)
    assert facts.held["reason"] == "unlike_past"
    assert facts.held["findings"] == [
        {"check": "load.pictures.lost", "expected": "не меньше 20 %", "found": "0 % вместо обычных 100 %"}
    ]
    assert "не похож на прошлые" in object_of(house, held, "quality.html").decode()


def test_P7_an_approved_load_becomes_a_part_of_the_past_and_a_held_one_does_not(house, load, shelf):
    load(shelf(30, PICTURE))
    held = load(shelf(31))
    again = load(shelf(32))
    assert (held.status, again.status) == ("held", "held")
    steps.approve(house, again.load_id, Decider("оператор", "картинок больше не будет"))
    last = load(shelf(33))
    assert last.status == "processed"  # half of the past has no pictures
    assert [row for row in issues(house, last) if row[0] == "load_field_emptied"] == [
        ("load_field_emptied", "picture", "0 % вместо обычных 50 %")
    ]


def test_P7_a_feed_that_recovers_is_published_without_a_decision(load, shelf):
    load(shelf(30, PICTURE))
    assert load(shelf(30)).status == "held"
    recovered = load(shelf(31, PICTURE))
    assert (recovered.status, recovered.counts["created"]) == ("processed", 1)


def test_R2_a_shrunken_file_is_remarked_upon_and_published(house, load, shelf):
    load(shelf(60))
    outcome = load(shelf(29))
    assert outcome.status == "processed"
    assert outcome.counts["warnings"] == 1
    assert issues(house, outcome)[0] == ("load_fewer_offers", None, "29 вместо обычных 60")


def test_P1_a_load_that_was_checked_is_not_checked_again(house, load, shelf):
    """What is usual may have changed since; remarks are neither lost nor doubled, nor is what they are counted by."""
    load(shelf(60))
    outcome = load(shelf(29))
    before = issues(house, outcome)
    with house.database.connect() as conn:
        facts = registry.get_load(conn, outcome.load_id)
        warnings = facts.counts.warnings
        facts.counts.warnings = 0
        house.store.put_bytes(f"loads/{outcome.load_id}/offers.parquet", b"no longer read")
        assert check_load(house, conn, facts, load_reference(), spellings={}) is None
    assert facts.counts.warnings == warnings
    assert issues(house, outcome) == before


def test_P1_killed_before_the_verdict_the_same_is_found_again(house, load, shelf):
    load(shelf(60))
    outcome = load(shelf(29))
    before = issues(house, outcome)
    house.store.delete(f"loads/{outcome.load_id}/gate.json")
    with house.database.connect() as conn:
        facts = registry.get_load(conn, outcome.load_id)
        check_load(house, conn, facts, load_reference(), spellings={})
    assert issues(house, outcome) == before


def test_P2_a_broken_promise_fails_the_load_and_its_page_says_where(house, load, shelf):
    outcome = load(shelf(3))
    rows = pq.read_table(io.BytesIO(object_of(house, outcome, "offers.parquet"))).to_pylist()
    rows[1]["currency"] = "CNY"
    spoilt = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, OFFER_SCHEMA), spoilt)
    house.store.put_bytes(f"loads/{outcome.load_id}/offers.parquet", spoilt.getvalue())
    house.store.delete(f"loads/{outcome.load_id}/gate.json")
    with house.database.connect() as conn:
        facts = registry.get_load(conn, outcome.load_id)
        with pytest.raises(InternalError, match=r"offers\.currency\.set"):
            check_load(house, conn, facts, load_reference(), spellings={})
    page = object_of(house, outcome, "quality.html").decode()
    assert "Сбой на нашей стороне" in page
    assert "<code>CNY</code>" in page
    assert not house.store.exists(f"loads/{outcome.load_id}/gate.json")
