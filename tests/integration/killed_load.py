"""Run one load in this process and die by SIGKILL just before its Nth effect. Not a test: `test_kill` runs it.

An effect is anything another process could see: an object put into the store, a commit, a mail delivered. Dying before
each of them in turn is dying at every moment that matters, for between two effects nothing has changed outside.

Every line of standard input, `NTH FILE LOG`, is one load in a process of its own: forked from this one, which imports
once what takes seconds to import. NTH 0 = live; LOG gets one line for each effect. The answer is a line with the exit
code, negative for a signal.
"""

import os
import signal
from pathlib import Path

import great_expectations  # noqa: F401 - seconds of imports, once
import psycopg

from pipelines import report, steps
from pipelines.normalize import incremental
from pipelines.objects.folder import FolderStore
from pipelines.settings import load_settings
from pipelines.steps.parsing import READERS
from tests.integration.forks import answer_lines


class Reaper:
    """Counts effects and stops the process before the Nth."""

    def __init__(self, nth: int, log: Path) -> None:
        self.nth, self.seen, self.log = nth, 0, log

    def watch(self, owner: object, name: str) -> None:
        real = getattr(owner, name)

        def effect(*args, **kwargs):
            self.seen += 1
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{name} {args[1] if name.startswith('put') else ''}\n")
            if self.seen == self.nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        setattr(owner, name, effect)


def load(nth: str, file: str, log: str) -> None:
    reaper = Reaper(int(nth), Path(log))
    reaper.watch(FolderStore, "put_file")
    reaper.watch(FolderStore, "put_bytes")
    reaper.watch(psycopg.Connection, "commit")
    reaper.watch(report, "deliver")
    settings = {"actualize": True, "required_fields": "vat"}
    with steps.open_house(load_settings()) as house:
        steps.load_source(house, file, supplier="a", shop="main", settings=settings)


def compare_small_files() -> None:
    """Keep what is made of the offers of any file for the next one, as is done with large ones."""
    incremental.LEAST, incremental.NEW_SHARE = 1, 1


def main() -> None:
    compare_small_files()
    READERS.start()
    answer_lines(load)


if __name__ == "__main__":
    main()
