"""Child processes that do not outlive us.

Every child gets a session of its own: Ctrl-C in the terminal reaches us alone, and whatever the child starts, however
deep, is found again by that session, even after the child itself was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

# Airflow's components need about seven seconds to end their workers after SIGINT; SIGTERM would orphan some of them.
_PATIENCE = ((signal.SIGINT, 20.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


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
    sessions = {process.pid for process in processes}
    for number, seconds in _PATIENCE:
        # Asked, the child ends its own; told, each of them hears it.
        targets = [p.pid for p in processes if p.poll() is None] if number == signal.SIGINT else []
        for pid in targets or _members(sessions):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for process in processes:
                process.poll()
            if not _members(sessions):
                return
            time.sleep(0.05)


def _members(sessions: set[int]) -> list[int]:
    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(pid) in sessions and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found
