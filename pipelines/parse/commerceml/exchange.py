"""CommerceML 2 and 3.1, a file or a set of files -> raw offers (F1).

An exchange is read into tables on disk in the order it comes, joined there by key, and written out offer by offer in
the order in which the set first names them. Versions differ in which sections stand in which file; sections are found
by the names of elements, whatever the namespace, the file or the version attribute say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.model import FeedFormat, Issue, ParseResult, Part
from pipelines.options import LinkOptions
from pipelines.parse.body import Body
from pipelines.parse.commerceml.file_set import SourcePart, parts_of
from pipelines.parse.commerceml.joining import join
from pipelines.parse.commerceml.offers import SPELLINGS
from pipelines.parse.commerceml.sections import ROOT, Sections
from pipelines.parse.commerceml.store import GOODS, OFFER, Store
from pipelines.parse.document import read_document
from pipelines.parse.repair import Repairs
from pipelines.parse.sniff import Sniffed
from pipelines.parse.tags import TagNames


def read_file(
    open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions, given_keys: Path | None
) -> ParseResult:
    """Read one CommerceML document into raw offers at `out`.

    `given_keys` is a Parquet file of the `external_id` of offers whose article is their short key in the catalog.

    Raises:
        SupplierError: the file cannot be read; `no_offers`; `price_type_unknown`, `price_type_not_chosen`.
    """
    with TemporaryDirectory(dir=out.parent) as scratch:
        single = SourcePart(None, open_source, sniffed)
        return _read([single], out, options, given_keys, Path(scratch))


def read_set(
    open_source: Callable[[], BinaryIO], out: Path, options: LinkOptions, given_keys: Path | None
) -> ParseResult:
    """Read a set of CommerceML documents, archived as one tar, into raw offers at `out`; see `read_file`.

    Raises:
        SupplierError: as `read_file`, naming the part; `archive_invalid`.
    """
    with TemporaryDirectory(dir=out.parent) as scratch:
        return _read(parts_of(open_source, Path(scratch)), out, options, given_keys, Path(scratch))


def _read(
    sources: Iterable[SourcePart], out: Path, options: LinkOptions, given_keys: Path | None, scratch: Path
) -> ParseResult:
    names, repairs = TagNames(), Repairs()
    parts: list[Part] = []
    encodings: dict[str, None] = {}
    remarks: dict[tuple[str, str | None, str | None], Issue] = {}
    lines_before = 0
    with Store(scratch) as store:
        sections = Sections(store, names, options.picture_base_url)
        for source in sources:
            if source.name is not None:
                parts.append(Part(source.name, lines_before + 1))
            with _lines_of(source.name, 0):
                body = Body(source.open, source.sniffed, repairs, lines_before=lines_before)
            with _lines_of(source.name, lines_before), body.pieces() as pieces:
                end = read_document(
                    pieces, ROOT, sections.route, first_line=body.root_line, names=names, account=store.account
                )
            sections.end_document()
            encodings.setdefault(body.encoding)
            for issue in body.remarks:  # of the same remark about several parts the first is enough
                remarks.setdefault((issue.code, issue.sent, issue.published), issue)
            lines_before = end
    items = sections.items
    if not items.counts[OFFER]:
        raise SupplierError("no_offers", detail=_what_is_there(items.counts[GOODS]))
    read, issues = join(store, sections, out, options=options, given_keys=given_keys, scratch=scratch)
    return ParseResult(
        format=FeedFormat.COMMERCEML,
        encoding=", ".join(encodings),
        read=read,
        issues=(*remarks.values(), *repairs.issues(), *items.unknown.issues(), *issues),
        spellings=SPELLINGS,
        parts=tuple(parts),
        delta=bool(sections.delta),
    )


@contextmanager
def _lines_of(part: str | None, lines_before: int) -> Iterator[None]:
    """An error about a part of a set names the part, and the line in it."""
    try:
        yield
    except SupplierError as error:
        line = None if error.line is None else error.line - lines_before
        raise SupplierError(error.code, line=line, part=part, detail=error.detail) from error


def _what_is_there(goods: int) -> str:
    if not goods:
        return "нет ни товаров, ни предложений"
    return f"карточек товаров: {goods}, а предложений с ценами и остатками нет"
