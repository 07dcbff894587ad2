"""The measure of coverage, over a feed made here and over the real ones (N1, N2, N3)."""

import random
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import typos
from benchmarks.coverage import Coverage, cover, feeds_of

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<yml_catalog date="2026-11-22"><shop><offers>
<offer id="1"><name>A</name><price>1</price><units>шт</units>
<param name="Цвет:">x</param><param name="Окраска окна">x</param><param name="масса" unit="гр">x</param></offer>
<offer id="2"><name>A</name><price>1</price><units>шт.</units>
<param name="ширрина">5 мм</param><param name="Длина">5 ягод</param><param name="Окраска окна">x</param>
<regions><region id="ЦФО"/><region id="45000000"/><region id="77"/></regions></offer>
</offers></shop></yml_catalog>"""
FEEDS = Path(__file__).resolve().parents[2] / ".." / "shared" / "feeds"


def test_each_text_is_counted_by_how_it_was_recognised(tmp_path):
    (tmp_path / "a.yml").write_text(FEED, encoding="utf-8")
    (tmp_path / "b.xml").write_text("<html>", encoding="utf-8")  # passed over
    found = cover(feeds_of(tmp_path))
    assert found["names of characteristics"].uses == {
        ("Цвет:", "exact", "Цвет"): 1,
        ("Длина", "exact", "Длина"): 1,
        ("масса", "synonym", "Вес"): 1,
        ("ширрина", "closeness", "Ширина"): 1,
        ("Окраска окна", "not", None): 2,
    }
    assert {text: how for text, how, _ in found["units with a text"].uses} == {
        "шт": "exact",
        "шт.": "synonym",
        "гр": "synonym",
        "ягод": "not",
    }
    assert {text: how for text, how, _ in found["region codes"].uses} == {
        "ЦФО": "exact",
        "45000000": "exact",
        "77": "not",
    }


def test_shares_are_of_occurrences_and_of_distinct_texts():
    coverage = Coverage(Counter({("a", "exact", "A"): 6, ("b", "synonym", "A"): 2, ("c", "not", None): 2}))
    assert coverage.share("exact", "synonym", distinct=False) == pytest.approx(0.8)
    assert coverage.share("exact", distinct=True) == pytest.approx(1 / 3)
    assert (coverage.total(distinct=False), coverage.total(distinct=True)) == (10, 3)
    assert coverage.most_frequent("not", 1) == [("c", None, 2)]
    assert Coverage().share("exact", distinct=False) == 1


@pytest.mark.skipif(not FEEDS.is_dir(), reason="the real feeds are not here")
def test_N3_names_in_real_feeds_are_known_at_85_percent():
    found = cover(path for path in feeds_of(FEEDS) if path.parent.name == "series" or "clean" in path.name)
    assert found["names of characteristics"].share("exact", "synonym", distinct=False) >= 0.85
    assert found["units with a text"].share("exact", "synonym", distinct=False) >= 0.98


def test_N3_planted_typos_are_judged_by_the_name_they_came_from():
    names = {"ширина": "Ширина", "смещение": None}
    known = {"ширина": "Ширина", "сечение": "Сечение жилы"}
    found = list(typos.matches(names, known, random.Random(1)))  # noqa: S311 - a sample
    assert {(taken, meant) for _, taken, _, meant in found} >= {("Ширина", "Ширина")}
    assert all(name in names and misspelt not in names for misspelt, _, name, _ in found)
