"""A supplier's own categories → leaves of the rubricator, as the supplier uploads them (O16). An upload is merged."""

from __future__ import annotations

from pathlib import Path

from pipelines.reference import rubricator
from pipelines.reference.hierarchy import CIRCLE, depths
from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Column, Faults, Findings, list_entries, quoted
from pipelines.reference.tables import Row, Rows, keyed

KEY = "code"
COLUMNS = (
    Column("code", ("Код категорий", "Код категории"), required=True),
    Column("name", ("Наименование категории",), required=True),
    Column("parent_code", ("Код родительской категории",), required=True),
    Column("category_id", ("ID категории B2B-Center",), required=True),
)
_ACTIVE = Column("active", ("Активна",))
_DELETED = {"0": True, "1": False, "": False}
_CODE_LENGTH = 100
_NAME_LENGTH = 500


def propose(file: Path, known: Known) -> Proposal:
    """The stored mapping with the rows of the file added, replaced, or deleted where «Активна» is 0.

    Raises:
        ReferenceFileError: a category that is not a leaf of the rubricator, one supplier category bound to two, parents
            in a circle, or no rubricator to compare with.
    """
    faults, remarks = Faults(file), Findings()
    path = known.reference.find("rubricator")
    if path is None:
        faults.stop("there is no rubricator yet to compare with: import it first")
    categories = keyed(path, rubricator.KEY)
    leaves = rubricator.leaves(categories)
    sent: dict[str, tuple[int, Row]] = {}
    for line, values in list_entries(file, (*COLUMNS, _ACTIVE), faults, remarks):
        values.setdefault("active", "")
        fault = _fault(values, sent) or _category_fault(values, categories, leaves)
        if fault:
            faults.add(fault, line=line)
        else:
            sent[values["code"]] = (line, values)
    faults.check()
    if not sent:
        faults.stop("holds no categories")
    rows = _merged(known.rows, sent, remarks)
    _check_parents(rows, sent, faults, remarks)
    faults.check()
    return Proposal(rows, remarks)


def _fault(values: Row, sent: dict[str, tuple[int, Row]]) -> str | None:
    code = values["code"]
    if not code or len(code) > _CODE_LENGTH:
        return f"the code of a category has 1 to {_CODE_LENGTH} characters, not {quoted(code)}"
    if len(values["name"]) > _NAME_LENGTH:
        return f"the name of a category has at most {_NAME_LENGTH} characters"
    if values["active"] not in _DELETED:
        return f"«Активна» is 1, 0 or empty, not {quoted(values['active'])}"
    if code in sent and sent[code][1] != values:
        return f"category {quoted(code)} stands in line {sent[code][0]} already, with other values"
    return None


def _category_fault(values: Row, categories: Rows, leaves: set[str]) -> str | None:
    category = values["category_id"]
    if not category or category in leaves or _DELETED[values["active"]]:
        return None
    if category not in categories:
        return f"the rubricator has no category {quoted(category)}"
    return (
        f"category {quoted(category)} of the rubricator is not a leaf but of level {categories[category]['level']};"
        f" goods are bound to level {rubricator.LEAF_LEVEL}"
    )


def _merged(stored: Rows, sent: dict[str, tuple[int, Row]], remarks: Findings) -> Rows:
    rows = dict(stored)
    for code, (line, values) in sent.items():
        if not _DELETED[values["active"]]:
            rows[code] = {column.name: values[column.name] for column in COLUMNS}
        elif rows.pop(code, None) is None:
            remarks.add(f"category {quoted(code)} was to be deleted and is not stored", line=line)
    return rows


def _check_parents(rows: Rows, sent: dict[str, tuple[int, Row]], faults: Faults, remarks: Findings) -> None:
    """Parents only show the hierarchy: an unknown one is remarked, a circle is not a hierarchy."""
    found = depths({code: row["parent_code"] for code, row in rows.items()})
    parents = {row["parent_code"] for row in rows.values()}
    for code, (line, values) in sent.items():
        if code not in rows:
            continue
        if found[code] == CIRCLE:
            faults.add(f"the parents of category {quoted(code)} lead in a circle", line=line)
        if values["parent_code"] and values["parent_code"] not in rows:
            remarks.add(f"parent {quoted(values['parent_code'])} is not among the categories", line=line)
        if values["category_id"] and code in parents:
            remarks.add(f"category {quoted(code)} is bound although it has categories below it", line=line)
