"""Reference tables of this installation: which are in force, importing one, giving lists back. No catalog is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.errors import OperatorError
from pipelines.objects import open_store
from pipelines.reference import (
    Format,
    Library,
    Plan,
    apply_import,
    changes,
    export_list,
    load_reference,
    plan_import,
    read_pointer,
    rows_of,
    shipped_reference,
)
from pipelines.settings import Settings
from pipelines.steps.house import account


@dataclass(frozen=True)
class Imported:
    """What came of an import; `applied` is false when nothing differs or nobody agreed."""

    plan: Plan
    applied: bool


def list_reference(settings: Settings) -> list[dict[str, Any]]:
    """All tables in force with version and origin, as plain values; those of the product first."""
    editions = read_pointer(_library(settings)).tables
    shipped = shipped_reference()
    defaults = [
        {"table": name, "rows": sum(1 for _ in rows_of(path)), "version": shipped.versions[name], "source": "shipped"}
        for name, path in sorted(shipped.files.items())
        if name not in editions
    ]
    imported = [{"table": name, **asdict(edition)} for name, edition in sorted(editions.items())]
    return [*defaults, *imported]


def reference_history(settings: Settings) -> list[dict[str, Any]]:
    """Every import, newest first, as plain values."""
    found = [
        {"number": change.number, "table": change.table, **asdict(change.edition), "replaced": change.replaced}
        for change in changes(_library(settings))
    ]
    return found[::-1]


def import_reference(
    settings: Settings,
    table: str,
    file: Path,
    *,
    shop: str,
    supplier: str | None,
    agreed: Callable[[Plan], bool],
) -> Imported:
    """Read a file as a table, and put it in force if it differs and `agreed` says so.

    Raises:
        OperatorError: the file does not fit, the table is unknown or lacks its party, or somebody was faster.
    """
    library = _library(settings)
    plan = plan_import(library, table, file, who=account(), now=datetime.now(UTC), shop=shop, supplier=supplier)
    applied = bool(plan.difference) and agreed(plan)
    if applied:
        apply_import(library, plan)
    return Imported(plan, applied)


def export_reference(settings: Settings, name: str, out: Path, form: Format, *, shop: str, supplier: str | None) -> int:
    """Write a list that suppliers work with; returns its number of rows.

    Raises:
        OperatorError: no such list, none of this party, or the file cannot be written.
    """
    if name == "category_mapping" and not supplier:
        msg = "category_mapping belongs to a supplier: name it by --supplier"
        raise OperatorError(msg)
    return export_list(load_reference(_library(settings), shop=shop, supplier=supplier), name, out, form)


def _library(settings: Settings) -> Library:
    return Library.at(open_store(settings), settings.home_path)
