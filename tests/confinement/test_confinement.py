"""A call in a process of its own: whatever it does, its caller knows why it ended, and the next call works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from pipelines.confinement import ForkServer, LimitExceededError, Limits
from pipelines.errors import InternalError, SupplierError
from tests.confinement import victims

AMPLE = Limits(memory_bytes=1 << 30, cpu_seconds=60, wall_seconds=300)


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer("pipelines.errors")
    yield server
    server.close()


@pytest.fixture(autouse=True)
def the_next_call_works(server: ForkServer) -> Iterator[None]:
    yield
    assert server.call(partial(victims.add, 1, 2), limits=AMPLE) == 3


def gone(pid: int) -> bool:
    """Whether a process ends soon; the limit is for a machine that is very busy."""
    ends = time.monotonic() + 60
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > ends:
                return False
            time.sleep(0.02)
    return True


def test_a_call_returns_and_is_heard(server: ForkServer) -> None:
    heard: list[float] = []
    assert server.call(partial(victims.add, 1, 2), limits=AMPLE, heard=heard.append) == 3
    assert heard == [0.5, 1.0]


def test_an_error_comes_back_as_it_was(server: ForkServer) -> None:
    with pytest.raises(SupplierError) as caught:
        server.call(victims.refuse, limits=AMPLE)
    error = caught.value
    assert (error.code, error.line, error.part, error.detail) == ("xml_malformed", 7, "a.xml", "знак")
    assert str(error) == "xml_malformed in 'a.xml' at line 7: знак"
    with pytest.raises(KeyError) as bug:
        server.call(victims.stumble, limits=AMPLE)
    assert "in stumble" in "".join(bug.value.__notes__)


def test_a_result_that_cannot_be_sent_is_our_bug(server: ForkServer) -> None:
    with pytest.raises(InternalError, match="no answer could be sent"):
        server.call(victims.give_what_cannot_be_sent, limits=AMPLE)


def test_memory_has_a_limit(server: ForkServer) -> None:
    limits = Limits(memory_bytes=400 << 20, cpu_seconds=60, wall_seconds=300)
    assert server.call(partial(victims.fill_memory, 50), limits=limits) == 50 << 20
    with pytest.raises(LimitExceededError) as caught:
        server.call(partial(victims.fill_memory, 500), limits=limits)
    assert caught.value.what == "memory"


def test_who_aborts_for_want_of_memory_exceeded_the_limit(server: ForkServer) -> None:
    limits = Limits(memory_bytes=400 << 20, cpu_seconds=60, wall_seconds=300)
    with pytest.raises(LimitExceededError) as caught:
        server.call(partial(victims.abort_for_want_of_memory, 250), limits=limits)
    assert caught.value.what == "memory"


def test_the_processors_time_has_a_limit(server: ForkServer) -> None:
    with pytest.raises(LimitExceededError) as caught:
        server.call(victims.burn, limits=Limits(memory_bytes=1 << 30, cpu_seconds=1, wall_seconds=300))
    assert caught.value.what == "time"


def test_the_clock_has_a_limit_and_then_nothing_goes_on(server: ForkServer) -> None:
    heard: list[float] = []
    limits = Limits(memory_bytes=1 << 30, cpu_seconds=60, wall_seconds=2)
    with pytest.raises(LimitExceededError) as caught:
        server.call(victims.sleep, limits=limits, heard=heard.append)
    assert caught.value.what == "time"
    assert all(gone(int(pid)) for pid in heard)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT], ids=lambda number: number.name)
def test_a_crash_is_ours_and_costs_only_itself(server: ForkServer, number: signal.Signals) -> None:
    with pytest.raises(InternalError, match=number.name):
        server.call(partial(victims.die, number), limits=AMPLE)


def test_who_is_not_waited_for_is_stopped(server: ForkServer) -> None:
    heard: list[float] = []

    def interrupt(pid: float) -> None:
        heard.append(pid)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.call(victims.sleep, limits=AMPLE, heard=interrupt)
    assert gone(int(heard[0]))


def test_what_a_call_started_ends_with_it(server: ForkServer) -> None:
    assert gone(server.call(victims.leave_another_running, limits=AMPLE))


def test_no_secret_and_no_open_file_goes_along(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_FEEDS_SECRET_X", "CANARY")
    with Path(__file__).open("rb"):
        other = ForkServer()
        try:
            environment = other.call(victims.environment, limits=AMPLE)
            files = other.call(victims.open_files, limits=AMPLE)
        finally:
            other.close()
    assert "PATH" in environment
    assert not [name for name in environment if name.startswith("CATALOG_FEEDS")]
    assert "CANARY" not in str(environment)
    assert files
    assert not [file for file in files if file == Path(__file__).name]


def test_threads_call_at_the_same_time(server: ForkServer) -> None:
    heard: list[float] = []
    both = threading.Barrier(3)

    def call() -> None:
        def meet(pid: float) -> None:
            heard.append(pid)
            both.wait(120)  # broken if one call waited for the other
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            server.call(victims.sleep, limits=AMPLE, heard=meet)

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    both.wait(120)
    for caller in callers:
        caller.join()
    assert len(set(heard)) == 2


def test_a_server_that_was_killed_is_replaced(server: ForkServer) -> None:
    server.call(partial(victims.add, 1, 2), limits=AMPLE)
    os.kill(server._process.pid, signal.SIGKILL)
    server._process.wait()
    assert server.call(partial(victims.add, 1, 2), limits=AMPLE) == 3


CALLER = """
import sys
from functools import partial
from pipelines.confinement import ForkServer, Limits
from tests.confinement import victims
server = ForkServer()
def say(pid):
    print(int(pid), server._process.pid, flush=True)
{call}
"""


def run_caller(call: str, *, kill: bool) -> list[int]:
    command = [sys.executable, "-c", CALLER.format(call=call)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        pids = [int(pid) for pid in caller.stdout.readline().split()]
        if kill:
            caller.kill()
    assert pids
    return pids


@pytest.mark.parametrize(
    ("call", "kill"),
    [
        ("server.call(victims.sleep, limits=Limits(1 << 30, 60, 600), heard=say)", True),
        ("server.call(partial(victims.add, 1, 2), limits=Limits(1 << 30, 60, 600), heard=say)", False),
    ],
    ids=["killed at work", "at its end"],
)
def test_nothing_outlives_the_caller(call: str, kill: bool) -> None:
    pids = run_caller(call, kill=kill)
    assert all(gone(pid) for pid in pids if pid > 1)


def test_a_process_forked_off_the_caller_shares_its_server(server: ForkServer) -> None:
    code = "\n".join(
        [
            "import os, warnings",
            "warnings.simplefilter('ignore')",
            "say(server.call(partial(victims.add, 1, 2), limits=Limits(1 << 30, 60, 600)))",
            "child = os.fork()",
            "if child == 0:",
            "    answer = server.call(partial(victims.add, 1, 2), limits=Limits(1 << 30, 60, 600))",
            "    server.close()",  # not its to close
            "    os._exit(0 if answer == 3 else 1)",
            "assert os.waitpid(child, 0)[1] == 0",
            "before = server._process.pid",
            "assert server.call(partial(victims.add, 1, 2), limits=Limits(1 << 30, 60, 600)) == 3",
            "assert server._process.pid == before",
        ]
    )
    command = [sys.executable, "-c", CALLER.format(call=code)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=True).stderr == b""
