"""The body of an XML file as pieces of UTF-8: encoding proven, markup repaired, and what is to be said of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from pipelines.model import Issue
from pipelines.parse.decode import utf8_blocks
from pipelines.parse.encoding import prove_encoding
from pipelines.parse.pieces import Piece, cut_pieces
from pipelines.parse.repair import Repairs
from pipelines.parse.sniff import Sniffed


class Body:
    """One XML file from its root element on (F6).

    Attributes:
        encoding: the encoding the bytes really have, proven on the whole file.

    Raises:
        SupplierError: `encoding_invalid`.
    """

    def __init__(self, open_source: Callable[[], BinaryIO], sniffed: Sniffed) -> None:
        self._open = open_source
        self._sniffed = sniffed
        self._proof = prove_encoding(open_source, bom=sniffed.bom, declared=sniffed.declared)
        self._repairs = Repairs()
        self.encoding = self._proof.encoding

    @contextmanager
    def pieces(self) -> Iterator[Iterator[Piece]]:
        """The pieces, once; the file is open meanwhile."""
        with self._open() as source:
            blocks = utf8_blocks(source, offset=self._sniffed.root_offset, encoding=self.encoding)
            yield cut_pieces(blocks, line=self._sniffed.root_line, repairs=self._repairs)

    def issues(self) -> Iterator[Issue]:
        """What was found before the document, about its encoding, and repaired in it."""
        yield from (issue for issue in (self._sniffed.issue, self._proof.issue) if issue is not None)
        yield from self._repairs.issues()
