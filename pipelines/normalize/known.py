"""What rules know before they see a file: the reference tables and what follows from them.

To read and derive it takes longer than the rules of a small file take, and hardly ever does it change. So a process
does it once, and each session is given the columns.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.normalize import characteristics, regions, text, unit
from pipelines.reference import Reference

_SHARED = (
    "okei",
    "okei_aliases",
    "okei_conversions",
    "characteristics",
    "oktmo",
    "federal_districts",
    "vat_rates",
    "vat_spellings",
    "currencies",
    "availability",
    "stock_classes",
)
_MACROS = (text.MACROS, unit.MACROS, characteristics.MACROS)
_DERIVED = (unit.TABLES, characteristics.TABLES, regions.TABLES)
# Those that the product ships, which a process may have read before it was forked, and those of the installation.
_REMEMBERED = 2


def known_tables(reference: Reference) -> Mapping[str, pa.Table]:
    """The tables that every supplier's rules read alike, by name."""
    return _known(tuple((name, reference.versions[name], reference.path(name)) for name in _SHARED))


@functools.lru_cache(_REMEMBERED)
def _known(tables: tuple[tuple[str, str, Path], ...]) -> Mapping[str, pa.Table]:
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
        for name, _, path in tables:
            read_table(connection, name, path)
        for statements in (*_MACROS, *_DERIVED):
            connection.execute(statements)
        characteristics.write_conversions(connection)
        names = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_name").fetchall()
        return {name: connection.table(name).to_arrow_table() for (name,) in names}


def read_table(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Make a table of a reference table's file."""
    rows = connection.read_csv(str(path), header=True, delimiter=",", quotechar='"', escapechar='"', all_varchar=True)
    rows.create(name)
