"""The dialect through which Great Expectations reads DuckDB: `duckdb+gx`.

Great Expectations fetches rows after it has given the connection back, and the rollback that SQLAlchemy sends then
empties DuckDB's result. The views that are checked are only read, so transactions are left out.
"""

from __future__ import annotations

from duckdb_engine import Dialect
from sqlalchemy.dialects import registry


class ReadingDialect(Dialect):  # type: ignore[misc]  # duckdb_engine is not typed
    """DuckDB without transactions."""

    supports_statement_cache = False

    def do_begin(self, dbapi_connection: object) -> None:
        """Nothing begins."""

    def do_commit(self, dbapi_connection: object) -> None:
        """Nothing is written."""

    def do_rollback(self, dbapi_connection: object) -> None:
        """Nothing is taken back, and results stay readable."""


def register() -> None:
    """Make the dialect known to SQLAlchemy."""
    registry.register("duckdb.gx", __name__, ReadingDialect.__name__)
