"""A buyer's directory of positions (ЕНС, ОЗМ, GID …): the codes that offers of a shop may be bound to (O17)."""

from __future__ import annotations

from pathlib import Path

from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Column, Faults, Findings, list_entries, quoted
from pipelines.reference.tables import Row, Rows

KEY = "code"
COLUMNS = (
    Column("code", ("Код позиции", "Код", "ЕНС", "ОЗМ", "GID", "Код позиции закупщика"), required=True),
    Column("name", ("Наименование позиции", "Наименование", "Название"), required=True),
    Column("unit", ("Единица измерения", "Единица", "ЕИ")),
    Column("note", ("Примечание",)),
)
_CODE_LENGTH = 100
_NAME_LENGTH = 1000


def propose(file: Path, known: Known) -> Proposal:  # noqa: ARG001 - the list is the whole directory, whatever was before
    """The directory of a list.

    Raises:
        ReferenceFileError: a code that stands twice, or that offers could not name: feeds part codes by commas.
    """
    faults, remarks = Faults(file), Findings()
    rows: Rows = {}
    lines: dict[str, int] = {}
    for line, values in list_entries(file, COLUMNS, faults, remarks):
        fault = _fault(values, lines)
        if fault:
            faults.add(fault, line=line)
        else:
            rows[values["code"]] = {column.name: values.get(column.name, "") for column in COLUMNS}
            lines[values["code"]] = line
    faults.check()
    if not rows:
        faults.stop("holds no positions")
    return Proposal(rows, remarks)


def _fault(values: Row, lines: dict[str, int]) -> str | None:
    code, name = values["code"], values["name"]
    if not code or len(code) > _CODE_LENGTH or "," in code:
        return f"the code of a position has 1 to {_CODE_LENGTH} characters and no comma, not {quoted(code)}"
    if code in lines:
        return f"position {quoted(code)} stands in line {lines[code]} already"
    if not name or len(name) > _NAME_LENGTH:
        return f"the name of a position has 1 to {_NAME_LENGTH} characters, not {quoted(name)}"
    return None
