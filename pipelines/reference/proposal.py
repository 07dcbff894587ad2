"""What an importer is given, and what it makes of a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pipelines.reference.reading import Findings
from pipelines.reference.tables import Reference, Rows


@dataclass(frozen=True)
class Known:
    """What stands before an import.

    Attributes:
        rows: the table that is to be replaced; empty when there is none yet.
        reference: all tables as the party of the import sees them.
        today: the day of the import.
    """

    rows: Rows
    reference: Reference
    today: date


@dataclass(frozen=True)
class Proposal:
    """A table as a file would have it, and what the one who decides should know besides the differences."""

    rows: Rows
    remarks: Findings
