"""What loads share, made ready by a process that is going to be forked for each of them."""

from __future__ import annotations

from pipelines import normalize, quality, report
from pipelines.reference import shipped_reference
from pipelines.steps.parsing import READERS


def get_ready() -> None:
    """Start who reads files, read the reference tables and compile the pages, rather than in every fork."""
    READERS.start()
    normalize.known_tables(shipped_reference())
    quality.load_template()
    report.load_templates()
