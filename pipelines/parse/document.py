"""An XML document as a stream of pieces -> its records, in constant memory (F5).

The parser is lxml's incremental one, the machinery of `iterparse` fed by hand: between two pieces there is a moment to
drop what is finished, so that neither records nor anything around them (categories, promotions, what nobody knows)
stays in memory. The tree is left behind in document order, which is also the order of the lines that come with the
pieces: every element is counted off against its line exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from lxml import etree

from pipelines.errors import InternalError, SupplierError
from pipelines.parse.malformed import extra_content, only_namespace_names, supplier_error
from pipelines.parse.pieces import Piece
from pipelines.parse.tags import DISTINCT_TAGS_LIMIT, TagNames

# A record may take this much of the document. It is checked between pieces, so one slightly larger may pass.
RECORD_BYTES_LIMIT = 4 << 20

# A strict parser that reaches for nothing outside the document; no option is left to its default.
STRICT: dict[str, Any] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "no_network": True,
    "decompress": False,
    "schema": None,
    "recover": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
    "remove_blank_text": False,
    "strip_cdata": True,
    "ns_clean": False,
    "collect_ids": False,
    "compact": True,
}

# Reads one record whose elements stand at `lines[start:]`: (element, lines, start) -> the number of its elements.
Reader = Callable[[etree._Element, list[int], int], int]


@dataclass(frozen=True)
class Route:
    """What to do with the children of an element, by local name (F7). A child that is not named here is passed over.

    Attributes:
        records: children that are read whole, and by what.
        below: children whose own children are routed, and how.
        entered: told of each such element when it begins, with its line; only its attributes are there yet.
    """

    records: Mapping[str, Reader] = field(default_factory=dict)
    below: Mapping[str, Route] = field(default_factory=dict)
    entered: Callable[[etree._Element, int], None] | None = None


_NOWHERE = Route()
# What may stand after the root.
_AFTER_ROOT = re.compile(rb"(?:[ \t\r\n]+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)


def read_document(
    pieces: Iterable[Piece],
    root: str,
    route: Route,
    *,
    first_line: int,
    names: TagNames,
    account: Callable[[int], None],
) -> int:
    """Read a document, whose root element `root` stands at `first_line` of the file, along `route`.

    `account` is told the size of each piece whose records were read. The line of the end of the file is returned.

    Raises:
        SupplierError: `xml_malformed`, `xml_truncated`, `xml_limit`, and whatever the readers raise.
        InternalError: elements and lines went out of step.
    """
    document = _Document(route, names)
    parser = etree.XMLPullParser(events=("start", "end"), tag=f"{{*}}{root}", **STRICT)
    line = first_line
    for piece in pieces:
        try:
            parser.feed(piece.body)
        except etree.XMLSyntaxError as error:
            raise supplier_error(parser, error, first_line=first_line, last_line=line, at_end=False) from error
        line = piece.end_line
        document.advance(parser, piece)
        account(len(piece.body))
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        if not (document.closed and only_namespace_names(parser)):
            raise supplier_error(parser, error, first_line=first_line, last_line=line, at_end=True) from error
        if document.extra_line is not None:  # about which it says nothing once it has complained of a name
            raise extra_content(document.extra_line) from error
    document.finish()
    return line


class _Document:
    """A growing tree that is read and dropped from its beginning.

    Attributes:
        closed: the end tag of the root was seen.
        extra_line: where something stands after it that is no comment, instruction or white space.
    """

    def __init__(self, route: Route, names: TagNames) -> None:
        self._route = route
        self._names = names
        self._root: etree._Element | None = None
        self.closed = False
        self.extra_line: int | None = None
        self._entered = 0  # how many elements of the open path, from the root down, were counted off
        self._lines: list[int] = []
        self._next = 0  # where the line of the next element to be counted off is
        self._open_record: etree._Element | None = None
        self._open_bytes = 0

    def advance(self, parser: etree.XMLPullParser, piece: Piece) -> None:
        """Read and drop what is complete after `piece`."""
        self._lines = self._lines[self._next :] + piece.lines
        self._next = 0
        self._open_bytes += len(piece.body)
        closed_before = self.closed
        for event, element in parser.read_events():
            if event == "end":
                self.closed = self.closed or element is self._root
            elif self._root is None:
                self._root = cast("etree._Element", element)
                self._count_off(1)
        if self.closed and self.extra_line is None:
            self._look_after_root(piece, 0 if closed_before else _end_of(self._root, piece.body))
        if self._root is not None:
            self._entered = self._leave(self._root, self._route, self._entered, complete=False)

    def _look_after_root(self, piece: Piece, start: int) -> None:
        """Note the line of the first thing from `start` on that may not be there."""
        found = _AFTER_ROOT.match(piece.body, start)
        end = found.end() if found else start
        if end < len(piece.body):
            self.extra_line = piece.end_line - piece.body.count(b"\n", end)

    def finish(self) -> None:
        """Read the rest of a document that is complete, and check that no line is left over."""
        if self._root is not None:
            self._leave(self._root, self._route, self._entered, complete=True)
        if self._next != len(self._lines):
            msg = f"{len(self._lines) - self._next} start tags of the document were not met as elements"
            raise InternalError(msg)

    def _leave(self, parent: etree._Element, route: Route, entered: int, *, complete: bool) -> int:
        """Count off and drop the finished children of `parent`.

        The last child stays unless `complete`: it may still be open, and the parser may still add to the text
        after it. `entered` says how many elements of the open path below `parent` are counted off; the new number is
        returned.
        """
        children = list(parent)
        for position, child in enumerate(children, 1):
            finished = complete or position < len(children)
            name = local_name(child.tag)
            read = route.records.get(name)
            if read is not None:
                entered = 0
                if finished:
                    self._count_off(read(child, self._lines, self._next))
                else:
                    self._watch(child, name)
                continue
            step = route.below.get(name, _NOWHERE)
            if not entered:
                self._count_off(1)
                line = self._lines[self._next - 1]
                self._names.meet(child.tag, line)
                if step.entered is not None:
                    step.entered(child, line)
            below = self._leave(child, step, max(entered - 1, 0), complete=finished)
            entered = 0 if finished else 1 + below
        del parent[: len(children) if complete else -1]
        return entered

    def _count_off(self, elements: int) -> None:
        self._next += elements
        if self._next > len(self._lines):
            raise InternalError("the document has more elements than start tags were seen")

    def _watch(self, record: etree._Element, name: str) -> None:
        """Bound the memory that an unfinished record takes."""
        if record is not self._open_record:
            self._open_record = record
            self._open_bytes = 0
        elif self._open_bytes > RECORD_BYTES_LIMIT:
            limit = f"<{name}> больше {RECORD_BYTES_LIMIT >> 20} МБ"
            raise SupplierError("xml_limit", line=self._lines[self._next], detail=limit)


def _end_of(root: etree._Element | None, body: bytes) -> int:
    """The offset after the end tag of `root` in `body`, which has it."""
    name = local_name(root.tag) if root is not None else ""
    prefix = f"{root.prefix}:" if root is not None and root.prefix else ""
    return body.find(b">", body.find(f"</{prefix}{name}".encode())) + 1


@lru_cache(2 * DISTINCT_TAGS_LIMIT)
def local_name(tag: Any) -> str:  # noqa: ANN401 - the stubs allow more than the parser makes
    """The name of a tag without its namespace (F7)."""
    return cast("str", tag).rpartition("}")[2]


def size_of(element: etree._Element) -> int:
    """The number of elements in `element`, itself included."""
    return len(list(element.iter())) if len(element) else 1


def children_of(element: etree._Element, at: int) -> Iterator[tuple[str, etree._Element, int]]:
    """(local name, child, index of its line) of each child of an element whose own line is at index `at`."""
    at += 1
    for child in element:
        yield local_name(child.tag), child, at
        at += size_of(child) if len(child) else 1


def text_of(element: etree._Element) -> str:
    """The text of an element, whatever it is made of, as sent."""
    return "".join(cast("Iterable[str]", element.itertext())) if len(element) else element.text or ""


def markup_of(element: etree._Element) -> str:
    """The content of an element that may hold markup, as the HTML it was meant to be."""
    if not len(element):
        return element.text or ""
    # While a document is open libxml2 knows no encoding for it, and would write letters as references to be safe: what
    # is serialised is a copy in a document of its own.
    shell = etree.Element("x")
    shell.text = element.text
    for child in element:
        copy = deepcopy(child)
        copy.tail = child.tail
        shell.append(copy)
    return etree.tostring(shell, encoding="unicode", method="html").removeprefix("<x>").removesuffix("</x>")
