"""Bring a catalog to the newest schema. Revisions are plain SQL, run by Alembic, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipelines.errors import InternalError, OperatorError
from pipelines.model import OFFER_FIELDS

_SCRIPTS = Path(__file__).parent / "migrations"
_RIGHTS = Path(__file__).with_name("rights.sql")
_LOCK = "catalog-feeds migrations"


def head() -> str:
    """The newest revision; a revision's id is the number its file starts with."""
    return max(path.name.partition("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*_*.py"))


def revision(conn: psycopg.Connection[Any]) -> str | None:
    """The revision a database is at; None for an empty one."""
    if conn.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def migrate(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    """Migrate if the database is behind; several processes may call this at once.

    The usual case, nothing to do, costs one query: Alembic and SQLAlchemy are imported only to migrate.

    Raises:
        OperatorError: the database was migrated by a newer version of this product.
    """
    with connect() as conn:
        if _is_current(conn):
            return
    _upgrade(connect)


def _is_current(conn: psycopg.Connection[Any]) -> bool:
    at, newest = revision(conn), head()
    if at is not None and at > newest:
        msg = f"the catalog is at schema {at}, newer than this version's {newest}: install the newer version again"
        raise OperatorError(msg)
    return at == newest


def _upgrade(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with engine.begin() as transaction:
        conn = transaction.connection.driver_connection
        if not isinstance(conn, psycopg.Connection):
            msg = f"expected a psycopg connection, got {type(conn).__name__}"
            raise InternalError(msg)
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        if _is_current(conn):  # another process migrated while this one waited
            return
        config.attributes["connection"] = transaction
        command.upgrade(config, "head")
        comment_offers(conn)
        grant_rights(conn)


def grant_rights(conn: psycopg.Connection[Any]) -> None:
    """Let each role do what it is for, and nobody else anything."""
    conn.execute(_RIGHTS.read_bytes())


def comment_offers(conn: psycopg.Connection[Any]) -> None:
    """Say in the catalog itself what each published field is; the words are the model's."""
    for field in OFFER_FIELDS:
        conn.execute(
            sql.SQL("COMMENT ON COLUMN offers.{} IS {}").format(sql.Identifier(field.name), sql.Literal(field.label))
        )
