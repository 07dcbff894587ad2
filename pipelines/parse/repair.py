"""Repairs of markup that are safe and unambiguous, each counted and reported with its first line (F6).

Character data only: comments, CDATA sections and instructions are left as they are. What could be read in more
than one way is left as well, and the parser refuses it.
"""

from __future__ import annotations

import html.entities
import re

from pipelines.model import Issue
from pipelines.parse.pieces import Span

# An ampersand that does not begin a reference XML knows. Numeric references are the parser's to judge.
_SUSPECT = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")
_REFERENCE = re.compile(rb"&(?:([A-Za-z][A-Za-z0-9]{0,40});)?")
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
_HTML = {
    name[:-1].encode(): "".join(_MARKUP.get(c, c) for c in text).encode()
    for name, text in html.entities.html5.items()
    if name.endswith(";") and name[:-1] not in _XML_NAMES
}
# Control characters that XML 1.0 forbids, everywhere in a document.
_CONTROL = bytes(set(range(0x20)) - set(b"\t\n\r"))
_CONTROL_SEARCH = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


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

    def _note(self, code: str, count: int, line: int, example: str) -> None:
        self._count[code] = self._count.get(code, 0) + count
        self._first.setdefault(code, (line, example))

    def controls(self, block: bytes, before: bytes, line: int) -> bytes:
        """A block without the control characters that XML forbids; it follows `before`, which starts at `line`."""
        clean = block.translate(None, _CONTROL)
        found = _CONTROL_SEARCH.search(block) if len(clean) != len(block) else None
        if found:
            here = line + before.count(b"\n") + block.count(b"\n", 0, found.start())
            self._note("control_characters_removed", len(block) - len(clean), here, f"U+{found[0][0]:04X}")
        return clean

    def references(self, data: bytes, spans: list[Span], line: int) -> bytes:
        """Repair bare ampersands and HTML names outside `spans` in a piece that starts at `line`."""
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
            if name is not None and name not in _HTML:
                continue  # «AT&T;» or a forgotten declaration: nobody can say, so the parser refuses it
            here = line + data.count(b"\n", 0, suspect.start())
            parts.append(data[position : suspect.start()])
            if name is None:
                shown = data[suspect.start() : suspect.start() + 20].decode("utf-8", "replace").split("\n")[0]
                self._note("ampersand_escaped", 1, here, shown)
                parts.append(b"&amp;")
                position = suspect.start() + 1
            else:
                self._note("html_entity_replaced", 1, here, f"&{name.decode()};")
                parts.append(_HTML[name])
                position = suspect.start() + len(name) + 2
        parts.append(data[position:end])
        return b"".join(parts)
