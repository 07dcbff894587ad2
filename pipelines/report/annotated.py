"""The supplier's own file with our remarks in it: before each faulty offer a comment says what is wrong with it.

The file is streamed: a copy in its own encoding, the same to the byte but for the comments. Its offers are found as the
parser found them, by line and by their order on that line; what looks like an offer inside a comment, CDATA section or
instruction is none.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import duckdb

from pipelines.model import Severity
from pipelines.report.wording import fill, in_words, issue_code, plain, quote

# Remarks on one offer that are written out; the complete list has the others.
_REMARKS = 20
_BLOCK = 1 << 18
_MEMORY = "256MB"

_TOKEN = re.compile(r"<!--|<!\[CDATA\[|<\?|<(?:[^\s<>/:!?]+:)?offer(?=[\s/>])")
_CLOSING = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
_LABELS = {Severity.ERROR: "ОШИБКА", Severity.WARNING: "ПРЕДУПРЕЖДЕНИЕ"}

_FAULTY = f"""
SELECT place.line, place.nth, issue.code, issue.line, issue.field, issue.sku, issue.sent, issue.published, issue.rest
FROM (
    SELECT *, count(*) OVER remarks - {_REMARKS} AS rest
    FROM (SELECT *, file_row_number AS position FROM read_parquet($issues, file_row_number = true))
    WHERE severity IN ('error', 'warning') AND ordinal IS NOT NULL
    WINDOW remarks AS (PARTITION BY ordinal)
    QUALIFY row_number() OVER (PARTITION BY ordinal ORDER BY position) <= {_REMARKS}
) AS issue
JOIN (
    SELECT ordinal, line, ordinal - min(ordinal) OVER (PARTITION BY line) AS nth FROM read_parquet($offers)
) AS place USING (ordinal)
ORDER BY ordinal, issue.position
"""


@dataclass
class _Offer:
    """A faulty offer: its line, its place among the offers that begin on that line, and what to say."""

    line: int
    nth: int
    comments: list[str]


def annotate(source: BinaryIO, out: BinaryIO, *, encoding: str, offers: Path, issues: Path, scratch: Path) -> int:
    """Write the annotated copy of a YML file; the number of offers with remarks is given back.

    Args:
        source: the file as it was received.
        out: where the copy goes.
        encoding: the encoding the bytes really have.
        offers: Parquet of `RAW_SCHEMA`: where each offer stands.
        issues: Parquet of `ISSUE_SCHEMA`.
        scratch: a folder for what does not fit in memory.
    """
    with duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": str(scratch)}) as connection:
        rows = connection.execute(_FAULTY, {"issues": str(issues), "offers": str(offers)})
        faulty = _faulty(rows)
        encode = codecs.getencoder(_codec(source, encoding))
        annotated = 0
        wanted = next(faulty, None)
        at = (0, 0)
        for text, line in _split(_blocks(source, encoding)):
            if line is not None:
                at = (line, at[1] + 1 if at[0] == line else 0)
                if wanted is not None and at == (wanted.line, wanted.nth):
                    comments = "".join(f"{comment}\n" for comment in wanted.comments)
                    # What the encoding has no letter for is not worth losing the copy.
                    out.write(encode(comments, "replace")[0])
                    annotated += 1
                    wanted = next(faulty, None)
            out.write(encode(text, "surrogateescape")[0])
        return annotated


def _faulty(rows: duckdb.DuckDBPyConnection) -> Iterator[_Offer]:
    offer: _Offer | None = None
    while batch := rows.fetchmany(1_000):
        for line, nth, code, at, field, sku, sent, published, rest in batch:
            if offer is None or (offer.line, offer.nth) != (line, nth):
                if offer is not None:
                    yield offer
                offer = _Offer(
                    line, nth, [_comment(f"И ещё замечаний: {rest}, см. полный список.")] if rest > 0 else []
                )
            entry = issue_code(code)
            quoted = {"field": field, "sku": sku, "sent": sent, "published": in_words(entry, published)}
            values = {name: None if value is None else quote(value, 200) for name, value in quoted.items()}
            values["line"] = None if at is None else str(at)
            place = "" if at is None else f", строка {at}"
            said = f"{fill(entry.message, values)} {fill(entry.remedy, values)}"
            offer.comments.append(_comment(f"{_LABELS[entry.severity]} {code}{place}: {said}"))
    if offer is not None:
        yield offer


def _comment(text: str) -> str:
    """A comment of XML, which must not hold two hyphens in a row nor end with one."""
    return f"<!-- {re.sub('-(?=-)', '- ', plain(text)).strip()} -->"


def _codec(source: BinaryIO, encoding: str) -> str:
    """The codec that writes exactly the bytes it has read, byte order mark and all."""
    if encoding != "utf-16":
        return encoding
    start = source.read(2)
    source.seek(0)
    return "utf-16-le" if start == codecs.BOM_UTF16_LE else "utf-16-be"


def _blocks(source: BinaryIO, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(_codec(source, encoding))("surrogateescape")
    while block := source.read(_BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _split(blocks: Iterable[str]) -> Iterator[tuple[str, int | None]]:
    """The text in pieces; a piece that begins with the start tag of an offer comes with its line."""
    rest, line, starts = "", 1, None
    for block in chain(blocks, [None]):
        text = rest + (block or "")
        begin = at = 0
        hold = None
        while match := _TOKEN.search(text, at):
            if closing := _CLOSING.get(match[0]):
                end = text.find(closing, match.end())
                if end < 0:
                    hold = match.start()
                    break
                at = end + len(closing)
                continue
            yield text[begin : match.start()], starts
            line += text.count("\n", begin, match.start())
            begin, starts, at = match.start(), line, match.end()
        if block is None:
            hold = len(text)
        elif hold is None:
            # What may become a token with the next block waits for it.
            last = text.rfind("<", at)
            hold = len(text) if last < 0 else last
        if hold > begin:
            yield text[begin:hold], starts
            line += text.count("\n", begin, hold)
            starts = None
        rest = text[hold:]
