"""What a child started goes with it, however it was started and however the child ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from examples.children import children

# A child with a grandchild in a process group of its own, as Airflow's supervisors have them.
FAMILY = """
import os, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], process_group=0)
print(grandchild.pid, flush=True)
time.sleep(300)
"""


def _grandchild(log: Path) -> int:
    for _ in range(200):
        if log.exists() and log.read_text().endswith("\n"):
            return int(log.read_text())
        time.sleep(0.05)
    pytest.fail("the child did not start")


def _ignore_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_grandchildren_end_with_the_block(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "child.log"
    with children({log: [sys.executable, "-c", FAMILY]}, env=os.environ) as running:
        grandchild = _grandchild(log)
        assert psutil.pid_exists(grandchild)
    assert running[log].returncode is not None
    assert _gone(grandchild)


def test_grandchildren_end_even_if_the_child_was_killed(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with children({log: [sys.executable, "-c", FAMILY]}, env=os.environ) as running:
        grandchild = _grandchild(log)
        running[log].kill()
        assert running[log].wait(10) == -signal.SIGKILL
        assert not _gone(grandchild)
    assert _gone(grandchild)


def test_nothing_is_left_when_the_block_is_interrupted(tmp_path: Path) -> None:
    log = tmp_path / "child.log"

    def interrupted() -> int:
        with children({log: [sys.executable, "-c", FAMILY]}, env=os.environ):
            grandchild.append(_grandchild(log))
            raise KeyboardInterrupt
        return 0

    grandchild: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert _gone(grandchild[0])


def test_a_child_hears_sigint_even_where_it_was_ignored(tmp_path: Path) -> None:
    """Background jobs of a shell ignore SIGINT; the demonstration must end its children politely all the same."""
    log = tmp_path / "child.log"
    code = f"""
import os, sys
from pathlib import Path
from examples import demo
from examples.children import children
demo._end_on_signals()
said = "import signal; print(signal.getsignal(signal.SIGINT).__name__)"
with children({{Path({str(log)!r}): [sys.executable, "-c", said]}}, env=os.environ) as running:
    [process.wait() for process in running.values()]
"""
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        check=True,
        timeout=60,
        preexec_fn=_ignore_sigint,
    )
    assert log.read_text().strip() == "default_int_handler"
