"""### Уборка

*Remove files of old loads, raw files only they read, old snapshots and mails, and old history of Airflow.*

Каждую ночь. История товаров в каталоге остаётся вся; удаляются файлы в хранилище. Не удаляются: новее указанного числа
дней; последние загрузки каждой ссылки и столько же последних опубликованных; ждущие решения; всё, на что указывают
ссылки. С галочкой «проба» только считает.

| Задача | Что делает |
| --- | --- |
| `files` | Хранилище: файлы загрузок, архив, снимки, отправленные письма. |
| `airflow_history` | Запуски и задачи в базе Airflow (`airflow db clean`). |

`airflow_history` нужно подключение (Connection) `airflow_metadata` с адресом этой базы; без него задача розовая.

**Что значат цвета.** Зелёный: убрано, сколько именно, в примечании. Красный: сбой на нашей стороне; повторять можно.
Журналы задач на дисках рабочих убирает система (`find … -mtime`, см. раздел о сопровождении).
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from airflow.sdk import Connection, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException, AirflowSkipException

from dags.support.house import DEFAULT_ARGS, TAG, note, open_house, owner_links

log = logging.getLogger(__name__)

METADATA = "airflow_metadata"
TABLES = (
    "dag_run,task_instance,task_instance_history,xcom,log,job,asset_event,import_error,callback,trigger,revoked_token,"
    "celery_taskmeta,celery_tasksetmeta"
)


@task
def files() -> None:
    """Sweep the object store."""
    from pipelines import steps

    params = get_current_context()["params"]
    retention = steps.Retention(days=params["days"], loads=params["loads"], snapshots=params["snapshots"])
    with open_house() as house:
        swept = steps.sweep(house, retention, dry_run=params["dry_run"])
    text = (
        f"{'would remove' if params['dry_run'] else 'removed'} files of {swept.loads} loads, {swept.raw} raw files,"
        f" {swept.snapshots} snapshots, {swept.mails} mails: {swept.bytes / 1e6:.1f} MB"
    )
    log.info(text)
    note(text)


@task
def airflow_history() -> None:
    """Purge Airflow's metadata by its own command; a task reaches that database only by a Connection."""
    params = get_current_context()["params"]
    try:
        metadata = Connection.get(METADATA).get_uri()
    except AirflowNotFoundException as error:
        message = f"there is no Airflow connection {METADATA!r}"
        raise AirflowSkipException(message) from error
    address = metadata.replace("postgres://", "postgresql+psycopg://", 1)
    before = datetime.now(UTC) - timedelta(days=params["airflow_days"])
    command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat()]
    command += ["--tables", TABLES, "--skip-archive", "--yes", *(["--dry-run"] if params["dry_run"] else [])]
    environment = os.environ | {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": address,
    }
    log.info("history before %s", before.date())
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    for line in (done.stdout + done.stderr).splitlines()[-50:]:
        log.info(line)
    if done.returncode:
        message = f"airflow db clean ended with {done.returncode}"
        raise AirflowException(message)


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=[TAG, "maintenance"],
    description="Удаление старых файлов и истории запусков",
    doc_md=__doc__,
    owner_links=owner_links(),
    params={
        "days": Param(default=90, type="integer", minimum=7, title="Хранить файлы загрузок, дней"),
        "loads": Param(default=30, type="integer", minimum=6, title="Хранить последних загрузок каждой ссылки"),
        "snapshots": Param(default=72, type="integer", minimum=1, title="Хранить последних снимков"),
        "airflow_days": Param(default=30, type="integer", minimum=2, title="Хранить историю Airflow, дней"),
        "dry_run": Param(default=False, type="boolean", title="Проба: только посчитать"),
    },
    default_args=DEFAULT_ARGS,
)
def housekeeping() -> None:
    """Both at once: they have nothing in common."""
    files()
    airflow_history()


housekeeping()
