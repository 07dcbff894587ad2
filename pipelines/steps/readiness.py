"""What loads share, made ready by a process that is going to be forked for each of them."""

from __future__ import annotations

from pipelines import quality, report
from pipelines.steps.parsing import READERS


def get_ready() -> None:
    """Start who reads files and compile the pages, rather than in every fork."""
    READERS.start()
    quality.load_template()
    report.load_templates()
