"""What commands work with: the open house, a line of progress, a load as it is printed, and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pipelines.terminal import print_json

if TYPE_CHECKING:
    from pipelines.steps import House, Outcome, Progress

REJECTED_OR_HELD = {"rejected", "held"}
OFFER_COUNTS = ("read", "accepted", "rejected", "created", "changed", "restored", "unchanged", "hidden")


@contextmanager
def open_house() -> Iterator[House]:
    """The installation that the environment names."""
    from pipelines import steps
    from pipelines.settings import load_settings

    with steps.open_house(load_settings()) as house:
        yield house


@contextmanager
def show_progress() -> Iterator[Progress]:
    """A live line on a terminal; silence elsewhere, where a log is read later (use `-v`)."""
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _step, _share: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(step: str, share: float | None) -> None:
            bar.update(task, description=step, total=None if share is None else 1.0, completed=share or 0.0)

        yield show


def print_load(house: House, outcome: Outcome, *, as_json: bool) -> None:
    """A finished load: its JSON, or the report as the supplier reads it."""
    from pipelines import steps

    if outcome.load_id is None:
        print_json(outcome.as_json()) if as_json else click.echo(outcome.message)
        return
    if as_json:
        for block in steps.report_json(house, outcome.load_id):
            click.echo(block, nl=False)
        click.echo()
    else:
        click.echo(steps.report_text(house, outcome.load_id))


def exit_by(outcomes: Sequence[Outcome], *, supplier_faults_matter: bool = True) -> None:
    """End with 1 if we failed, with 2 if a supplier's file was rejected or is held, and go on otherwise."""
    statuses = {o.status for o in outcomes}
    if "failed" in statuses:
        sys.exit(1)
    if supplier_faults_matter and statuses & REJECTED_OR_HELD:
        sys.exit(2)
