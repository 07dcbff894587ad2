"""Remarks that only the catalog or the past can give, put among those that a load's file has brought."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.model import ISSUE_SCHEMA
from pipelines.steps.house import House, load_key

# The issues as normalising wrote them, kept where any are added.
OF_FILE = "issues_of_file.parquet"

_MEMORY = "256MB"

# In file order, as `ISSUE_SCHEMA` says: what concerns the whole load first, what concerns an offer after what the file
# has brought of it. The codes of the new remarks are given by nobody else, so that doing it again changes nothing.
_MERGED = f"""
COPY (
    SELECT {", ".join(ISSUE_SCHEMA.names)} FROM (
        SELECT *, 1 AS turn, file_row_number AS place FROM read_parquet($known, file_row_number = true)
        WHERE code NOT IN (SELECT code FROM remarks)
        UNION ALL BY NAME
        SELECT *, CASE WHEN ordinal IS NULL THEN 0 ELSE 2 END, row_number() OVER () FROM remarks
    ) ORDER BY ordinal NULLS FIRST, turn, place
) TO $merged (FORMAT parquet)
"""


def add_remarks(house: House, load_id: int, remarks: pa.Table, folder: Path) -> None:
    """Put more remarks into a load's issues, once however often this runs.

    Args:
        remarks: rows of `ISSUE_SCHEMA`, at least one.
        folder: a scratch folder.
    """
    key, merged = load_key(load_id, "issues.parquet"), folder / "issues.parquet"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "threads": 1,
        "temp_directory": str(folder),
        "autoinstall_known_extensions": False,
    }
    with house.store.local(key) as known, duckdb.connect(config=config) as connection:
        if not house.store.exists(load_key(load_id, OF_FILE)):
            house.store.put_file(load_key(load_id, OF_FILE), known)
        connection.register("remarks", remarks)
        connection.execute(_MERGED, {"known": str(known), "merged": str(merged)})
    house.store.put_file(key, merged)
