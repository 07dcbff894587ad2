"""From a file to an edition in force: read it whole, say what it would change, and only then put it in force."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.errors import OperatorError
from pipelines.reference import category_mapping, characteristics, okei, oktmo, positions, rubricator, vat_rates
from pipelines.reference.difference import Difference, difference
from pipelines.reference.editions import Edition, Library, load_reference, publish, qualified, read_pointer
from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Column
from pipelines.reference.tables import canonical, header, keyed, shipped_reference, version_of

_SOURCE_LENGTH = 200


@dataclass(frozen=True)
class Importer:
    """How one table is made from a file.

    Attributes:
        key: the column by which rows are told apart.
        propose: the table that a file would make.
        columns: of a table that the product ships no default of.
    """

    key: str
    propose: Callable[[Path, Known], Proposal]
    columns: tuple[Column, ...] = ()


IMPORTERS: Mapping[str, Importer] = {
    "category_mapping": Importer(category_mapping.KEY, category_mapping.propose, category_mapping.COLUMNS),
    "characteristics": Importer(characteristics.KEY, characteristics.propose),
    "okei": Importer(okei.KEY, okei.propose),
    "oktmo": Importer(oktmo.KEY, oktmo.propose),
    "positions": Importer(positions.KEY, positions.propose, positions.COLUMNS),
    "rubricator": Importer(rubricator.KEY, rubricator.propose, rubricator.COLUMNS),
    "vat_rates": Importer(vat_rates.KEY, vat_rates.propose),
}


@dataclass(frozen=True)
class Plan:
    """An import that was checked and not done yet.

    Attributes:
        name: the table with its party.
        rows_before: rows now; 0 when there is no table yet.
        remarks: what else the one who decides should know.
        content: the whole new table in canonical form.
        replaces: version of the imported table it was compared with; None for the shipped one or none.
    """

    name: str
    difference: Difference
    rows_before: int
    remarks: tuple[str, ...]
    edition: Edition
    content: bytes
    replaces: str | None


def plan_import(
    library: Library,
    table: str,
    file: Path,
    *,
    who: str,
    now: datetime,
    shop: str | None = None,
    supplier: str | None = None,
) -> Plan:
    """Read a file as a table and compare it with what is in force. Nothing is written.

    Args:
        table: a name of `IMPORTERS`.
        who: account and machine, for the record.
        now: with a time zone.
        shop: for `positions` and `category_mapping`.
        supplier: for `category_mapping`.

    Raises:
        ReferenceFileError: the file cannot become this table.
        OperatorError: no such table, a party that is not named, no such file.
    """
    if table not in IMPORTERS:
        msg = f"no reference table {table!r} can be imported; there are {', '.join(IMPORTERS)}"
        raise OperatorError(msg)
    importer = IMPORTERS[table]
    name = qualified(table, shop=shop, supplier=supplier)
    present = read_pointer(library).tables.get(name)
    reference = load_reference(library, shop=shop, supplier=supplier)
    path = reference.find(table)
    before = keyed(path, importer.key) if path else {}
    proposal = importer.propose(file, Known(before, reference, now.date()))
    shipped = shipped_reference().find(table)
    columns = header(shipped) if shipped else [column.name for column in importer.columns]
    content = canonical(columns, proposal.rows.values())
    edition = Edition(
        version=version_of(content),
        rows=len(proposal.rows),
        imported_at=now.isoformat(timespec="seconds"),
        source="".join(c if c.isprintable() else "·" for c in file.name)[:_SOURCE_LENGTH],
        source_sha256=_sha256(file),
        who=who,
    )
    return Plan(
        name=name,
        difference=difference(before, proposal.rows),
        rows_before=len(before),
        remarks=proposal.remarks.shown(),
        edition=edition,
        content=content,
        replaces=present.version if present else None,
    )


def apply_import(library: Library, plan: Plan) -> None:
    """Put a planned import in force, at once or not at all.

    Raises:
        OperatorError: somebody else imported this table since it was planned; nothing was changed.
    """
    publish(library, plan.name, plan.content, plan.edition, replaces=plan.replaces)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
