"""### Обновить справочник

*Put a new edition of a reference table in force.*

Положите файл (такой же, как для `catalog-feeds reference import`) в хранилище, в папку `reference-inbox/`, и запустите
с именем таблицы и файла. Для привязок рубрик нужен ещё поставщик. Прежняя редакция остаётся в истории:
`catalog-feeds reference history`.

**Что значат цвета.** Зелёный: новая редакция действует со следующей загрузки, или отличий нет; что изменилось, в
примечании к запуску. Розовый: файл не подошёл, причина в примечании, действует прежняя редакция. Красный: сбой на нашей
стороне.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.support.house import DEFAULT_ARGS, TAG, note, open_house, owner_links

log = logging.getLogger(__name__)

INBOX = "reference-inbox"


@task(pool="publish")
def refresh() -> None:
    """Import the file; what differs is put in force at once."""
    from pipelines import steps
    from pipelines.errors import OperatorError

    params = get_current_context()["params"]
    table, key = params["table"], f"{INBOX}/{params['file']}"
    log.info("table %s from %s", table, key)
    try:
        with open_house() as house:
            if not house.store.exists(key):
                message = f"no file at {house.store.url(key)}"
                raise OperatorError(message)
            with house.scratch() as folder:
                path = folder / Path(key).name
                path.write_bytes(house.store.get_bytes(key))
                imported = steps.import_reference(
                    house.settings, table, path, shop=params["shop"], supplier=params["supplier"], agreed=lambda _: True
                )
    except OperatorError as error:
        note(str(error))
        raise AirflowSkipException(str(error)) from error
    text = f"{table}: {'a new edition is in force' if imported.applied else 'nothing differs'}"
    log.info(text)
    note(text)


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    tags=[TAG, "operator"],
    description="Ввести в действие новую редакцию справочника",
    doc_md=__doc__,
    owner_links=owner_links(),
    params={
        "table": Param(type="string", pattern="^[a-z_]{1,60}$", title="Таблица, например oktmo"),
        "file": Param(type="string", pattern=r"^[A-Za-z0-9._=-]{1,100}$", title="Имя файла в reference-inbox/"),
        "shop": Param(default="main", type="string", title="Магазин (для привязок рубрик и позиций)"),
        "supplier": Param(default=None, type=["null", "string"], title="Поставщик (для привязок рубрик)"),
    },
    default_args=DEFAULT_ARGS,
)
def refresh_reference_data() -> None:
    """One task by form."""
    refresh()


refresh_reference_data()
