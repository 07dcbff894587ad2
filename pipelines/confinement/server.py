"""The fork server, `-m pipelines.confinement.server`: one child for each call, watched until it ends.

It ends, and its children with it, as soon as nobody is left at the other end of its control socket.
"""

from __future__ import annotations

import importlib
import os
import resource
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NoReturn

from pipelines.confinement.calls import Ending, Heard, Limits
from pipelines.errors import InternalError

# Between the end of a call's time and its kill.
_GRACE_SECONDS = 5


@dataclass
class _Child:
    pid: int
    handle: int  # of the process, readable once it has ended
    watch: socket.socket  # whoever waits for its end; closed when nobody wants it any more


def serve(control: socket.socket) -> None:
    """Fork for every pair of descriptors that comes, until `control` is closed."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            child: _Child | None = key.data
            if child is None:
                data, ends, *_ = socket.recv_fds(control, 1, 2)
                if not data:
                    break
                born = _born(control, *ends)
                selector.register(born.handle, selectors.EVENT_READ, born)
                selector.register(born.watch, selectors.EVENT_READ, born)
            elif key.fd == child.handle:
                for end in (child.handle, child.watch):
                    with suppress(KeyError):
                        selector.unregister(end)
                _bury(child)
            elif key.fd in selector.get_map():  # not buried just now: nobody waits for it any more
                selector.unregister(child.watch)
                _kill(child)
        else:
            continue
        for key in selector.get_map().values():
            if key.data is not None:
                _kill(key.data)
        return


def _born(control: socket.socket, line: int, watch: int) -> _Child:
    pid = os.fork()
    if pid == 0:
        control.close()
        os.close(watch)
        _work(line)
    os.close(line)
    return _Child(pid, os.pidfd_open(pid), socket.socket(fileno=watch))


def _kill(child: _Child) -> None:
    """With whatever it started."""
    for kill in (os.killpg, os.kill):  # a group of its own is the first thing a child makes
        with suppress(ProcessLookupError):
            kill(child.pid, signal.SIGKILL)


def _bury(child: _Child) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # what it left running
    _, status, usage = os.wait4(child.pid, 0)
    os.close(child.handle)
    with child.watch, suppress(OSError), Connection(os.dup(child.watch.fileno())) as news:
        news.send(Ending(status, usage.ru_maxrss * 1024))


def _work(line: int) -> NoReturn:
    """The whole life of a child."""
    os.setsid()
    # Whatever is raised, it never returns to the server's loop; a caller that got no answer is told how this ended.
    with suppress(BaseException), Connection(line) as talk:
        try:
            work, limits = talk.recv()
            _confine(limits)
            talk.send(_answer(work, talk))
        except Exception as error:  # noqa: BLE001 - of pickling, which raises anything: the caller is told
            talk.send(("raised", InternalError(f"no answer could be sent: {type(error).__name__}: {error}")))
    os._exit(0)


def _answer(work: Callable[[Heard], object], talk: Connection) -> tuple[str, object]:
    try:
        return "returned", work(lambda value: talk.send(("told", value)))
    except MemoryError:
        return "memory", None
    except Exception as error:  # noqa: BLE001 - it goes on at the caller's
        error.add_note("".join(traceback.format_exception(error)))
        return "raised", error


def _confine(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + _GRACE_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    for _name in sys.argv[2:]:
        importlib.import_module(_name)
    serve(socket.socket(fileno=int(sys.argv[1])))
