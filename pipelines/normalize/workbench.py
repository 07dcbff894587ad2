"""Statements that are planned once and tables that change under them: a batch costs its rows, not its planning.

Putting some dozens of rules together takes the engine longer than running them over a few thousand offers. A prepared
statement keeps its plan as long as no table is made or dropped; so the tables of a batch are views of what stands in
their place at the moment, handed over column by column without a copy (the Arrow C stream interface).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa


class _Place:
    """What stands in the place of a table; whoever reads it gets the rows of the moment."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __arrow_c_schema__(self) -> object:
        return self.rows.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


class Workbench:
    """The tables and statements of one thread. The columns of a table are those of its first rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._cursor = connection.cursor()
        self._places: dict[str, _Place] = {}
        self._planned: set[str] = set()

    def put(self, table: str, rows: pa.Table) -> None:
        """Let these rows stand in the place of a table."""
        if table in self._places:
            self._places[table].rows = rows
        else:
            self._places[table] = _Place(rows)
            self._cursor.register(table, self._places[table])

    def rows(self, table: str) -> pa.Table:
        """What stands in the place of a table."""
        return self._places[table].rows

    def run(self, name: str, query: str) -> pa.Table:
        """The result of a query over the tables and whatever else the connection knows; the same query by one name."""
        if name not in self._planned:
            self._cursor.execute(f"PREPARE {name} AS {query}")
            self._planned.add(name)
        return self._cursor.execute(f"EXECUTE {name}").to_arrow_table()

    def make(self, table: str, query: str, *, of: pa.Table | None = None) -> pa.Table:
        """Let the result of a query stand in the place of a table; of no rows there come no rows, without asking."""
        if of is not None and not of.num_rows and table in self._places:
            self.clear(table)
        else:
            self.put(table, self.run(table, query))
        return self.rows(table)

    def clear(self, *tables: str) -> None:
        """Let go of the rows of these tables, or of all."""
        for table in tables or self._places:
            self._places[table].rows = self._places[table].rows.schema.empty_table()

    def close(self) -> None:
        """Let go of the tables and statements."""
        self._cursor.close()
