"""Publishing: what a load changes in the catalog, the one transaction that changes it, and ways to look at it."""

from pipelines.publish.assignments import SETTABLE, Assignments
from pipelines.publish.cards import read_card
from pipelines.publish.catalog import Publication, Standing
from pipelines.publish.changes import take_turn
from pipelines.publish.difference import Difference
from pipelines.publish.edits import STATUSES, Edited, Order, Overwritten, overwritten, set_status, set_values
from pipelines.publish.export import Exported, ExportFormat, export
from pipelines.publish.history import write_history
from pipelines.publish.keys import external_keys
from pipelines.publish.places import Place, find_place
from pipelines.publish.price_changes import price_changes
from pipelines.publish.rollback import Rollback, roll_back
from pipelines.publish.selection import Selection, require_known, selected_cards
from pipelines.publish.snapshot import LoadFiles, Source, Written, last_loads, render_page, write_snapshot
from pipelines.publish.statistics import Statistics, statistics

__all__ = [
    "SETTABLE",
    "STATUSES",
    "Assignments",
    "Difference",
    "Edited",
    "ExportFormat",
    "Exported",
    "LoadFiles",
    "Order",
    "Overwritten",
    "Place",
    "Publication",
    "Rollback",
    "Selection",
    "Source",
    "Standing",
    "Statistics",
    "Written",
    "export",
    "external_keys",
    "find_place",
    "last_loads",
    "overwritten",
    "price_changes",
    "read_card",
    "render_page",
    "require_known",
    "roll_back",
    "selected_cards",
    "set_status",
    "set_values",
    "statistics",
    "take_turn",
    "write_history",
    "write_snapshot",
]
