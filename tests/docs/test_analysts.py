"""The guide for analysts: its questions have answers, on a snapshot of real loads."""

from __future__ import annotations

import pytest

from docs.analysts import GUIDE, questions
from pipelines import steps
from pipelines.objects import open_store
from pipelines.publish.snapshot.views import macros, views
from pipelines.settings import Settings

# These look for what the loads below do not have.
EMPTY = {"What does a category cost?": False, "Whose price lists have not come for a day?": True}

FIRST = """<yml_catalog><shop><offers>
<offer id="A-1" available="true"><name>Труба</name><price>100</price><vat>20</vat><vendor>Завод</vendor>
<description>Описание</description><unitOkei>796</unitOkei>
<param name="Длина, м">2</param><param name="Окрас">синий</param>
<regions><region id="45000000"><price>90</price></region><region id="СФО"><price>120</price></region></regions></offer>
<offer id="A-2" available="true"><name>Кран</name><price>50</price><vat>20</vat><vendor>Завод</vendor>
<description>Описание</description><unitOkei>796</unitOkei></offer>
<offer id="A-3" available="true"><name>Без цены</name><vat>20</vat><vendor>Завод</vendor>
<description>Описание</description><unitOkei>796</unitOkei></offer>
</offers></shop></yml_catalog>"""


@pytest.fixture
def house(catalog, tmp_path):
    """An installation after two loads of supplier `a`, a work by hand, a load of `b` and a snapshot."""
    settings = Settings(home=str(tmp_path / "home"))
    settings.home_path.mkdir()
    house = steps.House(settings, catalog, open_store(settings))
    feed = tmp_path / "feed.xml"
    for text in (FIRST, FIRST.replace("<price>100<", "<price>110.5051<")):
        feed.write_text(text, encoding="utf-8")
        steps.load_source(house, str(feed), supplier="a", shop="main", settings={})
    feed.write_text(FIRST, encoding="utf-8")
    steps.load_source(house, str(feed), supplier="b", shop="main", settings={})
    steps.mark_offers(house, steps.select("main", "a", skus=["A-2"]), "hide", who="Петрова", why="проверка")
    with catalog.connect() as conn:  # the first load was more than a month ago
        conn.execute("UPDATE changes SET at = at - INTERVAL '40 days' WHERE load_id = 1")
        conn.execute("UPDATE offers SET first_seen_at = first_seen_at - INTERVAL '40 days' WHERE supplier_id = 'a'")
        conn.commit()
    steps.write_snapshot(house)
    return house


@pytest.mark.integration
def test_every_question_of_the_guide_has_an_answer(house):
    asked = questions()
    assert len(asked) >= 15
    for question in asked:
        answer = steps.query_snapshot(house, question.query)
        assert bool(answer) is not EMPTY.get(question.title, False), question.title


@pytest.mark.integration
def test_answers_of_the_guide_are_right(house):
    answers = {q.title: steps.query_snapshot(house, q.query) for q in questions()}
    moscow = answers["At what price does a buyer in Moscow see each offer, and where does that price come from?"]
    assert [(r["supplier"], r["sku"], str(r["price"]), r["price_of"]) for r in moscow] == [
        ("a", "A-1", "90.00", "Город Москва"),
        ("b", "A-1", "90.00", "Город Москва"),
        ("b", "A-2", "50.00", "везде"),
    ]
    (dearer, _) = answers["Where is the same offer dearer than in Moscow?"]
    assert (dearer["sku"], str(dearer["siberia"])) == ("A-1", "120.00")
    (moved,) = [r for r in answers["Which offers have other prices now than a day ago?"] if r["supplier"] == "a"]
    assert (moved["sku"], str(moved["was"]), str(moved["becomes"])) == ("A-1", "100.00", "110.51")
    prices = [(r["kind"], str(r["price"])) for r in answers["How has the price of one offer moved?"]]
    assert prices == [("created", "100.00"), ("changed", "110.51")]
    (edit,) = answers["Who changed the catalog by hand, what and why?"]
    assert (edit["who"], edit["why"], edit["kind"]) == ("Петрова", "проверка", "hidden")
    unknown = answers["Which names of characteristics are not known yet, and how many offers have them?"]
    assert [(r["sent_name"], r["offers"]) for r in unknown] == [("Окрас", 2)]
    long = answers["Which offers are between one and three metres long?"]
    assert [(r["supplier"], r["value"], r["unit"]) for r in long] == [("a", "2000", "мм"), ("b", "2000", "мм")]
    rejected = answers["Which offers were rejected, why, and in which line of which file?"]
    assert [(r["sku"], r["codes"]) for r in rejected] == [("A-3", ["price_missing"])] * 2


def test_the_guide_names_every_view_and_macro():
    guide = GUIDE.read_text(encoding="utf-8")
    for thing in (*views(), *macros()):
        if thing.name != "load_sources":
            assert thing.name in guide, thing.name
