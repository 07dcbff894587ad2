"""The catalog's PostgreSQL: embedded by default, any server by URL; always at the newest schema."""

from pipelines.database.connection import Database, open_database

__all__ = ["Database", "open_database"]
