"""What every task works with: the open installation with its secrets, progress in the log, whose fault it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, get_current_context
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from pipelines.steps import House, Outcome, Progress

log = logging.getLogger(__name__)

TAG = "catalog-feeds"
OWNER = "catalog-feeds"
NOTE = "note"
"""Key of the XCom that becomes the note of its run (`plugins/run_notes.py`)."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(minutes=30),
}

_SECONDS_BETWEEN_LINES = 5.0


def owner_links() -> dict[str, str]:
    """Where a click on the owner of a DAG leads: a mail to the operators."""
    from pipelines.settings import load_settings

    addresses = load_settings().alert_addresses
    return {OWNER: f"mailto:{addresses[0]}"} if addresses else {}


def open_house() -> AbstractContextManager[House]:
    """The installation, open while the block runs."""
    from pipelines import steps
    from pipelines.secrecy import guard_logs
    from pipelines.settings import load_settings

    guard_logs()
    # It tells at length, in every load, what it tries with DuckDB.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return steps.open_house(load_settings(), secret)


def secret(name: str) -> str:
    """A secret of a link: from the environment, else the Connection of that name; `portal.login` is its user.

    Raises:
        OperatorError: it is in neither place; the message names both.
    """
    from pipelines.errors import OperatorError
    from pipelines.secrecy import keep_secret
    from pipelines.settings import secret_of_environment

    try:
        return secret_of_environment(name)
    except OperatorError as unknown:
        conn_id, _, part = name.partition(".")
        try:
            connection = Connection.get(conn_id)
        except AirflowNotFoundException as error:
            message = f"{unknown}, or add the Airflow connection {conn_id!r}"
            raise OperatorError(message) from error
        value = connection.login if part == "login" else connection.password
        if not value:
            message = f"the Airflow connection {conn_id!r} has no {part or 'password'}"
            raise OperatorError(message) from unknown
        keep_secret(str(value))
        return str(value)


def logged_progress(label: str) -> Progress:
    """Progress as lines of the task's log: each new step, and within a step one every few seconds."""
    step_at_work, told_at = "", 0.0

    def tell(step: str, share: float | None) -> None:
        nonlocal step_at_work, told_at
        now = time.monotonic()
        if step != step_at_work or now - told_at >= _SECONDS_BETWEEN_LINES:
            log.info("%s: %s%s", label, step, "" if share is None else f" {share:.0%}")
            step_at_work, told_at = step, now

    return tell


def is_ours(outcome: Outcome) -> bool:
    """Whether a load is a failure of ours; a supplier's bad file is an outcome like any other."""
    from pipelines.model import LoadStatus

    return outcome.status == LoadStatus.FAILED or not LoadStatus(outcome.status).finished


def summary(outcome: Outcome) -> str:
    """One line about a load: status, reason, counts."""
    return f"{outcome.status} {outcome.reason or outcome.message!r}; {words(outcome.counts)}"


def words(counts: Mapping[str, int]) -> str:
    """The counts that are not zero, in words."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing"


def note(text: str) -> None:
    """Let this be the note of the run, as Markdown."""
    get_current_context()["ti"].xcom_push(NOTE, text)
