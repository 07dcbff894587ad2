"""A load's file -> raw offers, in a process of its own: whatever the file does to its reader, the next load is safe."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pipelines import parse
from pipelines.confinement import ForkServer, LimitExceededError, Limits
from pipelines.errors import SupplierError
from pipelines.fetch import raw_key
from pipelines.model import FeedFormat, LoadFacts, ParseResult
from pipelines.options import LinkOptions
from pipelines.steps.house import House, Progress

# Reading takes a tenth of it at most: memory is bounded whatever the file (F3). DuckDB takes addresses in advance.
MEMORY_BYTES = 4 << 30
# Many times what the slowest format takes, on a machine many times slower than ours.
CPU_SECONDS, CPU_SECONDS_PER_MB = 120, 4
# For a reader that waits for ever, which none should.
WALL_SECONDS = 3 * 3600.0
_WHY = {"memory": "не хватило отведённой памяти", "time": "не хватило отведённого времени"}

READERS = ForkServer("pipelines.parse.readers")


def parse_load(
    house: House, load: LoadFacts, out: Path, *, options: LinkOptions, given_keys: Path | None, progress: Progress
) -> ParseResult:
    """Parse the archived file of a load, as `parse.parse` does.

    Raises:
        SupplierError: the file is rejected whole; `file_too_demanding`, reading it was stopped at a limit.
        InternalError: the process that read it crashed.
    """
    expected = None if options.format == "auto" else FeedFormat(options.format)
    with house.store.local(raw_key(load.sha256 or "")) as source:
        try:
            return READERS.call(
                partial(parse.parse_file, source, out, expected=expected, options=options, given_keys=given_keys),
                limits=limits(source.stat().st_size),
                heard=lambda share: progress("parse", share),
            )
        except LimitExceededError as error:
            raise SupplierError("file_too_demanding", detail=_WHY[error.what]) from error


def limits(size: int) -> Limits:
    """What reading a file of so many bytes may take."""
    return Limits(MEMORY_BYTES, CPU_SECONDS + CPU_SECONDS_PER_MB * size // 10**6, WALL_SECONDS)
