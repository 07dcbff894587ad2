"""A file read by slices says exactly what the plain path says, or says that it cannot be sure."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.generate import feed as generate
from pipelines.errors import SupplierError
from pipelines.model import Issue, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse import parse
from pipelines.parse.facts import Facts
from pipelines.parse.slice_reader import SliceReader
from pipelines.parse.slices import SLICE_LIMIT, TAIL_LIMIT, Cut, Run, Unproven, digest_seed, slices_of
from pipelines.parse.sniff import sniff
from pipelines.parse.wrapping import Context
from pipelines.parse.yml_cut import open_cut

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]
Told = tuple[list[dict[str, Any]], tuple[Issue, ...], dict[str, str], str]

CLEAN = b"""<?xml version="1.0" encoding="utf-8"?>
<yml_catalog date="x"><shop><name>\xd0\xa0\xd0\xbe\xd0\xbc\xd0\xb0\xd1\x88\xd0\xba\xd0\xb0</name>
<categories><category id="1">a</category></categories>
<offers>
<offer id="1" available="true"><name>one</name><price>1</price></offer>
<offer id="2">
<name>two</name><param name="a" unit="b">c</param><price>2</price>
</offer><offer
 id="3"><name>three</name><strange/><price>3</price></offer>
</offers>
</shop></yml_catalog>
"""
WAYS = ("each slice", "runs of offers", "runs as columns")
PROVEN = {
    "clean": (b"", b""),
    "CDATA with the beginning of an offer": (b"one", b"<![CDATA[<offer id='9'>]]>"),
    "CDATA among text": (b"one", b"a<![CDATA[<b>&nbsp;</b>]]>z"),
    "a comment in an offer": (b"<name>two", b"<!-- & it's < not --><name>two"),
    "CDATA with the end of an offer": (b"one", b"<![CDATA[</offer>]]>"),
    "an end in a comment": (b"<name>one", b"<!-- </offer> --><name>one"),
    "an end in an instruction": (b"<name>one", b"<?x </offer>?><name>one"),
    "an end in an attribute": (b'unit="b"', b"unit='&lt;/offer>'"),
    "an offer in an offer": (b"<name>two", b"<offer id='8'></offer><name>two"),
    "an end of line in a value": (b"two", b"t\r\nw\n\no"),
    "all lines end as in DOS": (b"\n", b"\r\n"),
    "mixed content": (b"two", b"before<b>in\nside</b>after"),
    "two prices": (b"<price>2</price>", b"<price>2</price>\n<price>3</price>"),
    "a bare ampersand": (b"two", b"A & B"),
    "HTML names": (b"two", b"A&nbsp;&laquo;B"),
    "a control character": (b"two", b"t\x0bwo"),
    "references to characters": (b"two", b"&#1080;&amp;&lt;"),
    "attributes": (b'name="a"', b"name='>\n\t\"'"),
    "a default namespace": (b"<yml_catalog", b'<yml_catalog xmlns="urn:x"'),
    "a prefix bound at the root": (b"<yml_catalog", b'<yml_catalog xmlns:g="urn:g&amp;h"'),
    "a default namespace that ends": (b"<shop>", b"<shop xmlns='urn:x'><offers xmlns=''/>"),
    "spaced tags": (b"<offers>", b"<offers\n>"),
    "<offers> in a comment of the header": (b"<offers>", b"<!-- <offers> --><offers>"),
    "a document type": (b"<yml_catalog d", b'<!DOCTYPE yml_catalog SYSTEM "shops.dtd"><yml_catalog d'),
    "an entity that is cut in the tail": (b"</offers>", b"</offers><name>A & B</name>"),
    "space between offers": (b"</offer><offer", b"</offer>  \n\t<offer"),
    "a byte order mark": (b"<?xml", b"\xef\xbb\xbf<?xml"),
    "junk before": (b"<?xml", b"Notice: PHP\n<?xml"),
    "no declaration": (b'<?xml version="1.0" encoding="utf-8"?>', b""),
    "an encoding of a strange name": (b"utf-8", b"UTF8"),
    "identical offers": (b'<offer\n id="3">', b'<offer id="2">'),
}
DOUBTFUL = {
    "CDATA with the end and another": (b"one", b"<![CDATA[</offer><offer id='9'>]]>"),
    "a whole offer in a comment": (b"</offer><offer", b"</offer><!-- <offer id='9'></offer> --><offer"),
    "a comment over a border": (b"one", b"<!-- </offer><offer> -->"),
    "two comments that balance": (
        b"</offer><offer",
        b"<!-- </offer>\n<offer> --></offer><!-- </offer><offer> --><offer",
    ),
    "an instruction over a border": (b"one", b"<?x </offer><offer ?>"),
    "an end with a space": (b"</offer>", b"</offer >"),
    "an empty offer": (b"</offer><offer", b"</offer><offer id='7'/><offer"),
    "the first is empty": (b"<offers>", b"<offers><offer id='7'/>"),
    "the last is empty": (b"</offers>", b"<offer id='7'/></offers>"),
    "another element between": (b"</offer><offer", b"</offer><gift id='8'>x</gift><offer"),
    "a comment between": (b"</offer><offer", b"</offer><!-- next --><offer"),
    "two lists of offers": (b"</offer><offer", b"</offer></offers><offers><offer"),
    "an offer elsewhere": (b"</offers>", b"</offers><gifts><offer id='5'></offer></gifts>"),
    "an offer in the header": (b"<offers>", b"<gifts><offer id='5'></offer></gifts><offers>"),
    "an offer in a comment of the header": (b"<offers>", b"<!-- <offer id='5'></offer> --><offers>"),
    "an end of a comment too many": (
        CLEAN[CLEAN.index(b"<offer id") :],
        b"<!-- <offer id='5'></offer> --><offer></offer><gift/> --></offers></shop></yml_catalog>",
    ),
    "an offer in CDATA of the tail": (b"</offers>", b"</offers><x><![CDATA[ <offer id='5'></offer> ]]></x>"),
    "a namespace that is no address": (b"<yml_catalog", b'<yml_catalog xmlns:g="urn:{x}"'),
    "a prefix": (b"<offers>", b"<offers xmlns:y='urn:y'><y:offer id='6'></y:offer>"),
    "a control character between offers": (b"</offer>\n<offer", b"</offer>\n\x01<offer"),
    "a tag that repairs make": (b"</offer><offer", b"</off\x01er><off\x02er"),
}
REFUSED = {
    "a name unknown to HTML": (b"two", b"&firm;"),
    "an attribute twice": (b'name="a"', b'name="a" name="b"'),
    "tags that do not match": (b"two</name>", b"two</b>"),
    "cut short": (b"</offers>\n</shop></yml_catalog>\n", b""),
    "cut short in an offer": (CLEAN[CLEAN.index(b"three") :], b"thr"),
    "the root is left open": (b"</yml_catalog>", b""),
    "something after the root": (b"</yml_catalog>", b"</yml_catalog><x/>"),
    "]]> in text": (b"two", b"]]>"),
    "less in an attribute": (b'name="a"', b'name="<"'),
    "a name of digits": (b"<strange/>", b"<1x/>"),
    "a prefix that is not bound": (b"<strange/>", b"<z:strange/>"),
    "a declaration inside": (b"two", b"<?xml version='1.0'?>"),
    "hyphens in a comment": (b"two", b"<!-- a -- b -->"),
    "a reference to a control character": (b"two", b"&#11;"),
    "a byte of another encoding": (b"two", b"\xf2\xe2\xee"),
    "an overlong sequence": (b"two", b"\xc0\xaf"),
    "half a surrogate": (b"two", b"\xed\xa0\x80"),
    "halves of a character, parted by a control character, under a mark": (
        CLEAN[: CLEAN.index(b"two") + 1],
        b"\xef\xbb\xbf" + CLEAN[: CLEAN.index(b"two")] + b"\xd1\x01\x81",
    ),
    "depth": (b"two", b"<a>" * 253 + b"</a>" * 253),
    "a closing tag too many": (b"</offer><offer", b"</offer></offers><offer"),
    "offers that are not closed": (b"</offers>", b""),
}  # fmt: skip


def told_by_slices(
    data: bytes, tags: dict[str, str] | None = None, *, run_bytes: int = 40, way: str = "each slice"
) -> Told:
    """What the slices of a file say; raises `Unproven`."""
    sniffed = sniff(data, whole=True)
    with open_cut(lambda: io.BytesIO(data), sniffed, tags or {}) as cut:
        reader = SliceReader(cut.context)
        rows: list[dict[str, Any]] = []
        parts: list[Facts] = []
        for run in cut._cut.runs(run_bytes):
            if way == "runs as columns":
                batch, facts = reader.read_run(*run)
            else:
                reader.read(*run, each=way == "each slice")
                batch, facts = reader.take()
            rows += [row | {"ordinal": row["ordinal"] + len(rows)} for row in batch.to_pylist()]
            parts.append(Facts.from_json(facts.as_json()))
        frame = cut.prove()
    facts = frame.before
    for part in [*parts, frame.after]:
        facts.follow(part)
    issues = (*cut.remarks, *facts.repairs.issues(), *facts.unknown.issues())
    return rows, issues, facts.spellings, cut.context.encoding


def same(data: bytes, read: Read, told: Told) -> None:
    result, rows = read(data)
    assert told[0] == rows
    assert told[1] == result.issues
    assert result.spellings.items() >= told[2].items()
    assert told[3] == result.encoding


def altered(change: tuple[bytes, bytes], count: int = -1) -> bytes:
    assert change[0] in CLEAN
    return CLEAN.replace(*change, count)


@pytest.mark.parametrize("name", PROVEN)
def test_what_is_proven_is_what_the_plain_path_says(name: str, read: Read) -> None:
    data = altered(PROVEN[name])
    for way in WAYS:
        same(data, read, told_by_slices(data, way=way))


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_is_doubtful_is_left_to_the_plain_path(name: str, read: Read) -> None:
    data = altered(DOUBTFUL[name], 1)
    with pytest.raises(Unproven):
        told_by_slices(data)
    assert read(data)[1]
    for way in WAYS[1:]:
        with suppress(Unproven):  # what no slice shows may show for all of them together
            same(data, read, told_by_slices(data, way=way, run_bytes=10_000))


@pytest.mark.parametrize("name", REFUSED)
def test_what_strict_parsing_refuses_is_never_proven(name: str, refuse: Callable[[bytes], SupplierError]) -> None:
    data = altered(REFUSED[name], 1)
    for way in WAYS:
        with pytest.raises(Unproven):
            told_by_slices(data, way=way)
    assert refuse(data).code in {"xml_malformed", "xml_truncated", "xml_limit", "encoding_invalid"}


def test_positions_spelled_in_two_ways_are_not_told_apart_by_slices(read: Read) -> None:
    twice = b"<IDTOIMPORT>1</IDTOIMPORT><idToImport>2</idToImport>"
    data = CLEAN.replace(b"<name>one", b"<idToImport>1</idToImport><name>one").replace(b"<strange/>", twice)
    with pytest.raises(Unproven, match="spell"):
        told_by_slices(data)
    assert read(data)[1][2]["repeated"] == [{"field": "idToImport", "value": "1", "line": 9}]


@pytest.mark.parametrize("encoding", ["windows-1251", "koi8-r"])
def test_a_file_in_another_encoding_is_cut_as_it_is(encoding: str, read: Read) -> None:
    text = CLEAN.decode().replace("utf-8", encoding).replace("two", "два & полтора").encode(encoding)
    told = told_by_slices(text)
    assert told[3] == encoding
    same(text, read, told)


@pytest.mark.parametrize("name", ["Ромашка, полевая и садовая, на любой вкус", "Camomile"])
def test_a_file_that_declares_the_wrong_encoding_is_read_in_the_right_one(name: str, read: Read) -> None:
    data = CLEAN.decode().replace("Ромашка", name).replace("two", "Два товара по цене одного").encode("windows-1251")
    told = told_by_slices(data)
    assert [issue.code for issue in told[1]] == ["encoding_overridden", "unknown_tags"]
    same(data, read, told)


def test_utf_16_is_not_cut(read: Read) -> None:
    data = CLEAN.decode().replace(' encoding="utf-8"', "").encode("utf-16")
    with pytest.raises(Unproven):
        told_by_slices(data)
    assert len(read(data)[1]) == 3


def test_the_limits_of_a_cut(read: Read) -> None:
    for long in (b"<name>two" + b"x" * SLICE_LIMIT, b"</offers>" + b" " * (TAIL_LIMIT + 1)):
        data = CLEAN.replace(long[:9], long, 1)
        with pytest.raises(Unproven):
            told_by_slices(data)
        assert len(read(data)[1]) == 3


def test_a_tag_of_the_links_own_is_read_from_it(tmp_path: Path) -> None:
    tags = {"name": "strange"}
    rows = told_by_slices(CLEAN, tags)[0]
    assert [row["name"] for row in rows] == [None, None, ""]
    result = parse(lambda: io.BytesIO(CLEAN), tmp_path / "raw.parquet", options=LinkOptions(tags=tags))
    assert result.read == 3


MARKUP = "<offer id='4'> </offer> <offer/> <!-- --> <![CDATA[ ]]> <?x ?> ' & ; < > </offers> <offers> <name> </name>"
PIECES = st.sampled_from([*MARKUP.encode().split(), b"</offer >", b" ", b"\n", b"\x01", b"\xff"])


@given(st.lists(st.tuples(st.integers(0, len(CLEAN)), PIECES), max_size=4), st.integers(20, 400), st.sampled_from(WAYS))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_put_into_a_file_slices_say_the_same_or_nothing(
    tmp_path: Path, edits: list[tuple[int, bytes]], run_bytes: int, way: str
) -> None:
    data = CLEAN
    for place, piece in sorted(edits, reverse=True):
        data = data[:place] + piece + data[place:]
    out = tmp_path / "raw_offers.parquet"
    try:
        told = told_by_slices(data, run_bytes=run_bytes, way=way)
    except (Unproven, SupplierError):
        return
    result = parse(lambda: io.BytesIO(data), out)  # what is proven is not refused
    assert pa.parquet.read_table(out).to_pylist() == told[0]
    assert result.issues == told[1]


def test_digests_follow_the_bytes_of_offers_and_what_they_are_read_in() -> None:
    before, after = ([*generate(7, encoding="utf-8", bytes_wanted=None, offers_wanted=40, mutate=m)] for m in (0, 0.3))
    cuts = [Cut(io.BytesIO(b"".join(parts)), offset=0, line=1) for parts in (before, after)]
    seed = digest_seed(Context("utf-8").as_json())
    old, new = ({s.digest for run in cut.runs(4_000) for s in slices_of(run, seed)} for cut in cuts)
    changed = {part for part in after if part.startswith(b"<offer")} - set(before)
    assert len(old) == 40
    assert 0 < len(changed) == len(new - old)
    seeds = {digest_seed(Context(e, n).as_json()) for e in ("utf-8", "koi8-r") for n in ((), ((None, "urn:x"),))}
    assert len(seeds) == 4


def test_slices_tell_their_lines_and_ignore_what_is_between_them() -> None:
    runs = list(Cut(io.BytesIO(CLEAN), offset=0, line=1).runs(10))
    slices = [(run, part) for run in runs for part in slices_of(run, 1)]
    assert [part.line for _, part in slices] == [5, 6, 8]
    assert [part.lines for _, part in slices] == [1, 2, 2 - 1]
    assert all(run.data[part.begin : part.end].startswith(b"<offer") for run, part in slices)
    spaced = Run(runs[0].data + b"\n \n", 1)
    assert [s.digest for s in slices_of(runs[0], 1)] == [s.digest for s in slices_of(spaced, 1)]


def test_runs_do_not_depend_on_how_a_source_delivers() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1 + self.tell() % 997))

    data = b"".join(generate(1, encoding="utf-8", bytes_wanted=None, offers_wanted=30))
    plain, trickle = (list(Cut(source, offset=0, line=1).runs(9_000)) for source in (io.BytesIO(data), Trickle(data)))
    assert len(plain) > 1
    assert plain == trickle
