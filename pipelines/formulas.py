"""Texts that a spreadsheet program would run: how they are written to a CSV file, and read back from one."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@]")


def shielded(text: str) -> str:
    """A cell of a CSV file that Excel would run as a formula, with an apostrophe before it: so it is only shown."""
    return f"'{text}" if _FORMULA.match(text) else text


def bared(text: str) -> str:
    """A cell of a CSV file without the apostrophe that `shielded` put there."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
