"""Loads that wait for a person, and what the person is asked (P6, P7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines import registry, report
from pipelines.errors import OperatorError
from pipelines.steps.house import House
from pipelines.steps.reporting import report_text


@dataclass(frozen=True)
class Question:
    """What an operator decides upon: a title in one line, and Markdown."""

    title: str
    body: str


def waiting_loads(house: House, load_ids: Iterable[int]) -> list[int]:
    """Those of the loads of which something waits for a decision."""
    with house.database.connect() as conn:
        return [load_id for load_id in load_ids if registry.get_load(conn, load_id).waits]


def question(house: House, load_id: int) -> Question:
    """What to ask about a load.

    Raises:
        OperatorError: no such load, or nothing of it waits.
    """
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
    if not load.waits:
        msg = f"load {load_id} is {load.status}: nothing of it waits for a decision"
        raise OperatorError(msg)
    return Question(report.question_title(load), report.render_question(load, report_text(house, load_id)))
