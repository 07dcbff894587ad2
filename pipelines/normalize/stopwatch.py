"""Where the time of a run goes: seconds by part of the work, summed over the threads it ran on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds of each named part. One serves one thread; `add` brings those of several together."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Add the time of the block to `part`."""
        began = time.perf_counter()
        yield
        self._add(part, time.perf_counter() - began)

    def add(self, other: Stopwatch) -> None:
        """Add what another one measured."""
        for part, seconds in other.seconds.items():
            self._add(part, seconds)

    def _add(self, part: str, seconds: float) -> None:
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds
