"""The analyst's snapshot: the catalog in one DuckDB file that documents itself (R4).

tables   what it holds, and where that comes from
views    what analysts see of it: stable names, the past, a buyer's place, quality
build    how it is written and checked
page     a page with plots, made from a snapshot
"""

from pipelines.publish.snapshot.build import LoadFiles, Source, Written, last_loads, write_snapshot
from pipelines.publish.snapshot.page import render_page

__all__ = ["LoadFiles", "Source", "Written", "last_loads", "render_page", "write_snapshot"]
