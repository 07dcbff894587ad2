"""The raw archive: a body is stored under the SHA-256 of what is inside its wrapper, before anything reads it (F4).

What is inside is one file, or the files of one CommerceML exchange, which become one body (`pipelines.fetch.sets`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.fetch.limits import FetchLimits
from pipelines.fetch.outcome import Unpacked
from pipelines.fetch.sets import Part, Pile, is_commerceml, is_tar, packed
from pipelines.fetch.unpack import GzipDamagedError, Member, Package, gunzip, open_package, several
from pipelines.objects import ObjectStore

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MAGIC_BYTES = 512
_BLOCK = 256 << 10


@dataclass(frozen=True)
class Archived:
    """What is in the archive now: hash and length of the body, and the wrapper it came in."""

    sha256: str
    bytes: int
    unpacked_from: Unpacked | None


def raw_key(sha256: str) -> str:
    """Key of an archived body in the object store."""
    return f"raw/{sha256}"


def archive(chunks: Iterable[bytes], *, store: ObjectStore, limits: FetchLimits) -> Archived:
    """Stream a body into the archive, opening a gzip or zip wrapper by its first bytes (F3, F4).

    A zip of one exchange is archived as a set; an Excel workbook, which is a zip too, as it is. A body that is there
    already is not written again. Whatever `chunks` raises passes through and leaves no trace.

    Raises:
        SupplierError: `file_empty`, `file_too_large`, `archive_invalid`, `format_unknown` (an office document that is
            no workbook).
    """
    head, body = _peek(limits.capped(chunks))
    wrapper = _wrapper(head)
    if wrapper == "gzip":
        return _write(_unnested(_opened_gzip(body, limits)), wrapper, store, limits)
    if wrapper == "zip":
        with store.draft() as spool:  # the directory of a zip is at its end
            spool.file.writelines(body)
            with open_package(spool.file, limits) as package:
                if package.is_workbook:
                    package.check_workbook()
                    return _write(_blocks(spool.file), None, store, limits)
                parts = [_part(package, member) for member in package.feeds()]
                return archive_set(parts, wrapper, store=store, limits=limits)
    if is_tar(head):
        raise SupplierError("archive_invalid", detail="архивы tar не принимаются")
    return _write(body, None, store, limits)


def archive_set(parts: Sequence[Part], source: Unpacked, *, store: ObjectStore, limits: FetchLimits) -> Archived:
    """Archive the files of one exchange, or the only file there is (F3, F4).

    Raises:
        SupplierError: `archive_invalid`: several files that are not one exchange, too many, an archive among them;
            `file_empty`, `file_too_large`.
    """
    if len(parts) == 1:
        return _write(_unnested(parts[0].read()), source, store, limits)
    heads = [part.head() for part in parts]
    if any(map(_is_archive, heads)):
        raise _nested()
    if not all(map(is_commerceml, heads)):
        raise several([part.name for part in parts])
    return _store(packed(parts, limits), source, store)


def gather(chunks: Iterable[bytes], name: str, pile: Pile, *, store: ObjectStore, limits: FetchLimits) -> None:
    """Add one file of a set to a pile: what is inside it, if it comes in a gzip or zip wrapper.

    Raises:
        SupplierError: `archive_invalid`, `file_too_large`.
    """
    head, body = _peek(limits.capped(chunks))
    wrapper = _wrapper(head)
    if wrapper == "zip":
        with store.draft() as spool:
            spool.file.writelines(body)
            with open_package(spool.file, limits) as package:
                for member in package.feeds():
                    pile.add(f"{name}/{member.name}", package.read(member))
    else:
        pile.add(name, _opened_gzip(body, limits) if wrapper == "gzip" else body)


def _part(package: Package, member: Member) -> Part:
    return Part(member.name, member.size, partial(package.read, member), partial(package.head, member))


def _write(body: Iterable[bytes], wrapper: Unpacked | None, store: ObjectStore, limits: FetchLimits) -> Archived:
    return _store(limits.bounded(body), wrapper, store)


def _store(body: Iterable[bytes], wrapper: Unpacked | None, store: ObjectStore) -> Archived:
    digest, size = hashlib.sha256(), 0
    with store.draft() as draft:
        for chunk in body:
            size += len(chunk)
            digest.update(chunk)
            draft.file.write(chunk)
        if size == 0:
            raise SupplierError("file_empty")
        key = raw_key(digest.hexdigest())
        if not store.exists(key):
            draft.commit(key)
    return Archived(digest.hexdigest(), size, wrapper)


def _opened_gzip(body: Iterable[bytes], limits: FetchLimits) -> Iterator[bytes]:
    try:
        yield from gunzip(body, limits)
    except GzipDamagedError as error:
        raise SupplierError("archive_invalid", detail=str(error)) from error


def _unnested(body: Iterable[bytes]) -> Iterator[bytes]:
    head, body = _peek(body)
    if _is_archive(head):
        raise _nested()
    yield from body


def _is_archive(head: bytes) -> bool:
    return _wrapper(head) is not None or is_tar(head)


def _nested() -> SupplierError:
    return SupplierError("archive_invalid", detail="внутри архива ещё один архив")


def _wrapper(head: bytes) -> Unpacked | None:
    if head.startswith(_GZIP):
        return "gzip"
    return "zip" if head.startswith(_ZIP) else None


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(_BLOCK):
        yield block


def _peek(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and everything again."""
    rest, head = iter(chunks), b""
    while len(head) < _MAGIC_BYTES and (chunk := next(rest, None)) is not None:
        head += chunk
    return head, chain([head], rest)
