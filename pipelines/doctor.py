"""Is this installation able to work? Each part is tried for real; a finding says what is wrong and what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from pipelines.database import open_database
from pipelines.errors import CatalogFeedsError
from pipelines.objects import open_store
from pipelines.reference import Library, load_reference, read_pointer
from pipelines.report import check_server
from pipelines.settings import PREFIX, Settings, load_settings

# A load of the largest file needs its raw body, the Parquet made of it and room for DuckDB to spill: about five times
# the 300 MB of F3.
FREE_DISK_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: the part, in a word.
        says: what was found.
        advice: what to do, when it is not ok.
    """

    what: str
    ok: bool
    says: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Look at every part in turn; one that fails does not stop the others."""
    try:
        settings = load_settings()
    except CatalogFeedsError as error:
        yield Finding("settings", ok=False, says=str(error), advice="correct the environment and run doctor again")
        return
    yield from _settings(settings)
    yield Finding("python", ok=True, says=sys.version.split()[0])
    yield _tried("disk", lambda: _disk(settings), f"free some space, or set {PREFIX}HOME to a larger disk")
    yield _tried(
        "database", lambda: _database(settings), f"check {PREFIX}DATABASE_URL, or unset it for the embedded one"
    )
    yield _tried("objects", lambda: _objects(settings), f"check {PREFIX}OBJECTS_URL and the AWS variables")
    yield _tried("mail", lambda: _mail(settings), f"check {PREFIX}SMTP_URL, or unset it to keep mails as files")
    yield _tried(
        "reference",
        lambda: _reference(settings),
        "restore reference_data/ from the repository, and import again what is named",
    )


def _settings(settings: Settings) -> Iterator[Finding]:
    for setting in fields(Settings):
        value = getattr(settings, setting.name)
        secret = setting.metadata["secret"] and value
        shown = "set (hidden)" if secret else value or "not set"
        yield Finding(f"{PREFIX}{setting.name.upper()}", ok=True, says=f"{shown} — {setting.metadata['help']}")


def _tried(what: str, look: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(what, ok=True, says=look())
    except (CatalogFeedsError, OSError) as error:
        return Finding(what, ok=False, says=str(error), advice=advice)


def _disk(settings: Settings) -> str:
    settings.home_path.mkdir(parents=True, exist_ok=True, mode=0o711)
    free = shutil.disk_usage(settings.home_path).free
    if free < FREE_DISK_BYTES:
        msg = f"only {free / 1e9:.1f} GB free at {settings.home_path}"
        raise OSError(msg)
    return f"{free / 1e9:.0f} GB free at {settings.home_path}"


def _database(settings: Settings) -> str:
    with open_database(settings) as database, database.connect() as conn:
        (version,) = conn.execute("SHOW server_version").fetchone() or ("?",)
        (loads,) = conn.execute("SELECT count(*) FROM loads").fetchone() or (0,)
    return f"PostgreSQL {version}, {loads} loads"


def _objects(settings: Settings) -> str:
    store = open_store(settings)
    key = "doctor/probe"
    store.put_bytes(key, b"probe")
    if store.get_bytes(key) != b"probe":
        msg = f"what was written to {store.url(key)} does not come back"
        raise OSError(msg)
    store.delete(key)
    return f"writes and reads at {store.url('')}"


def _mail(settings: Settings) -> str:
    if settings.smtp_url is None:
        return f".eml files go to {settings.home_path / 'outbox'}"
    return f"{check_server(settings.smtp_url)} answers"


def _reference(settings: Settings) -> str:
    library = Library.at(open_store(settings), settings.home_path)
    reference = load_reference(library)
    imported = len(read_pointer(library).tables)
    return f"version {reference.version}, {len(reference.files)} tables, {imported} imported"
