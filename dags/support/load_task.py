"""`load_task`: like `task`, with links to what a load left, beside the task in the UI."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
from airflow.sdk import BaseOperatorLink, get_current_context
from airflow.sdk.bases.decorator import TaskDecorator, task_decorator_factory
from airflow.sdk.configuration import conf

# Where the api-server serves them (`plugins/load_files.py`).
FILES = "/catalog-feeds/loads"


class LoadLink(BaseOperatorLink):
    """A link to a file of the load that a task worked on."""

    def __init__(self, title: str, file: str) -> None:
        self._title, self._file = title, file

    @property
    def name(self) -> str:
        """What the button says."""
        return self._title

    @property
    def xcom_key(self) -> str:
        """Where Airflow keeps the link of a task instance."""
        return f"_link_{self._file}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ANN401, ARG002 - as the base class has it
        """Asked in the task's process once it has ended; empty when it worked on no load."""
        if operator.load_id is None:
            return ""
        root = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return f"{root}{FILES}/{operator.load_id}/{self._file}"


class LoadTask(_PythonDecoratedOperator):
    """A task about one load; it says which by `about_load`."""

    custom_operator_name = "@load_task"
    operator_extra_links = (
        LoadLink("Отчёт", "report"),
        LoadLink("Замечания", "issues"),
        LoadLink("Файл поставщика", "raw"),
        LoadLink("Что изменилось", "changes"),
    )
    load_id: int | None = None


def load_task(**arguments: Any) -> TaskDecorator:  # noqa: ANN401 - as `task` is
    """Decorate a function as a task about one load."""
    return task_decorator_factory(decorated_operator_class=LoadTask, **arguments)


def about_load(load_id: int | None) -> None:
    """Tell which load the running task is about."""
    cast("LoadTask", get_current_context()["task"]).load_id = load_id
