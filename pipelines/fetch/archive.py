"""The raw archive: a body is stored under the SHA-256 of what is inside its wrapper, before anything reads it (F4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from pipelines.errors import SupplierError
from pipelines.fetch.limits import FetchLimits
from pipelines.fetch.outcome import Unpacked
from pipelines.fetch.unpack import GzipDamagedError, gunzip, unzip
from pipelines.objects import ObjectStore

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MAGIC_BYTES = 4


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

    A body that is there already is not written again. Whatever `chunks` raises passes through and leaves no trace.

    Raises:
        SupplierError: `file_empty`, `file_too_large`, `archive_invalid`, `format_unknown` (an Excel workbook).
    """
    head, body = _peek(limits.capped(chunks))
    wrapper = _wrapper(head)
    if wrapper == "gzip":
        return _write(_unnested(_opened_gzip(body, limits)), wrapper, store, limits)
    if wrapper == "zip":
        with store.draft() as spool:  # the directory of a zip is at its end
            spool.file.writelines(body)
            return _write(_unnested(unzip(spool.file, limits)), wrapper, store, limits)
    return _write(body, None, store, limits)


def _write(body: Iterable[bytes], wrapper: Unpacked | None, store: ObjectStore, limits: FetchLimits) -> Archived:
    digest, size = hashlib.sha256(), 0
    with store.draft() as draft:
        for chunk in body:
            size += len(chunk)
            if size > limits.max_bytes:
                raise limits.too_large()
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
    if _wrapper(head) is not None:
        raise SupplierError("archive_invalid", detail="внутри архива ещё один архив")
    yield from body


def _wrapper(head: bytes) -> Unpacked | None:
    if head.startswith(_GZIP):
        return "gzip"
    return "zip" if head.startswith(_ZIP) else None


def _peek(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and everything again."""
    rest, head = iter(chunks), b""
    while len(head) < _MAGIC_BYTES and (chunk := next(rest, None)) is not None:
        head += chunk
    return head, chain([head], rest)
