"""Decide upon a load and die by SIGKILL just before the Nth effect. Not a test: `test_kill_decisions` runs it.

Every line of standard input, `NTH LOG COMMAND LOAD HOME DATABASE_URL`, is one decision in a process of its own, forked
from this one, which imports once what takes long to import. NTH 0 = live; COMMAND is approve, reject or rollback. The
answer is a line with the exit code, negative for a signal.
"""

import os
import signal
from pathlib import Path

import psycopg

from pipelines import steps
from pipelines.objects.folder import FolderStore
from pipelines.registry import Decider
from pipelines.settings import Settings
from tests.integration.forks import answer_lines


def decide(nth: str, log: str, command: str, load_id: str, home: str, database_url: str) -> None:
    seen = 0

    def watch(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def effect(*args, **kwargs):
            nonlocal seen
            seen += 1
            with Path(log).open("a", encoding="utf-8") as out:
                out.write(f"{name}\n")
            if seen == int(nth):
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        setattr(owner, name, effect)

    for owner, name in (
        (FolderStore, "put_file"),
        (FolderStore, "put_bytes"),
        (psycopg.Connection, "commit"),
    ):
        watch(owner, name)
    with steps.open_house(Settings(home=home, database_url=database_url)) as house:
        getattr(steps, command)(house, int(load_id), Decider("anna", "because"))


if __name__ == "__main__":
    answer_lines(decide)
