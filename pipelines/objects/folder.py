"""The object store as a folder: one file per object, written aside and renamed into place."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipelines.objects.spool import Spool, make_private, store_faults
from pipelines.objects.store import (
    ObjectConflictError,
    ObjectNotFoundError,
    ObjectStore,
    Versioned,
    check_folder,
    check_key,
)


class FolderStore(ObjectStore):
    """Objects as files below `root`; for one machine, or several over a shared file system that has locks."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        # Names with a leading dot are never keys. The spool is inside, so that a rename never crosses a file system.
        self._spool = Spool(self._root / ".spool")
        self._lock_path = self._root / ".lock"

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._root / key

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: a conditional write compares and renames as one act. Held only for a rename."""
        with store_faults(self._root):
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _place(self, file: BinaryIO, path: Path, key: str) -> None:
        with store_faults(self._root):
            os.fsync(file.fileno())
        with self._locked():
            self._rename(path, key)

    def _rename(self, path: Path, key: str) -> None:
        target = self._path(key)
        with store_faults(self._root):
            make_private(target.parent)
            path.replace(target)
            folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)  # the name survives a power cut too
            finally:
                os.close(folder)

    def put_bytes_if(self, key: str, data: bytes, match: str | None) -> str:
        check_key(key)
        with self._spool.file() as (file, path):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            with self._locked():
                current = self.get_versioned(key).etag if self.exists(key) else None
                if current != match:
                    raise ObjectConflictError(key, self.url(key))
                self._rename(path, key)
        return _etag(data)

    def open(self, key: str) -> BinaryIO:
        path = self._path(key)
        with store_faults(self._root):
            try:
                return path.open("rb")
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
                raise ObjectNotFoundError(key, str(path)) from error

    def get_versioned(self, key: str) -> Versioned:
        with self.open(key) as file:
            data = file.read()
        return Versioned(data, _etag(data))

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        with self.open(key) as file:
            return os.fstat(file.fileno()).st_size

    def list(self, folder: str = "") -> Iterator[str]:
        check_folder(folder)
        yield from _walk(self._root / folder, f"{folder}/" if folder else "")

    def delete(self, key: str) -> None:
        path = self._path(key)
        if not path.is_file():
            return
        with self._locked(), store_faults(self._root):
            path.unlink(missing_ok=True)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.is_file():
            raise ObjectNotFoundError(key, str(path))
        yield path

    def url(self, key: str = "") -> str:
        return str(self._path(key) if key else self._root)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    try:
        entries = [(f"{e.name}/" if e.is_dir() else e.name) for e in os.scandir(folder) if not e.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return
    # Sorting folders with their slash gives the order of the whole keys, as S3 lists them.
    for name in sorted(entries):
        if name.endswith("/"):
            yield from _walk(folder / name, prefix + name)
        else:
            yield prefix + name
