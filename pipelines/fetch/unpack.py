"""Wrappers opened by counting: what comes out is measured, never what the wrapper claims (F3)."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.fetch.limits import FetchLimits

_BLOCK = 256 << 10
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# As much of a file as tells what it is.
HEAD_BYTES = 64 << 10
# zipfile reads the whole directory of an archive at once, and keeps it. This is room for some ten thousand pictures.
_DIRECTORY_BYTES = 2 << 20
_WORKBOOK_MEMBERS = 10_000
_OFFICE_MARK, _WORKBOOK_MARK = "[Content_Types].xml", "xl/workbook.xml"
_ENCRYPTED = 0x1
_FEED_SUFFIXES = (".xml", ".yml", ".csv", ".json")
_ARCHIVE_SUFFIXES = (".zip", ".gz", ".7z", ".rar")
_LONGEST_NAME = 255
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


@dataclass(frozen=True)
class Member:
    """A file of an archive.

    Attributes:
        name: where it stands in the archive, `/` between folders; printable, never leading outside.
        size: length that the directory claims; reading finds out a lie.
    """

    name: str
    size: int
    info: zipfile.ZipInfo


class Package:
    """An open zip archive: what is in it, and what comes out of it, counted (F3).

    The ratio holds for each file, and for the archive as a whole: many files that are each small enough to be free of
    it must not add up to a bomb.
    """

    def __init__(self, package: zipfile.ZipFile, length: int, limits: FetchLimits) -> None:
        self._package = package
        self._length = length
        self._limits = limits
        self._given = 0
        self._infos = package.infolist()
        self._names = {part_name(info.filename) for info in self._infos}

    @property
    def is_workbook(self) -> bool:
        """Whether it is an Excel workbook, which is a price list as it is.

        Raises:
            SupplierError: `format_unknown`, another document of an office.
        """
        if _OFFICE_MARK not in self._names:
            return False
        if _WORKBOOK_MARK not in self._names:
            raise SupplierError("format_unknown", detail="документ Office, но не книга Excel (xlsx)")
        return True

    def check_workbook(self) -> None:
        """Unpack a workbook to nowhere: whoever reads it later may trust its sizes.

        Raises:
            SupplierError: `archive_invalid`, `file_too_large`.
        """
        if len(self._infos) > _WORKBOOK_MEMBERS:
            raise _refused("в книге Excel слишком много частей", f"больше {_WORKBOOK_MEMBERS}")
        self._once([info.filename for info in self._infos])
        size = 0
        for info in self._infos:
            _check_readable(info)
            for block in self.read(Member(info.filename, info.file_size, info)):
                size += len(block)
                if size > self._limits.max_bytes:
                    raise self._limits.too_large()

    def feeds(self) -> list[Member]:
        """The files that look like price lists: the only file whatever its name, or those whose names end like one.

        Raises:
            SupplierError: `archive_invalid`: a password, a link, an unusual compression, or a name that stands twice.
        """
        # macOS adds a twin of every file with its attributes: __MACOSX/._price.xml.
        files = [i for i in self._infos if not i.is_dir() and not PureWindowsPath(i.filename).name.startswith(".")]
        feeds = [i for i in files if i.filename.lower().endswith(_FEED_SUFFIXES)] if len(files) > 1 else files
        if not feeds:
            raise _refused("файла прайс-листа в архиве нет", _listed([info.filename for info in files]))
        for info in feeds:
            _check_readable(info)
        members = [Member(part_name(info.filename), info.file_size, info) for info in feeds]
        if long := [member.name for member in members if len(member.name) > _LONGEST_NAME]:
            raise _refused("слишком длинное имя файла", shown_name(long[0]))
        self._once([member.name for member in members])
        if len(members) > 1 and (
            inner := [i.filename for i in files if i.filename.lower().endswith(_ARCHIVE_SUFFIXES)]
        ):
            raise _refused("внутри архива ещё один архив", shown_name(inner[0]))
        return members

    def read(self, member: Member) -> Iterator[bytes]:
        """What a member holds, checksum and length verified.

        Raises:
            SupplierError: `archive_invalid`: damage, a length that lies, or a ratio past the limit.
        """
        with _damage_refused():
            given = 0
            with self._package.open(member.info) as content:
                while block := content.read(_BLOCK):
                    given += len(block)
                    self._given += len(block)
                    if self._limits.inflated(self._length, self._given):
                        raise _inflated(self._limits)
                    yield from _measured(block, member.info.compress_size, given, self._limits)
            if given != member.size:
                raise _refused("длина файла в архиве не сходится с оглавлением")

    def head(self, member: Member) -> bytes:
        """The beginning of a member, as much of it as tells what it is."""
        with _damage_refused(), self._package.open(member.info) as content:
            return content.read(HEAD_BYTES)

    def _once(self, names: list[str]) -> None:
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise _refused("имя файла стоит в архиве дважды", shown_name(twice[0]))


@contextmanager
def open_package(file: BinaryIO, limits: FetchLimits) -> Iterator[Package]:
    """Open a zip archive.

    Args:
        file: the archive, seekable; read only.
        limits: what may come out of it.

    Raises:
        SupplierError: `archive_invalid`: damage, or a path that leads outside.
    """
    with ExitStack() as opened:
        with _damage_refused():
            length = file.seek(0, io.SEEK_END)
            package = Package(opened.enter_context(zipfile.ZipFile(_ShortReads(file))), length, limits)
        yield package


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    # What zipfile raises for damaged archives: it has no error of its own for a compression it does not know, nor for
    # sizes and offsets that lie.
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OverflowError) as error:
        raise _refused("архив zip повреждён") from error


def _check_readable(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise _refused("архив закрыт паролем")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _refused("вместо файла ссылка на другой файл", shown_name(info.filename))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refused("способ сжатия не поддерживается, нужен обычный (deflate)", f"№ {info.compress_type}")


def part_name(name: str) -> str:
    """The name of a file in an archive or a folder as it may be kept and shown: `/` between folders, printable.

    Raises:
        SupplierError: `archive_invalid`, the path leads outside.
    """
    path = PureWindowsPath(name)  # it knows both kinds of slashes, and drives
    if path.anchor or ".." in path.parts:
        raise _refused("путь ведёт наружу", shown_name(name))
    return "".join(c if c.isprintable() else "?" for c in path.as_posix())


def several(names: Sequence[str]) -> SupplierError:
    """The refusal of several files that are not the files of one CommerceML exchange."""
    detail = f"нужен один файл прайс-листа или один обмен CommerceML, а файлов {len(names)}"
    return _refused(detail, _listed(names))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown_name(name) for name in names[:_NAMES_SHOWN])


def _measured(block: bytes, taken: int, given: int, limits: FetchLimits) -> Iterator[bytes]:
    if limits.inflated(taken, given):
        raise _inflated(limits)
    if block:
        yield block


def _inflated(limits: FetchLimits) -> SupplierError:
    return _refused("степень сжатия выше предела", f"{limits.max_ratio} : 1")


def _refused(detail: str, evidence: str = "") -> SupplierError:
    return SupplierError("archive_invalid", detail=f"{detail}: {evidence}" if evidence else detail)


def shown_name(name: str) -> str:
    """A file's name as it may be quoted: short and printable."""
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
