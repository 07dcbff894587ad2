"""What commands print: tables for people, JSON for programs. Nothing that a supplier wrote reaches the terminal raw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Rows as aligned columns; as wide as the terminal, or wide enough for a log."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, not markup: a supplier's value may look like markup.
        table.add_row(*(Text("" if row.get(c) is None else _cell(row[c])) for c in columns))
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    console.print(table)
    if not rows:
        click.echo("(nothing)")


def _cell(value: Any) -> str:  # noqa: ANN401 - any value of a row
    return printable(
        json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    )


def printable(text: str) -> str:
    """Text that can neither move the cursor nor colour the terminal."""
    return "".join(c if c.isprintable() else "·" for c in text)


def print_json(value: object) -> None:
    """Plain values, and what turns into text, as indented JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
