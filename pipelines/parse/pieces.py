"""A document as a stream of pieces, each whole in itself, each with the exact line of every element in it.

A piece begins with `<` and ends where the next piece begins: never inside a tag, a comment, a CDATA section, a
processing instruction or an entity reference. So a piece can be repaired, or its elements counted, without knowing what
came before; all that passes from one piece to the next is the line number.

libxml2 keeps a line in 16 bits, and past line 65 535 it tells the line where an element's first text ends instead.
Here the lines are taken from the bytes: in well-formed XML a `<` outside comments, CDATA and instructions always begins
a tag, so the k-th such tag is the k-th element of the document, and its line is the number of line feeds before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipelines.errors import SupplierError

# The longest single text, tag, comment or CDATA section; bounds the memory a piece can take.
TOKEN_LIMIT = 4 << 20

_LESS, _SLASH, _BANG, _QUESTION, _LINE_FEED = b"</!?\n"
_Offsets = npt.NDArray[np.intp]
Span = tuple[int, int]


@dataclass(frozen=True)
class Piece:
    """A part of a document in UTF-8.

    Attributes:
        body: the bytes.
        lines: the line of each element start tag of `body`, in document order.
        end_line: the line of the first byte after it.
    """

    body: bytes
    lines: list[int]
    end_line: int


class Repairer(Protocol):
    """What may be done to a document on its way."""

    def controls(self, block: bytes, before: bytes, line: int) -> bytes:
        """`block` without the characters that no document may hold; it follows `before`, which starts at `line`."""

    def references(self, data: bytes, spans: list[Span], line: int) -> bytes:
        """A piece that starts at `line` with its references in order; `spans` are not to be touched."""


def cut_pieces(blocks: Iterable[bytes], *, line: int, repairs: Repairer) -> Iterator[Piece]:
    """Cut a stream of UTF-8 blocks, which starts with the root element at `line`, into pieces.

    Raises:
        SupplierError: `xml_limit` when one token is longer than `TOKEN_LIMIT`.
    """
    rest = b""
    for block in blocks:
        clean = repairs.controls(block, rest, line)
        data = rest + clean if rest else clean
        cut, starts, spans = _scan(data, final=False)
        if cut:
            piece = _piece(data[:cut], starts, spans, line, repairs)
            line = piece.end_line
            yield piece
        rest = data[cut:]
        if len(rest) > TOKEN_LIMIT:
            limit = f"текст, метка или CDATA длиннее {TOKEN_LIMIT >> 20} МБ"
            raise SupplierError("xml_limit", line=line, detail=limit)
    if rest:
        _, starts, spans = _scan(rest, final=True)
        yield _piece(rest, starts, spans, line, repairs)


def one_piece(data: bytes, *, line: int, repairs: Repairer | None = None) -> Piece:
    """All of a document, or a part of it that is whole in itself, as one piece; it starts at `line`."""
    if repairs is not None:
        data = repairs.controls(data, b"", line)
    _, starts, spans = _scan(data, final=True)
    return _piece(data, starts, spans, line, repairs)


def _piece(data: bytes, starts: _Offsets, spans: list[Span], line: int, repairs: Repairer | None) -> Piece:
    feeds = np.flatnonzero(np.frombuffer(data, np.uint8) == _LINE_FEED)
    lines: list[int] = (np.searchsorted(feeds, starts) + line).tolist()
    body = data if repairs is None else repairs.references(data, spans, line)
    return Piece(body, lines, line + feeds.size)


def _scan(data: bytes, *, final: bool) -> tuple[int, _Offsets, list[Span]]:
    """(where the piece ends, offsets of its element start tags, spans of comments, CDATA and instructions)."""
    octets = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero(octets == _LESS)
    cut = len(data)
    if not final:
        if marks.size == 0:
            return 0, marks, []
        cut = int(marks[-1])
        marks = marks[:-1]
    following = octets[np.minimum(marks + 1, len(data) - 1)]
    special = (following == _BANG) | (following == _QUESTION)
    spans: list[Span] = []
    end = 0
    for offset in marks[special].tolist():
        if offset < end:
            continue
        found = _span_end(data, offset)
        if found is None:
            cut = len(data) if final else offset
            spans.append((offset, len(data)))
            break
        end = found
        spans.append((offset, end))
        cut = max(cut, end)
    starts = marks[~special & (following != _SLASH) & (marks < cut)]
    if spans:
        begins, ends = np.array(spans).T
        before = np.searchsorted(begins, starts, side="right") - 1
        starts = starts[(before < 0) | (starts >= ends[before])]
        if not final and spans[-1][0] >= cut:
            spans.pop()
    return cut, starts, spans


def _span_end(data: bytes, offset: int) -> int | None:
    """The offset after a comment, CDATA section or instruction; None when it does not end in `data`."""
    if data.startswith(b"<!--", offset):
        opening, closing = 4, b"-->"
    elif data.startswith(b"<![CDATA[", offset):
        opening, closing = 9, b"]]>"
    elif data.startswith(b"<?", offset):
        opening, closing = 2, b"?>"
    else:
        return offset + 2  # no markup declaration may stand inside the root element: the parser will refuse it
    found = data.find(closing, offset + opening)
    return None if found < 0 else found + len(closing)
