"""What an import would change, before it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.reference.tables import Row, Rows

EXAMPLES = 5
_SHOWN_CELLS = 4
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Difference:
    """How many rows differ, and the first examples of each kind in words."""

    added: int
    removed: int
    changed: int
    examples_added: tuple[str, ...]
    examples_removed: tuple[str, ...]
    examples_changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def difference(before: Rows, after: Rows) -> Difference:
    """Compare two states of a table, row by row by key; the order of rows is not a difference."""
    added = [key for key in after if key not in before]
    removed = [key for key in before if key not in after]
    changed = [key for key, row in after.items() if key in before and row != before[key]]
    return Difference(
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        examples_added=tuple(_told(after[key]) for key in added[:EXAMPLES]),
        examples_removed=tuple(_told(before[key]) for key in removed[:EXAMPLES]),
        examples_changed=tuple(_compared(key, before[key], after[key]) for key in changed[:EXAMPLES]),
    )


def _told(row: Row) -> str:
    return " · ".join(_cut([value for value in row.values() if value][:_SHOWN_CELLS]))


def _compared(key: str, before: Row, after: Row) -> str:
    columns = [c for c in after if after[c] != before.get(c, "")]
    pairs = [f"{c}: {before.get(c) or '—'} → {after[c] or '—'}" for c in columns[:_SHOWN_CELLS]]
    return f"{key}: {'; '.join(_cut(pairs))}"


def _cut(texts: Iterable[str]) -> list[str]:
    return [text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…" for text in texts]
