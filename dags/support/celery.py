"""How Celery's workers are set up: ready before they fork for tasks; `celery.celery_config_options` names it."""

from __future__ import annotations

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG as CONFIG
from celery.signals import worker_init

from dags.support.ready import get_ready

__all__ = ["CONFIG"]


def _begin(**_facts: object) -> None:
    get_ready()


worker_init.connect(_begin, weak=False)
