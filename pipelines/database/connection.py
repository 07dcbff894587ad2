"""One PostgreSQL server, the catalog in it, and how to connect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from pipelines.database.embedded import embedded_server
from pipelines.database.migrate import migrate
from pipelines.errors import OperatorError
from pipelines.settings import Settings

CATALOG = "catalog"
# MERGE … RETURNING old, new: the catalog's differences are applied and logged in one statement.
MINIMUM_VERSION = 18
# For a server that accepts and says nothing. Each address of it has as long.
_CONNECT_SECONDS = 10
# A statement may sort a whole supplier; nothing may wait or idle for ever. A worker whose machine is gone says no
# goodbye: the server asks after it, and within a minute drops the connection with the locks that hold up the retry.
# On disks of today a row found by its key costs little more than the next one: whoever looks for a thousand offers must
# not read them all.
_SESSION = (
    "-c TimeZone=UTC -c statement_timeout=30min -c lock_timeout=10min -c idle_in_transaction_session_timeout=1h "
    "-c client_min_messages=warning -c client_connection_check_interval=10s -c random_page_cost=1.1 "
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)


@dataclass(frozen=True)
class Database:
    """A PostgreSQL server with the catalog in it.

    Attributes:
        catalog_url: `postgresql://user:password@host:port/catalog`; holds the password, so never shown.
    """

    catalog_url: str

    def __repr__(self) -> str:
        return f"Database({urlsplit(self.catalog_url).hostname}{urlsplit(self.catalog_url).path})"

    def url(self, name: str | None = None) -> str:
        """The URL of a database on this server; None is the catalog. Holds the password."""
        if name is None:
            return self.catalog_url
        return urlsplit(self.catalog_url)._replace(path=f"/{quote(name, safe='')}").geturl()

    def connect(self, name: str | None = None, *, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection to the catalog (or the database `name`), in UTC, not shared between threads.

        As a context manager it commits at the end, rolls back on an error, and closes.

        Raises:
            OperatorError: the server cannot be reached or refuses us.
        """
        try:
            return psycopg.connect(
                self.url(name),
                autocommit=autocommit,
                application_name="catalog-feeds",
                connect_timeout=_CONNECT_SECONDS,
                options=_SESSION,
                # A server whose machine vanished answers nothing, not even that: a worker would wait for hours.
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
                tcp_user_timeout=60_000,
            )
        except psycopg.OperationalError as error:
            msg = f"cannot open the catalog database: {error}; check CATALOG_FEEDS_DATABASE_URL and the server"
            raise OperatorError(msg) from error

    def ensure_database(self, name: str) -> None:
        """Create the empty database `name` on this server unless it is there."""
        with self.connect(autocommit=True) as conn:
            if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            command = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
            try:
                conn.execute(command)
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # another process was quicker


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The catalog of this installation, migrated. An embedded server runs while anyone holds this open.

    Raises:
        OperatorError: the server cannot be started or reached, is older than PostgreSQL 18, or holds a newer catalog.
    """
    with reach_database(settings) as database:
        migrate(database.connect)
        yield database


@contextmanager
def reach_database(settings: Settings) -> Iterator[Database]:
    """The same as it is, perhaps empty.

    Raises:
        OperatorError: the server cannot be started or reached, or is older than PostgreSQL 18.
    """
    if settings.database_url is not None:
        yield _new_enough(Database(settings.database_url))
        return
    with embedded_server(settings.home_path / "postgres") as maintenance_url:
        server = Database(maintenance_url)
        server.ensure_database(CATALOG)
        yield _new_enough(Database(server.url(CATALOG)))


def _new_enough(database: Database) -> Database:
    with database.connect() as conn:
        version = conn.info.server_version // 10_000
    if version < MINIMUM_VERSION:
        msg = (
            f"the catalog needs PostgreSQL {MINIMUM_VERSION} or newer, this server is {version}: point "
            "CATALOG_FEEDS_DATABASE_URL at a newer one, or leave it unset to use the embedded server"
        )
        raise OperatorError(msg)
    return database
