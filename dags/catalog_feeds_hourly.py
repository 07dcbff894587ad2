"""### Ежечасная загрузка прайс-листов

*Hourly cycle: look at every enabled link, load what changed, ask about what waits, write the analyst's snapshot.*

Раз в час опрашиваются все включённые ссылки поставщиков. Изменившиеся файлы загружаются в каталог, поставщики получают
отчёты, аналитики получают снимок каталога.

| Задача | Что делает |
| --- | --- |
| `poll` | Опрашивает ссылки, у каждого сервера по одной; изменившиеся файлы сохраняет в архив. |
| `load` | По одной на изменившийся файл, с подписью: поставщик · ссылка · итог. |
| `waiting`, `ask` | По каждой загрузке, которая ждёт решения, запускают `decide_held_load`. |
| `mail` | Отправляет письма из очереди: отчёты, сводки, напоминания о замолчавших ссылках. |
| `snapshot` | Пишет снимок DuckDB, если с прошлого что-нибудь завершилось, хотя бы и в час, когда снимок не удался. |
| `roll_up` | Подводит итог часа: примечание к запуску; при сбое одно письмо операторам. |

Неизменившаяся ссылка не стоит ничего. Рядом с задачей `load` ссылки: отчёт, замечания, файл, что изменилось.

**Что значат цвета.** Зелёный: опубликовано, или файл поставщика не принят, и поставщику об этом написано; каталог в
этом случае остался прежним. Розовый: делать было нечего. Красный: сбой на нашей стороне.

**Если красное**

1. `roll_up`: откройте журнал, в нём перечислены ссылки и загрузки, на которых случился сбой, с причиной. Если там
   сказано, что разом не отвечает много серверов, проверьте нашу сеть.
2. `load`: причина в конце журнала. Повторять (Clear) можно сколько угодно раз: загрузка продолжится с последнего
   завершённого шага, отчёт уйдёт один. До тех пор в каталоге остаются прежние товары.
3. `poll`: недоступны база каталога или хранилище файлов; `catalog-feeds doctor` скажет, что именно. Сервер поставщика,
   который не отвечает, красным не бывает.
4. `snapshot`: аналитики читают прошлый снимок; повторите задачу, или это сделает следующий час.
5. `mail`: недоступна база каталога. Почтовый сервер, который не отвечает, красным не бывает: письма ждут в очереди и
   уйдут в следующий час; три дня подряд — причина в журнале задачи.
6. `ask`: загрузка ждёт решения и без него; запустите `decide_held_load` сами.

Сбой повторяется сам: две попытки, пауза растёт. Ошибка в файле поставщика не повторяется: тот же файл дал бы то же.
Загрузки, которые не успели завершиться, и ссылки, до которых не дошла очередь, подхватит следующий час.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import Any, cast

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, TriggerRule, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from dags.support.house import (
    DEFAULT_ARGS,
    TAG,
    is_ours,
    logged_progress,
    note,
    open_house,
    owner_links,
    summary,
    words,
)
from dags.support.load_task import about_load, load_task
from dags.support.metrics import count_load, show_vital_signs

log = logging.getLogger(__name__)

CATALOG = Asset(name="catalog", uri="catalog-feeds://catalog")
CATALOG_SNAPSHOT = Asset(name="catalog_snapshot", uri="catalog-feeds://snapshots/latest")

# A run maps no more loads than Airflow takes (`core.max_map_length` is 1,024), and polling leaves time for loading;
# what is left over is due again in the next hour.
LOADS_AT_MOST = 900
POLL_SECONDS = 20 * 60.0

# So many links newly failing at once, and such a share of all, are hardly all the suppliers' fault.
OUTAGE_LINKS = 10
OUTAGE_SHARE = 0.3

POLLED = "polled"


@task(pool="fetch")
def poll() -> list[dict[str, Any]]:
    """Look at every enabled link; what changed comes back as a load id and a label."""
    from pipelines import steps
    from pipelines.model import LoadStatus

    loads: list[dict[str, Any]] = []
    failed: list[str] = []
    seen: Counter[str] = Counter()
    newly_failing = 0
    with open_house() as house:
        for outcome in steps.poll_due(house, loads_at_most=LOADS_AT_MOST, seconds=POLL_SECONDS):
            log.info("%s: %s %r", outcome.link, outcome.status, outcome.reason or outcome.message)
            seen[outcome.status] += 1
            if outcome.status == LoadStatus.QUEUED:
                loads.append({"load_id": outcome.load_id, "label": f"{outcome.supplier} · {outcome.link}"})
            elif outcome.status == LoadStatus.FAILED:
                failed.append(outcome.link)
            elif outcome.status == LoadStatus.REJECTED:
                newly_failing += outcome.load_id is not None
    log.info("%d links: %s", seen.total(), words(seen))
    if failed and len(failed) == seen.total():
        message = f"none of {len(failed)} links could be looked at"
        raise AirflowException(message)
    polled = {"seen": dict(seen), "failed": failed, "newly_failing": newly_failing}
    get_current_context()["ti"].xcom_push(POLLED, polled)
    return sorted(loads, key=lambda load: str(load["label"]))


# Known before the task runs, and completed by what came of it.
@load_task(pool="load", map_index_template="{{ task.op_kwargs['label'] }}{{ verdict | default('') }}")
def load(load_id: int, label: str) -> None:
    """Take one load to its end. A supplier's bad file is an outcome, not a failure."""
    from pipelines import steps
    from pipelines.model import LoadStatus

    log.info("%s: load %d", label, load_id)
    about_load(load_id)
    with open_house() as house:
        outcome = steps.process(house, load_id, progress=logged_progress(label))
    log.info("%s: %s", label, summary(outcome))
    for name, place in outcome.files.items():
        log.info("%s: %s", name, place)
    if outcome.status != LoadStatus.PROCESSED:
        cast("dict[str, Any]", get_current_context())["verdict"] = f" · {LoadStatus(outcome.status).label}"
    if is_ours(outcome):
        message = f"{label}: load {load_id} is {outcome.status}: {outcome.message!r}"
        raise AirflowException(message)


