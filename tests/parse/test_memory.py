"""Memory does not grow with the file, whatever fills it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.commerceml import exchange
from benchmarks.generate import feed as generate

PEAK = """
import resource, sys
from pathlib import Path
from pipelines.errors import SupplierError
from pipelines.options import LinkOptions
from pipelines.parse import parse
try:
    options = LinkOptions(price_type="Розничная")
    print(parse(lambda: open(sys.argv[1], "rb"), Path(sys.argv[2]), options=options).read)
except SupplierError as error:
    print(error.code)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak(path: Path) -> tuple[str, int]:
    """(offers read or the code of the refusal, peak resident memory in MiB) of a process that parses `path`."""
    command = [sys.executable, "-c", PEAK, str(path), str(path.with_suffix(".parquet"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    outcome, memory = done.stdout.split()
    return outcome, int(memory)


def feed_of(size: int) -> Iterator[bytes]:
    return generate(1, encoding="windows-1251", bytes_wanted=size, offers_wanted=None)


def exchange_of(size: int) -> Iterator[bytes]:
    """An exchange is joined in batches, two at a time, so it takes some megabytes until the first of them are full."""
    return exchange(1, encoding="windows-1251", bytes_wanted=24_000_000 + size)


def around(filler: Callable[[int], str]) -> Callable[[int], Iterator[bytes]]:
    """A feed of one offer in a sea of something else."""

    def build(size: int) -> Iterator[bytes]:
        yield b"<yml_catalog><shop><offers><offer id='1'/></offers><rest>"
        per_part = 2_000
        part_size = sum(len(filler(i)) for i in range(per_part))
        for part in islice(range(10**9), size // part_size):
            yield "".join(filler(part * per_part + i) for i in range(per_part)).encode()
        yield b"</rest></shop></yml_catalog>"

    return build


@pytest.mark.parametrize(
    ("build", "outcome"),
    [
        (feed_of, None),
        (exchange_of, None),
        (around(lambda i: f"<category id='{i}'>Категория</category>\n"), "1"),
        (around(lambda i: f"<!-- comment {i} -->"), "1"),
        (around(lambda i: "<a><b/></a>"), "1"),
        (around(lambda i: "<a>" if i % 200 < 100 else "</a>"), "1"),
    ],
    ids=["offers", "exchange", "categories", "comments", "tags", "nesting"],
)
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, build: Callable[[int], Iterator[bytes]], outcome: str | None
) -> None:
    peaks = []
    for megabytes in (8, 24):
        path = tmp_path / f"{megabytes}.yml"
        with path.open("wb") as out:
            out.writelines(build(megabytes * 1_000_000))
        result, memory = peak(path)
        assert outcome in (None, result)
        peaks.append(memory)
    assert peaks[1] < 1.15 * peaks[0] + 8, peaks
