"""The whole state of an installation in a folder, and from there into a new installation.

    catalog.dump    the catalog database, as of one moment
    objects/        the object store, as of that moment or later
    settings.env    what the installation is set to; secrets are named, not written
    manifest.json   what is here; written last, so that a backup without it is none

The catalog comes first: it never names an object that is not yet stored, so a later copy of the store has all it names.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from pipelines.database import dump_catalog, is_empty, reach_database, restore_catalog
from pipelines.errors import OperatorError
from pipelines.objects import FolderStore, ObjectStore, open_store
from pipelines.settings import PREFIX, Settings
from pipelines.steps.house import House, Progress, silent

_MANIFEST = "manifest.json"
# Objects under these keys never change: what an earlier backup into the same folder holds is not copied again.
_LASTING = ("raw/",)


@dataclass(frozen=True)
class Backup:
    """What a backup holds; `taken_at` is the moment of the catalog."""

    taken_at: str
    objects: int
    bytes: int


def back_up(house: House, folder: Path, *, progress: Progress = silent) -> Backup:
    """Write a backup, or bring the one that is there up to date; loads may go on meanwhile.

    Raises:
        OperatorError: the folder cannot be written, or the catalog not be read.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / _MANIFEST).unlink(missing_ok=True)
    progress("catalog", None)
    taken_at = datetime.now(UTC).isoformat()
    dump_catalog(house.database, folder / "catalog.dump")
    copied, size = _copy(house.store, FolderStore(folder / "objects"), progress)
    _private(folder / "settings.env", _environment(house.settings))
    backup = Backup(taken_at, copied, size)
    _private(folder / _MANIFEST, json.dumps(asdict(backup), indent=2))
    return backup


def restore(settings: Settings, folder: Path, *, progress: Progress = silent) -> Backup:
    """Fill a new installation from a backup. Its settings and secrets are those of `settings`, not the backup's.

    Loads that were under way are taken up by the next hour; what was published later is loaded again from the
    suppliers' files, since the links remember less than the servers have.

    Raises:
        OperatorError: there is no whole backup in the folder, or the installation is not new; nothing was changed.
    """
    if not (folder / _MANIFEST).exists():
        msg = f"no whole backup in {folder}: there is no {_MANIFEST}, which is written last"
        raise OperatorError(msg)
    backup = Backup(**json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
    settings.home_path.mkdir(parents=True, exist_ok=True, mode=0o711)
    store = open_store(settings)
    with reach_database(settings) as database:
        if not is_empty(database) or next(store.list(), None) is not None:
            msg = f"{database} or {store.url()} is not empty: a backup is restored into a new installation only"
            raise OperatorError(msg)
        # The store first: a catalog that is there says that all it names is there too.
        _copy(FolderStore(folder / "objects"), store, progress)
        progress("catalog", None)
        restore_catalog(database, folder / "catalog.dump")
    return backup


def _copy(source: ObjectStore, target: ObjectStore, progress: Progress) -> tuple[int, int]:
    """All objects from one store into another, and none besides; how many, and their bytes."""
    keys, size = list(source.list()), 0
    for done, key in enumerate(keys):
        progress("objects", done / len(keys))
        if not (key.startswith(_LASTING) and target.exists(key)):
            with source.local(key) as path:
                target.put_file(key, path)
        size += target.size(key)
    for gone in set(target.list()).difference(keys):
        target.delete(gone)
    return len(keys), size


def _environment(settings: Settings) -> str:
    """The settings as an environment file; a secret is a comment that says it must be kept elsewhere."""
    lines = []
    for setting in fields(Settings):
        name, value = f"{PREFIX}{setting.name.upper()}", getattr(settings, setting.name)
        if setting.metadata["secret"] and value:
            lines.append(f"# {name} is set, and secret: keep it where secrets are kept")
        elif value != setting.default:
            lines.append(f"{name}={shlex.quote(value)}")
    lines.append(f"# Secrets of links, {PREFIX}SECRET_* and AWS_*, are kept where secrets are kept.")
    return "\n".join(lines) + "\n"


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
