"""Uploaded and local files, and folders of them, into the archive (F1, F3, F4)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from pipelines.errors import OperatorError
from pipelines.fetch.archive import archive, archive_set
from pipelines.fetch.limits import STANDARD_LIMITS, FetchLimits
from pipelines.fetch.outcome import Fetched, Validators
from pipelines.fetch.sets import Part
from pipelines.fetch.unpack import HEAD_BYTES, part_name
from pipelines.objects import ObjectStore

_BLOCK = 256 << 10
_PART_SUFFIX = ".xml"


def fetch_file(path: Path, *, store: ObjectStore, limits: FetchLimits = STANDARD_LIMITS) -> Fetched:
    """Archive a local file under its SHA-256, unwrapped and counted like a download.

    A folder stands for the CommerceML exchange whose files (*.xml) are in it and below it; links are not followed.

    Raises:
        OperatorError: there is no such file, or no *.xml in the folder, or it cannot be read.
        SupplierError: `file_empty`, `file_too_large`, `archive_invalid`, `format_unknown`.
    """
    started = time.monotonic()
    if path.is_dir():
        archived = archive_set(_parts(path, limits), "folder", store=store, limits=limits)
    else:
        archived = archive(_blocks(path), store=store, limits=limits)
    return Fetched(
        sha256=archived.sha256,
        bytes=archived.bytes,
        validators=Validators(),
        unpacked_from=archived.unpacked_from,
        seconds=time.monotonic() - started,
    )


def _parts(folder: Path, limits: FetchLimits) -> list[Part]:
    """The files of the folder, one more than there may be at most."""
    with _readable(folder):
        paths = list(islice(_walk(folder), limits.parts + 1))
        if not paths:
            msg = f"no {_PART_SUFFIX} files in {folder}"
            raise OperatorError(msg)
        return [_part(folder, path) for path in paths]


def _walk(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if name.lower().endswith(_PART_SUFFIX) and not name.startswith(".") and not path.is_symlink():
                yield path


def _part(folder: Path, path: Path) -> Part:
    size = path.stat().st_size
    return Part(
        part_name(path.relative_to(folder).as_posix()), size, partial(_blocks_of, path, size), partial(_head, path)
    )


def _blocks_of(path: Path, size: int) -> Iterator[bytes]:
    """A file as long as it was when the set was put together."""
    given = 0
    for block in _blocks(path):
        given += len(block)
        yield block
    if given != size:
        msg = f"{path} changed while it was read; try again"
        raise OperatorError(msg)


def _head(path: Path) -> bytes:
    with _readable(path), path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _blocks(path: Path) -> Iterator[bytes]:
    with _readable(path), path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise OperatorError(msg) from error
