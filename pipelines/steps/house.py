"""What every step works with: the open installation, the outcome it tells of, and where the files of a load are."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines import registry
from pipelines.database import Database, open_database
from pipelines.fetch import raw_key
from pipelines.logins import Secrets
from pipelines.model import LoadFacts, LoadStatus
from pipelines.objects import ObjectStore, open_store, room_faults
from pipelines.options import Options, parse_options
from pipelines.registry import Connection, Link
from pipelines.settings import Settings, secret_of_environment

Progress = Callable[[str, float | None], None]
"""Called with the name of the step at work and, where it is known, the share of it that is done (0 to 1)."""


def silent(_step: str, _share: float | None) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class House:
    """The open parts of an installation."""

    settings: Settings
    database: Database
    store: ObjectStore
    secrets: Secrets = secret_of_environment

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder for files on their way to or from the object store, gone afterwards.

        Raises:
            OperatorError: the disk is full.
        """
        self._scratch_home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (
            room_faults(self._scratch_home),
            tempfile.TemporaryDirectory(dir=self._scratch_home, prefix=f"{os.getpid()}-") as folder,
        ):
            yield Path(folder)

    def sweep(self) -> None:
        """Remove what processes of this machine that were killed left in the scratch folder."""
        for folder in self._scratch_home.glob("*-*"):
            owner = folder.name.partition("-")[0]
            if owner.isdigit() and not _alive(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def _scratch_home(self) -> Path:
        return self.settings.home_path / "scratch"

    @property
    def outbox(self) -> Path:
        """Where mails are kept as files when there is no mail server."""
        return self.settings.home_path / "outbox"


@contextmanager
def open_house(settings: Settings, secrets: Secrets = secret_of_environment) -> Iterator[House]:
    """Open the catalog (embedded, unless a URL is set) and the object store; close them at the end.

    `secrets` gives the values of the secrets that links name (S1).
    """
    # Others may pass through (the embedded server of root runs under another account), not look around: what is private
    # below is closed by itself.
    settings.home_path.mkdir(parents=True, exist_ok=True, mode=0o711)
    with open_database(settings) as database:
        house = House(settings, database, open_store(settings), secrets)
        house.sweep()
        yield house


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True)
class Outcome:
    """What came of looking at a link or of processing a load; safe to pass through JSON.

    Attributes:
        status: a load status; `running` when another worker holds the link, `queued` when a load waits to be processed.
        reason: code of the reason for anything that is not plain success.
        message: one line for operators.
        files: name -> where a person finds it.
    """

    link: str
    supplier: str
    shop: str
    status: str
    load_id: int | None = None
    reason: str | None = None
    message: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def about(
    link: Link, status: LoadStatus, *, load_id: int | None = None, reason: str | None = None, message: str = ""
) -> Outcome:
    """The outcome of looking at a link."""
    return Outcome(link.code, link.supplier, link.shop, status.value, load_id=load_id, reason=reason, message=message)


def outcome(house: House, load_id: int) -> Outcome:
    """What became of a load.

    Raises:
        OperatorError: no such load.
    """
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
    return Outcome(
        link=load.link,
        supplier=load.supplier,
        shop=load.shop,
        status=load.status.value,
        load_id=load.id,
        reason=load.reason,
        message=load.reason or "",
        counts=asdict(load.counts),
        files=load_files(house, load),
    )


def load_key(load_id: int, name: str) -> str:
    """Where the object store keeps a file of a load."""
    return f"loads/{load_id}/{name}"


# The files of a load that people open: name in the load's JSON -> name in its folder.
_FILES = {
    "offers": "offers.parquet",
    "issues": "issues.parquet",
    "issues_xlsx": "issues.xlsx",
    "issues_csv": "issues.csv",
    "annotated": "annotated.xml",
    "quality_html": "quality.html",
}


def load_files(house: House, load: LoadFacts, *, shared: bool = False) -> dict[str, str]:
    """Where people find what belongs to a load; only what is there, and the report that is about to be.

    Args:
        shared: as addresses for those who have no access to the object store, where it can make such.
    """
    find = house.store.shared_url if shared else house.store.url
    keys = {name: load_key(load.id, file) for name, file in _FILES.items()}
    files = {"raw": find(raw_key(load.sha256))} if load.sha256 else {}
    files |= {name: find(key) for name, key in keys.items() if house.store.exists(key)}
    return files | {"report_html": find(load_key(load.id, "report.html"))}


def file_key(house: House, load_id: int, name: str) -> str | None:
    """Where the object store keeps a file of a load, by its name in the load's JSON; None for a load without one.

    Raises:
        OperatorError: no such load.
    """
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
    if name == "raw":
        return raw_key(load.sha256) if load.sha256 else None
    return load_key(load_id, _FILES.get(name, "report.html"))


def options_of(conn: Connection, link: Link) -> Options:
    """The options a file of this link is read with."""
    return parse_options(link.options, registry.find_shop(conn, link.shop).options)


def stored(options: Options) -> dict[str, Any]:
    """Options as the load keeps them: complete, plain, comparable."""
    return options.model_dump(mode="json")


def worker_name() -> str:
    """Which machine did the work, for operators."""
    return socket.gethostname()


def account() -> str:
    """Who runs this process, and where: the one to whom work by hand is put down unless another name is given."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run under numbers that have no name
        name = str(os.getuid())
    return f"{name}@{worker_name()}"


class Clock:
    """Seconds spent in each named part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Add the time of the block to `part`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(part, time.perf_counter() - began)

    def add(self, part: str, seconds: float) -> None:
        """Add seconds that were measured elsewhere."""
        self.seconds[part] = round(self.seconds.get(part, 0.0) + seconds, 3)
