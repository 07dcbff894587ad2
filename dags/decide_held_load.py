"""### Решение о загрузке, которая ждёт подтверждения

*Human in the loop: show an operator what a held load would do, and do what they decide.*

Запускается сама для каждой загрузки, которую остановила проверка, или вручную с номером загрузки. Нажмите на задачу
`ask`, вкладка **Required Actions**: там числа проверки, картина того, что произойдёт, и отчёт поставщика.

| Задача | Что делает |
| --- | --- |
| `describe` | Собирает числа и отчёт. |
| `ask` | Ждёт ответа: «Подтвердить», «Отклонить» или «Пусть ждёт»; причина обязательна для первых двух. |
| `decide` | Выполняет решение и пишет поставщику. |

**Что значат цвета.** Зелёный: решено, или решать пока не стали. Розовый: решать больше нечего (пришёл следующий файл,
или уже решено командой `catalog-feeds loads approve`). Красный: сбой на нашей стороне, повторите `decide`.

Без ответа за семь дней загрузка продолжает ждать; спросить снова можно, запустив этот DAG с её номером.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.support.house import DEFAULT_ARGS, TAG, note, open_house, owner_links, summary
from dags.support.load_task import about_load, load_task

log = logging.getLogger(__name__)

APPROVE, REJECT, LATER = "Подтвердить", "Отклонить", "Пусть ждёт"


@task
def describe() -> dict[str, str]:
    """The question, as a title and Markdown; nothing to ask when nothing waits any more."""
    from pipelines import steps
    from pipelines.errors import OperatorError

    load_id = get_current_context()["params"]["load_id"]
    log.info("load %d: what is there to decide?", load_id)
    try:
        with open_house() as house:
            asked = steps.question(house, load_id)
    except OperatorError as error:
        note(str(error))
        raise AirflowSkipException(str(error)) from error
    note(asked.title)
    return {"title": asked.title, "body": asked.body}


@load_task(pool="publish")
def decide(answer: dict[str, Any]) -> None:
    """Do what was decided; who decided is whoever answered."""
    from pipelines import steps
    from pipelines.errors import OperatorError
    from pipelines.model import LoadStatus

    load_id = get_current_context()["params"]["load_id"]
    about_load(load_id)
    (choice,) = answer["chosen_options"]
    user = answer.get("responded_by_user") or {}
    who = user.get("name") or user.get("id") or ""
    log.info("load %d: %s, by %r", load_id, choice, who)
    if choice == LATER:
        note(f"load {load_id} waits on")
        return
    try:
        decider = steps.require_reason(who, (answer.get("params_input") or {}).get("reason") or "")
        with open_house() as house:
            outcome = (steps.approve if choice == APPROVE else steps.reject)(house, load_id, decider)
            steps.send_due_mails(house)
    except OperatorError as error:
        note(str(error))
        raise AirflowSkipException(str(error)) from error
    note(f"load {load_id}: {choice} ({who}): {LoadStatus(outcome.status).label}")
    log.info("load %d: %s", load_id, summary(outcome))


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=100,
    tags=[TAG, "operator"],
    description="Подтвердить или отклонить загрузку, которую остановила проверка",
    doc_md=__doc__,
    owner_links=owner_links(),
    params={"load_id": Param(type="integer", minimum=1, title="Номер загрузки")},
    default_args=DEFAULT_ARGS,
)
def decide_held_load() -> None:
    """Ask, then do; waiting for the answer takes no slot of any worker."""
    ask = HITLOperator(
        task_id="ask",
        subject="{{ ti.xcom_pull('describe')['title'] }}",
        body="{{ ti.xcom_pull('describe')['body'] }}",
        options=[APPROVE, REJECT, LATER],
        defaults=LATER,
        params={"reason": Param("", type="string", maxLength=500, title="Причина: её увидит поставщик")},
        response_timeout=timedelta(days=7),
        execution_timeout=None,
    )
    describe() >> ask
    decide(cast("dict[str, Any]", ask.output))


decide_held_load()
