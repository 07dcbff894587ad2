"""A local file that says how far it has been read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

_BLOCK = 1 << 20


def open_watched(path: Path, tell: Callable[[float], None]) -> BinaryIO:
    """The file, open for reading; `tell` hears the share of it that is read, 0 to 1."""
    return io.BufferedReader(_Watched(path, max(path.stat().st_size, 1), tell), _BLOCK)


class _Watched(io.FileIO):
    def __init__(self, path: Path, size: int, tell: Callable[[float], None]) -> None:
        super().__init__(path)
        self._size, self._tell = size, tell

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - a writable buffer
        count = super().readinto(buffer)
        self._tell(min(self.tell() / self._size, 1.0))
        return count
