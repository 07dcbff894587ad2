"""What an object store promises, whatever it is made of."""

from __future__ import annotations

import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pipelines.errors import CatalogFeedsError, InternalError
from pipelines.objects.spool import Spool

# Closed on purpose: every key is safe as a path, in a URL and in a log line. A segment never starts with a dot, so the
# folder store may keep its own files under such names.
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=-]{0,199}")
_KEY_LENGTH = 800

# How long what is sent to suppliers can be opened: the longest that a signature of S3 may last.
SHARED_DAYS = 7


class ObjectNotFoundError(InternalError):
    """An object that should be there is not.

    Attributes:
        key: key of the missing object.
    """

    def __init__(self, key: str, url: str) -> None:
        super().__init__(f"no object {key!r} at {url}")
        self.key = key


class ObjectConflictError(CatalogFeedsError):
    """A conditional write lost: somebody else wrote the object first. Read it again and decide anew.

    Attributes:
        key: key of the object.
    """

    def __init__(self, key: str, url: str) -> None:
        super().__init__(f"object {key!r} at {url} was written by somebody else")
        self.key = key


class Versioned(NamedTuple):
    """Content of a small object and the tag of exactly this content, for `put_bytes_if`."""

    data: bytes
    etag: str


class Draft:
    """An object being written, whose key may be known only at its end. Dropped unless committed.

    Attributes:
        file: open for writing and reading back; leave it open, the store closes it.
    """

    def __init__(self, file: BinaryIO, path: Path, place: Callable[[BinaryIO, Path, str], None]) -> None:
        self.file = file
        self._path = path
        self._place = place

    def commit(self, key: str) -> None:
        """Publish what was written as `key`, replacing what is there; at once or not at all. Ends the draft."""
        check_key(key)
        self.file.flush()
        self._place(self.file, self._path, key)
        self.file.close()


class ObjectStore(ABC):
    """Named byte strings. Keys are `/`-joined segments of `A-Z a-z 0-9 . _ = -`; any other key is an `InternalError`.

    Every operation may raise `OperatorError` (no access, no room, no bucket; the message says what to do) and
    `NetworkError` (the store did not answer). Reading a key that is not there raises `ObjectNotFoundError`.
    """

    _spool: Spool

    @abstractmethod
    def _place(self, file: BinaryIO, path: Path, key: str) -> None:
        """Make the finished spool file `path`, open as `file`, the object `key`."""

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A draft to stream into; it becomes an object only by `Draft.commit`."""
        with self._spool.file() as (file, path):
            yield Draft(file, path, self._place)

    @contextmanager
    def writer(self, key: str) -> Iterator[BinaryIO]:
        """A binary file to stream into; the object appears whole when the block ends well, and not at all otherwise."""
        check_key(key)
        with self.draft() as draft:
            yield draft.file
            draft.commit(key)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object, replacing what is there."""
        with self.writer(key) as file:
            file.write(data)

    def put_file(self, key: str, path: Path) -> None:
        """Copy a local file in, replacing what is there."""
        with path.open("rb") as source, self.writer(key) as file:
            shutil.copyfileobj(source, file, 1 << 20)

    @abstractmethod
    def put_bytes_if(self, key: str, data: bytes, match: str | None) -> str:
        """Write a small object only if nobody did since we looked.

        Args:
            key: key of the object.
            data: new content.
            match: tag from `get_versioned` that the object must still have; None: the object must not exist yet.

        Returns:
            The tag of the new content.

        Raises:
            ObjectConflictError: the object changed, vanished or appeared meanwhile. Over a network this may also be our
                own write whose answer got lost, so compare before giving up.
        """

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """The object as a seekable binary file, never read into memory as a whole. The caller closes it."""

    def get_bytes(self, key: str) -> bytes:
        """The whole content; for small objects only."""
        return self.get_versioned(key).data

    @abstractmethod
    def get_versioned(self, key: str) -> Versioned:
        """The whole content with its tag; for small objects only."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether the object is there."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Length of the object, bytes."""

    @abstractmethod
    def list(self, folder: str = "") -> Iterator[str]:
        """Keys below `folder` (a key without the final slash; empty: all), sorted as text.

        The keys may be held in memory at once: list the folder that is meant, not the whole store.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove the object; nothing happens if it is not there."""

    @abstractmethod
    def local(self, key: str) -> AbstractContextManager[Path]:
        """The object as a local path to read from while the block lasts; never write to it."""

    @abstractmethod
    def url(self, key: str = "") -> str:
        """Where people find the object, or the whole store: a path or `s3://…`."""

    def shared_url(self, key: str) -> str:
        """An address that those can open who have no access to the store, for `SHARED_DAYS`; its place where the store
        can make none."""
        return self.url(key)


def check_key(key: str) -> None:
    """Refuse a key outside the closed alphabet: it was built wrongly, or from something hostile.

    Raises:
        InternalError: naming the key.
    """
    if len(key) > _KEY_LENGTH or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        msg = f"not a key of the object store: {key[:200]!r}"
        raise InternalError(msg)


def check_folder(folder: str) -> None:
    """Like `check_key`; the empty folder is the whole store."""
    if folder:
        check_key(folder)
