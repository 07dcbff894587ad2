"""What is around the offers of a cut YML file, proven to be one document that lists its offers where they were.

Between header and tail goes an empty offer that stands for all of them. If the plain reading of that document meets
this offer and no other, then the header ends in the content of `offers` and nowhere else: not in a comment, a CDATA
section, an attribute or another element, which would have hidden it, and the tail goes on from there. Offers that were
cut out, each of them balanced, leave the parser in the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import cast

from lxml import etree

from pipelines.errors import InternalError, SupplierError
from pipelines.parse.document import STRICT, Route, read_document, size_of
from pipelines.parse.facts import Facts
from pipelines.parse.pieces import cut_pieces, one_piece
from pipelines.parse.repair import Repairs
from pipelines.parse.slices import Unproven

ROOT = "yml_catalog"
_STAND_IN = b"<offer/>"

# Bindings of prefixes in the order of the document, None for the default.
Namespaces = tuple[tuple[str | None, str], ...]
_Read = Callable[[etree._Element, list[int], int], int]


def route_to_offers(read: _Read) -> Route:
    """The way to the offers: of the shop, or of the root where a file has no shop."""
    listed = Route(records={"offer": read})
    return Route(below={"shop": Route(below={"offers": listed}), "offers": listed})


@dataclass(frozen=True)
class Frame:
    """A proven frame.

    Attributes:
        namespaces: what is bound where the offers are.
        before, after: facts of header and tail.
    """

    namespaces: Namespaces
    before: Facts
    after: Facts


def namespaces_at(record: str, header: bytes) -> Namespaces:
    """What a header, in UTF-8, binds for the elements named `record` after it.

    Raises:
        Unproven: the header does not end where an element may stand.
    """
    parser = etree.XMLPullParser(events=("end",), tag=f"{{*}}{record}", **STRICT)
    try:
        parser.feed(one_piece(header + f"<{record}/>".encode(), line=1, repairs=Repairs()).body)
    except (SupplierError, etree.XMLSyntaxError) as error:
        raise Unproven("the header is not well-formed") from error
    return next((bound_at(cast("etree._Element", found)) for _, found in parser.read_events()), ())


def bound_at(element: etree._Element) -> Namespaces:
    """The namespaces that are bound at an element."""
    bound = cast("dict[str | None, str | None]", element.nsmap)
    return tuple((prefix, bound[prefix] or "") for prefix in sorted(bound, key=lambda each: each or ""))


def prove_frame(header: bytes, tail: bytes, *, line: int, tail_line: int) -> Frame:
    """Prove header and tail, in UTF-8, which start at their lines.

    Raises:
        Unproven: they are not the frame of a document with its offers between them.
    """
    found: list[Namespaces] = []

    def read(offer: etree._Element, _lines: list[int], _start: int) -> int:
        found.append(bound_at(offer))
        return size_of(offer)

    before, after = Facts(), Facts()
    pieces = chain(
        cut_pieces(iter([header + _STAND_IN]), line=line, repairs=before.repairs),
        cut_pieces(iter([tail]), line=tail_line, repairs=after.repairs),
    )
    try:
        read_document(pieces, ROOT, route_to_offers(read), first_line=line, names=before.names, account=lambda _: None)
    except (SupplierError, InternalError) as error:  # out of step: a comment that the offers would have ended
        raise Unproven("the frame", str(error)) from error
    if len(found) != 1:
        raise Unproven("offers outside the slices", len(found) - 1)
    return Frame(found[0], before, after)
