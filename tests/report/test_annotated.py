"""The supplier's own file with our remarks in it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pipelines.model import RAW_SCHEMA, Issue
from pipelines.report import annotate, annotated
from pipelines.report.annotated import _split

WriteIssues = Callable[[Iterable[Issue]], Path]


@pytest.fixture
def annotated_copy(tmp_path: Path, write_issues: WriteIssues) -> Callable[..., bytes]:
    def copy(
        text: str, issues: list[Issue], lines: list[int], encoding: str = "utf-8", raw: bytes | None = None
    ) -> bytes:
        offers = tmp_path / "raw_offers.parquet"
        rows = [{"ordinal": ordinal, "line": line} for ordinal, line in enumerate(lines)]
        pq.write_table(pa.Table.from_pylist(rows, RAW_SCHEMA), offers)
        source, out = io.BytesIO(raw or text.encode(encoding)), io.BytesIO()
        annotate(source, out, encoding=encoding, offers=offers, issues=write_issues(issues), scratch=tmp_path)
        return out.getvalue()

    return copy


FEED = """<?xml version="1.0"?>
<yml_catalog><shop><offers>
  <offer id="a"><price>0</price></offer>
  <offer id="b"/><offer id="c"><name><![CDATA[<offer id="x">]]></name></offer><!-- <offer> --><offer id="d"/>
</offers></shop></yml_catalog>
"""
LINES = [3, 4, 4, 4]


def before_offers(copy: bytes) -> dict[str, list[str]]:
    """Offer -> the comments right before it."""
    document = etree.fromstring(copy)
    found: dict[str, list[str]] = {}
    for offer in document.iter("offer"):
        comments, node = [], offer.getprevious()
        while node is not None and node.tag is etree.Comment:
            comments.insert(0, node.text or "")
            node = node.getprevious()
        found[offer.get("id")] = comments
    return found


def test_a_faulty_offer_is_preceded_by_its_remarks(annotated_copy: Callable[..., bytes]) -> None:
    issues = [
        Issue("unknown_tags", field="x"),
        Issue("price_not_positive", ordinal=0, line=3, sent="0"),
        Issue("vendor_missing", ordinal=0, line=3),
        Issue("name_missing", ordinal=3, line=4),
        Issue("text_cleaned", ordinal=1, line=4),
    ]
    found = before_offers(annotated_copy(FEED, issues, LINES))
    assert [len(found[offer]) for offer in "abcd"] == [2, 0, 0, 2]
    assert found["a"][0].startswith(" ОШИБКА price_not_positive, строка 3: Цена «0» не больше нуля.")
    assert "ОШИБКА name_missing" in found["d"][-1]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-16"])
def test_without_our_comments_it_is_the_file(annotated_copy: Callable[..., bytes], encoding: str) -> None:
    text = FEED.replace("<price>", "<name>Болт «М8»</name>\r\n<price>")
    issues = [Issue("price_not_positive", ordinal=n, sent="\U0001f642 -- ---> ]]>") for n in range(4)]
    copy = annotated_copy(text, issues, [3, 5, 5, 5], encoding).decode(encoding)
    assert copy.count("ОШИБКА") == 4
    assert re.sub(r"<!-- ОШИБКА.*? -->\n", "", copy) == text


def test_bytes_that_are_no_letters_stay_what_they_are(annotated_copy: Callable[..., bytes]) -> None:
    raw = b"\xef\xbb\xbf" + FEED.encode().replace(b"<price>0", b"<price>\x98\xff")
    copy = annotated_copy("", [Issue("price_invalid", ordinal=0, sent="x")], LINES, raw=raw)
    assert re.sub(rb"<!-- [^>]*price_invalid.*? -->\n", b"", copy) == raw


@pytest.mark.parametrize("text", ["-->", "--", "-", "--->", "<script>", "]]>", "\r\n\x00\u202e", "a--", "<!-- -->"])
def test_no_value_ends_the_comment(annotated_copy: Callable[..., bytes], text: str) -> None:
    issues = [
        Issue("price_invalid", ordinal=0, sku=text, field=text, sent=text),
        Issue("sku_too_long", ordinal=0, sent=text),
    ]
    copy = annotated_copy(FEED, issues, LINES)
    assert len(before_offers(copy)["a"]) == 2
    assert [offer.get("id") for offer in etree.fromstring(copy).iter("offer")] == ["a", "b", "c", "d"]


def test_remarks_on_one_offer_are_bounded(annotated_copy: Callable[..., bytes]) -> None:
    found = before_offers(annotated_copy(FEED, [Issue("price_invalid", ordinal=0)] * 25, LINES))["a"]
    assert len(found) == annotated._REMARKS + 1
    assert found[0] == " И ещё замечаний: 5, см. полный список. "


@given(
    st.lists(
        st.sampled_from(
            ["<offer ", "<offer>", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>", "<of", "fer/>", "\n", "<", "a"]
        )
    ),
    st.integers(1, 9),
)
def test_pieces_are_the_text_however_it_comes(tokens: list[str], size: int) -> None:
    text = "".join(tokens)
    whole = list(_split([text]))
    parts = list(_split([text[at : at + size] for at in range(0, len(text), size)]))
    assert "".join(piece for piece, _ in parts) == text
    assert [line for _, line in parts if line] == [line for _, line in whole if line]
