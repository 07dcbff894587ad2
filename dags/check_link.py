"""### Проверить ссылку

*Dry run of one link: fetch it whole now, and show what publishing it would change.*

Нужен код ссылки, как в файле ссылок. Файл скачивается заново, каталог не меняется, поставщику ничего не пишется. Что
получилось бы, рядом с задачей: отчёт, замечания, файл.

**Что значат цвета.** Зелёный: проверено, итог в примечании к запуску, даже если файл плох. Розовый: такой ссылки нет.
Красный: сбой на нашей стороне.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from airflow.sdk import Param, dag, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dags.support.house import DEFAULT_ARGS, TAG, logged_progress, note, open_house, owner_links, summary
from dags.support.load_task import about_load, load_task

log = logging.getLogger(__name__)


@load_task(pool="fetch")
def check() -> None:
    """Fetch and process without publishing."""
    from pipelines import steps
    from pipelines.errors import NetworkError, OperatorError, SupplierError

    code = get_current_context()["params"]["link"]
    log.info("%s: dry run", code)
    try:
        with open_house() as house:
            outcome = steps.check_link(house, code, progress=logged_progress(code))
    except (SupplierError, NetworkError) as error:
        note(f"{code}: {error}")
        log.warning("%s: %s", code, error)
        return
    except OperatorError as error:
        note(str(error))
        raise AirflowSkipException(str(error)) from error
    about_load(outcome.load_id)
    text = f"{code}: dry run {outcome.load_id}: {summary(outcome)}"
    log.info(text)
    note(text)


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags=[TAG, "operator"],
    description="Пробная загрузка одной ссылки, без публикации",
    doc_md=__doc__,
    owner_links=owner_links(),
    params={"link": Param(type="string", pattern="^[a-z0-9][a-z0-9_.-]{0,62}$", title="Код ссылки")},
    default_args=DEFAULT_ARGS,
)
def check_link() -> None:
    """One task by form."""
    check()


check_link()
