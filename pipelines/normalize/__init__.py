"""Raw offers into published ones: what the loading rules say of each offer, as columns (sections 3 and 4).

The door of this room is `normalize`, and before it `complete` for a file that holds changes only. Each rule lives in
the module named after its subject; `rule` tells what a rule is, and `engine` puts them together.
"""

from pipelines.normalize.completion import complete, supplied
from pipelines.normalize.engine import NOTES_FILE, Totals, normalize
from pipelines.normalize.incremental import Earlier, is_comparable
from pipelines.normalize.known import known_tables
from pipelines.normalize.sku import identity

__all__ = [
    "NOTES_FILE",
    "Earlier",
    "Totals",
    "complete",
    "identity",
    "is_comparable",
    "known_tables",
    "normalize",
    "supplied",
]
