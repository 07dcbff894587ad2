"""From an empty database to the newest schema, and the schema against the model."""

import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from pipelines.database import Database, connection, open_database
from pipelines.database.migrate import head, migrate, revision
from pipelines.errors import OperatorError
from pipelines.model import MEASURE, MONEY, OFFER_FIELDS, PARAM, QUANTITY, REGION
from pipelines.settings import Settings

TYPES = {
    pa.string(): "text",
    pa.int32(): "integer",
    MONEY: "numeric(15,2)",
    QUANTITY: "numeric(18,6)",
    MEASURE: "numeric(18,8)",
    pa.list_(pa.string()): "text[]",
    pa.list_(MEASURE): "numeric(18,8)[]",
    pa.list_(PARAM): "jsonb",
    pa.list_(REGION): "jsonb",
}


@pytest.fixture
def empty(database: Database) -> Iterator[Database]:
    """A database without any schema."""
    name = f"empty_{uuid.uuid4().hex}"
    database.ensure_database(name)
    yield Database(database.url(name))
    with database.connect("postgres", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_empty_to_head_and_head_again(empty: Database):
    with empty.connect() as conn:
        assert revision(conn) is None
    for _ in range(2):
        migrate(empty.connect)
        with empty.connect() as conn:
            assert revision(conn) == head()
            assert conn.execute("SELECT count(*) FROM visible_offers").fetchone() == (0,)


def test_several_processes_migrate_at_once(empty: Database):
    with ThreadPoolExecutor(4) as pool:
        for result in [pool.submit(migrate, empty.connect) for _ in range(4)]:
            result.result()
    with empty.connect() as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [(head(),)]


def test_a_failing_revision_leaves_nothing_behind(empty: Database):
    with empty.connect() as conn:
        conn.execute("CREATE TABLE changes ()")  # in the way of the first revision
    with pytest.raises(Exception, match="already exists"):
        migrate(empty.connect)
    with empty.connect() as conn:
        tables = conn.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchall()
    assert tables == [("changes",)]


def test_a_newer_catalog_is_left_alone(empty: Database):
    migrate(empty.connect)
    with empty.connect() as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(OperatorError, match="newer version"):
        migrate(empty.connect)


def test_nothing_to_migrate_imports_no_migration_tool(database: Database):
    script = (
        "import sys; from pipelines.database import open_database; from pipelines.settings import Settings\n"
        "with open_database(Settings(database_url=sys.argv[1])): pass\n"
        "assert not {'alembic', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, database.url()], check=True)


def test_every_published_field_is_a_column_with_its_type_and_comment(conn: psycopg.Connection):
    columns = {
        name: (kind, comment)
        for name, kind, comment in conn.execute(
            "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute"
            " WHERE attrelid = 'offers'::regclass AND attnum > 0"
        )
    }
    for field in OFFER_FIELDS:
        assert columns[field.name] == (TYPES[field.type], field.label), field.name


def test_P8_visible_offers_follow_the_accreditation_at_once(conn: psycopg.Connection):
    conn.execute("INSERT INTO shops VALUES ('m', 'M'); INSERT INTO suppliers VALUES ('a', 'A')")
    conn.execute("INSERT INTO accreditations VALUES ('m', 'a', 'granted')")
    conn.execute("INSERT INTO links (code, supplier_id, shop_id, kind) VALUES ('x', 'a', 'm', 'upload')")
    conn.execute(
        "INSERT INTO loads (link_id, supplier_id, shop_id, status) SELECT id, 'a', 'm', 'processed' FROM links"
    )
    conn.execute(
        """
        INSERT INTO offers (shop_id, supplier_id, sku_key, sku, status, content_hash, load_id, first_seen_at,
                            changed_at, hidden_at)
        SELECT 'm', 'a', s.sku, s.sku, s.status, '', l.id, now(), now(), s.hidden
        FROM loads l, (VALUES ('p', 'published', NULL), ('h', 'hidden', now())) s (sku, status, hidden)
        """
    )
    seen = []
    for status in ("granted", "revoked", "granted"):
        conn.execute("UPDATE accreditations SET status = %s", [status])
        seen.append(conn.execute("SELECT sku_key FROM visible_offers").fetchall())
    assert seen == [[("p",)], [], [("p",)]]
    assert conn.execute("SELECT count(*) FROM offers").fetchone() == (2,)


def test_an_unreachable_server_is_the_operators_matter():
    url = "postgresql://nobody:secret-word@127.0.0.1:1/catalog"
    with (
        pytest.raises(OperatorError, match="CATALOG_FEEDS_DATABASE_URL") as error,
        open_database(Settings(database_url=url)),
    ):
        pass
    assert "secret-word" not in str(error.value)


def test_a_server_that_accepts_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(connection, "_CONNECT_SECONDS", 2)  # the least that libpq takes
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/catalog")
        with pytest.raises(OperatorError, match="timeout"):
            database.connect()


def test_a_url_keeps_its_parameters_for_other_databases():
    database = Database("postgresql://u:p@db:5432/shop?sslmode=require")
    assert database.url("airflow") == "postgresql://u:p@db:5432/airflow?sslmode=require"


def test_an_older_server_is_refused_with_a_hint(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.database.connection.MINIMUM_VERSION", 99)
    with (
        pytest.raises(OperatorError, match="PostgreSQL 99 or newer, this server is 18"),
        open_database(Settings(database_url=database.url())),
    ):
        pass
