"""### Повторить загрузку

*Process the raw file of a load again, with today's rules and the link's settings of today.*

Нужен номер загрузки: он есть в отчёте, в письме и в подписи задачи. Файл берётся из архива, а не у поставщика. С
галочкой «проба» каталог не меняется: отчёт покажет, что изменилось бы.

**Что значат цвета.** Зелёный: файл обработан, итог в примечании к запуску. Розовый: повторить нельзя (файла нет в
архиве, или в каталоге уже стоит более новый файл этой ссылки), причина в примечании. Красный: сбой на нашей стороне,
повторите.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from airflow.sdk import Param, dag, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dags.support.house import DEFAULT_ARGS, TAG, logged_progress, note, open_house, owner_links, summary
from dags.support.load_task import about_load, load_task
from dags.support.metrics import count_load

log = logging.getLogger(__name__)


@load_task(pool="load")
def replay() -> None:
    """Queue the file again as a new load and take it to its end."""
    from pipelines import steps
    from pipelines.errors import OperatorError

    params = get_current_context()["params"]
    load_id, dry_run = params["load_id"], params["dry_run"]
    log.info("load %d again%s", load_id, ", as a dry run" if dry_run else "")
    try:
        with open_house() as house:
            outcome = steps.replay(house, load_id, dry_run=dry_run, progress=logged_progress(f"load {load_id}"))
            steps.send_due_mails(house)
    except OperatorError as error:
        note(str(error))
        raise AirflowSkipException(str(error)) from error
    about_load(outcome.load_id)
    if not dry_run:
        count_load(outcome)
    text = f"load {load_id} again as load {outcome.load_id}: {summary(outcome)}"
    log.info(text)
    note(text)


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags=[TAG, "operator"],
    description="Обработать файл загрузки ещё раз по сегодняшним правилам",
    doc_md=__doc__,
    owner_links=owner_links(),
    params={
        "load_id": Param(type="integer", minimum=1, title="Номер загрузки"),
        "dry_run": Param(default=False, type="boolean", title="Проба: каталог не менять"),
    },
    default_args=DEFAULT_ARGS,
)
def replay_load() -> None:
    """One task by form."""
    replay()


replay_load()
