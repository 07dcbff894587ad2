"""The body of an XML file as pieces of UTF-8: encoding proven, markup repaired, and what is to be said of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from pipelines.model import Issue
from pipelines.parse.decode import utf8_blocks
from pipelines.parse.encoding import Proof, prove_encoding
from pipelines.parse.pieces import Piece, cut_pieces
from pipelines.parse.repair import Repairs
from pipelines.parse.sniff import Sniffed

# Below this a file is read before processes that would share the work have started.
LARGE_BYTES = 12_000_000


def is_large(open_source: Callable[[], BinaryIO]) -> bool:
    """Whether a file is worth the start of processes that share the work."""
    size = 0
    with open_source() as source:
        while size < LARGE_BYTES and (block := source.read(1 << 20)):
            size += len(block)
    return size >= LARGE_BYTES


def about_body(sniffed: Sniffed, proof: Proof, *, lines_before: int = 0) -> tuple[Issue, ...]:
    """What was found before a document and about its encoding, with its lines."""
    found = (issue for issue in (sniffed.issue, proof.issue) if issue is not None)
    return tuple(replace(issue, line=lines_before + (issue.line or 1)) for issue in found)


class Body:
    """One XML file from its root element on (F6).

    Lines are those of the file, or run on from `lines_before` where it is a part of a set.

    Attributes:
        encoding: the encoding the bytes really have, proven on the whole file.
        root_line: where the root element stands.
        remarks: what was found before the document and about its encoding.

    Raises:
        SupplierError: `encoding_invalid`.
    """

    def __init__(
        self, open_source: Callable[[], BinaryIO], sniffed: Sniffed, repairs: Repairs, *, lines_before: int = 0
    ) -> None:
        proof = prove_encoding(open_source, bom=sniffed.bom, declared=sniffed.declared)
        self._open = open_source
        self._offset = sniffed.root_offset
        self._repairs = repairs
        self.encoding = proof.encoding
        self.root_line = lines_before + sniffed.root_line
        self.remarks = about_body(sniffed, proof, lines_before=lines_before)

    @contextmanager
    def pieces(self) -> Iterator[Iterator[Piece]]:
        """The pieces, repaired; the file is open meanwhile."""
        with self._open() as source:
            blocks = utf8_blocks(source, offset=self._offset, encoding=self.encoding)
            yield cut_pieces(blocks, line=self.root_line, repairs=self._repairs)
