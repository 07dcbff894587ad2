"""A set of files as the archive keeps it: one tar, read as a stream, each part copied beside for as long as it is read.

Only the fetching room makes such archives, but a supplier may upload a tar of their own: nothing in it is trusted.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pipelines.errors import SupplierError
from pipelines.model import FeedFormat
from pipelines.parse.sniff import HEAD_BYTES, Sniffed, sniff

PARTS_LIMIT = 1_000
BYTES_LIMIT = 300_000_000
NAME_LIMIT = 300
# What may stand between two members: headers, and the padding of the one before.
_HEADERS_LIMIT = 1 << 20
_MARK, _MARK_AT = b"ustar", 257


@dataclass(frozen=True)
class SourcePart:
    """One document of an exchange: its name in the set (None for a file by itself), and what opens it."""

    name: str | None
    open: Callable[[], BinaryIO]
    sniffed: Sniffed


def is_set(head: bytes) -> bool:
    """Whether a file that begins like this is a set of files."""
    return head.startswith(_MARK, _MARK_AT)


def parts_of(open_source: Callable[[], BinaryIO], scratch: Path) -> Iterator[SourcePart]:
    """The CommerceML documents of a set in their order; each can be opened until the next one is asked for.

    Raises:
        SupplierError: `archive_invalid`; what is wrong with the beginning of a part, naming it.
    """
    copy = scratch / "part"
    total = 0
    with open_source() as source:
        metered = _Metered(source)
        try:
            with tarfile.open(fileobj=cast("BinaryIO", metered), mode="r|") as archive:
                for number, member in enumerate(archive, 1):
                    total += _checked(member, number)
                    if total > BYTES_LIMIT:
                        raise SupplierError("file_too_large")
                    content = archive.extractfile(member)
                    if content is None:
                        raise _invalid("в наборе не только файлы")
                    metered.allowance = member.size + _HEADERS_LIMIT
                    with copy.open("wb") as out:
                        shutil.copyfileobj(content, out)
                    metered.allowance = _HEADERS_LIMIT
                    yield _part(member.name, copy)
        except tarfile.TarError as error:
            raise _invalid("набор файлов повреждён") from error


def _checked(member: tarfile.TarInfo, number: int) -> int:
    if not member.isreg() or member.sparse is not None:
        raise _invalid("в наборе не только файлы")
    if number > PARTS_LIMIT:
        raise SupplierError("archive_invalid", detail=f"в наборе больше {PARTS_LIMIT} файлов")
    if len(member.name) > NAME_LIMIT or not member.name.isprintable():
        raise _invalid("имя файла в наборе слишком длинное или с непечатными знаками")
    return member.size


def _part(name: str, copy: Path) -> SourcePart:
    with copy.open("rb") as source:
        head = source.read(HEAD_BYTES)
        whole = not source.read(1)
    try:
        sniffed = sniff(head, whole=whole)
    except SupplierError as error:
        raise SupplierError(error.code, line=error.line, part=name, detail=error.detail) from error
    if sniffed.format is not FeedFormat.COMMERCEML:
        detail = f"{sniffed.format} вместо {FeedFormat.COMMERCEML}"
        raise SupplierError("format_unexpected", part=name, detail=detail)
    return SourcePart(name, lambda: copy.open("rb"), sniffed)


def _invalid(why: str) -> SupplierError:
    return SupplierError("archive_invalid", detail=why)


class _Metered:
    """A stream that gives no more than is allowed before the next member: headers take memory, so they are bounded."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.allowance = _HEADERS_LIMIT

    def read(self, size: int) -> bytes:
        """Up to `size` bytes.

        Raises:
            SupplierError: `archive_invalid`, when more was read than headers may take.
        """
        data = self._source.read(size)
        self.allowance -= len(data)
        if self.allowance < 0:
            raise _invalid("заголовки набора слишком длинные")
        return data
