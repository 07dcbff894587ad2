"""The rows that break a check, by our own SQL: Great Expectations says how many there are, not where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.quality.conditions import instead
from pipelines.quality.suites import Check, Table, Unit

EXAMPLES = 5
QUOTE = 120  # characters of a value that are kept


@dataclass(frozen=True)
class Example:
    """One row that breaks a check, bounded; `value` is what stands there, None where nothing does."""

    sku: str | None
    part: str | None
    line: int | None
    value: str | None


def examples(connection: duckdb.DuckDBPyConnection, check: Check, kwargs: dict[str, Any]) -> tuple[Example, ...]:
    """The first rows that break a check, in the order of the file.

    Args:
        connection: on the views of the load.
        kwargs: the arguments of the check, parameters filled in.
    """
    if check.query is not None:
        return _of_query(connection, check)
    broken = _broken(check, kwargs)
    if broken is None or not check.table.of_offers:
        return ()
    where, values = broken
    rows = connection.execute(
        f"SELECT sku, part, line, CAST({check.column} AS VARCHAR) FROM {check.table.value} WHERE {where}"
        f" ORDER BY ordinal LIMIT {EXAMPLES}",
        values,
    ).fetchall()
    return tuple(Example(sku, part, line, _cut(value)) for sku, part, line, value in rows)


def _broken(check: Check, kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The condition of a bad row and the values bound in it; None where no single row is bad."""
    column, table = check.column, check.table.value
    match check.type:
        case "expect_column_values_to_not_be_null":
            return f"{column} IS NULL", {}
        case "expect_column_values_to_be_unique":
            repeated = f"SELECT {column} FROM {table} GROUP BY {column} HAVING count(*) > 1"
            return f"{column} IN ({repeated})", {}
        case "expect_column_values_to_be_in_set":
            return f"NOT list_contains($values, {column})", {"values": kwargs["value_set"]}
        case "expect_column_values_to_be_between":
            return _outside(str(column), kwargs)
        case "expect_column_value_lengths_to_be_between":
            return _outside(f"length({column})", kwargs)
        case _:
            return None


def _outside(value: str, kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    bounds = {name: kwargs[name] for name in ("min_value", "max_value") if kwargs.get(name) is not None}
    sides = {"min_value": f"{value} < $min_value", "max_value": f"{value} > $max_value"}
    return " OR ".join(sides[name] for name in bounds), bounds


def _of_query(connection: duckdb.DuckDBPyConnection, check: Check) -> tuple[Example, ...]:
    """The first rows of the check's own query; what is not the place of an offer is its value.

    A query over offers starts with their place in the file, so that order by all columns is the order of the file.
    """
    query = str(check.query).format(batch=check.table.value)
    cursor = connection.execute(f"SELECT * FROM ({query}) ORDER BY ALL LIMIT {EXAMPLES}")
    names = [column[0] for column in cursor.description or ()]
    return tuple(_example(check, dict(zip(names, row, strict=True))) for row in cursor.fetchall())


def _example(check: Check, row: dict[str, Any]) -> Example:
    _, sku, part, line = (row.pop(name, None) for name in ("ordinal", "sku", "part", "line"))
    if check.table is Table.SHARES:
        value = f"{row['code']}: {instead(row['share'], row['usual'], Unit.SHARE)}"
    else:
        value = ", ".join(str(found) for found in row.values() if found is not None)
    return Example(sku, part, line, _cut(value) if value else None)


def _cut(value: str | None) -> str | None:
    return value if value is None or len(value) <= QUOTE else f"{value[: QUOTE - 1]}…"
