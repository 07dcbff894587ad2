"""Canonical text of a row and its md5: equal rows have equal fingerprints, whatever the version of any library (P3).

Every value is written with its length before it, so that no two different rows give one text. The form is part of the
catalog's state: a change of it makes every offer look changed once.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa


def pieces(expression: str, kind: pa.DataType, depth: int = 0) -> list[str]:
    """SQL for the canonical text of a value of an Arrow type, in pieces to be put together: text, number, list, struct.

    NULL and the empty text differ; so do ['a', 'b'] and ['ab'].
    """
    if pa.types.is_list(kind):
        entry = f"entry_{depth}"
        inner = canonical({entry: kind.value_type}, depth + 1)
        joined = f"array_to_string(list_transform({expression}, lambda {entry}: {inner}), '')"
        return [f"coalesce(len({expression}) || '[' || {joined} || ']', '-')"]
    if pa.types.is_struct(kind):
        return [piece for f in kind for piece in pieces(f"{expression}.{f.name}", f.type, depth)]
    text = expression if pa.types.is_string(kind) else f"CAST({expression} AS VARCHAR)"
    return [f"length({text})", f"CASE WHEN {expression} IS NULL THEN '-' ELSE ':' END", text]


def canonical(columns: Mapping[str, pa.DataType], depth: int = 0) -> str:
    """SQL for the canonical text of several values, one after the other: expression -> type."""
    return f"concat({', '.join(piece for name, kind in columns.items() for piece in pieces(name, kind, depth))})"


def fingerprint(columns: Mapping[str, pa.DataType], texts: Mapping[str, tuple[str, str]] | None = None) -> str:
    """SQL for the md5 of several columns, in the given order.

    Args:
        columns: name -> type.
        texts: lists that are there for certain -> the columns with the number of their entries and with the canonical
            texts of these, one after the other.
    """
    told = {name: [number, "'['", entries, "']'"] for name, (number, entries) in (texts or {}).items()}
    each = (piece for name, kind in columns.items() for piece in told.get(name) or pieces(name, kind))
    return f"md5(concat({', '.join(each)}))"
