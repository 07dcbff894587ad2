"""What the catalog tells whoever watches it, through Airflow's own StatsD or OpenTelemetry; nothing when both are off.

Names carry the outcome, since plain StatsD has no tags. `docs/operating.md` lists them with what to be alarmed by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.sdk.observability import stats

from dags.support.house import is_ours

if TYPE_CHECKING:
    from pipelines.steps import Outcome

PREFIX = "catalog_feeds"
_ISSUES = {"errors", "warnings", "infos"}


def count_load(outcome: Outcome) -> None:
    """One more load came to this end, with so many offers and issues; one that came to none has failed."""
    stats.incr(f"{PREFIX}.loads.{'failed' if is_ours(outcome) else outcome.status}")
    for name, number in outcome.counts.items():
        if number:
            stats.incr(f"{PREFIX}.{'issues' if name in _ISSUES else 'offers'}.{name}", count=number)


def show_vital_signs(signs: Mapping[str, float]) -> None:
    """What waits, and for how long, at this moment."""
    for name, value in signs.items():
        stats.gauge(f"{PREFIX}.{name}", value)
