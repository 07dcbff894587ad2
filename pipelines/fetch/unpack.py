"""Wrappers opened by counting: what comes out is measured, never what the wrapper claims (F3)."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PureWindowsPath
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.fetch.limits import FetchLimits

_BLOCK = 256 << 10
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# zipfile reads the whole directory of an archive at once, and keeps it. An archive of one price list has a short one.
_DIRECTORY_BYTES = 128 << 10
_ENCRYPTED = 0x1
_FEED_SUFFIXES = (".xml", ".yml", ".csv")
_NAMES_SHOWN, _NAME_SHOWN = 3, 60


class GzipDamagedError(Exception):
    """A gzip stream that does not decompress; the message says how, in Russian.

    Attributes:
        truncated: the stream ends too early; what was there is sound.
    """

    def __init__(self, message: str, *, truncated: bool = False) -> None:
        super().__init__(message)
        self.truncated = truncated


def gunzip(chunks: Iterable[bytes], limits: FetchLimits) -> Iterator[bytes]:
    """What is inside a gzip stream, checksums verified. Members that follow each other are one file, as for gunzip(1).

    Raises:
        GzipDamagedError: cut off, a wrong checksum, or not gzip.
        SupplierError: `archive_invalid`, more comes out than the ratio allows (F3).
    """
    stream, taken, given = zlib.decompressobj(_GZIP_WINDOW), 0, 0
    for chunk in chunks:
        data = chunk
        while data:
            if stream.eof:
                data = data.lstrip(b"\0")  # tapes and some servers pad the end with zeros
                if not data:
                    break
                stream = zlib.decompressobj(_GZIP_WINDOW)
            before = len(data)
            try:
                block = stream.decompress(data, _BLOCK)
            except zlib.error as error:
                msg = "сжатые данные (gzip) повреждены"
                raise GzipDamagedError(msg) from error
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
            taken, given = taken + before - len(data), given + len(block)
            yield from _measured(block, taken, given, limits)
    if taken and not stream.eof:
        msg = "сжатые данные (gzip) обрываются"
        raise GzipDamagedError(msg, truncated=True)


def unzip(file: BinaryIO, limits: FetchLimits) -> Iterator[bytes]:
    """The one usable member of a zip archive, checksum verified (F3).

    Args:
        file: the archive, seekable; read only.
        limits: the ratio that holds.

    Raises:
        SupplierError: `archive_invalid`: none or several price lists, a password, a path outside, an unusual
            compression, damage, or a ratio past the limit. `format_unknown`: an Excel workbook, a zip inside.
    """
    try:
        with zipfile.ZipFile(_ShortReads(file)) as package:
            member = _usable(package.infolist())
            given = 0
            with package.open(member) as content:
                while block := content.read(_BLOCK):
                    given += len(block)
                    yield from _measured(block, member.compress_size, given, limits)
            if given != member.file_size:
                raise _refused("длина файла в архиве не сходится с оглавлением")
    # What zipfile raises for damaged archives: it has no error of its own for a compression it does not know, nor for
    # sizes and offsets that lie.
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OverflowError) as error:
        raise _refused("архив zip повреждён") from error


def _usable(members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    for member in members:
        path = PureWindowsPath(member.filename)  # it knows both kinds of slashes, and drives
        if path.anchor or ".." in path.parts:
            raise _refused("путь ведёт наружу", _shown(member.filename))
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise SupplierError("format_unknown", detail="книга Excel или другой документ Office")
    # macOS adds a twin of every file with its attributes: __MACOSX/._price.xml.
    files = [m for m in members if not m.is_dir() and not PureWindowsPath(m.filename).name.startswith(".")]
    feeds = [m for m in files if m.filename.lower().endswith(_FEED_SUFFIXES)] if len(files) > 1 else files
    if len(feeds) != 1:
        names = ", ".join(_shown(m.filename) for m in (feeds or files)[:_NAMES_SHOWN])
        detail = f"нужен один файл прайс-листа, а в архиве их {len(feeds)}"
        raise _refused(detail, names)
    (member,) = feeds
    if member.flag_bits & _ENCRYPTED:
        raise _refused("архив закрыт паролем")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refused("способ сжатия не поддерживается, нужен обычный (deflate)", f"№ {member.compress_type}")
    return member


def _measured(block: bytes, taken: int, given: int, limits: FetchLimits) -> Iterator[bytes]:
    if limits.inflated(taken, given):
        raise _refused("степень сжатия выше предела", f"{limits.max_ratio} : 1")
    if block:
        yield block


def _refused(detail: str, evidence: str = "") -> SupplierError:
    return SupplierError("archive_invalid", detail=f"{detail}: {evidence}" if evidence else detail)


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:_NAME_SHOWN])


class _ShortReads(io.RawIOBase):
    """An archive that is read in short pieces only: a directory without end comes out cut, and is refused for that."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(_DIRECTORY_BYTES if size < 0 else min(size, _DIRECTORY_BYTES))

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
