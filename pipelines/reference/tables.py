"""What a reference table is: a CSV file of text columns with a version. The tables of one moment are a `Reference`.

No store and no network here: whatever reads a table is handed a file on this machine.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pipelines.errors import InternalError, OperatorError

REFERENCE_DATA = Path(__file__).resolve().parent.parent.parent / "reference_data"
VERSION_LENGTH = 12

Row = dict[str, str]
Rows = dict[str, Row]
"""Rows of a table by the value of its key column, in the order of the file. An empty text is "not known"."""


@dataclass(frozen=True)
class Reference:
    """The reference tables of one moment, as one load sees them.

    Attributes:
        files: table name -> CSV file, UTF-8, comma-separated, with a header; every column is text, an empty cell is
            NULL. A table of one party stands under its plain name, e.g. `category_mapping`.
        versions: table name -> short hash of its content.
    """

    files: Mapping[str, Path]
    versions: Mapping[str, str]

    @property
    def version(self) -> str:
        """Short hash over names and versions of all tables; equal versions mean equal tables."""
        return version_of("".join(f"{name}\0{self.versions[name]}\0" for name in sorted(self.versions)).encode())

    def find(self, name: str) -> Path | None:
        """The CSV file of a table that not every installation has, e.g. `rubricator`; None when it is not there."""
        return self.files.get(name)

    def path(self, name: str) -> Path:
        """The CSV file of a table that is always there, e.g. `okei`.

        Raises:
            InternalError: no such table.
        """
        try:
            return self.files[name]
        except KeyError as error:
            msg = f"no reference table {name!r}; there are {', '.join(sorted(self.files))}"
            raise InternalError(msg) from error


def version_of(content: bytes) -> str:
    """The version of a table: the beginning of the SHA-256 of its canonical content."""
    return hashlib.sha256(content).hexdigest()[:VERSION_LENGTH]


@functools.cache
def shipped_reference(folder: Path = REFERENCE_DATA) -> Reference:
    """The tables that come with the product. Read once per process.

    Raises:
        OperatorError: the folder holds no tables.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    if not files:
        msg = f"no reference tables in {folder}; the installation is incomplete"
        raise OperatorError(msg)
    versions = {name: version_of(path.read_bytes()) for name, path in files.items()}
    return Reference(MappingProxyType(files), MappingProxyType(versions))


def header(path: Path) -> tuple[str, ...]:
    """The columns of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(next(csv.reader(file), ()))


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a table, one by one."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def keyed(path: Path, key: str) -> Rows:
    """A whole table by the values of its key column."""
    return {row[key]: row for row in rows_of(path)}


def canonical(columns: Iterable[str], rows: Iterable[Row]) -> bytes:
    """A table as the bytes that are stored and hashed: UTF-8, commas, a header, LF; missing columns are empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
