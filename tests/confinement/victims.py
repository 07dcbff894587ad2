"""Functions that the tests call in a process of its own: they behave, and they do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.errors import SupplierError

Tell = Callable[[float], None]


def add(a: int, b: int, tell: Tell) -> int:
    tell(0.5)
    tell(1.0)
    return a + b


def refuse(tell: Tell) -> None:
    raise SupplierError("xml_malformed", line=7, part="a.xml", detail="знак")


def stumble(tell: Tell) -> None:
    raise KeyError("where it stood")


def give_what_cannot_be_sent(tell: Tell) -> object:
    return lambda: None


def environment(tell: Tell) -> dict[str, str]:
    return dict(os.environ)


def open_files(tell: Tell) -> list[str]:
    """What is open besides the standard streams, by what it is."""
    return sorted(path.resolve().name for path in Path("/proc/self/fd").iterdir() if int(path.name) > 2)


def fill_memory(megabytes: int, tell: Tell) -> int:
    return len(bytearray(megabytes << 20).strip(b"x"))


def burn(tell: Tell) -> None:
    while True:
        pass


def sleep(tell: Tell) -> None:
    tell(os.getpid())
    time.sleep(600)


def die(number: int, tell: Tell) -> None:
    os.kill(os.getpid(), number)


def abort_for_want_of_memory(megabytes: int, tell: Tell) -> None:
    """As a library of C++ does that cannot say so."""
    held = b"x" * (megabytes << 20)
    os.kill(os.getpid(), signal.SIGABRT if held else signal.SIGTERM)


def leave_another_running(tell: Tell) -> int:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid


def crash_instead_of_reading(source: Path, out: Path, tell: Tell, **_options: object) -> None:
    die(signal.SIGSEGV, tell)
