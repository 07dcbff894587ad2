"""Reference tables: OKEI, OKTMO, VAT rates, spellings. Files of `reference_data/`, with one version for all of them.

What a table means and where it comes from is told in `reference_data/README.md`.
"""

from __future__ import annotations

import csv
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipelines.errors import InternalError, OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REFERENCE_DATA = Path(__file__).resolve().parent.parent / "reference_data"
VERSION_LENGTH = 12


@dataclass(frozen=True)
class Reference:
    """The reference tables of one moment.

    Attributes:
        version: short hash over names and contents of all tables; equal versions mean equal tables.
        files: table name -> CSV file; every column is text, an empty cell is NULL.
    """

    version: str
    files: Mapping[str, Path]

    def path(self, name: str) -> Path:
        """The CSV file of one table, e.g. `okei`.

        Raises:
            InternalError: no such table.
        """
        try:
            return self.files[name]
        except KeyError as error:
            msg = f"no reference table {name!r}; there are {', '.join(sorted(self.files))}"
            raise InternalError(msg) from error

    def sizes(self) -> dict[str, int]:
        """Table name -> number of rows."""
        return {name: sum(1 for _ in _rows(path)) for name, path in self.files.items()}


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader, None)
        yield from reader


@functools.cache
def load_reference(folder: Path = REFERENCE_DATA) -> Reference:
    """The reference tables of a folder, by default those of the product. Read once per process.

    Raises:
        OperatorError: the folder holds no tables.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    if not files:
        msg = f"no reference tables in {folder}; the installation is incomplete"
        raise OperatorError(msg)
    digest = hashlib.sha256()
    for name, path in files.items():
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return Reference(version=digest.hexdigest()[:VERSION_LENGTH], files=MappingProxyType(files))
