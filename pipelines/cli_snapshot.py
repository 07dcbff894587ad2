"""Commands of analysts: the snapshot, its page, its history, and questions to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from pipelines.cli_session import open_house, show_progress
from pipelines.terminal import print_table

# A table on the screen ends here; files and pipes get everything.
SHOWN_ROWS = 1_000


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Also copy the file here.")
@click.option("--page", type=click.Path(path_type=Path), help="Also write an HTML page with plots here.")
@click.option("--history", type=click.Path(path_type=Path), help="Also bring a copy of all changes here up to date.")
@click.option("--anew", is_flag=True, help="Read the whole catalog instead of what changed since the last snapshot.")
def snapshot(*, out: Path | None, page: Path | None, history: Path | None, anew: bool) -> None:
    """Write the analyst's snapshot and print its path."""
    from pipelines import steps

    with open_house() as house, show_progress() as progress:
        progress("snapshot", None)
        path = steps.write_snapshot(house, out=out, anew=anew)
        if page:
            progress("page", None)
            steps.write_page(house, page)
        if history:
            progress("history", None)
            steps.copy_history(house, history)
        progress("done", None)
    click.echo(path)


@click.command()
@click.argument("query")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
    help="csv is for Excel, json and parquet are exact.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the answer here instead of the screen.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def sql(*, query: str, form: Literal["table", "csv", "json", "parquet"], out: Path | None, as_json: bool) -> None:
    """Run QUERY on the latest snapshot, read-only."""
    from pipelines import steps

    form = "json" if as_json else form
    if form == "table" and out:
        message = "a table is for the screen; choose csv, json or parquet for a file"
        raise click.UsageError(message)
    if form == "parquet" and not out and sys.stdout.isatty():
        message = "Parquet is not for a terminal; give --out FILE"
        raise click.UsageError(message)
    with open_house() as house:
        if form == "table":
            answer = steps.peek_snapshot(house, query, limit=SHOWN_ROWS)
            print_table(answer.rows, answer.columns)
            if answer.more:
                click.echo(f"(the first {SHOWN_ROWS} rows; --format csv, json or parquet gives all)", err=True)
        elif out:
            steps.save_answer(house, query, out, form)
        else:
            steps.write_answer(house, query, sys.stdout.buffer, form)
