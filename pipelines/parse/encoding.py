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

_BLOCK = 1 << 20
UTF_8 = "utf-8"
WINDOWS_1251 = "windows-1251"

# Names as declared, folded to letters and digits -> the encoding's name (IANA, lower case). Closed: what is not here
# is unknown.
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
    "utf16": "utf-16",
    "utf16le": "utf-16",
    "utf16be": "utf-16",
}
# Spellings that XML parsers know; another spelling of a known encoding is repaired and reported.
_PROPER_NAMES = frozenset(
    {
        *("utf-8", "utf8", "us-ascii", "ascii", "windows-1251", "cp1251", "koi8-r", "koi8-u", "ibm866", "cp866"),
        *("iso-8859-5", "iso-8859-1", "latin1", "windows-1252", "cp1252", "utf-16", "utf-16le", "utf-16be"),
    }
)

# Fewer multi-byte sequences than this may be a coincidence in a file that declares an eight-bit encoding.
_MIN_SEQUENCES = 4
# Share of Russian letters among the bytes over 127, and of letters that stand next to another one, in Russian text.
_MIN_LETTERS = 0.9
_MIN_IN_WORDS = 0.8
_ASCII = bytes(range(128))
_RUSSIAN = bytes([0xA8, 0xB8, *range(0xC0, 0x100)])
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
        return Proof("utf-16" if bom.startswith("utf-16") else bom)
    name = _ENCODINGS.get(re.sub(r"[^a-z0-9]", "", declared.lower())) if declared is not None else UTF_8
    bad_line, sequences = _read_as_utf8(open_source)
    shown = quote((declared or "").encode())
    if bad_line is None:
        if name == UTF_8 or (sequences == 0 and name not in {None, "utf-16"}):
            return Proof(UTF_8, _name_issue(declared, UTF_8)) if name == UTF_8 else Proof(_known(name))
        if sequences >= _MIN_SEQUENCES or name in {None, "utf-16"}:
            return Proof(UTF_8, Issue("encoding_overridden", line=1, sent=shown, published=UTF_8))
        raise SupplierError(
            "encoding_invalid", line=1, detail=f"объявлена {shown}, но байты читаются и как UTF-8, и как {shown}"
        )
    if name == UTF_8:
        if _is_russian_1251(open_source):
            issue = Issue("encoding_overridden", line=bad_line, sent=shown or "UTF-8", published=WINDOWS_1251)
            return Proof(WINDOWS_1251, issue)
        raise SupplierError("encoding_invalid", line=bad_line, detail="объявлена UTF-8, но в строке байты не UTF-8")
    if name is None or name == "utf-16":
        raise SupplierError("encoding_invalid", line=bad_line, detail=f"объявлена неизвестная кодировка «{shown}»")
    _require(open_source, name)
    return Proof(name, _name_issue(declared, name))


def _known(name: str | None) -> str:
    return name or UTF_8


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
    line = 1
    for block in _blocks(open_source):
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            return line + error.object.count(b"\n", 0, error.start), sequences
        if sequences < _MIN_SEQUENCES and not text.isascii():
            sequences += len(text) - len((pending + block).translate(None, bytes(range(128, 256))))
        line += block.count(b"\n")
    if decoder.getstate()[0]:
        return line, sequences
    return None, sequences


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
    high = letters = lower = lone = 0
    for block in _blocks(open_source):
        beyond = block.translate(None, _ASCII)
        if _UNDEFINED_1251 in beyond:
            return False
        high += len(beyond)
        letters += len(beyond.translate(None, _NOT_RUSSIAN))
        lower += len(beyond.translate(None, _NOT_LOWER))
        lone += len(_LONE_LETTER.findall(block))
    return letters >= _MIN_LETTERS * high and letters - lone >= _MIN_IN_WORDS * letters and 2 * lower >= letters
