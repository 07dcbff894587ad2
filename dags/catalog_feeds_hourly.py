"""### Ежечасная загрузка прайс-листов

*Hourly cycle: look at every enabled link, load what changed, write the analyst's snapshot.*

Раз в час опрашиваются все включённые ссылки поставщиков. Изменившиеся файлы загружаются в каталог, поставщики получают
отчёты, аналитики получают снимок каталога.

| Задача | Что делает |
| --- | --- |
| `poll` | Опрашивает ссылки и сохраняет изменившиеся файлы в архив. Неизменившаяся ссылка не стоит ничего. |
| `load` | По одной на изменившийся файл: разбор, проверка, публикация, отчёт. Подпись: поставщик · ссылка · итог. |
| `snapshot` | Пишет снимок DuckDB, если хоть одна загрузка дошла до конца. |
| `mail` | Отправляет письма из очереди: отчёты, сводки, напоминания о замолчавших ссылках. |
| `roll_up` | Подводит итог часа. |

**Что значат цвета.** Зелёный: опубликовано, или файл поставщика не принят, и поставщику об этом написано; каталог в
этом случае остался прежним. Розовый: делать было нечего. Красный: сбой на нашей стороне.

**Если красное**

1. `roll_up`: откройте журнал, в нём перечислены ссылки и загрузки, на которых случился сбой, с причиной.
2. `load`: причина в конце журнала. Повторять (Clear) можно сколько угодно раз: загрузка продолжится с последнего
   завершённого шага, отчёт уйдёт один. До тех пор в каталоге остаются прежние товары.
3. `poll`: недоступны база каталога или хранилище файлов; `catalog-feeds doctor` скажет, что именно. Сервер поставщика,
   который не отвечает, красным не бывает.
4. `snapshot`: аналитики читают прошлый снимок; повторите задачу.
5. `mail`: недоступна база каталога. Почтовый сервер, который не отвечает, красным не бывает: письма ждут в очереди и
   уйдут в следующий час; три дня подряд — причина в журнале задачи.

Сбой повторяется сам: две попытки, пауза растёт. Ошибка в файле поставщика не повторяется: тот же файл дал бы то же.
Загрузки, которые не успели завершиться, и ссылки, до которых не дошла очередь, подхватит следующий час.
"""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import Asset, Connection, TriggerRule, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.steps import House

log = logging.getLogger(__name__)

CATALOG_SNAPSHOT = Asset(name="catalog_snapshot", uri="catalog-feeds://snapshots/latest")

# Links are looked at in batches, so that memory does not grow with their number. A run maps no more loads than Airflow
# takes (`core.max_map_length` is 1,024); what is left over is due again in the next hour.
BATCH = 200
LOADS_AT_MOST = 1_000

# Links whose polling failed on our side, for the roll-up; codes only.
FAILED_POLLS = "failed_polls"


def _house() -> AbstractContextManager[House]:
    # Heavy libraries are imported inside tasks: the DAG processor parses this file every few seconds.
    from pipelines.settings import load_settings
    from pipelines.steps import open_house

    return open_house(load_settings(), _secret)


def _secret(name: str) -> str:
    """A secret of a link: from the environment, else the Connection of that name; `portal.login` is its user."""
    from pipelines.errors import OperatorError
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
        return str(value)


def _ours(status: str) -> bool:
    """Whether a load's status means that we failed it; a supplier's bad file is an outcome like any other."""
    from pipelines.model import LoadStatus

    return status == LoadStatus.FAILED or not LoadStatus(status).finished


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing"


