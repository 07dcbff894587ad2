"""### Отменить загрузку

*Bring the catalog back to what it was before a load, as a new load.*

Нужны номер загрузки и причина. Если после неё были другие загрузки этого поставщика или правки вручную, отмена
остановится и скажет об этом; с галочкой «вместе с последующими» она отменит и их. Отмену тоже можно отменить.

**Что значат цвета.** Зелёный: отменено, итог в примечании к запуску. Розовый: отменить нельзя, причина в примечании.
Красный: сбой на нашей стороне, повторите: дважды не отменится.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from airflow.sdk import Param, dag, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dags.support.house import DEFAULT_ARGS, TAG, note, open_house, owner_links, summary
from dags.support.load_task import about_load, load_task

log = logging.getLogger(__name__)


@load_task(pool="publish")
def rollback() -> None:
    """Undo in one transaction, and tell the supplier."""
    from pipelines import steps
    from pipelines.errors import OperatorError

    context = get_current_context()
    params, run = context["params"], context["dag_run"]
    who = getattr(run, "triggering_user_name", None) or "airflow"
    log.info("undo load %d, by %r", params["load_id"], who)
    try:
        decider = steps.require_reason(who, params["reason"])
        with open_house() as house:
            undone = steps.rollback(house, params["load_id"], decider, through=params["through"])
            steps.send_due_mails(house)
    except OperatorError as error:
        note(str(error))
        raise AirflowSkipException(str(error)) from error
    about_load(undone.outcome.load_id)
    loads = ", ".join(map(str, undone.loads))
    text = f"load {undone.outcome.load_id} undid {loads} and {undone.edits} works by hand: {summary(undone.outcome)}"
    log.info(text)
    note(text)


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags=[TAG, "operator"],
    description="Вернуть каталог к тому, что было до загрузки",
    doc_md=__doc__,
    owner_links=owner_links(),
    params={
        "load_id": Param(type="integer", minimum=1, title="Номер загрузки"),
        "reason": Param(type="string", minLength=3, maxLength=500, title="Причина: её увидит поставщик"),
        "through": Param(default=False, type="boolean", title="Вместе с последующими загрузками и правками"),
    },
    default_args=DEFAULT_ARGS,
)
def rollback_load() -> None:
    """One task by form."""
    rollback()


rollback_load()
