"""Each role of the catalog may do what it is for, and nothing else."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from pipelines import registry, steps
from pipelines.database import Database
from pipelines.database.migrate import grant_rights
from pipelines.publish import Assignments
from pipelines.settings import Settings

FEED = (
    "<yml_catalog><shop><offers><offer id='kept'><name>Товар</name><price>{price}</price><vat>20</vat>"
    "<vendor>Завод</vendor><description>Описание</description><unitOkei>796</unitOkei></offer>"
    "<offer id='{sku}'><name>Товар</name><price>3</price><vat>20</vat><vendor>Завод</vendor>"
    "<description>Описание</description><unitOkei>796</unitOkei></offer></offers></shop></yml_catalog>"
)
# Every relation of the catalog: a new one must say here who may see it.
LOADER, READER, ANALYST = "catalog_loader", "catalog_reader", "catalog_analyst"
SEEN_WHOLE = {
    "accreditation_changes": {LOADER, ANALYST},
    "accreditations": {LOADER, ANALYST},
    "alembic_version": {LOADER},
    "changes": {LOADER, ANALYST},
    "decisions": {LOADER, ANALYST},
    "digest_entries": {LOADER},
    "edits": {LOADER, ANALYST},
    "links": {LOADER},
    "loads": {LOADER, ANALYST},
    "mails": {LOADER},
    "offers": {LOADER, ANALYST},
    "shops": {LOADER, READER, ANALYST},
    "suppliers": {LOADER},
    "visible_offers": {LOADER, READER, ANALYST},
}
WRITTEN_ONCE = ("changes", "decisions", "accreditation_changes")
UNSEEN_BY_ANALYSTS = (
    ("suppliers", "emails"),
    ("links", "url"),
    ("links", "emails"),
    ("links", "etag"),
    ("links", "last_error"),
)


@pytest.fixture
def login(database: Database, catalog: Database) -> Iterator[Callable[[str], Database]]:
    """The test's catalog as seen by a new login that was granted one role."""
    made: list[str] = []
    # Rights on a database are not copied with it.
    with catalog.connect() as owner:
        grant_rights(owner)
    with database.connect("postgres", autocommit=True) as server:

        def make(role: str) -> Database:
            user, password = f"{role}_{secrets.token_hex(4)}", secrets.token_hex(8)
            made.append(user)
            server.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(
                    sql.Identifier(user), sql.Literal(password), sql.Identifier(role)
                )
            )
            url = urlsplit(catalog.catalog_url)
            netloc = f"{user}:{password}@{url.hostname}:{url.port}"
            return dataclasses.replace(catalog, catalog_url=url._replace(netloc=netloc).geturl())

        yield make
        with catalog.connect() as conn:
            for user in made:
                conn.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(user)))
        for user in made:
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(user)))


def relations(conn: psycopg.Connection) -> list[str]:
    rows = conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1"
    )
    return [row[0] for row in rows]


def may(conn: psycopg.Connection, role: str, relation: str, right: str) -> bool:
    return conn.execute("SELECT has_table_privilege(%s, %s, %s)", [role, relation, right]).fetchone() == (True,)


def test_every_relation_says_who_sees_it(conn: psycopg.Connection) -> None:
    assert relations(conn) == sorted(SEEN_WHOLE)
    for relation, roles in SEEN_WHOLE.items():
        assert {role for role in (LOADER, READER, ANALYST) if may(conn, role, relation, "SELECT")} == roles, relation


def test_only_the_loader_writes_and_deletes_nothing_but_offers(conn: psycopg.Connection) -> None:
    for relation in relations(conn):
        for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"):
            for role in (READER, ANALYST):
                assert not may(conn, role, relation, right), (role, relation, right)
        for right in ("TRUNCATE", "TRIGGER"):
            assert not may(conn, LOADER, relation, right), (relation, right)
        assert may(conn, LOADER, relation, "DELETE") == (relation == "offers"), relation
    for relation in WRITTEN_ONCE:
        assert may(conn, LOADER, relation, "INSERT")
        assert not may(conn, LOADER, relation, "UPDATE")


