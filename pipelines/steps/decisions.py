"""What an operator decides about loads after their end: approve or reject what waits, undo what was done (P6, P7, P10).

Each is one transaction and one report. Killed before the transaction ended, nothing happened; killed after it, the same
command run again finds it done and tells the supplier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipelines import publish, registry
from pipelines.errors import OperatorError
from pipelines.model import ISSUE_SCHEMA, DecisionVerdict, LoadFacts
from pipelines.publish import Publication
from pipelines.registry import Connection, Decider
from pipelines.steps.house import House, Outcome, load_key, outcome
from pipelines.steps.publishing import approve_load, require_waiting
from pipelines.steps.reporting import report_load


@dataclass(frozen=True)
class Undone:
    """A rollback: what came of it, the loads it undid, and how many works by hand were undone with them."""

    outcome: Outcome
    loads: tuple[int, ...]
    edits: int = 0


def approve(house: House, load_id: int, decider: Decider) -> Outcome:
    """Do what a load waits with: publish it, or its prices, or hide what its file did not contain (P6, P7).

    Raises:
        OperatorError: nothing of the load waits, or a newer load of its link came to its end.
        LinkBusyError: a worker is at this link.
    """

    def work(conn: Connection, load: LoadFacts) -> None:
        approve_load(house, conn, load, decider)

    return _decide(house, load_id, DecisionVerdict.APPROVED, work)


def reject(house: House, load_id: int, decider: Decider) -> Outcome:
    """Leave the catalog as it is; what a load waits with is not done (P6, P7).

    Raises:
        OperatorError: nothing of the load waits, or a newer load of its link came to its end.
        LinkBusyError: a worker is at this link.
    """

    def work(conn: Connection, load: LoadFacts) -> None:
        conn.commit()
        with Publication(conn, load) as publication:
            require_waiting(publication)
            publication.refuse(decider)

    return _decide(house, load_id, DecisionVerdict.REJECTED, work)


def _decide(
    house: House, load_id: int, verdict: DecisionVerdict, work: Callable[[Connection, LoadFacts], None]
) -> Outcome:
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
        conn.commit()
        with registry.link_lock(house.database, load.link_id):
            load = registry.get_load(conn, load_id)
            decided = (load.decision or {}).get("verdict") == verdict
            if not decided or registry.is_reported(conn, load_id):
                work(conn, load)
            # Otherwise a worker decided just this, and died before it could say so.
            report_load(house, conn, load_id)
    return outcome(house, load_id)


def rollback(house: House, load_id: int, decider: Decider, *, through: bool = False) -> Undone:
    """Bring the catalog back to what it was before a load, as a new load (P10).

    Args:
        through: undo everything that came after the load as well, works by hand included.

    Raises:
        OperatorError: the load cannot be undone; the message says why and what to do.
        LinkBusyError: a worker is at this link.
    """
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
        conn.commit()
        with registry.link_lock(house.database, load.link_id):
            load = registry.get_load(conn, load_id)
            if load.undone_by is not None and not registry.is_reported(conn, load.undone_by):
                conn.commit()
                report_load(house, conn, load.undone_by)  # its worker died before it could say so
                return Undone(outcome(house, load.undone_by), (load_id,))
            done = publish.roll_back(conn, load_id, decider, through=through)
            with house.scratch() as folder:
                _no_remarks(house, done.load.id, folder)
            conn.commit()
            report_load(house, conn, done.load.id)
    return Undone(outcome(house, done.load.id), done.undone, done.edits)


def _no_remarks(house: House, load_id: int, folder: Path) -> None:
    """A load without a file has no remarks; its report reads them all the same."""
    path = folder / "issues.parquet"
    pq.write_table(ISSUE_SCHEMA.empty_table(), path)
    house.store.put_file(load_key(load_id, "issues.parquet"), path)


def require_reason(who: str, why: str) -> Decider:
    """Who decides and why, both said.

    Raises:
        OperatorError: one of them is blank.
    """
    if not who.strip() or not why.strip():
        msg = "say who decides and why: both are recorded and shown"
        raise OperatorError(msg)
    return Decider(who.strip(), why.strip())
