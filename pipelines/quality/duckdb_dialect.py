"""The dialect through which Great Expectations reads DuckDB: `duckdb+gx`.

Great Expectations fetches rows after it has given the connection back, and the rollback that SQLAlchemy sends then
empties DuckDB's result. The views that are checked are only read, so transactions are left out.
"""

from __future__ import annotations

from duckdb_engine import Dialect
from sqlalchemy import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.types import NullType


class ReadingDialect(Dialect):  # type: ignore[misc]  # duckdb_engine is not typed
    """DuckDB without transactions."""

    supports_statement_cache = False

    def get_columns(
        self,
        connection: Connection,
        table_name: str,
        schema: str | None = None,  # noqa: ARG002 - there is one
        **_options: object,
    ) -> list[dict[str, object]]:
        """The columns of a table; the way of PostgreSQL, taken otherwise, ends at a table that DuckDB does not have."""
        rows = connection.exec_driver_sql(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", (str(table_name),)
        )
        return [{"name": name, "type": NullType(), "nullable": True, "default": None} for (name,) in rows.fetchall()]

    def do_begin(self, dbapi_connection: object) -> None:
        """Nothing begins."""

    def do_commit(self, dbapi_connection: object) -> None:
        """Nothing is written."""

    def do_rollback(self, dbapi_connection: object) -> None:
        """Nothing is taken back, and results stay readable."""


def register() -> None:
    """Make the dialect known to SQLAlchemy."""
    registry.register("duckdb.gx", __name__, ReadingDialect.__name__)
