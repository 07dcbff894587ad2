"""Offers that are those of an earlier load of the link: what was made of them is taken over, or kept offer by offer.

Many suppliers write the same offers every hour under a new date (F2), or change a few of them. Normalising is a
function of the raw offers, of what else was learned of the file, of options, reference tables, the day, and our code.
One digest speaks of them all: where it is the same, so is the result. Another one speaks of all but the file: where it
is the same, the offers of two files may be compared (`normalize.incremental`).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pipelines
from pipelines.model import ParseResult
from pipelines.normalize import NOTES_FILE, Earlier, Totals
from pipelines.options import Options
from pipelines.reference import Reference
from pipelines.steps.house import House, load_key
from pipelines.steps.manifest import Manifest, read_manifest
from pipelines.steps.remarks import OF_FILE

RAW_OFFERS = "raw_offers.parquet"
# What normalising makes.
RESULTS = ("offers.parquet", "rejected.parquet", "issues.parquet")
# Whose other versions might make something else of the same.
_LIBRARIES = ("duckdb", "lxml", "nh3", "numpy", "pyarrow", "rapidfuzz")


@dataclass(frozen=True)
class Digests:
    """What results are made of.

    Attributes:
        made_of: of all that `normalize.normalize` reads, its own code included.
        made_under: of all of that but what is peculiar to one file.
    """

    made_of: str
    made_under: str


def digests(raw_offers: Path, *, parsed: ParseResult, options: Options, reference: Reference, today: date) -> Digests:
    """Digests of what the offers of a load are made of; arguments as of `normalize.normalize`."""
    made_under = _digest(
        {
            "code": _code(),
            "options": options.model_dump(mode="json"),
            "reference": reference.version,
            "today": today.isoformat(),
            "format": parsed.format,
            "spellings": parsed.spellings,
        }
    )
    made_of = _digest({"under": made_under, "raw_offers": sha256_of(raw_offers), "parsed": asdict(parsed)})
    return Digests(made_of, made_under)


def take_over(house: House, earlier: int, manifest: Manifest, made_of: str, folder: Path) -> Totals | None:
    """Put the results of an earlier load into `folder` and give back its accounting; None if they are not the same.

    What later steps remarked is not among them: it was true of that load only.
    """
    keys = _result_keys(house, earlier)
    if manifest.made_of != made_of or not all(map(house.store.exists, keys.values())):
        return None
    for name, key in keys.items():
        with house.store.local(key) as path:
            shutil.copyfile(path, folder / name)
    return Totals(**manifest.totals) if sha256_of(folder / "issues.parquet") == manifest.issues_sha256 else None


@contextmanager
def comparable(house: House, load_id: int | None, made_under: str) -> Iterator[Earlier | None]:
    """The files of a load that offers may be compared with; None if its rules were others, or not all is left of it."""
    manifest = None if load_id is None else read_manifest(house, load_id)
    if load_id is None or manifest is None or manifest.made_under != made_under:
        yield None
        return
    keys = {name: load_key(load_id, name) for name in (RAW_OFFERS, NOTES_FILE)} | _result_keys(house, load_id)
    if not all(map(house.store.exists, keys.values())):
        yield None
        return
    with ExitStack() as stack:
        paths = {name: stack.enter_context(house.store.local(key)) for name, key in keys.items()}
        same = sha256_of(paths["issues.parquet"]) == manifest.issues_sha256
        yield Earlier(**{name.removesuffix(".parquet"): path for name, path in paths.items()}) if same else None


def _result_keys(house: House, load_id: int) -> dict[str, str]:
    """Where the results of normalising a load are, without what later steps remarked."""
    keys = {name: load_key(load_id, name) for name in RESULTS}
    if house.store.exists(load_key(load_id, OF_FILE)):
        keys["issues.parquet"] = load_key(load_id, OF_FILE)
    return keys


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(known: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


@cache
def _code() -> str:
    """A digest of our own code and of the versions of what it works with: nobody has to count a version up."""
    digest = hashlib.sha256()
    for module in sorted(Path(pipelines.__file__).parent.rglob("*.py")):
        digest.update(hashlib.sha256(module.read_bytes()).digest())
    versions = [(name, importlib.metadata.version(name)) for name in _LIBRARIES]
    digest.update(json.dumps(versions).encode())
    return digest.hexdigest()
