"""Excel workbooks from anywhere: what is checked before a reader is let at one.

The reader keeps whole parts of a workbook in memory, and nothing stops it from unpacking a gigabyte. So every part is
first counted through by a parser that keeps nothing.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import IO
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

SHEET_ROWS = 1_048_576
STRINGS = "sharedStrings.xml"
# What may stand before the first `<` of a part: byte order marks, white space, the zeros of UTF-16.
_BEFORE_MARKUP = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
_MARK_BYTES = 1 << 10

# openpyxl raises whatever its parsers stumbled over.
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError),
    *(ParseError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError),
)


class WorkbookError(Exception):
    """Why a workbook is not read, in words."""


@dataclass(frozen=True)
class Limits:
    """How much a workbook may take.

    Attributes:
        unpacked_bytes: of all its parts.
        strings_bytes: of its table of texts, which is read as a whole.
        strings: number of texts in it.
        rows: number of rows in one part.
        elements_at_once: elements that a reader holds at a time: those of one row or one text, or all of any other
            part. Excel's widest row has 16,384 cells of up to three elements.
    """

    unpacked_bytes: int
    strings_bytes: int
    strings: int
    rows: int = SHEET_ROWS
    elements_at_once: int = 100_000


def check(archive: zipfile.ZipFile, limits: Limits) -> None:
    """Refuse what would not fit into memory. Sizes that a zip declares hold for reading, so they are bounds.

    Raises:
        WorkbookError: beyond a limit, or a part declares entities.
    """
    entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > limits.unpacked_bytes:
        msg = f"a workbook of more than {limits.unpacked_bytes // 1_000_000} MB unpacked; save it as CSV"
        raise WorkbookError(msg)
    if any(e.filename.endswith(STRINGS) and e.file_size > limits.strings_bytes for e in entries):
        msg = f"a workbook with more than {limits.strings_bytes // 1_000_000} MB of texts; save it as CSV"
        raise WorkbookError(msg)
    for entry in entries:
        with archive.open(entry) as part:
            _Census(limits).take(part)


class _Census:
    """Counts the elements of a part: all rows and texts, and what stands between one of them and the next."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._alive = 0
        self._freed = {"row": 0, "si": 0}

    def take(self, part: IO[bytes]) -> None:
        """Read a part through; one that is not XML is nobody's to parse.

        Raises:
            WorkbookError: too many elements, or a DOCTYPE, which no office program writes.
            ParseError: markup that cannot be read here. Another parser might read it, past these limits.
        """
        markup = part.read(_MARK_BYTES).lstrip(_BEFORE_MARKUP).startswith(b"<")
        part.seek(0)
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.ParseFile(part)
        # An encoding that it does not know, or may not use, is no error of its own.
        except (expat.ExpatError, LookupError, ValueError) as error:
            if markup:
                raise ParseError(str(error)) from error

    def _doctype(self, *_: object) -> None:
        raise WorkbookError("not a workbook: a part of it has a DOCTYPE")

    def _start(self, _name: str, _attributes: dict[str, str]) -> None:
        self._alive += 1
        if self._alive > self._limits.elements_at_once:
            msg = f"a workbook with more than {self._limits.elements_at_once:,} elements in one place"
            raise WorkbookError(msg)

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local not in self._freed:
            return
        self._alive = 0
        self._freed[local] += 1
        if self._freed["row"] > self._limits.rows or self._freed["si"] > self._limits.strings:
            raise WorkbookError("a workbook with more rows or texts than a sheet can have")