def test_addresses_are_not_for_analysts(conn: psycopg.Connection) -> None:
    for relation, column in UNSEEN_BY_ANALYSTS:
        seen = "SELECT has_column_privilege(%s, %s, %s, 'SELECT')"
        assert conn.execute(seen, [ANALYST, relation, column]).fetchone() == (False,), column
        assert conn.execute(seen, [LOADER, relation, column]).fetchone() == (True,), column


def test_a_loader_runs_the_whole_hour(login: Callable[[str], Database], catalog: Database, tmp_path) -> None:
    """Loads, decisions, edits by hand, mails and the snapshot need no more than its rights."""
    settings = Settings(home=str(tmp_path / "home"), database_url=login(LOADER).catalog_url)
    feed = tmp_path / "feed.xml"
    with catalog.connect() as owner:
        registry.ensure_supplier(owner, "a", emails=["price@a.example"])
    with steps.open_house(settings) as house:
        for price, sku in ((1, "gone"), (2, "new")):
            feed.write_text(FEED.format(price=price, sku=sku), encoding="utf-8")
            done = steps.load_source(house, str(feed), supplier="a", shop="main", settings={"actualize": True})
            assert done.status == "processed"
        steps.set_offers(
            house, steps.select("main", "a", skus=["kept"]), Assignments.parse(["price=11"]), who="анна", why="проверка"
        )
        steps.rollback(house, done.load_id, registry.Decider("анна", "проверка"), through=True)
        steps.mail_round(house)
        assert steps.write_snapshot(house)
        assert len(list(house.outbox.glob("*.eml"))) >= 2
        with house.database.connect() as conn:
            for statement in (
                "DELETE FROM changes",
                "UPDATE changes SET kind = kind",
                "TRUNCATE loads CASCADE",
                "DROP TABLE mails",
                "CREATE TABLE mine ()",
                "ALTER TABLE offers DISABLE TRIGGER ALL",
                "CREATE ROLE other",
            ):
                with pytest.raises(InsufficientPrivilege), conn.transaction():
                    conn.execute(statement)


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (
            READER,
            ["SELECT sku, orderable FROM visible_offers", "SELECT id, name FROM suppliers", "SELECT id FROM shops"],
            [
                "SELECT sku FROM offers",
                "SELECT emails FROM suppliers",
                "SELECT code FROM links",
                "SELECT id FROM loads",
            ],
        ),
        (
            ANALYST,
            ["SELECT sku FROM offers", "SELECT code, changed_at FROM links", "SELECT id FROM loads", "TABLE changes"],
            ["SELECT emails FROM suppliers", "SELECT url FROM links", "TABLE links", "TABLE mails", "TABLE suppliers"],
        ),
    ],
)
def test_who_reads_reads_and_no_more(
    login: Callable[[str], Database], role: str, allowed: list[str], refused: list[str]
) -> None:
    writing = ["UPDATE offers SET name = ''", "INSERT INTO shops VALUES ('x', 'x')", "CREATE TEMP TABLE t ()"]
    with login(role).connect() as conn:
        for query in allowed:
            assert conn.execute(query).fetchall() == []
        for query in refused + writing:
            with pytest.raises(InsufficientPrivilege), conn.transaction():
                conn.execute(query)


def test_who_was_granted_nothing_does_not_come_in(database: Database, login: Callable[[str], Database]) -> None:
    login(READER)
    name = urlsplit(database.catalog_url).path.lstrip("/")
    with database.connect() as conn:
        rights = conn.execute(
            "SELECT grantee::regrole::text, privilege_type FROM pg_database, aclexplode(datacl)"
            " WHERE datname = %s AND grantee <> datdba ORDER BY 1, 2",
            [name],
        ).fetchall()
    assert rights == [
        (ANALYST, "CONNECT"),
        (LOADER, "CONNECT"),
        (LOADER, "TEMPORARY"),
        (READER, "CONNECT"),
    ]
