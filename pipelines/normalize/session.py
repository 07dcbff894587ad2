"""The bench on which rules run: a DuckDB connection with the macros, the reference tables and the load's options."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
from duckdb.func import PythonUDFType

from pipelines import model
from pipelines.errors import OperatorError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import FeedFormat, ParseResult, Part
from pipelines.normalize import (
    category,
    characteristics,
    description,
    measures,
    pictures,
    price,
    regions,
    sku,
    text,
    unit,
    vat,
)
from pipelines.normalize.known import known_tables, read_table
from pipelines.options import Options
from pipelines.reference import Reference

MEMORY_LIMIT = "512MB"
# Of glibc's malloc: from this size on a piece is the system's again once it is free. By itself the size grows with what
# is freed, columns then lie among small pieces of the heap, and memory grows with the file although nothing is kept.
_MAPPED_FROM = 128 * 1024
_M_MMAP_THRESHOLD = -3

_MACROS = (
    text.MACROS,
    sku.MACROS,
    unit.MACROS,
    price.MACROS,
    pictures.MACROS,
    measures.MACROS,
    category.MACROS,
    characteristics.MACROS,
    regions.MACROS,
    description.MACROS,
)


# Options that rules read, as columns `option_<name>`.
OPTIONS = {
    "format": "VARCHAR",
    "today": "VARCHAR",
    "default_unit": "VARCHAR",
    "default_vat": "VARCHAR",
    "vat_dialect": "VARCHAR",
    "available_false": "VARCHAR",
    "stock_class": "VARCHAR",
    "rrp_policy": "VARCHAR",
    "name_fallback": "VARCHAR",
    "description_required": "BOOLEAN",
    "vat_required": "BOOLEAN",
    "vendor_required": "BOOLEAN",
    "description_limit": "INTEGER",
    "position_codes_tag": "VARCHAR",
    "has_rubricator": "BOOLEAN",
}


@contextmanager
def open_session(
    scratch: Path, *, parsed: ParseResult, options: Options, reference: Reference, today: date
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which every rule can run; it spills into `scratch` beyond its memory limit.

    Raises:
        OperatorError: an option names a unit or a VAT rate that is not accepted.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 1,  # of DuckDB's own: batches run beside each other, a thread each (`engine.WORKERS`)
        "temp_directory": str(scratch),
        "preserve_insertion_order": False,  # every result is ordered explicitly
        "autoinstall_known_extensions": False,
        "enable_external_file_cache": False,  # each byte of the raw file is read once
        # Batch after batch the heap would fray and grow; freed pages go back at once.
        "allocator_flush_threshold": "1MB",
        "allocator_bulk_deallocation_flush_threshold": "1MB",
    }
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # other C libraries have none
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
    with duckdb.connect(config=config) as connection:
        # The rows stream past the reference tables, however few rows there are: never the other way round.
        connection.execute("SET disabled_optimizers = 'build_side_probe_side,join_order'")
        for name, rows in known_tables(reference).items():
            connection.register("arriving", rows)
            connection.execute(f"CREATE TABLE {name} AS FROM arriving")
            connection.unregister("arriving")
        for name, columns in category.OPTIONAL_TABLES.items():
            if path := reference.find(name):
                read_table(connection, name, path)
            else:
                connection.execute(f"CREATE TABLE {name} ({', '.join(f'{column} VARCHAR' for column in columns)})")
        for macros in _MACROS:
            connection.execute(macros)
        connection.create_function(
            "clean_descriptions",
            description.clean_descriptions,
            ["VARCHAR", "INTEGER"],
            duckdb.sqltype("STRUCT(html VARCHAR, links INTEGER, tags VARCHAR, cut BOOLEAN)"),
            type=PythonUDFType.ARROW,
        )
        _write_options(connection, parsed, options, reference, today)
        connection.execute(vat.TABLES)
        _check_options(connection, options)
        _write_spellings(connection, parsed)
        _write_parts(connection, parsed.parts)
        yield connection


def _write_options(
    connection: duckdb.DuckDBPyConnection, parsed: ParseResult, options: Options, reference: Reference, today: date
) -> None:
    """The options as a table of one row, so that a rule reads them as columns."""
    link, required = options.link, options.shop.required_fields
    values = {
        "format": parsed.format.value,
        "today": today.isoformat(),
        "default_unit": link.default_unit,
        "default_vat": link.default_vat,
        "vat_dialect": link.vat_dialect,
        "available_false": link.available_false,
        "stock_class": link.stock_class,
        "rrp_policy": options.shop.rrp_policy,
        "name_fallback": link.name_fallback,
        "description_required": "description" in required,
        "vat_required": "vat" in required,
        "vendor_required": "vendor" in required,
        "position_codes_tag": parsed.spellings["position_codes"],
        "has_rubricator": reference.find("rubricator") is not None,
        "description_limit": description.LIMIT_CSV if parsed.format is FeedFormat.CSV else description.LIMIT,
    }
    connection.execute(f"CREATE TABLE options ({', '.join(f'option_{name} {kind}' for name, kind in OPTIONS.items())})")
    connection.execute(
        f"INSERT INTO options VALUES ({', '.join('?' * len(OPTIONS))})", [values[name] for name in OPTIONS]
    )


def _check_options(connection: duckdb.DuckDBPyConnection, options: Options) -> None:
    """Defaults in the form of the reference tables, or the operator is told what fits."""
    connection.execute("UPDATE options SET option_default_unit = padded_code(option_default_unit)")
    connection.execute("UPDATE options SET option_default_vat = upper(rtrim(trimmed(option_default_vat), '% '))")
    unit_fits, vat_fits = connection.execute(
        """
        SELECT option_default_unit IN (SELECT code FROM units), option_default_vat IN (SELECT rate FROM accepted_rates)
        FROM options
        """
    ).fetchall()[0]
    if options.link.default_unit is not None and not unit_fits:
        msg = f"default_unit {options.link.default_unit!r} is not a code of OKEI in force, e.g. 796"
        raise OperatorError(msg)
    if options.link.default_vat is not None and not vat_fits:
        rates = connection.execute("SELECT rate FROM accepted_rates ORDER BY percent, rate").fetchall()
        msg = f"default_vat {options.link.default_vat!r} is not accepted; accepted are {', '.join(r for (r,) in rates)}"
        raise OperatorError(msg)


def _write_parts(connection: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> None:
    """The files of a set, with the lines that are theirs; no row for a single file."""
    connection.execute("CREATE TABLE parts (part VARCHAR, first_line BIGINT, last_line BIGINT)")
    ends = [part.first_line - 1 for part in parts[1:]] + [sys.maxsize]
    for part, end in zip(parts, ends, strict=False):
        connection.execute("INSERT INTO parts VALUES (?, ?, ?)", [part.name, part.first_line, end])


def _write_spellings(connection: duckdb.DuckDBPyConnection, parsed: ParseResult) -> None:
    """How the supplier writes each raw column, and how severe each code is."""
    labels = {"pictures": "picture", "outlets": "outlet", "params": "param", **model.RAW_SCALARS}
    labels |= {f"regions.{column}": f"region/{tag}" for column, tag in model.RAW_REGION_SCALARS.items()}
    labels |= parsed.spellings
    severities = {code.code: code.severity.value for code in ISSUE_CODES.values()}
    for table, key, value, pairs in (
        ("spellings", "raw_column", "tag", labels),
        ("severities", "code", "severity", severities),
    ):
        # In one statement: a statement for each row takes longer than the rules of a small file.
        connection.execute(
            f"CREATE TABLE {table} AS SELECT unnest($keys::VARCHAR[]) AS {key}, unnest($values::VARCHAR[]) AS {value}",
            {"keys": list(pairs), "values": list(pairs.values())},
        )
