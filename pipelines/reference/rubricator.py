"""The platform's rubricator: three levels of categories; goods are bound to the leaves, level 3 (O16)."""

from __future__ import annotations

from pathlib import Path

from pipelines.reference.hierarchy import CIRCLE, depths
from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Column, Faults, Findings, list_entries, quoted
from pipelines.reference.tables import Row, Rows

KEY = "id"
COLUMNS = (
    Column("id", ("ID категории", "ID", "Код категории"), required=True),
    Column("parent_id", ("ID родительской категории", "Родитель", "Код родительской категории"), required=True),
    Column("name", ("Наименование категории", "Наименование", "Название"), required=True),
    Column("level", ("Уровень",)),
)
LEAF_LEVEL = 3
_ID_LENGTH = 20
_NAME_LENGTH = 255


def propose(file: Path, known: Known) -> Proposal:  # noqa: ARG001 - the list is the whole rubricator, whatever was before
    """The rubricator of a list; the level is counted, and compared where the list gives it.

    Raises:
        ReferenceFileError: an unknown parent, a circle, a fourth level, a level that is not where the category stands.
    """
    faults, remarks = Faults(file), Findings()
    rows: Rows = {}
    lines: dict[str, int] = {}
    for line, values in list_entries(file, COLUMNS, faults, remarks):
        fault = _fault(values, lines)
        if fault:
            faults.add(fault, line=line)
            continue
        parent = "" if values["parent_id"] == "0" else values["parent_id"]
        rows[values["id"]] = {
            "id": values["id"],
            "parent_id": parent,
            "name": values["name"],
            "level": values.get("level", ""),
        }
        lines[values["id"]] = line
    faults.check()
    _place(rows, lines, faults)
    faults.check()
    if not rows:
        faults.stop("holds no categories")
    return Proposal(rows, remarks)


def leaves(rows: Rows) -> set[str]:
    """Categories that goods may be bound to."""
    return {row["id"] for row in rows.values() if row["level"] == str(LEAF_LEVEL)}


def _fault(values: Row, lines: dict[str, int]) -> str | None:
    category, name = values["id"], values["name"]
    if not category or len(category) > _ID_LENGTH:
        return f"the id of a category has 1 to {_ID_LENGTH} characters, not {quoted(category)}"
    if category in lines:
        return f"category {quoted(category)} stands in line {lines[category]} already"
    if not name or len(name) > _NAME_LENGTH:
        return f"the name of a category has 1 to {_NAME_LENGTH} characters, not {quoted(name)}"
    return None


def _place(rows: Rows, lines: dict[str, int], faults: Faults) -> None:
    """Count the level of each category, and fault those that have no place among three levels."""
    found = depths({category: row["parent_id"] for category, row in rows.items()})
    for category, row in rows.items():
        line, parent, level = lines[category], row["parent_id"], found[category]
        if parent and parent not in rows:
            faults.add(f"parent {quoted(parent)} is not in the list", line=line)
        elif level == CIRCLE:
            faults.add(f"the parents of category {quoted(category)} lead in a circle", line=line)
        elif level > LEAF_LEVEL:
            faults.add(f"category {quoted(category)} would stand at level {level}; there are three", line=line)
        elif row["level"] not in {"", str(level)}:
            faults.add(
                f"category {quoted(category)} stands at level {level}, the list says {quoted(row['level'])}", line=line
            )
        row["level"] = str(level)
