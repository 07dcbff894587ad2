"""The gate before publishing: what a batch and its numbers allow."""

from __future__ import annotations

from pipelines.quality.gate import Batch, Finding, GateResult, examine
from pipelines.quality.guards import Hold, Numbers, Verdict, judge, kept_prices
from pipelines.quality.page import load_template, render_page
from pipelines.quality.profile import PAST_LOADS, Profile

__all__ = [
    "PAST_LOADS",
    "Batch",
    "Finding",
    "GateResult",
    "Hold",
    "Numbers",
    "Profile",
    "Verdict",
    "examine",
    "judge",
    "kept_prices",
    "load_template",
    "render_page",
]
