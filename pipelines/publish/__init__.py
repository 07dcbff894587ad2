"""Publishing: what a load changes in the catalog, the one transaction that changes it, and ways to look at it."""

from pipelines.publish.cards import count_published, read_card
from pipelines.publish.catalog import Publication, Standing
from pipelines.publish.difference import Difference
from pipelines.publish.places import Place, find_place
from pipelines.publish.snapshot import LoadFiles, last_loads, write_snapshot

__all__ = [
    "Difference",
    "LoadFiles",
    "Place",
    "Publication",
    "Standing",
    "count_published",
    "find_place",
    "last_loads",
    "read_card",
    "write_snapshot",
]
