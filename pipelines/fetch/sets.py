"""The files of one CommerceML exchange as one body: a deterministic tar, whatever they came in (F3, F4).

The same files give the same bytes, so the SHA-256 of a set says whether anything in it changed: names sorted, and
nothing of times, owners or compression kept.
"""

from __future__ import annotations

import codecs
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from pipelines.errors import InternalError, SupplierError
from pipelines.fetch.limits import FetchLimits
from pipelines.fetch.unpack import HEAD_BYTES, shown_name

_BLOCK = 256 << 10
_ROOT = "<(?:[^<>/!?:\\s]{1,50}:)?КоммерческаяИнформация[\\s/>]"
_ROOTS = tuple(re.compile(_ROOT.encode(encoding)) for encoding in ("utf-8", "windows-1251"))
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257


@dataclass(frozen=True)
class Part:
    """One file of a set.

    Attributes:
        name: its path in the set, `/` between folders.
        size: its length in bytes.
        read: opens its content anew; what comes is as long as `size`.
        head: as much of its beginning as tells what it is.
    """

    name: str
    size: int
    read: Callable[[], Iterator[bytes]]
    head: Callable[[], bytes]


class Pile:
    """Files that come one after another, gathered in one temporary file until the set is complete."""

    def __init__(self, file: BinaryIO, limits: FetchLimits) -> None:
        self._file = file
        self._limits = limits
        self._end = 0
        self.parts: list[Part] = []

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Take a file in. One that breaks off leaves nothing behind.

        Raises:
            SupplierError: `file_too_large`, all files together are past the limit.
        """
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if self._end + size > self._limits.max_bytes:
                raise self._limits.too_large()
            self._file.seek(self._end + size - len(chunk))
            self._file.write(chunk)
        read = partial(self._read, self._end)
        self.parts.append(Part(name, size, partial(read, size), lambda: b"".join(read(min(size, HEAD_BYTES)))))
        self._end += size

    def _read(self, start: int, size: int) -> Iterator[bytes]:
        for at in range(start, start + size, _BLOCK):
            self._file.seek(at)
            yield self._file.read(min(_BLOCK, start + size - at))


def is_commerceml(head: bytes) -> bool:
    """Whether a file that begins so is one of an exchange: by its root element, not by its name."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    return any(root.search(head) for root in _ROOTS)


def is_tar(head: bytes) -> bool:
    """Whether a body that begins so would be taken for a set that we packed."""
    return head[_TAR_MARK_AT : _TAR_MARK_AT + len(_TAR_MARK)] == _TAR_MARK


def packed(parts: Sequence[Part], limits: FetchLimits) -> Iterator[bytes]:
    """The tar of a set: uncompressed POSIX, regular files only, sorted by name, all metadata constant.

    Raises:
        SupplierError: `archive_invalid`, too many files or a name that stands twice; `file_too_large`, counted over all
            files (F3).
        InternalError: a part is not as long as it said.
    """
    if len(parts) > limits.parts:
        raise SupplierError("archive_invalid", detail=f"больше {limits.parts} файлов в одном обмене")
    if twice := [name for name, times in Counter(part.name for part in parts).items() if times > 1]:
        raise SupplierError("archive_invalid", detail=f"имя файла стоит в обмене дважды: {shown_name(twice[0])}")
    total = 0
    for part in sorted(parts, key=lambda part: part.name):
        header = tarfile.TarInfo(part.name)
        header.size = part.size
        yield header.tobuf(tarfile.PAX_FORMAT, "utf-8", "replace")
        given = 0
        for chunk in part.read():
            given += len(chunk)
            if total + given > limits.max_bytes:
                raise limits.too_large()
            yield chunk
        if given != part.size:
            msg = f"part {part.name!r} of a set has {given} bytes instead of {part.size}"
            raise InternalError(msg)
        total += given
        yield bytes(-given % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)
