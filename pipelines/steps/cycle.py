"""One pass over all links without Airflow: look, process what changed, mail, write a snapshot."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from pipelines.model import LoadStatus
from pipelines.steps.house import House, Outcome, Progress, silent
from pipelines.steps.links import due_links, poll
from pipelines.steps.mail import mail_round
from pipelines.steps.process import process
from pipelines.steps.snapshot import has_snapshot, write_snapshot

log = logging.getLogger(__name__)

FETCHES_AT_ONCE = 8


@dataclass(frozen=True)
class Cycle:
    """What became of each link, and the snapshot if there was something to show."""

    outcomes: list[Outcome]
    snapshot: str | None


def run_cycle(house: House, *, progress: Progress = silent) -> Cycle:
    """Look at every enabled link and process what changed. A link that fails on our side does not stop the others."""
    codes = due_links(house)
    progress(f"looking at {len(codes)} links", None)
    with ThreadPoolExecutor(max_workers=FETCHES_AT_ONCE) as pool:
        polled = list(pool.map(lambda code: _guarded(code, partial(poll, house, code)), codes))
    outcomes = [
        _guarded(looked.link, partial(process, house, looked.load_id, progress=progress))
        if looked.status == LoadStatus.QUEUED and looked.load_id is not None
        else looked
        for looked in polled
    ]
    mail_round(house)
    news = any(o.load_id is not None for o in outcomes) or not has_snapshot(house)
    progress("snapshot", None)
    return Cycle(outcomes, write_snapshot(house) if news else None)


def _guarded(code: str, work: Callable[[], Outcome]) -> Outcome:
    try:
        return work()
    except Exception as error:
        # The edge between links: whatever it was, it is logged whole and the next link has its turn.
        log.exception("link %s failed", code)
        return Outcome(code, "", "", LoadStatus.FAILED.value, reason=type(error).__name__, message=str(error))
