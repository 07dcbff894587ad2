"""Uploaded and local files into the archive (F1, F3, F4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import OperatorError
from pipelines.fetch.archive import archive
from pipelines.fetch.limits import STANDARD_LIMITS, FetchLimits
from pipelines.fetch.outcome import Fetched, Validators
from pipelines.objects import ObjectStore

_BLOCK = 256 << 10


def fetch_file(path: Path, *, store: ObjectStore, limits: FetchLimits = STANDARD_LIMITS) -> Fetched:
    """Archive a local file under its SHA-256, unwrapped and counted like a download.

    Raises:
        OperatorError: there is no such file, or it cannot be read.
        SupplierError: `file_empty`, `file_too_large`, `archive_invalid`, `format_unknown`.
    """
    started = time.monotonic()
    archived = archive(_blocks(path), store=store, limits=limits)
    return Fetched(
        sha256=archived.sha256,
        bytes=archived.bytes,
        validators=Validators(),
        unpacked_from=archived.unpacked_from,
        seconds=time.monotonic() - started,
    )


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise OperatorError(msg) from error
