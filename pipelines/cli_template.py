"""`catalog-feeds template`: a filled-in price list with explanations, for a supplier to start from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipelines.template import TemplateFormat


@click.command()
@click.argument("form", metavar="csv|xlsx|yml", type=click.Choice(["csv", "xlsx", "yml"]))
@click.option("--shop", metavar="ID", help="Mark what this shop requires.  [default: what the manual requires]")
@click.option("--out", type=click.Path(path_type=Path), help="[default: template.FORMAT in this folder]")
def template(*, form: TemplateFormat, shop: str | None, out: Path | None) -> None:
    """Write a filled-in template of a price list, with explanations in Russian; it loads as it is."""
    from pipelines import steps
    from pipelines.settings import load_settings

    target = out or Path(f"template.{form}")
    now = datetime.now().astimezone()
    for path in steps.write_template(load_settings(), form, target, shop=shop, at=now):
        click.echo(path)
