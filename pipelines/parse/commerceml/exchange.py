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
from pipelines.parse.body import Body, about_body, is_large
from pipelines.parse.commerceml.cut import read_cut
from pipelines.parse.commerceml.facts import ItemFacts
from pipelines.parse.commerceml.file_set import SourcePart, parts_of
from pipelines.parse.commerceml.joining import join
from pipelines.parse.commerceml.offers import SPELLINGS
from pipelines.parse.commerceml.sections import ROOT, Sections
from pipelines.parse.commerceml.store import GOODS, OFFER, Store
from pipelines.parse.document import read_document
from pipelines.parse.slices import Unproven
from pipelines.parse.sniff import Sniffed


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
        return _read(lambda: [single], out, options, given_keys, Path(scratch))


def read_set(
    open_source: Callable[[], BinaryIO], out: Path, options: LinkOptions, given_keys: Path | None
) -> ParseResult:
    """Read a set of CommerceML documents, archived as one tar, into raw offers at `out`; see `read_file`.

    Raises:
        SupplierError: as `read_file`, naming the part; `archive_invalid`.
    """
    with TemporaryDirectory(dir=out.parent) as scratch:
        return _read(lambda: parts_of(open_source, Path(scratch)), out, options, given_keys, Path(scratch))


def _read(
    sources: Callable[[], Iterable[SourcePart]],
    out: Path,
    options: LinkOptions,
    given_keys: Path | None,
    scratch: Path,
) -> ParseResult:
    try:
        exchange = _Exchange(scratch, options, cutting=True)
        exchange.read(sources())
    except Unproven:
        exchange = _Exchange(scratch, options, cutting=False)
        exchange.read(sources())
    return exchange.join(out, options, given_keys, scratch)


class _Exchange:
    """What was read of an exchange, its documents whole or, with `cutting`, the large ones in parts."""

    def __init__(self, scratch: Path, options: LinkOptions, *, cutting: bool) -> None:
        self._cutting = cutting
        self._picture_base_url = options.picture_base_url
        self._store = Store(scratch)
        self._sections = Sections(self._store, ItemFacts(), options.picture_base_url)
        self._parts: list[Part] = []
        self._encodings: dict[str, None] = {}
        self._remarks: dict[tuple[str, str | None, str | None], Issue] = {}

    def read(self, sources: Iterable[SourcePart]) -> None:
        """Read all documents, in their order.

        Raises:
            Unproven: a part is not provably what it would be in a whole document.
        """
        lines_before = 0
        with self._store:
            for source in sources:
                if source.name is not None:
                    self._parts.append(Part(source.name, lines_before + 1))
                read = self._read_cut if self._cutting and is_large(source.open) else self._read_plainly
                lines_before = read(source, lines_before)
                self._sections.end_document()

    def _read_cut(self, source: SourcePart, lines_before: int) -> int:
        read = read_cut(source, self._store, self._sections, self._picture_base_url, lines_before=lines_before)
        self._note(read.proof.encoding, about_body(source.sniffed, read.proof, lines_before=lines_before))
        return read.end_line

    def _read_plainly(self, source: SourcePart, lines_before: int) -> int:
        facts = self._sections.facts
        with _lines_of(source.name, 0):
            body = Body(source.open, source.sniffed, facts.repairs, lines_before=lines_before)
        with _lines_of(source.name, lines_before), body.pieces() as pieces:
            end = read_document(
                pieces,
                ROOT,
                self._sections.route,
                first_line=body.root_line,
                names=facts.names,
                account=self._store.account,
            )
        self._note(body.encoding, body.remarks)
        return end

    def _note(self, encoding: str, remarks: Iterable[Issue]) -> None:
        self._encodings.setdefault(encoding)
        for issue in remarks:  # of the same remark about several parts the first is enough
            self._remarks.setdefault((issue.code, issue.sent, issue.published), issue)

    def join(self, out: Path, options: LinkOptions, given_keys: Path | None, scratch: Path) -> ParseResult:
        """Put its offers together at `out`."""
        sections = self._sections
        counts, facts = sections.items.counts, sections.facts
        if not counts[OFFER]:
            raise SupplierError("no_offers", detail=_what_is_there(counts[GOODS]))
        read, issues = join(self._store, sections, out, options=options, given_keys=given_keys, scratch=scratch)
        return ParseResult(
            format=FeedFormat.COMMERCEML,
            encoding=", ".join(self._encodings),
            read=read,
            issues=(*self._remarks.values(), *facts.repairs.issues(), *facts.unknown.issues(), *issues),
            spellings=SPELLINGS,
            parts=tuple(self._parts),
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
