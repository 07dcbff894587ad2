"""Offers that are, to the byte, those of the link's last good load: what was made of them is taken over.

Many suppliers write the same offers every hour under a new date (F2). Normalising is a function of the raw offers, of
what else was learned of the file, of options, reference tables, the day, and our code: one digest speaks of them all,
and where it is the same, so is the result.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
from dataclasses import asdict
from datetime import date
from functools import cache
from pathlib import Path

import pipelines
from pipelines.model import ParseResult
from pipelines.normalize import Totals
from pipelines.options import Options
from pipelines.reference import Reference
from pipelines.steps.house import House, load_key
from pipelines.steps.manifest import read_manifest
from pipelines.steps.remarks import OF_FILE

# What normalising makes.
RESULTS = ("offers.parquet", "rejected.parquet", "issues.parquet")
# Whose other versions might make something else of the same.
_LIBRARIES = ("duckdb", "lxml", "nh3", "numpy", "pyarrow", "rapidfuzz")


def digest_of(raw_offers: Path, *, parsed: ParseResult, options: Options, reference: Reference, today: date) -> str:
    """A digest of all that `normalize.normalize` reads, its own code included; arguments as there."""
    known = {
        "code": _code(),
        "raw_offers": sha256_of(raw_offers),
        "parsed": asdict(parsed),
        "options": options.model_dump(mode="json"),
        "reference": reference.version,
        "today": today.isoformat(),
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def take_over(house: House, earlier: int | None, made_of: str, folder: Path) -> Totals | None:
    """Put the results of an earlier load into `folder` and give back its accounting; None if they are not the same.

    What later steps remarked is not among them: it was true of that load only.
    """
    manifest = None if earlier is None else read_manifest(house, earlier)
    if earlier is None or manifest is None or manifest.made_of != made_of:
        return None
    keys = {name: load_key(earlier, name) for name in RESULTS}
    if house.store.exists(load_key(earlier, OF_FILE)):
        keys["issues.parquet"] = load_key(earlier, OF_FILE)
    if not all(map(house.store.exists, keys.values())):
        return None
    for name, key in keys.items():
        with house.store.local(key) as path:
            shutil.copyfile(path, folder / name)
    return Totals(**manifest.totals) if sha256_of(folder / "issues.parquet") == manifest.issues_sha256 else None


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _code() -> str:
    """A digest of our own code and of the versions of what it works with: nobody has to count a version up."""
    digest = hashlib.sha256()
    for module in sorted(Path(pipelines.__file__).parent.rglob("*.py")):
        digest.update(hashlib.sha256(module.read_bytes()).digest())
    versions = [(name, importlib.metadata.version(name)) for name in _LIBRARIES]
    digest.update(json.dumps(versions).encode())
    return digest.hexdigest()
