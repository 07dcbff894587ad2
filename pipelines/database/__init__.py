"""The catalog's PostgreSQL: embedded by default, any server by URL; always at the newest schema."""

from pipelines.database.connection import Database, open_database, reach_database
from pipelines.database.dump import dump_catalog, is_empty, restore_catalog

__all__ = ["Database", "dump_catalog", "is_empty", "open_database", "reach_database", "restore_catalog"]
