"""`catalog-feeds reference`: the tables that rules lean on, as data an operator can see, replace and give out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from pipelines.terminal import print_json, print_table, printable

if TYPE_CHECKING:
    from pipelines.reference import Plan


@click.group()
def reference() -> None:
    """Reference tables: OKEI, OKTMO, characteristics, the rubricator and the rest."""


@reference.command("list")
@click.option("--history", is_flag=True, help="Every import instead, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_(*, history: bool, as_json: bool) -> None:
    """The tables in force: rows, version, when they were imported and from what."""
    from pipelines import steps
    from pipelines.settings import load_settings

    rows = steps.reference_history(load_settings()) if history else steps.list_reference(load_settings())
    if as_json:
        print_json(rows)
    else:
        origin = ["rows", "version", "imported_at", "source", "who"]
        print_table(rows, ["number", "table", *origin, "replaced"] if history else ["table", *origin])


@reference.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--supplier", help="Whose categories, for category_mapping.")
@click.option("--shop", default="main", show_default=True, help="For category_mapping and positions.")
@click.option("--yes", is_flag=True, help="Apply without asking.")
def import_(*, name: str, file: Path, supplier: str | None, shop: str, yes: bool) -> None:
    """Replace the table NAME by FILE, after showing what would change.

    NAME is category_mapping, characteristics, okei, oktmo, positions, rubricator or vat_rates. Loads from now on use
    the new table; what is published stays until its next load.
    """
    from pipelines import steps
    from pipelines.settings import load_settings

    def agreed(plan: Plan) -> bool:
        _print_plan(plan)
        if yes or not sys.stdin.isatty():
            return yes
        return click.confirm("apply?")

    imported = steps.import_reference(load_settings(), name, file, shop=shop, supplier=supplier, agreed=agreed)
    plan = imported.plan
    if not plan.difference:
        _print_plan(plan)
        click.echo("nothing differs; nothing was changed")
    elif imported.applied:
        click.echo(f"{plan.name} is version {plan.edition.version} from now on")
    else:
        click.echo("nothing was changed; add --yes to apply this")


@reference.command("export")
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="[default: NAME.FORMAT in this folder]")
@click.option("--supplier", help="Whose categories, for category_mapping.")
@click.option("--shop", default="main", show_default=True, help="For category_mapping and positions.")
def export(*, name: str, form: Literal["csv", "xlsx"], out: Path | None, supplier: str | None, shop: str) -> None:
    """Write the table NAME as a list that suppliers can read, and that can be imported again.

    NAME is category_mapping, characteristics, okei, positions, regions, rubricator or vat_rates.
    """
    from pipelines import steps
    from pipelines.settings import load_settings

    target = out or Path(f"{Path(name).name}.{form}")
    rows = steps.export_reference(load_settings(), name, target, form, shop=shop, supplier=supplier)
    click.echo(f"{rows} rows in {target}")


def _print_plan(plan: Plan) -> None:
    changed = plan.difference
    click.echo(f"{plan.name}: {plan.rows_before} rows now, {plan.edition.rows} after")
    for what, count, examples in (
        ("added", changed.added, changed.examples_added),
        ("removed", changed.removed, changed.examples_removed),
        ("changed", changed.changed, changed.examples_changed),
    ):
        click.echo(f"  {count} {what}")
        for example in examples:
            click.echo(f"    {printable(example)}")
    for remark in plan.remarks:
        click.echo(f"  note: {printable(remark)}")
