"""O3 name, O4 description, O12 vendor, N4 text."""

import time

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.model import FeedFormat
from pipelines.normalize.description import LIMIT, MACROS, Cleaned, safe_html


def test_O3_name_of_255_characters_is_kept_and_over_it_is_cut_at_a_word(normalised):
    fits = "слово " * 42 + "end"  # 255
    assert len(fits) == 255
    result = normalised({"name": fits}, {"name": fits + "s"}, {"name": fits + " tail"}, {"name": "я" * 256})
    assert [offer["name"] for offer in result.offers] == [fits, ("слово " * 42).strip(), fits, "я" * 255]
    assert [(i["code"], i["severity"], i["sent"], i["published"]) for i in result.issues] == [
        ("name_cut", "warning", fits + "s", ("слово " * 42).strip()),
        ("name_cut", "warning", fits + " tail", fits),
        ("name_cut", "warning", "я" * 256, "я" * 255),
    ]


def test_O3_name_is_composed_when_it_is_missing(normalised):
    parts = {"type_prefix": "Дрель", "vendor": "Завод", "model": "X-1"}
    result = normalised({"name": None, **parts}, {"name": " ", **parts, "type_prefix": None})
    assert [offer["name"] for offer in result.offers] == ["Дрель Завод X-1", "Завод X-1"]
    assert result.codes == ["name_composed"] * 2


def test_O3_without_a_model_there_is_no_name(normalised):
    result = normalised({"name": None, "type_prefix": "Дрель"})
    assert result.rejected[0]["codes"] == ["name_missing"]
    assert result.issue("name_missing")["severity"] == "error"


def test_O3_type_prefix_beside_a_name_is_said_once_per_file(normalised):
    result = normalised({}, {"type_prefix": "Дрель"}, {"type_prefix": "Пила"})
    issue = result.issue("type_prefix_ignored")
    assert (issue["ordinal"], issue["sent"], issue["line"], issue["severity"]) == (None, "Дрель", 112, "info")
    assert {offer["name"] for offer in result.offers} == {"Кабель"}


def test_O3_the_sku_stands_in_for_the_name_where_the_link_says_so(normalised):
    result = normalised({"name": "", "sku": "A-1"}, name_fallback="sku")
    assert result.offer["name"] == "A-1"
    assert result.issue("name_from_sku")["severity"] == "warning"


def test_N4_names_are_composed_and_spaces_collapsed_and_this_is_said(normalised):
    result = normalised(
        {"name": "Кабель\u00a0 мои\u0306", "vendor": "A\tB", "model": " X ", "vendor_code": "1\u2009 2"}
    )
    offer = result.offer
    assert (offer["name"], offer["vendor"], offer["model"], offer["vendor_code"]) == ("Кабель мой", "A B", "X", "1 2")
    assert [(i["field"], i["published"]) for i in result.issues] == [
        ("name", "Кабель мой"),
        ("vendor", "A B"),
        ("vendorCode", "1 2"),
    ]


def test_N4_homoglyphs_are_not_changed(normalised):
    assert normalised({"name": "плаcтик НP"}).offer["name"] == "плаcтик НP"


@pytest.mark.parametrize("name", ["15 ? 12 см", "Труба \ufffd 20", "в„–5"])
def test_N4_what_was_lost_before_it_came_is_left_as_sent(normalised, name):
    assert normalised({"name": name}).offer["name"] == name


@pytest.mark.parametrize(("required", "accepted"), [("vendor", 0), ("vat", 1), ("", 1)])
def test_O12_vendor_is_required_by_the_shop(normalised, required, accepted):
    result = normalised({"vendor": " "}, required_fields=required)
    assert result.totals.accepted == accepted
    assert ("vendor_missing" in result.codes) is not accepted


@pytest.mark.parametrize(("required", "accepted"), [("description", 0), ("vat,vendor", 1)])
def test_O4_description_is_required_by_the_shop(normalised, required, accepted):
    result = normalised({"description": None}, required_fields=required)
    assert result.totals.accepted == accepted
    assert ("description_missing" in result.codes) is not accepted


def test_O4_a_description_of_links_alone_is_none(normalised):
    result = normalised({"description": "https://a.ru/1 <a href='https://b.ru'></a>"})
    assert result.rejected[0]["codes"] == ["description_missing"]


TABLE = '<table><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
MARKUP = [
    ("Просто текст", "Просто текст", []),
    ("<p>Текст</p><ul><li>1</li></ul>", "<p>Текст</p><ul><li>1</li></ul>", []),
    ("A & B < C", "A &amp; B &lt; C", []),
    ("A &amp; B", "A &amp; B", []),
    ("<b>не закрыто", "<b>не закрыто</b>", []),
    ("<p style='x' onclick='y'>т</p>", "<p>т</p>", []),
    ("<script>alert(1)</script>т", "т", ["description_tags_removed"]),
    ("<form><input>т</form>", "т", ["description_tags_removed"]),
    ("см. <a href='https://a.ru'>сайт</a>", "см. сайт", ["description_links_removed"]),
    ("см. https://a.ru/x?y=1 и www.b.ru.", "см.  и", ["description_links_removed"]),
    ("<table><tr><td colspan='2' width='9'>1</td></tr></table>", TABLE, []),
]


