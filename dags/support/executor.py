"""LocalExecutor whose workers are ready for tasks when they are forked from the scheduler; `core.executor` names it."""

from __future__ import annotations

from airflow.executors.local_executor import LocalExecutor

from dags.support.ready import get_ready


class ReadyLocalExecutor(LocalExecutor):
    """Each task is a fork of one of its workers."""

    def start(self) -> None:
        """Get ready, then start the workers."""
        get_ready()
        super().start()
