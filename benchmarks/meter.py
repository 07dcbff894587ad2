"""Wall time, CPU time and peak memory of a command with everything it starts, the embedded PostgreSQL included."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Each look walks all pages of the family: twenty a second took a fifth of a core from what was measured.
SAMPLE_SECONDS = 0.25


@dataclass(frozen=True)
class Measure:
    """One run of a command.

    Attributes:
        wall: seconds from start to end.
        cpu: seconds of CPU of the command and the children it waited for.
        peak: bytes, the largest sum of proportional set sizes over the whole family; the page cache is not in it.
    """

    wall: float
    cpu: float
    peak: int


def measure(command: Sequence[str], *, home: Path | None = None) -> Measure:
    """Run a command and watch it.

    Args:
        home: a state folder; processes whose command line names it belong to the family although they are no
            descendants (the embedded PostgreSQL detaches itself).

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command)
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_SECONDS):
            peak = max(peak, sum(_memory(each) for each in family(process.pid, home)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        usage = _wait(process)
    finally:
        done.set()
        watcher.join()
    wall = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Measure(wall, usage, peak)


def _wait(process: subprocess.Popen[bytes]) -> float:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def family(pid: int, home: Path | None) -> Iterator[psutil.Process]:
    """A process and its descendants, and the embedded PostgreSQL of a state folder; some may come twice."""
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        yield parent
        yield from parent.children(recursive=True)
    if home is None:
        return
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if any(str(home) in word for word in command) and any("postgres" in word for word in command):
            yield process
            with suppress(psutil.Error):
                yield from process.children(recursive=True)


def cpu_of_children(home: Path) -> float:
    """Seconds of CPU so far of all that this process started, ended ones included, and of the embedded PostgreSQL."""
    ours = {process.pid: process for process in family(os.getpid(), home) if process.pid != os.getpid()}
    total = 0.0
    for process in ours.values():
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])  # its own, and of those it waited for
    return total


def _memory(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0