def test_O4_html_is_reduced_to_a_safe_set(normalised):
    result = normalised(*[{"description": sent} for sent, *_ in MARKUP])
    assert [offer["description"] for offer in result.offers] == [published for _, published, _ in MARKUP]
    codes = [[i["code"] for i in result.issues if i["ordinal"] == n] for n in range(len(MARKUP))]
    assert codes == [codes for *_, codes in MARKUP]


def test_O4_a_description_over_the_limit_is_cut_by_characters(normalised):
    fits = "ж" * 65_535
    result = normalised({"description": fits}, {"description": fits + "ж"})
    assert [len(offer["description"]) for offer in result.offers] == [65_535, 65_535]
    assert (result.issue("description_cut")["severity"], result.issue("description_cut")["published"]) == (
        "warning",
        "65535",
    )
    csv = normalised({"description": "ж" * 65_000}, {"description": "ж" * 65_001, "sku": "B"}, format_=FeedFormat.CSV)
    assert csv.codes == ["description_cut"]


@pytest.mark.parametrize(
    ("text", "limit", "html"),
    [
        ("один два три", 12, "один два три"),
        ("один два три", 11, "один два"),
        ("<b>один</b><i>два три</i>", 16, "<b>один</b>"),
        ("<b>один два</b>", 14, "<b>один</b>"),
        ("бесконечное", 5, "беско"),
        ("ааа&amp;", 5, "ааа"),
    ],
)
def test_O4_cutting_stops_at_words_and_tags_and_closes_what_is_open(text, limit, html):
    cleaned = safe_html(text, limit)
    assert (cleaned.html, cleaned.cut) == (html, text != html)


@given(
    st.lists(
        st.sampled_from(["<b>", "</b>", "<ul>", "<li>", "слово ", "&amp;", "&", "<", "длинноеслово", "<a href='x'>"])
    ),
    st.integers(20, 60),
)
def test_O4_whatever_is_sent_the_result_is_safe_within_the_limit_and_stable(parts, limit):
    cleaned = safe_html("".join(parts), limit)
    assert len(cleaned.html) <= limit
    again = safe_html(cleaned.html, limit)
    assert again.html == cleaned.html
    assert not again.links


@pytest.mark.parametrize("hostile", ["<" * 200_000, "&" * 200_000, "<b>" * 50_000, "<a " * 60_000, "http://" * 30_000])
def test_O4_hostile_descriptions_take_bounded_time(hostile):
    started = time.monotonic()
    assert len(safe_html(hostile).html) <= LIMIT
    assert time.monotonic() - started < 20


HTML = st.lists(
    st.sampled_from(
        [
            *("<p>", "</p>", "<br>", "<br/>", "<b>", "</b>", "<strong>", "</strong>", "<ul>", "</ul>", "<li>", "</li>"),
            *("<i>", "</i>", "<P>", "<a href='x'>", "</a>", "<script>", "<", ">", "&", "&amp;", "'", '"', "/", "//"),
            *(" ", "\n", "\t", "\r", "\u00a0", "\ufeff", "\u0301", "и", "й", "Ёж", "текст.", "w.", "www.x.ru", "5 < 6"),
        ]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=60)
@given(st.lists(HTML, min_size=20, max_size=20))
def test_O4_what_is_told_to_be_safe_is_what_cleaning_gives_back(texts):
    """The short way for descriptions changes nothing."""
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        connection.register("texts", pa.table({"text": [*texts, "<p>текст</p> и<br>ул. <b>x</b>"]}))
        safe = connection.execute("SELECT text FROM texts WHERE is_safe_html(text)").fetchall()
    assert safe
    for (text,) in safe:
        assert safe_html(text) == Cleaned(text)


def test_O4_the_short_way_is_the_usual_one():
    usual = ["Кабель медный.", "<p>Первый.</p><p>Второй.</p>", "a<br>b", "<ul>\n<li>x</li> <li><b>y</b></li></ul>"]
    long_way = [
        "",
        " a",
        "a ",
        "a & b",
        "<p>a",
        "<p class='x'>a</p>",
        "<p>a<p>b</p></p>",
        "<i>a</i>",
        "http://x.ru",
        "W.x",
    ]
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        connection.register("texts", pa.table({"text": usual + long_way}))
        safe = connection.execute("SELECT is_safe_html(text) FROM texts").fetchall()
    assert [told for (told,) in safe] == [True] * len(usual) + [False] * len(long_way)
