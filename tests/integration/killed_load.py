"""Run one load in this process and die by SIGKILL just before its Nth effect. Not a test: `test_kill` runs it.

An effect is anything another process could see: an object put into the store, a commit, a mail delivered. Dying before
each of them in turn is dying at every moment that matters, for between two effects nothing has changed outside.

    python killed_load.py NTH FILE LOG    NTH 0 = live; LOG gets one line for each effect
"""

import os
import signal
import sys
from pathlib import Path

import psycopg

from pipelines import report, steps
from pipelines.objects.folder import FolderStore
from pipelines.settings import load_settings


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


def main() -> None:
    reaper = Reaper(int(sys.argv[1]), Path(sys.argv[3]))
    reaper.watch(FolderStore, "put_file")
    reaper.watch(FolderStore, "put_bytes")
    reaper.watch(psycopg.Connection, "commit")
    reaper.watch(report, "deliver")
    settings = {"actualize": True, "required_fields": "vat"}
    with steps.open_house(load_settings()) as house:
        steps.load_source(house, sys.argv[2], supplier="a", shop="main", settings=settings)


if __name__ == "__main__":
    main()
