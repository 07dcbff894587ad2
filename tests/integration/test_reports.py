"""Reports of whole loads: what changed, what it cost, what one change would bring back (R1, R2)."""

import itertools
import json
import urllib.request
from pathlib import Path

import openpyxl
import pytest
from lxml import etree

from pipelines import publish, registry, steps
from pipelines.errors import OperatorError
from pipelines.model import PRICE_STEPS
from pipelines.objects import open_store

FEEDS = Path(__file__).parents[2] / ".." / "shared" / "feeds" / "yml"


def told(house, outcome):
    return json.loads("".join(steps.report_json(house, outcome.load_id)))


def test_R2_since_the_last_load(house, load, feed):
    load(feed({"a": 100, "b": 200, "c": "от 5", "d": 0, "e": 50}), actualize=True)
    report = told(house, load(feed({"a": 150, "b": 180, "c": 10, "d": 0, "f": -1})))
    assert {c["code"]: (c["fixed"], c["remaining"], c["new"]) for c in report["since_last"]} == {
        "price_invalid": (1, 0, 0),
        "price_not_positive": (0, 1, 1),
    }
    prices = report["prices"]
    assert (prices["up"], prices["down"], prices["median_percent"]) == (1, 1, "20.00")
    assert [(m["sku"], m["name"], m["before"], m["after"]) for m in prices["widest"]] == [
        ("a", "Товар a", "100.00", "150.00"),
        ("b", "Товар b", "200.00", "180.00"),
    ]
    assert [(bin_["from_percent"], bin_["offers"]) for bin_ in prices["histogram"] if bin_["offers"]] == [
        (-10, 1),
        (50, 1),
    ]
    assert report["statistics"]["published"] == 3
    assert report["statistics"]["hidden"] == 1
    assert report["quality"]["score"] == sum(part["points"] for part in report["quality"]["parts"])


def test_the_course_of_the_score_is_kept_with_the_loads(house, load, feed):
    scores = [told(house, load(feed({"a": 100 + n, "b": 0 if n < 2 else 5})))["quality"]["score"] for n in range(3)]
    assert scores[0] < scores[2]
    with house.database.connect() as conn:
        (link,) = registry.list_links(conn)
        assert registry.earlier_scores(conn, link.id, 99, limit=2) == scores[1:]
    text = steps.report_text(house, 3)
    assert f"Последние загрузки: {', '.join(map(str, scores))}" in text


def test_R2_a_rejected_file_is_compared_with_nothing_and_the_next_with_the_last_that_was_read(house, load, feed):
    load(feed({"a": 100, "b": 0}))
    assert told(house, load(feed({"a": 1}, tail="")))["since_last"] != []
    assert told(house, load(feed({"a": 100, "b": 5})))["since_last"] == [
        {
            "code": "price_not_positive",
            "severity": "error",
            "message": "Цена не больше нуля.",
            "fixed": 1,
            "remaining": 0,
            "new": 0,
        }
    ]


def test_a_trial_run_tells_what_it_would_do_and_is_not_scored(house, load, feed):
    load(feed({"a": 100}))
    trial = load(feed({"a": 200, "b": 0}), dry_run=True)
    assert told(house, trial)["statistics"] is None
    with house.database.connect() as conn:
        (link,) = registry.list_links(conn)
        assert len(registry.earlier_scores(conn, link.id, 99, limit=9)) == 1


@pytest.mark.skipif(not FEEDS.exists(), reason="the real feeds are not beside this checkout")
def test_R2_the_causes_of_a_real_feed_are_found_and_ranked(house, load):
    outcome = load(
        FEEDS / "duplicate_and_long_ids_cp1251.yml", required_fields="", default_unit="796", default_vat="20"
    )
    errors = [cause for cause in told(house, outcome)["causes"] if cause["severity"] == "error"]
    assert [(cause["code"], cause["offers"], cause["offers_regained"]) for cause in errors] == [
        ("sku_too_long", 42, 41),
        ("price_missing", 10, 9),
        ("duplicate_conflict", 4, 4),
    ]
    with house.store.local(f"loads/{outcome.load_id}/issues.xlsx") as path:
        sheet = openpyxl.load_workbook(path, read_only=True).active
        assert sheet.max_row == sum(outcome.counts[name] for name in ("errors", "warnings", "infos")) + 1
    annotated = etree.fromstring(house.store.get_bytes(f"loads/{outcome.load_id}/annotated.xml"))
    long = [c.text for c in annotated.iter(etree.Comment) if "ОШИБКА sku_too_long" in (c.text or "")]
    assert len(long) == 42


def test_a_copy_with_remarks_is_made_on_demand_where_it_can_be(house, load, feed, monkeypatch):
    monkeypatch.setattr("pipelines.steps.reporting.ANNOTATED_LIMIT_BYTES", 10)
    outcome = load(feed({"a": 100, "b": 0}))
    assert not house.store.exists("loads/1/annotated.xml")
    assert steps.annotate_load(house, outcome.load_id) == house.store.url("loads/1/annotated.xml")
    assert "ОШИБКА price_not_positive" in house.store.get_bytes("loads/1/annotated.xml").decode()
    rejected = load(feed({"a": 1}, tail=""))
    with pytest.raises(OperatorError, match="cannot be annotated"):
        steps.annotate_load(house, rejected.load_id)


def test_R2_each_price_change_is_in_one_step_of_the_histogram(house, load, feed):
    moves = [-60, -50, -30, -20, -15, -5, -1, 1, 5, 20, 49, 50, 80]
    load(feed({f"s{n:02}": 100 for n in range(len(moves))}))
    outcome = load(feed({f"s{n:02}": 100 + move for n, move in enumerate(moves)}))
    with house.database.connect() as conn:
        changes = publish.price_changes(conn, outcome.load_id)
        assert publish.price_changes(conn, 1).histogram == (0,) * (len(PRICE_STEPS) + 1)
    borders = [-(10**9), *PRICE_STEPS, 10**9]
    assert changes.histogram == tuple(
        sum(low <= move < high for move in moves) for low, high in itertools.pairwise(borders)
    )
    assert (changes.up, changes.down) == (6, 7)
    assert changes.widest[0].sku == "s00"


def test_R1_links_in_a_mail_open_without_access_to_the_store(s3_settings):
    store = open_store(s3_settings)
    store.put_bytes("loads/1/issues.csv", b"table")
    with urllib.request.urlopen(store.shared_url("loads/1/issues.csv"), timeout=10) as answer:
        assert answer.read() == b"table"
