"""Canonical text of a row and its md5: equal rows have equal fingerprints, whatever the version of any library (P3).

Every value is written with its length before it, so that no two different rows give one text. The form is part of the
catalog's state: a change of it makes every offer look changed once.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

# NULL and the empty text differ; so do ['a', 'b'] and ['ab'].
MACROS = """
CREATE MACRO counted(s) AS coalesce(length(s) || ':' || s, '-');
"""


def canonical(expression: str, kind: pa.DataType, depth: int = 0) -> str:
    """SQL for the canonical text of a value of an Arrow type: text, number, list or struct."""
    if pa.types.is_list(kind):
        entry = f"entry_{depth}"
        inner = canonical(entry, kind.value_type, depth + 1)
        joined = f"array_to_string(list_transform({expression}, lambda {entry}: {inner}), '')"
        return f"coalesce(len({expression}) || '[' || {joined} || ']', '-')"
    if pa.types.is_struct(kind):
        return f"concat({', '.join(canonical(f'{expression}.{f.name}', f.type, depth) for f in kind)})"
    text = expression if pa.types.is_string(kind) else f"CAST({expression} AS VARCHAR)"
    return f"counted({text})"


def fingerprint(fields: Iterable[tuple[str, pa.DataType]]) -> str:
    """SQL for the md5 of several columns, in the given order."""
    return f"md5(concat({', '.join(canonical(name, kind) for name, kind in fields)}))"
