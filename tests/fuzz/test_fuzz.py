"""The fuzzers for two minutes in all, and everything that they found worth keeping, read again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.dictionary import words
from tests.fuzz.targets import SEEDS, TARGETS

CORPUS = Path(__file__).with_name("corpus")
SECONDS = 120 // len(TARGETS)  # each is a test of its own, so that they run side by side


def corpus(target: str) -> list[bytes]:
    """What fuzzing kept, and the golden cases it began with."""
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())] + SEEDS[target]()


@pytest.mark.parametrize("target", TARGETS)
def test_two_minutes_of_fuzzing_over_all_readers(target: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", target, "--seconds", str(SECONDS), "--failures", str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    assert list(tmp_path.iterdir()) == []
    assert int(done.stdout.partition(" ")[0]) > 0


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found_is_read_or_refused(target: str, tmp_path: Path) -> None:
    outcomes = {TARGETS[target](data, tmp_path).partition(" ")[0] for data in corpus(target)}
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("target", ["yml-cut", "commerceml-cut"])
def test_much_of_what_is_read_is_proven_by_cutting(target: str, tmp_path: Path) -> None:
    outcomes = [TARGETS[target](data, tmp_path) for data in corpus(target)]
    read = [outcome for outcome in outcomes if outcome.startswith("read ")]
    assert sum(outcome.endswith(" cut") for outcome in read) > len(read) // 4 > 0


@pytest.mark.parametrize("target", TARGETS)
def test_feeds_cut_and_joined_are_read_or_refused(target: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pieces of feeds in any order, with the words that hurt between them."""
    pieces = st.sampled_from([piece for data in SEEDS[target]() for piece in re.split(rb"(?<=[>\n;,])", data)])
    folder = tmp_path_factory.mktemp("fuzz")

    @given(st.lists(pieces | st.sampled_from(words(SEEDS[target]())), max_size=40), st.sampled_from(SEEDS[target]()))
    def read(some: list[bytes], whole: bytes) -> None:
        middle = len(whole) // 2
        TARGETS[target](whole[:middle] + b"".join(some) + whole[middle:], folder)

    read()
