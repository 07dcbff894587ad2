"""The encoding a file really has, proven on its whole body, never guessed from its start (F5, F6).

UTF-8 proves itself: a body with enough multi-byte sequences that are all valid is UTF-8, whatever is declared. The
eight-bit encodings cannot be proven, only believed: a declared one is believed unless the body is UTF-8, and an
undeclared windows-1251 only where the bytes look like Russian text from end to end. Anything between is refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.model import Issue
from pipelines.parse.sniff import quote

_BLOCK = 32 << 10  # decoded, it stays in the processor's cache
UTF_8 = "utf-8"
WINDOWS_1251 = "windows-1251"
UTF_16 = "utf-16"

# Names as declared, folded to letters and digits -> the encoding's name (IANA, lower case). Closed: what is not here
# is unknown. UTF-16 is not: without a byte order mark a declaration that can be read proves that it is wrong.
_ENCODINGS = {
    "utf8": UTF_8,
    "usascii": UTF_8,
    "ascii": UTF_8,
    "windows1251": WINDOWS_1251,
    "win1251": WINDOWS_1251,
    "cp1251": WINDOWS_1251,
    "1251": WINDOWS_1251,
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "ibm866": "ibm866",
    "cp866": "ibm866",
    "iso88595": "iso-8859-5",
    "iso88591": "iso-8859-1",
    "latin1": "iso-8859-1",
    "windows1252": "windows-1252",
    "cp1252": "windows-1252",
}
# Spellings that XML parsers know; another spelling of a known encoding is repaired and reported.
_PROPER_NAMES = frozenset(
    {
        *("utf-8", "utf8", "us-ascii", "ascii", "windows-1251", "cp1251", "koi8-r", "koi8-u", "ibm866", "cp866"),
        *("iso-8859-5", "iso-8859-1", "latin1", "windows-1252", "cp1252"),
    }
)

# Fewer multi-byte sequences than this may be a coincidence in a file that declares an eight-bit encoding.
_MIN_SEQUENCES = 4
# Share of Russian letters among the bytes over 127 that are not typographic signs, and of letters that stand next to
# another one, in Russian text.
_MIN_LETTERS = 0.9
_MIN_IN_WORDS = 0.8
_ASCII = bytes(range(128))
_RUSSIAN = bytes([0xA8, 0xB8, *range(0xC0, 0x100)])
_SIGNS = "\u00a0«»„“”‘’…–—•№°±·®©™§".encode(WINDOWS_1251)
_NOT_RUSSIAN = bytes(set(range(256)) - set(_RUSSIAN))
_NOT_LOWER = bytes(set(range(256)) - set(range(0xE0, 0x100)) - {0xB8})
_LONE_LETTER = re.compile(rb"(?<![\xA8\xB8\xC0-\xFF])[\xA8\xB8\xC0-\xFF](?![\xA8\xB8\xC0-\xFF])")
_UNDEFINED_1251 = b"\x98"


@dataclass(frozen=True)
class Proof:
    """The encoding to read a file in, and the remark it deserves."""

    encoding: str
    issue: Issue | None = None


def prove_encoding(open_source: Callable[[], BinaryIO], *, bom: str | None, declared: str | None) -> Proof:
    """Decide the encoding of a whole file (F6).

    Raises:
        SupplierError: `encoding_invalid` with the first line that does not fit, when no reading or more than one
            reading of the bytes is possible.
    """
    if bom is not None:
        _require(open_source, bom)
        return Proof(UTF_16 if bom.startswith("utf-16") else bom)
    name = _declared_encoding(declared)
    bad_line, sequences = _read_as_utf8(open_source)
    if bad_line is None:
        return _valid_utf8(declared, name, sequences)
    shown = _shown(declared)
    if name is None:
        raise SupplierError(
            "encoding_invalid", line=bad_line, detail=f"объявлена «{shown}», прочитать файл в ней нельзя"
        )
    if name == UTF_8:
        if not _is_russian_1251(open_source):
            raise SupplierError("encoding_invalid", line=bad_line, detail=f"объявлена {shown}, но байты не в ней")
        issue = Issue("encoding_overridden", line=bad_line, sent=shown, published=WINDOWS_1251)
        return Proof(WINDOWS_1251, issue)
    _require(open_source, name)
    return Proof(name, _name_issue(declared, name))


def presume_encoding(head: bytes, *, bom: str | None, declared: str | None) -> Proof | None:
    """What `prove_encoding` says of a file that begins with `head`, if all of its bytes mean something in it.

    None where the beginning does not tell, or tells that the file is not what it declares.
    """
    if bom is not None:
        return None if bom.startswith("utf-16") else Proof(bom)
    name = _declared_encoding(declared)
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(head)
    except UnicodeDecodeError:
        believed = name is not None and name != UTF_8
    else:
        believed = name == UTF_8
    return Proof(name, _name_issue(declared, name)) if name is not None and believed else None


def _declared_encoding(declared: str | None) -> str | None:
    return UTF_8 if declared is None else _ENCODINGS.get(re.sub(r"[^a-z0-9]", "", declared.lower()))


def _valid_utf8(declared: str | None, name: str | None, sequences: int) -> Proof:
    """What to make of a body that is valid UTF-8 with so many multi-byte sequences (counted up to `_MIN_SEQUENCES`)."""
    shown = _shown(declared)
    if name is not None and (name == UTF_8 or sequences == 0):
        return Proof(name, _name_issue(declared, name))
    if name is None or sequences >= _MIN_SEQUENCES:
        return Proof(UTF_8, Issue("encoding_overridden", line=1, sent=shown, published=UTF_8))
    detail = f"объявлена {shown}, но байты читаются и в ней, и в UTF-8"
    raise SupplierError("encoding_invalid", line=1, detail=detail)


def _shown(declared: str | None) -> str:
    return quote((declared or "UTF-8").encode())


def _name_issue(declared: str | None, name: str) -> Issue | None:
    if declared is None or declared.lower() in _PROPER_NAMES:
        return None
    return Issue("encoding_name_unknown", line=1, sent=quote(declared.encode()), published=name)


def _blocks(open_source: Callable[[], BinaryIO]) -> Iterator[bytes]:
    with open_source() as source:
        while block := source.read(_BLOCK):
            yield block


def _read_as_utf8(open_source: Callable[[], BinaryIO]) -> tuple[int | None, int]:
    """(first line that is not UTF-8 or None, number of multi-byte sequences up to there)."""
    decoder = codecs.getincrementaldecoder(UTF_8)()
    sequences = 0
    size = 0  # of the blocks before
    for block in _blocks(open_source):
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            return _line_at(open_source, size - len(pending) + error.start), sequences
        if sequences < _MIN_SEQUENCES and not text.isascii():
            sequences += len(text) - len((pending + block).translate(None, bytes(range(128, 256))))
        size += len(block)
    if decoder.getstate()[0]:
        return _line_at(open_source, size), sequences
    return None, sequences


def _line_at(open_source: Callable[[], BinaryIO], offset: int) -> int:
    """The line on which a byte stands. Hardly any file is asked about, so lines are not counted on the way."""
    line = 1
    for block in _blocks(open_source):
        line += block.count(b"\n", 0, max(offset, 0))
        offset -= len(block)
    return line


def _require(open_source: Callable[[], BinaryIO], encoding: str) -> None:
    """Check that every byte has a meaning in `encoding`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for block in _blocks(open_source):
        try:
            line += decoder.decode(block).count("\n")
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(encoding, "replace")
            detail = f"в строке байты, которых нет в {encoding}"
            raise SupplierError("encoding_invalid", line=line + good.count("\n"), detail=detail) from error
    if decoder.getstate()[0]:
        raise SupplierError("encoding_invalid", line=line, detail=f"файл обрывается посреди знака {encoding}")


def _is_russian_1251(open_source: Callable[[], BinaryIO]) -> bool:
    """Whether nearly all bytes over 127 are Russian letters of windows-1251, in words, mostly lower-case.

    The case tells windows-1251 from KOI8-R, where the same bytes stand for letters of the other case; the words tell
    it from Western text, whose few accented letters stand alone.
    """
    signs = others = letters = lower = lone = 0
    for block in _blocks(open_source):
        beyond = block.translate(None, _ASCII)
        if _UNDEFINED_1251 in beyond:
            return False
        unsigned = beyond.translate(None, _SIGNS)
        here = len(beyond.translate(None, _NOT_RUSSIAN))
        signs += len(beyond) - len(unsigned)
        others += len(unsigned) - here
        letters += here
        lower += len(beyond.translate(None, _NOT_LOWER))
        lone += len(_LONE_LETTER.findall(block))
    return (
        letters > signs
        and letters >= _MIN_LETTERS * (letters + others)
        and letters - lone >= _MIN_IN_WORDS * letters
        and 2 * lower >= letters
    )
