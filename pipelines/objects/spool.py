"""Temporary files of the object store: private, on disk, and not left behind for ever by a killed process."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import OperatorError

# No step writes one file for this long; whatever is older belongs to a process that was killed.
_LEFTOVER_SECONDS = 24 * 3600
# A full disk, a quota, and the limit of a process or a file system on one file.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Spool:
    """A folder of files being written. It is made at first use, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready = False

    @contextmanager
    def file(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A new file, open for writing and reading, and its path; closed and removed at the end unless renamed away.

        Raises:
            OperatorError: the folder cannot be written to, or the disk is full.
        """
        self._prepare()
        with store_faults(self._folder):
            descriptor, name = tempfile.mkstemp(dir=self._folder)
        path = Path(name)
        try:
            with room_faults(self._folder), os.fdopen(descriptor, "w+b") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    def _prepare(self) -> None:
        if self._ready:
            return
        with store_faults(self._folder):
            make_private(self._folder)
            oldest = time.time() - _LEFTOVER_SECONDS
            for entry in os.scandir(self._folder):
                try:
                    if entry.stat().st_mtime < oldest:
                        Path(entry.path).unlink()
                except FileNotFoundError:
                    continue  # its owner, or another process sweeping, was faster
        self._ready = True


def make_private(folder: Path) -> None:
    """Create the folder and its missing parents, closed to other users; existing ones keep their mode."""
    for missing in reversed([folder, *folder.parents]):
        missing.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def room_faults(folder: Path) -> Iterator[None]:
    """Turn a full disk under a folder of ours into advice for the operator; other errors pass as they are."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise _no_access(folder, error) from error


@contextmanager
def store_faults(folder: Path) -> Iterator[None]:
    """Turn a fault of the file system under the store into advice for the operator."""
    try:
        yield
    except OSError as error:
        raise _no_access(folder, error) from error


def _no_access(folder: Path, error: OSError) -> OperatorError:
    return OperatorError(f"cannot use {folder}: {error.strerror}; check its owner, its mode and the free space")
