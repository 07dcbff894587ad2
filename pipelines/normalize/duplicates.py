"""O2 duplicates within a file: the one rule that must see the whole file before the first offer is judged."""

from __future__ import annotations

import pyarrow as pa

from pipelines.model import RAW_SCHEMA
from pipelines.normalize.fingerprint import fingerprint
from pipelines.normalize.rule import Lookup, Remark, Rule
from pipelines.normalize.sku import SKU_LIMIT

IDENTICAL = "duplicate_identical"
CONFLICT = "duplicate_conflict"
# How many lines of the other offers a remark names.
OTHER_LINES = 10


def is_place(name: str) -> bool:
    """Whether a raw column says where something stands rather than what it is."""
    return name == "line" or name.endswith("_line")


def _without_places(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_without_places(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(f.name, _without_places(f.type)) for f in kind if not is_place(f.name)])
    return kind


_CONTENT_COLUMNS = [f for f in RAW_SCHEMA if f.name not in {"ordinal", "sku"} and not is_place(f.name)]
# SQL for everything sent of an offer but its SKU and its place in the file.
CONTENT = fingerprint({f.name: _without_places(f.type) for f in _CONTENT_COLUMNS})


def keyed(table: str) -> str:
    """SQL: the raw offers of a table by the key of their SKU; one that is too long is none."""
    return f"SELECT ordinal, sku_key(sku) AS key FROM {table} WHERE length(trimmed(sku)) <= {SKU_LIMIT}"


# One row per offer that shares its SKU: which kind of duplicate it is (NULL for the first of identical ones), and where
# the others stand: their lines, in a set of files each after the name of its file. Contents are compared only where a
# SKU repeats.
FIND = f"""
CREATE TABLE duplicates AS
    WITH keyed AS ({keyed("raw")}), repeated AS MATERIALIZED (
        SELECT ordinal, key FROM keyed WHERE key IN (SELECT key FROM keyed GROUP BY key HAVING count(*) > 1)
    ), compared AS MATERIALIZED (
        SELECT ordinal, key, {CONTENT} AS content,
            {{'line': line, 'ordinal': ordinal,
                'shown': concat(part || ':', line - coalesce(first_line, 1) + 1)}} AS place
        FROM raw JOIN repeated USING (ordinal) LEFT JOIN parts ON line BETWEEN first_line AND last_line
    ), groups AS (
        SELECT key, count(DISTINCT content) AS contents, min(ordinal) AS first, min(place, {OTHER_LINES + 1}) AS places
        FROM compared GROUP BY key
    )
    SELECT ordinal,
        CASE WHEN contents > 1 THEN 'conflict' WHEN ordinal <> first THEN 'identical' END AS kind,
        array_to_string(
            list_transform(
                CASE WHEN contents > 1 THEN list_filter(places, lambda p: p.ordinal <> ordinal)[1:{OTHER_LINES}]
                ELSE places[1:1] END,
                lambda p: p.shown),
            ', ') AS lines
    FROM compared JOIN groups USING (key)
"""

DUPLICATES = Rule(
    ids=("O2",),
    steps=(Lookup("duplicates", "ordinal", "ordinal", {"duplicate": "kind", "duplicate_lines": "lines"}),),
    remarks=(
        Remark(IDENTICAL, "duplicate = 'identical'", "'sku'", "sku_line", "duplicate_lines"),
        Remark(CONFLICT, "duplicate = 'conflict'", "'sku'", "sku_line", "duplicate_lines"),
    ),
)
