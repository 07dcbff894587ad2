"""The caller's side: a call goes to the fork server, its answer comes back, and how its process ended says the rest."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from pipelines.errors import InternalError

T = TypeVar("T")
Heard = Callable[[float], None]

# What a process of ours needs of the environment; secrets of links, the catalog and the store are not for it.
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")
# A fork takes one thread along. Arrow's own allocator takes a gigabyte of addresses at once, which counts as data.
_LIBRARIES = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
# A library that gets no more memory may abort instead of saying so. What is resident is less than what counts.
_NEARLY = 0.5
_CALL = b"c"


@dataclass(frozen=True)
class Limits:
    """What one call may take.

    Attributes:
        memory_bytes: data of the process, as the kernel counts it (RLIMIT_DATA).
        cpu_seconds: of the processor's time (RLIMIT_CPU); a busy machine does not shorten it.
        wall_seconds: of the clock, for what waits for ever.
    """

    memory_bytes: int
    cpu_seconds: int
    wall_seconds: float


class LimitExceededError(Exception):
    """A call took more than it may, and was stopped.

    Attributes:
        what: which of its limits.
    """

    def __init__(self, what: Literal["memory", "time"]) -> None:
        super().__init__(f"stopped at its limit of {what}")
        self.what = what


@dataclass(frozen=True)
class Ending:
    """How the process of a call ended, as `os.wait4` tells it."""

    status: int
    peak_bytes: int


class ForkServer:
    """Calls functions of modules that it loads once, each call in a process of its own.

    It is started by the first call, or before, and ends with its owner, however that ends. Threads may call at the same
    time, and so may processes that were forked off its owner.
    """

    def __init__(self, *preloaded: str) -> None:
        self._preloaded = preloaded
        self._lock = threading.Lock()
        self._owner: int | None = None  # who started it, and nobody else, ends it
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes]

    def call(self, work: Callable[[Heard], T], *, limits: Limits, heard: Heard | None = None) -> T:
        """What `work(tell)` returns; the numbers it tells are heard here meanwhile.

        Work is a function of a module, or a `partial` of one; its arguments and its result can be pickled.

        Raises:
            LimitExceededError: it was stopped.
            InternalError: its process crashed.
            Exception: whatever the function raised.
        """
        line, its_line = socket.socketpair()
        watch, its_watch = socket.socketpair()
        # Closing the watch kills the process, whatever ends this block.
        with Connection(line.detach()) as talk, Connection(watch.detach()) as news:
            with its_line, its_watch:
                self._hand_over(its_line, its_watch)
            try:
                talk.send((work, limits))
                kind, value = _answer(talk, time.monotonic() + limits.wall_seconds, heard)
            except (EOFError, ConnectionError):
                raise _fate(news, limits) from None
        if kind == "raised":
            raise value
        if kind == "memory":
            raise LimitExceededError("memory")
        return cast("T", value)

    def start(self) -> None:
        """Load the modules now, rather than at the first call."""
        with self._lock:
            if self._control is None:
                self._start()

    def close(self) -> None:
        """End the server and what it works at; the next call starts another one."""
        with self._lock:
            self._stop()

    def _hand_over(self, *ends: socket.socket) -> None:
        with self._lock:
            control = self._control or self._start()
            try:
                _send(control, ends)
            except OSError:  # it was killed
                _send(self._start(), ends)

    def _start(self) -> socket.socket:
        self._stop()
        control, its_end = socket.socketpair(type=socket.SOCK_SEQPACKET)
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path)
        python = [sys.executable, "-P", "-W", "ignore::DeprecationWarning"]
        with its_end:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*python, "-m", "pipelines.confinement.server", str(its_end.fileno()), *self._preloaded],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[its_end.fileno()],
                env=kept | _LIBRARIES | {"PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is for the owner, who ends it
            )
        self._owner, self._control = os.getpid(), control
        atexit.register(self._stop)
        return control

    def _stop(self) -> None:
        if self._control is None or self._owner != os.getpid():
            return
        atexit.unregister(self._stop)
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # unlike closing, it is felt where others hold a copy
        self._control.close()
        self._control = None
        self._process.wait()


def _send(control: socket.socket, ends: tuple[socket.socket, ...]) -> None:
    socket.send_fds(control, [_CALL], [end.fileno() for end in ends])


def _answer(talk: Connection, ends: float, heard: Heard | None) -> tuple[str, Any]:
    while talk.poll(max(ends - time.monotonic(), 0)):
        kind, value = talk.recv()
        if kind != "told":
            return kind, value
        if heard is not None:
            heard(value)
    raise LimitExceededError("time")


def _fate(news: Connection, limits: Limits) -> Exception:
    """Why a process ended without an answer."""
    try:
        ending: Ending = news.recv()
    except (EOFError, ConnectionError):
        return InternalError("the fork server was killed, and its processes with it")
    exit_code = os.waitstatus_to_exitcode(ending.status)
    if exit_code == -signal.SIGXCPU:
        return LimitExceededError("time")
    if ending.peak_bytes > _NEARLY * limits.memory_bytes:
        return LimitExceededError("memory")
    how = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
    return InternalError(f"the process that did the work ended with {how} and no answer")