@task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
def waiting() -> list[dict[str, Any]]:
    """The loads of this hour of which something waits for a person; each is asked about once."""
    from pipelines import steps

    loads = get_current_context()["ti"].xcom_pull(task_ids="poll")
    with open_house() as house:
        ids = steps.waiting_loads(house, [load["load_id"] for load in loads])
    log.info("waiting for a decision: %s", ids or "none")
    return [{"trigger_run_id": f"load-{number}", "conf": {"load_id": number}} for number in ids]


@task(trigger_rule=TriggerRule.ALL_DONE)
def mail() -> None:
    """Send what is due; mail troubles are tried again by the next hour and are never red."""
    from pipelines import steps

    with open_house() as house:
        mailing = steps.mail_round(house)
    log.info("mails: %d sent, %d waiting, %d given up", mailing.sent, mailing.waiting, mailing.given_up)


@task(pool="publish", outlets=[CATALOG_SNAPSHOT], trigger_rule=TriggerRule.ALL_DONE)
def snapshot() -> None:
    """Write the analyst's snapshot if there is something new to show, be it from an hour in which it failed."""
    from pipelines import steps

    with open_house() as house:
        if not steps.snapshot_is_due(house):
            message = "nothing ended since the latest snapshot"
            raise AirflowSkipException(message)
        path = steps.write_snapshot(house)
        rows = json.loads(house.store.get_bytes(steps.LATEST))["rows"]
    log.info("snapshot %s: %s", path, words(rows))
    get_current_context()["outlet_events"][CATALOG_SNAPSHOT].extra = {"file": str(path), **rows}


@task(outlets=[CATALOG], trigger_rule=TriggerRule.ALL_DONE)
def roll_up() -> None:
    """Sum the hour up from the catalog, tell the operators, and fail if anything failed on our side."""
    from pipelines import steps
    from pipelines.settings import load_settings

    context = get_current_context()
    ti = context["ti"]
    loads, polled = ti.xcom_pull(task_ids="poll"), ti.xcom_pull(task_ids="poll", key=POLLED)
    if loads is None or polled is None:
        message = "poll did not come to its end"
        steps.alert(load_settings(), [("poll", message)])
        raise AirflowFailException(message)
    troubles = [(link, "polling failed") for link in polled["failed"]]
    links = sum(polled["seen"].values())
    if polled["newly_failing"] >= max(OUTAGE_LINKS, OUTAGE_SHARE * links):
        troubles.append(("network", f"{polled['newly_failing']} of {links} links stopped answering at once"))
    statuses: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    with open_house() as house:
        for each in loads:
            outcome = steps.outcome(house, each["load_id"])
            count_load(outcome)
            statuses[outcome.status] += 1
            totals.update(outcome.counts)
            if is_ours(outcome):
                reason = f"load {outcome.load_id} is {outcome.status}: {outcome.reason!r}"
                troubles.append((each["label"], reason))
        mailed = steps.alert(house.settings, troubles)
        show_vital_signs(steps.vital_signs(house))
    lines = [
        f"{links} links: {words(polled['seen'])}",
        f"{len(loads)} loads: {words(statuses)}",
        f"offers and issues: {words(totals)}",
        *(f"{who}: {why}" for who, why in troubles),
    ]
    for line in lines[:3]:
        log.info(line)
    note("\n\n".join(lines))
    context["outlet_events"][CATALOG].extra = {"loads": len(loads), **statuses, **totals}
    if troubles:
        log.error("failed on our side%s:\n%s", ", operators were told" if mailed else "", "\n".join(lines[3:]))
        message = f"{len(troubles)} failed on our side, see the log; first: {lines[3]}"
        raise AirflowFailException(message)


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=[TAG, "hourly"],
    description="Опрос ссылок поставщиков, загрузка изменившихся прайс-листов, снимок каталога",
    doc_md=__doc__,
    owner_links=owner_links(),
    default_args=DEFAULT_ARGS,
)
def catalog_feeds_hourly() -> None:
    """One pass over all links; the tasks only call `pipelines.steps`."""
    loads = load.expand_kwargs(poll())
    held = waiting()
    loads >> [snapshot(), mail(), held, roll_up()]
    TriggerDagRunOperator.partial(
        task_id="ask",
        trigger_dag_id="decide_held_load",
        logical_date=None,
        skip_when_already_exists=True,
        map_index_template="{{ task.trigger_run_id }}",
    ).expand_kwargs(held)


catalog_feeds_hourly()