@task
def poll() -> list[dict[str, Any]]:
    """Look at every enabled link; what changed comes back as a load id and a label."""
    from pipelines import steps

    loads: list[dict[str, Any]] = []
    failed: list[str] = []
    seen: Counter[str] = Counter()
    with _house() as house, ThreadPoolExecutor(steps.FETCHES_AT_ONCE) as pool:
        links = steps.due_links(house)
        for start in range(0, len(links), BATCH):
            batch = links[start : start + BATCH]
            if len(loads) + len(batch) > LOADS_AT_MOST:
                log.warning("%d loads are enough for one run; %d links wait", len(loads), len(links) - start)
                break
            polls = {link: pool.submit(steps.poll, house, link) for link in batch}
            for link, polled in polls.items():
                if error := polled.exception():
                    log.error("%s: failed on our side", link, exc_info=error)
                    failed.append(link)
                    continue
                outcome = polled.result()
                log.info("%s: %s %r", link, outcome.status, outcome.reason or outcome.message)
                seen[outcome.status] += 1
                if outcome.status == "queued":
                    loads.append({"load_id": outcome.load_id, "label": f"{outcome.supplier} · {link}"})
    log.info("%d links: %s; %d failed on our side", len(links), _words(seen), len(failed))
    if failed and not seen:
        message = f"none of {len(failed)} links could be looked at"
        raise AirflowException(message)
    get_current_context()["ti"].xcom_push(FAILED_POLLS, failed)
    return loads


# Known before the task runs, and completed by what came of it.
@task(map_index_template="{{ task.op_kwargs['label'] }}{{ verdict | default('') }}")
def load(load_id: int, label: str) -> None:
    """Take one load to its end. A supplier's bad file is an outcome, not a failure."""
    from pipelines import steps
    from pipelines.model import LoadStatus

    log.info("%s: load %d", label, load_id)
    with _house() as house:
        outcome = steps.process(house, load_id)
    log.info("%s: %s %r; %s", label, outcome.status, outcome.reason or outcome.message, _words(outcome.counts))
    if outcome.status != LoadStatus.PROCESSED:
        cast("dict[str, Any]", get_current_context())["verdict"] = f" · {LoadStatus(outcome.status).label}"
    if _ours(outcome.status):
        message = f"{label}: load {load_id} is {outcome.status}: {outcome.message!r}"
        raise AirflowException(message)


@task(outlets=[CATALOG_SNAPSHOT], trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
def snapshot() -> None:
    """Write the analyst's snapshot; loads that failed have published nothing and do not hold it up."""
    from pipelines import steps

    with _house() as house:
        path = steps.write_snapshot(house)
    log.info("snapshot %s", path)
    get_current_context()["outlet_events"][CATALOG_SNAPSHOT].extra = {"file": str(path)}


@task(trigger_rule=TriggerRule.ALL_DONE)
def mail() -> None:
    """Send what waits in the queue; a mail server that is down delays mails, not runs."""
    from pipelines import steps

    with _house() as house:
        mailing = steps.mail_round(house)
    log.info("mails: %d sent, %d wait, %d given up", mailing.sent, mailing.waiting, mailing.given_up)


@task(trigger_rule=TriggerRule.ALL_DONE)
def roll_up() -> None:
    """Sum the hour up from the catalog, and fail if anything failed on our side."""
    from pipelines import steps

    ti = get_current_context()["ti"]
    loads = ti.xcom_pull(task_ids="poll")
    if loads is None:
        message = "poll did not come to its end"
        raise AirflowFailException(message)
    troubles = [f"{link}: polling failed" for link in ti.xcom_pull(task_ids="poll", key=FAILED_POLLS)]
    statuses: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    with _house() as house:
        for each in loads:
            outcome = steps.outcome(house, each["load_id"])
            statuses[outcome.status] += 1
            totals.update(outcome.counts)
            if _ours(outcome.status):
                troubles.append(f"{each['label']}: load {outcome.load_id} is {outcome.status}: {outcome.reason!r}")
    log.info("%d loads: %s", len(loads), _words(statuses))
    log.info("offers and issues: %s", _words(totals))
    if troubles:
        log.error("failed on our side:\n%s", "\n".join(troubles))
        message = f"{len(troubles)} failed on our side, see the log; first: {troubles[0]}"
        raise AirflowFailException(message)


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["catalog-feeds", "hourly"],
    description="Опрос ссылок поставщиков, загрузка изменившихся прайс-листов, снимок каталога",
    doc_md=__doc__,
    default_args={
        "owner": "catalog-feeds",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(minutes=30),
    },
)
def catalog_feeds_hourly() -> None:
    """One pass over all links; the tasks only call `pipelines.steps`."""
    load.expand_kwargs(poll()) >> [snapshot(), mail(), roll_up()]


catalog_feeds_hourly()
