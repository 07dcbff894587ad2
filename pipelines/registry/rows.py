"""What the tables have in common: the connection's type, returned rows, and text that PostgreSQL can store."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg

from pipelines.errors import InternalError

Connection = psycopg.Connection[Any]
Row = TypeVar("Row")


def returned(cursor: psycopg.Cursor[Row]) -> Row:
    """The one row that a statement with RETURNING gave back.

    Raises:
        InternalError: there is none; the row it meant does not exist.
    """
    row = cursor.fetchone()
    if row is None:
        msg = "no such row in the registry"
        raise InternalError(msg)
    return row


def storable(text: str | None, limit: int = 2000) -> str | None:
    """Text as PostgreSQL takes it: no NUL, no half surrogates (file names and servers send both), bounded."""
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")[:limit]
