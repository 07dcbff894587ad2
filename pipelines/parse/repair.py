"""Repairs of markup that are safe and unambiguous, each counted and reported with its first line (F6).

Character data only: comments, CDATA sections and instructions are left as they are. What could be read in more
than one way is refused.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from pipelines.errors import SupplierError
from pipelines.model import Issue
from pipelines.parse.pieces import Span

# An ampersand that does not begin a reference XML knows. Numeric references are the parser's to judge.
_SUSPECT = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")
_REFERENCE = re.compile(rb"&(?:([A-Za-z][A-Za-z0-9]{0,40});)?")
_SHOWN = re.compile(rb"&(?:[A-Za-z][A-Za-z0-9]*;|[^<\r\n]{0,40})")
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
_HTML = {
    name[:-1].encode(): "".join(_MARKUP.get(c, c) for c in text).encode()
    for name, text in html.entities.html5.items()
    if name.endswith(";") and name[:-1] not in _XML_NAMES
}
# Control characters that XML 1.0 forbids, everywhere in a document.
_CONTROL = bytes(set(range(0x20)) - set(b"\t\n\r"))


class Repairs:
    """The repairs of one document: what was done, how often, and where first."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._first: dict[str, tuple[int, str]] = {}

    def issues(self) -> tuple[Issue, ...]:
        """One issue per kind of repair, in a fixed order; none for a clean document."""
        return tuple(
            Issue(code, line=line, field=example, sent=str(self._count[code]))
            for code, (line, example) in sorted(self._first.items())
        )

    def follow(self, later: Self) -> None:
        """Add the repairs of the part of the document that follows."""
        for code, count in later._count.items():
            self._count[code] = self._count.get(code, 0) + count
            self._first.setdefault(code, later._first[code])

    def as_json(self) -> dict[str, Any]:
        """As values of JSON."""
        return {code: [count, *self._first[code]] for code, count in self._count.items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `as_json` told."""
        repairs = cls()
        for code, (count, line, example) in values.items():
            repairs._count[code] = count
            repairs._first[code] = (line, example)
        return repairs

    def _note(self, code: str, count: int, first: Callable[[], tuple[int, str]]) -> None:
        """Count a repair; `first` tells the line and an example, and is asked once per kind."""
        self._count[code] = self._count.get(code, 0) + count
        if code not in self._first:
            self._first[code] = first()

    def controls(self, block: bytes, before: bytes, line: int) -> bytes:
        """A block without the control characters that XML forbids; it follows `before`, which starts at `line`."""
        clean = block.translate(None, _CONTROL)
        if len(clean) != len(block):
            self._note(
                "control_characters_removed", len(block) - len(clean), lambda: _first_control(block, before, line)
            )
        return clean

    def references(self, data: bytes, spans: list[Span], line: int) -> bytes:
        """Repair bare ampersands and HTML names outside `spans` in a piece that starts at `line`.

        Raises:
            SupplierError: `xml_malformed` for a name that neither XML nor HTML has.
        """
        if _SUSPECT.search(data) is None:
            return data
        parts: list[bytes] = []
        position = 0
        for begin, end in [*spans, (len(data), len(data))]:
            parts.append(self._repair_text(data, position, begin, line))
            parts.append(data[begin:end])
            position = end
        return b"".join(parts)

    def _repair_text(self, data: bytes, begin: int, end: int, line: int) -> bytes:
        parts: list[bytes] = []
        position = begin
        for suspect in _SUSPECT.finditer(data, begin, end):
            reference = _REFERENCE.match(data, suspect.start(), end)
            name = reference[1] if reference else None
            if name is not None and name not in _HTML:  # «AT&T;» or a forgotten declaration: nobody can say
                here = _line_at(data, suspect.start(), line)
                raise SupplierError("xml_malformed", line=here, detail=f"сущность &{name.decode()}; не объявлена")
            parts.append(data[position : suspect.start()])
            if name is None:
                parts.append(b"&amp;")
                position = suspect.start() + 1
                code = "ampersand_escaped"
            else:
                parts.append(_HTML[name])
                position = suspect.start() + len(name) + 2
                code = "html_entity_replaced"
            self._note(code, 1, partial(_first_reference, data, suspect.start(), line))
        parts.append(data[position:end])
        return b"".join(parts)


def _line_at(data: bytes, offset: int, line: int) -> int:
    return line + data.count(b"\n", 0, offset)


def _first_control(block: bytes, before: bytes, line: int) -> tuple[int, str]:
    offset = next(i for i, octet in enumerate(block) if octet in _CONTROL)
    return _line_at(block, offset, line + before.count(b"\n")), f"U+{block[offset]:04X}"


def _first_reference(data: bytes, offset: int, line: int) -> tuple[int, str]:
    shown = _SHOWN.match(data, offset)
    return _line_at(data, offset, line), shown[0].decode("utf-8", "ignore") if shown else "&"
