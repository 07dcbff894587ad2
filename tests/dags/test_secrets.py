"""Secrets of links inside Airflow: the environment first, then Connections (S1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ASK = """
import json, os
os.environ["AIRFLOW_CONN_PORTAL"] = '{"conn_type": "http", "login": "buyer", "password": "from airflow"}'
os.environ["AIRFLOW_CONN_EMPTY"] = '{"conn_type": "http", "login": "buyer"}'
os.environ["CATALOG_FEEDS_SECRET_OTHER"] = "from the environment"
os.environ["AIRFLOW_CONN_OTHER"] = '{"conn_type": "http", "password": "not this"}'
from dags.support.house import secret
from pipelines.errors import OperatorError
found = {}
for name in ("portal.login", "portal.password", "portal", "other", "empty", "nobody"):
    try:
        found[name] = secret(name)
    except OperatorError as error:
        found[name] = "error: " + str(error)
print(json.dumps(found))
"""


def test_S1_secrets_come_from_the_environment_or_a_connection(ask: Callable[[str], Any]) -> None:
    found = ask(ASK)
    assert found["portal.login"] == "buyer"
    assert found["portal.password"] == found["portal"] == "from airflow"
    assert found["other"] == "from the environment"
    assert found["empty"] == "error: the Airflow connection 'empty' has no password"
    assert "CATALOG_FEEDS_SECRET_NOBODY" in found["nobody"]
    assert "connection 'nobody'" in found["nobody"]
