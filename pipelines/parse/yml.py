"""A YML document as a stream of pieces -> its offers, in constant memory (F5).

The parser is lxml's incremental one, the machinery of `iterparse` fed by hand: between two pieces there is a moment to
drop what is finished, so that neither offers nor anything around them (categories, promotions, what nobody knows)
stays in memory. The tree is left behind in document order, which is also the order of the lines that come with the
pieces: every element is counted off against its line exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from lxml import etree

from pipelines.errors import InternalError, SupplierError
from pipelines.parse.malformed import supplier_error
from pipelines.parse.pieces import Piece
from pipelines.parse.writer import RawWriter
from pipelines.parse.yml_offer import OfferReader, TagNames, local_name

# An offer may take this much of the document. It is checked between pieces, so one slightly larger may pass.
OFFER_BYTES_LIMIT = 4 << 20


def hardened_parser() -> etree.XMLPullParser:
    """A strict parser that reaches for nothing outside the document; no option is left to its default."""
    return etree.XMLPullParser(
        events=("start",),
        tag="{*}yml_catalog",
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        recover=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=False,
        strip_cdata=True,
        ns_clean=False,
        collect_ids=False,
    )


def parse_yml(pieces: Iterable[Piece], writer: RawWriter, *, first_line: int, tags: Mapping[str, str]) -> OfferReader:
    """Read a document, whose root stands at `first_line` of the file, into `writer`.

    `tags` says which columns are read from another tag than the usual one.

    The reader that comes back knows the spellings of the tags and which of them are unknown.

    Raises:
        SupplierError: `xml_malformed`, `xml_truncated`, `xml_limit`, `no_offers`.
        InternalError: elements and lines went out of step.
    """
    names = TagNames()
    offers = OfferReader(writer, names, tags)
    document = _Document(offers, names)
    parser = hardened_parser()
    line = first_line
    for piece in pieces:
        try:
            parser.feed(piece.body)
        except etree.XMLSyntaxError as error:
            raise supplier_error(error, first_line=first_line, last_line=line, at_end=False) from error
        line = piece.end_line
        document.advance(parser, piece)
        writer.account(len(piece.body))
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise supplier_error(error, first_line=first_line, last_line=line, at_end=True) from error
    document.finish()
    if not writer.rows:
        raise SupplierError("no_offers")
    return offers


class _Document:
    """A growing tree that is read and dropped from its beginning."""

    def __init__(self, offers: OfferReader, names: TagNames) -> None:
        self._offers = offers
        self._names = names
        self._root: etree._Element | None = None
        self._entered = 0  # how many elements of the open path, from the root down, were counted off
        self._lines: list[int] = []
        self._next = 0  # where the line of the next element to be counted off is
        self._open_offer: etree._Element | None = None
        self._open_bytes = 0

    def advance(self, parser: etree.XMLPullParser, piece: Piece) -> None:
        """Read and drop what is complete after `piece`."""
        self._lines = self._lines[self._next :] + piece.lines
        self._next = 0
        self._open_bytes += len(piece.body)
        for _, element in parser.read_events():
            if self._root is None:
                self._root = cast("etree._Element", element)
                self._count_off(1)
        if self._root is not None:
            self._entered = self._leave(self._root, 0, self._entered, complete=False)

    def finish(self) -> None:
        """Read the rest of a document that is complete, and check that no line is left over."""
        if self._root is not None:
            self._leave(self._root, 0, self._entered, complete=True)
        if self._next != len(self._lines):
            msg = f"{len(self._lines) - self._next} start tags of the document were not met as elements"
            raise InternalError(msg)

    def _leave(self, parent: etree._Element, depth: int, entered: int, *, complete: bool) -> int:
        """Count off and drop the finished children of `parent`, which stands `depth` below the root.

        The last child stays unless `complete`: it may still be open, and the parser may still add to the text
        after it. `entered` says how many elements of the open path below `parent` are counted off; the new number is
        returned.
        """
        children = list(parent)
        holds_offers = _holds_offers(parent, depth)
        for position, child in enumerate(children, 1):
            finished = complete or position < len(children)
            if holds_offers and local_name(child.tag) == "offer":
                entered = 0
                if finished:
                    self._count_off(self._offers.read(child, self._lines, self._next))
                else:
                    self._watch(child)
                continue
            if not entered:
                self._count_off(1)
                self._names.meet(child.tag, self._lines[self._next - 1])
            below = self._leave(child, depth + 1, max(entered - 1, 0), complete=finished)
            entered = 0 if finished else 1 + below
        del parent[: len(children) if complete else -1]
        return entered

    def _count_off(self, elements: int) -> None:
        self._next += elements
        if self._next > len(self._lines):
            raise InternalError("the document has more elements than start tags were seen")

    def _watch(self, offer: etree._Element) -> None:
        """Bound the memory that an unfinished offer takes."""
        if offer is not self._open_offer:
            self._open_offer = offer
            self._open_bytes = 0
        elif self._open_bytes > OFFER_BYTES_LIMIT:
            limit = f"один товар больше {OFFER_BYTES_LIMIT >> 20} МБ"
            raise SupplierError("xml_limit", line=self._lines[self._next], detail=limit)


def _holds_offers(element: etree._Element, depth: int) -> bool:
    """Whether `element` is `offers` of the shop, or of the root where a file has no shop."""
    if depth not in (1, 2) or local_name(element.tag) != "offers":
        return False
    parent = element.getparent()
    return depth == 1 or (parent is not None and local_name(parent.tag) == "shop")
