"""The gate before publishing: what a batch and its numbers allow."""

from __future__ import annotations

from pipelines.quality.guards import Hold, Numbers, Verdict, judge, kept_prices

__all__ = ["Hold", "Numbers", "Verdict", "judge", "kept_prices"]
