"""python -m tests.fuzz TARGET [--seconds N]: look for bytes at which a reader crashes, hangs or fills the memory.

Coverage of our own modules guides it (atheris over libFuzzer). It starts from the golden cases and `corpus/TARGET`;
`--keep FOLDER` collects what reached something new. The first input that fails ends the run and is saved in the folder
`--failures` (where it was started): make it a golden case.

python -m tests.fuzz TARGET --distil FOLDER: of what was kept, one small input for each outcome into `corpus/TARGET`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import atheris

with atheris.instrument_imports(include=["pipelines"], enable_loader_override=False):
    from tests.fuzz.targets import SEEDS, TARGETS

from tests.fuzz.dictionary import write_dictionary

CORPUS = Path(__file__).with_name("corpus")
LONGEST_INPUT = 16 << 10
MEMORY_MB = 2_000
# A backstop for what never returns; slowness is measured by the target, in time of the processor.
WALL_SECONDS = 900


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="folder for inputs that reached something new")
    parser.add_argument("--failures", type=Path, default=Path(), help="folder for an input that failed")
    parser.add_argument("--distil", type=Path, help="a folder that was kept; nothing is fuzzed then")
    args = parser.parse_args()
    corpus = CORPUS / args.target
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        if args.distil:
            distil(args.target, args.distil, corpus, Path(scratch))
        else:
            fuzz(args.target, args.seconds, corpus, args.keep, args.failures, Path(scratch))


def fuzz(target: str, seconds: int, corpus: Path, keep: Path | None, failures: Path, scratch: Path) -> NoReturn:
    """Run until the time is over or an input fails; neither returns."""
    kept, seeds, out = (scratch / name for name in ("kept", "seeds", "out"))
    for each in (kept, seeds, out):
        each.mkdir()
    bodies = SEEDS[target]()
    for number, body in enumerate(bodies):
        (seeds / str(number)).write_bytes(body)
    write_dictionary(scratch / "words", bodies)
    runs, ends = 0, time.monotonic() + seconds

    def one(data: bytes) -> None:
        nonlocal runs
        TARGETS[target](data, out)
        runs += 1
        if time.monotonic() > ends:
            # libFuzzer's own end tears down libraries that still have threads.
            print(f"{runs} inputs in {seconds} s", flush=True)
            shutil.rmtree(scratch, ignore_errors=True)
            os._exit(0)

    options = [
        f"-max_len={LONGEST_INPUT}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-timeout={WALL_SECONDS}",
        f"-report_slow_units={WALL_SECONDS}",
        f"-dict={scratch / 'words'}",
        f"-artifact_prefix={failures}/",
    ]
    atheris.Setup([sys.argv[0], *options, *map(str, (keep or kept, corpus, seeds))], one)
    atheris.Fuzz()
    raise AssertionError("a fuzzer does not return")


def distil(target: str, folder: Path, corpus: Path, scratch: Path) -> None:
    """The smallest input of each outcome."""
    known = {TARGETS[target](body, scratch) for body in SEEDS[target]()}
    for path in sorted((*corpus.iterdir(), *folder.iterdir()), key=lambda path: path.stat().st_size):
        data = path.read_bytes()
        outcome = TARGETS[target](data, scratch)
        if outcome not in known:
            known.add(outcome)
            (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
            print(outcome)


main()
