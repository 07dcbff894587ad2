"""Child processes that do not outlive us.

Every child gets a session of its own: Ctrl-C in the terminal reaches us alone, and whatever the child starts, however
deep, is found again by that session, even after the child itself was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

# Airflow's components end their workers after SIGINT, which takes some seconds; after SIGTERM they would orphan some.
_PATIENCE_WHEN_ASKED = 20.0
_PATIENCE_WHEN_TOLD = 5.0


@contextmanager
def children(
    commands: Mapping[Path, Sequence[str]], *, env: Mapping[str, str]
) -> Iterator[dict[Path, subprocess.Popen[bytes]]]:
    """Run commands, each with its output appended to a log; at the end of the block they and all they started are gone.

    Args:
        commands: log -> command.
        env: their environment.
    """
    running: dict[Path, subprocess.Popen[bytes]] = {}
    try:
        for log, command in commands.items():
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as output:
                running[log] = subprocess.Popen(
                    command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
        yield running
    finally:
        _stop(list(running.values()))


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes and everything in their sessions: asked first, then told, then killed."""
    _signal([p.pid for p in processes if p.poll() is None], signal.SIGINT)
    _wait(lambda: any(p.poll() is None for p in processes), _PATIENCE_WHEN_ASKED)
    sessions = {process.pid for process in processes}
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(members(sessions), number)
        _wait(lambda: any(p.poll() is None for p in processes) or bool(members(sessions)), _PATIENCE_WHEN_TOLD)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait(busy: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while busy() and time.monotonic() < deadline:
        time.sleep(0.05)


def members(sessions: set[int]) -> list[int]:
    """Processes of these sessions, each named by the child that began it."""
    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(pid) in sessions and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found
