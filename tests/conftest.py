"""Fixtures that every test may use: a real PostgreSQL with a migrated catalog.

database  one server for the session: embedded in a temporary home, or the one of CATALOG_FEEDS_TEST_DATABASE_URL
catalog   a fresh, migrated catalog for one test (`Database`), copied from a template, which is quick
conn      a connection to that catalog; what it has not committed is rolled back
s3_settings   settings of an object store on a real S3 server, in a prefix of the test's own (`tests/s3_server.py`)

A test that publishes needs suppliers and links first; `pipelines.registry` declares them in a line each.
"""

import dataclasses
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from pipelines.database import Database, open_database
from pipelines.settings import Settings
from tests.s3_server import aws, s3_server, s3_settings  # noqa: F401 - fixtures for every test

# No test is judged by the clock, and the same code gives the same verdict: a change that has nothing to do with a find
# must not meet it first. `pytest --hypothesis-profile explore` looks further.
_PATIENT = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], print_blob=True
)
settings.register_profile("suite", _PATIENT, derandomize=True)
settings.register_profile("explore", _PATIENT)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """One PostgreSQL for all tests of the session, with a migrated catalog that tests leave empty: the template."""
    url = os.environ.get("CATALOG_FEEDS_TEST_DATABASE_URL")
    # Not pytest's own folder: that is closed to other accounts, and root's PostgreSQL runs under one.
    home = Path(tempfile.mkdtemp(prefix="catalog-feeds-tests-"))
    home.chmod(0o755)
    try:
        with open_database(Settings(home=str(home), database_url=url)) as opened:
            if url is None:
                _trust_the_machine(opened)
            yield opened
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _trust_the_machine(database: Database) -> None:
    """Wait for no disk: a catalog is dropped with its test, and a machine that breaks down takes all tests with it."""
    with database.connect("postgres", autocommit=True) as server:
        for setting in ("fsync", "full_page_writes"):
            server.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        server.execute("SELECT pg_reload_conf()")


@pytest.fixture
def catalog(database: Database) -> Iterator[Database]:
    """A fresh catalog of one test."""
    template = database.catalog_url.rpartition("/")[2].partition("?")[0]
    name = f"test_{uuid.uuid4().hex}"
    with database.connect("postgres", autocommit=True) as server:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        server.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield dataclasses.replace(database, catalog_url=database.url(name))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def conn(catalog: Database) -> Iterator[psycopg.Connection]:
    """A connection to the test's catalog."""
    connection = catalog.connect()
    try:
        yield connection
    finally:
        connection.close()
