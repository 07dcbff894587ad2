"""Airflow on this machine, for the demonstration: its settings, its metadata database, and how to run it.

The metadata lives in a database of its own beside the catalog, so that one PostgreSQL serves both. Nothing listens on
other interfaces, nothing is reported to anybody, and every generated secret is a file only its owner may read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
import psycopg
from cryptography.fernet import Fernet

from examples.children import children
from pipelines.database import Database
from pipelines.errors import InternalError

REPOSITORY = Path(__file__).resolve().parents[1]
METADATA = "airflow"
POOLS = REPOSITORY / "dags" / "pools.json"
USER = "admin"
# Logs of tasks are read from the disk they are on: nobody needs to serve them on all interfaces.
COMPONENTS = (["api-server"], ["scheduler", "--skip-serve-logs"], ["dag-processor"], ["triggerer", "--skip-serve-logs"])
_READY_SECONDS = 120.0


@dataclass(frozen=True)
class LocalAirflow:
    """One Airflow installation under a state folder.

    Attributes:
        home: the state folder of the product; Airflow's own files go to `airflow/` and `logs/` below it.
        database: the server that holds the metadata.
        port: where the UI and the API answer, on loopback.
    """

    home: Path
    database: Database
    port: int

    @property
    def url(self) -> str:
        """Address of the UI."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Where the command line's output goes."""
        return self.home / "logs" / "airflow.log"

    @property
    def password_file(self) -> Path:
        """Logins of the UI, as Airflow reads them."""
        return self.home / "airflow" / "passwords.json"

    def password(self) -> str:
        """The generated password of `USER`."""
        return str(json.loads(self.password_file.read_text(encoding="ascii"))[USER])

    def environment(self) -> dict[str, str]:
        """What Airflow's processes run with: ours, and every setting that must not be left to chance."""
        keys = self._keys()
        metadata = self.database.url(METADATA).replace("postgresql://", "postgresql+psycopg://", 1)
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "AIRFLOW_HOME": str(self.home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "dags" / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "dags.support.executor.ReadyLocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.password_file),
            # Workers find the API here; it must follow the port.
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            # psycopg serves both; left alone, Airflow would look for asyncpg.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": metadata,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": keys["api"],
            "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs" / "airflow"),
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            # For `housekeeping` alone: tasks are kept from the metadata otherwise.
            "AIRFLOW_CONN_AIRFLOW_METADATA": self.database.url(METADATA),
        }
        # Without compiled bytecode every one of these processes starts three times slower.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment

    def migrate(self) -> bool:
        """Bring the metadata database to this Airflow's schema, with our pools; False when it was there already.

        Raises:
            InternalError: the migration failed; the message names the log.
        """
        self.database.ensure_database(METADATA)
        done = self.home / "airflow" / "migrated"
        if done.exists() and done.read_text(encoding="ascii") == self._schema():
            return False
        self._run("db", "migrate")
        self._run("pools", "import", str(POOLS))
        done.write_text(self._schema(), encoding="ascii")
        return True

    def run_dag(self, dag_id: str) -> bool:
        """Run a DAG once, in this environment, without scheduler or UI; True when the run succeeded."""
        return self._call("dags", "test", dag_id) == 0

    @contextmanager
    def components(self) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Run scheduler, DAG processor, triggerer and UI while the block runs; yields once all are well.

        Raises:
            InternalError: a component ended, or the API does not answer; the message names the log.
        """
        api, *others = COMPONENTS
        # The first task begins as soon as there is a scheduler, and fails if the API does not answer by then.
        with (
            self._started([api], ("metadatabase",)) as first,
            self._started(others, ("scheduler", "dag_processor", "triggerer")) as rest,
        ):
            yield [*first, *rest]

    @contextmanager
    def _started(
        self, components: Sequence[Sequence[str]], parts: Sequence[str]
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        commands = {self.home / "logs" / f"{c[0]}.log": [sys.executable, "-m", "airflow", *c] for c in components}
        with children(commands, env=self.environment()) as running:
            deadline = time.monotonic() + _READY_SECONDS
            while not self._healthy(parts):
                for log, process in running.items():
                    if process.poll() is not None:
                        msg = f"airflow {log.stem} ended with {process.returncode}; see {log}"
                        raise InternalError(msg)
                if time.monotonic() > deadline:
                    msg = f"airflow does not answer at {self.url}; see {self.home / 'logs'}"
                    raise InternalError(msg)
                time.sleep(0.5)
            yield list(running.values())

    def _healthy(self, parts: Sequence[str]) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(health[part]["status"] == "healthy" for part in parts)

    def _call(self, *arguments: str) -> int:
        command = [sys.executable, "-m", "airflow", *arguments]
        with children({self.log: command}, env=self.environment()) as running:
            return running[self.log].wait()

    def _run(self, *arguments: str) -> None:
        if self._call(*arguments) != 0:
            msg = f"airflow {' '.join(arguments)} failed; see {self.log}"
            raise InternalError(msg)

    def _schema(self) -> str:
        """The version of Airflow, the revision its database is at, and the pools it was given."""
        with self.database.connect(METADATA) as conn:
            try:
                row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
            except psycopg.errors.UndefinedTable:
                conn.rollback()
                row = None
        pools = hashlib.sha256(POOLS.read_bytes()).hexdigest()[:8]
        return f"{version('apache-airflow-core')} {row[0] if row else 'empty'} {pools}"

    def _keys(self) -> dict[str, str]:
        folder = self.home / "airflow"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.password_file.exists():
            _write_private(self.password_file, {USER: secrets.token_urlsafe(12)})
        keys = folder / "keys.json"
        if not keys.exists():
            _write_private(
                keys,
                {
                    "fernet": Fernet.generate_key().decode("ascii"),
                    "jwt": secrets.token_urlsafe(48),
                    "api": secrets.token_urlsafe(32),
                },
            )
        return dict(json.loads(keys.read_text(encoding="ascii")))


def free_port(preferred: int) -> int:
    """`preferred` if nothing listens there on loopback, otherwise a free port."""
    for port in (preferred, 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    msg = "no free port on 127.0.0.1"
    raise InternalError(msg)


def _write_private(path: Path, content: dict[str, str]) -> None:
    """Write JSON that only the owner may read; complete or not there at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content), encoding="ascii")
    fresh.rename(path)
