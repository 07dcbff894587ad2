"""Reference tables: those of the product, replaced or joined by what this installation imported.

What a shipped table means is told in `reference_data/README.md`, how tables are imported in `docs/reference.md`.

`load_reference(...)` gives the tables a load reads; `plan_import` and `apply_import` replace one; `export_list` gives
it back as a list that people edit.
"""

from pipelines.reference.editions import Change, Edition, Library, changes, load_reference, read_pointer
from pipelines.reference.export import LISTS, Format, export_list
from pipelines.reference.imports import IMPORTERS, Plan, apply_import, plan_import
from pipelines.reference.reading import ReferenceFileError
from pipelines.reference.tables import Reference, rows_of, shipped_reference

__all__ = [
    "IMPORTERS",
    "LISTS",
    "Change",
    "Edition",
    "Format",
    "Library",
    "Plan",
    "Reference",
    "ReferenceFileError",
    "apply_import",
    "changes",
    "export_list",
    "load_reference",
    "plan_import",
    "read_pointer",
    "rows_of",
    "shipped_reference",
]
