"""One pass over all links without Airflow: look, process what changed, mail, write a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pipelines.model import LoadStatus
from pipelines.steps.house import House, Outcome, Progress, silent
from pipelines.steps.mail import mail_round
from pipelines.steps.polling import guarded, poll_due
from pipelines.steps.process import process
from pipelines.steps.snapshot import snapshot_is_due, write_snapshot


@dataclass(frozen=True)
class Cycle:
    """What became of each link, and the snapshot if there was something to show."""

    outcomes: list[Outcome]
    snapshot: str | None


def run_cycle(house: House, *, progress: Progress = silent) -> Cycle:
    """Look at every enabled link and process what changed. A link that fails on our side does not stop the others."""
    progress("looking at links", None)
    # What is there is loaded while slow servers are still being waited for.
    outcomes = [
        guarded(looked.link, partial(process, house, looked.load_id, progress=progress))
        if looked.status == LoadStatus.QUEUED and looked.load_id is not None
        else looked
        for looked in poll_due(house)
    ]
    outcomes.sort(key=lambda outcome: outcome.link)
    mail_round(house)
    progress("snapshot", None)
    return Cycle(outcomes, write_snapshot(house) if snapshot_is_due(house) else None)
