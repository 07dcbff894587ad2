"""### Файлы, которые поставщики положили сами

*Load what suppliers put into the object store's inbox, each file once.*

Каждые десять минут просматривается папка `inbox/<поставщик>/<магазин>/` хранилища. Файл загружается как присланный
вручную и убирается; его настройки, если нужны, лежат рядом: `<файл>.options.json`, например `{"actualize": true}`.
Имена файлов: латинские буквы, цифры и `. _ = -`. Сначала кладите настройки, потом файл.

| Задача | Что делает |
| --- | --- |
| `find` | Перечисляет файлы. |
| `load` | По одной на файл: загрузка, отчёт поставщику. Подпись: поставщик · файл · итог. |

Файл неизвестного поставщика или с неверными настройками не загружается: он переносится в `inbox-refused/`, рядом
`<файл>.reason.txt`. Поставщика и магазин заводит файл ссылок.

**Что значат цвета.** Зелёный: загружено, отклонено с отчётом или отложено в `inbox-refused/`. Розовый: файлов нет.
Красный: сбой на нашей стороне; файл остался на месте, следующий запуск возьмёт его снова и загрузит один раз.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, cast

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException

from dags.support.house import DEFAULT_ARGS, TAG, is_ours, logged_progress, open_house, owner_links, summary
from dags.support.load_task import about_load, load_task
from dags.support.metrics import count_load

log = logging.getLogger(__name__)

FILES_AT_MOST = 1_000


@task
def find() -> list[dict[str, str]]:
    """What is in the inbox; the rest waits for the next run."""
    from pipelines import steps

    with open_house() as house:
        uploads = steps.waiting_uploads(house)
    log.info("%d files in the inbox", len(uploads))
    return [{"supplier": up.supplier, "shop": up.shop, "name": up.name} for up in uploads[:FILES_AT_MOST]]


@load_task(
    pool="load",
    map_index_template="{{ task.op_kwargs['supplier'] }} · {{ task.op_kwargs['name'] }}{{ verdict | default('') }}",
)
def load(supplier: str, shop: str, name: str) -> None:
    """Load one file and take it out of the inbox."""
    from pipelines import steps
    from pipelines.model import LoadStatus

    label = f"{supplier} · {name}"
    log.info("%s: upload into %s", label, shop)
    with open_house() as house:
        outcome = steps.load_upload(house, steps.Upload(supplier, shop, name), progress=logged_progress(label))
    if outcome is None:
        log.info("%s: taken meanwhile", label)
        return
    about_load(outcome.load_id)
    log.info("%s: %s", label, summary(outcome))
    count_load(outcome)
    if outcome.status != LoadStatus.PROCESSED:
        cast("dict[str, Any]", get_current_context())["verdict"] = f" · {LoadStatus(outcome.status).label}"
    if is_ours(outcome):
        message = f"{label}: load {outcome.load_id} is {outcome.status}: {outcome.message!r}"
        raise AirflowException(message)


@dag(
    schedule="*/10 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=[TAG, "uploads"],
    description="Загрузка файлов, которые поставщики положили в хранилище",
    doc_md=__doc__,
    owner_links=owner_links(),
    default_args=DEFAULT_ARGS,
)
def uploaded_files() -> None:
    """One task for each file."""
    load.expand_kwargs(find())


uploaded_files()
