"""Decide upon a load in this process and die by SIGKILL just before the Nth effect. Not a test: `test_kill_decisions`.

python decided.py NTH LOG COMMAND LOAD    NTH 0 = live; COMMAND is approve, reject or rollback
"""

import os
import signal
import sys
from pathlib import Path

import psycopg

from pipelines import steps
from pipelines.objects.folder import FolderStore
from pipelines.registry import Decider
from pipelines.settings import load_settings


def main() -> None:
    nth, log, command, load_id = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    seen = 0

    def watch(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def effect(*args, **kwargs):
            nonlocal seen
            seen += 1
            with log.open("a", encoding="utf-8") as out:
                out.write(f"{name}\n")
            if seen == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        setattr(owner, name, effect)

    for owner, name in (
        (FolderStore, "put_file"),
        (FolderStore, "put_bytes"),
        (psycopg.Connection, "commit"),
    ):
        watch(owner, name)
    with steps.open_house(load_settings()) as house:
        getattr(steps, command)(house, load_id, Decider("anna", "because"))


if __name__ == "__main__":
    main()
