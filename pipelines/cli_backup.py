"""Commands of operators: the whole state into a folder, and back into a new installation."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli_session import open_house, show_progress

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("folder", type=_FOLDER)
def backup(*, folder: Path) -> None:
    """Write catalog, object store and settings into FOLDER, or bring the backup there up to date."""
    from pipelines import steps

    with open_house() as house, show_progress() as progress:
        made = steps.back_up(house, folder, progress=progress)
    click.echo(f"{folder}: the catalog of {made.taken_at}, {made.objects} objects, {made.bytes} bytes")


@click.command()
@click.argument("folder", type=_FOLDER)
def restore(*, folder: Path) -> None:
    """Fill the new installation that the environment names from the backup in FOLDER."""
    from pipelines import steps
    from pipelines.settings import load_settings

    with show_progress() as progress:
        made = steps.restore(load_settings(), folder, progress=progress)
    click.echo(f"the catalog of {made.taken_at} and {made.objects} objects are here")
