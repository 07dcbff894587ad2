"""Links: addresses of suppliers' feeds, how to treat them, and what is known of their state. Uploads have one too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipelines.database import Database
from pipelines.errors import CatalogFeedsError, OperatorError
from pipelines.registry.rows import Connection, returned, storable


@dataclass(frozen=True)
class Link:
    """One channel of a supplier into a shop and its state.

    Attributes:
        kind: `link` is fetched by the hour; `upload` stands for the files a supplier sends by hand, and has no URL.
        options: as in `LinkOptions`, only what was set.
        emails: where reports go; empty means the supplier's own addresses.
        etag, last_modified: the newest validators the server gave, stored even if the body was the same (F2).
        fetched_sha256: of the last body that was fetched, changed or not.
        full_fetch_at: when the body itself was last looked at without validators.
        failing_since, last_error: set while fetching fails; None when all is well.
        processed_sha256, processed_options: the body and the `options_hash` that the catalog holds now.
        last_good_load_id: the last load that published; what it supplied is not hidden by other links (P5).
    """

    id: int
    code: str
    supplier: str
    shop: str
    kind: Literal["link", "upload"]
    url: str | None
    format: str
    options: dict[str, Any]
    enabled: bool
    emails: list[str]
    etag: str | None
    last_modified: str | None
    fetched_sha256: str | None
    full_fetch_at: datetime | None
    checked_at: datetime | None
    changed_at: datetime | None
    failing_since: datetime | None
    last_error: str | None
    processed_sha256: str | None
    processed_options: str | None
    last_load_id: int | None
    last_good_load_id: int | None


class LinkBusyError(CatalogFeedsError):
    """Another process is loading this link right now; two loads of one link never run together (P1)."""


_RENAMED = {"supplier": "supplier_id AS supplier", "shop": "shop_id AS shop"}
_COLUMNS = ", ".join(_RENAMED.get(field.name, field.name) for field in fields(Link))


def upsert_link(
    conn: Connection,
    *,
    code: str,
    supplier: str,
    shop: str,
    url: str,
    link_format: str = "auto",
    options: Mapping[str, Any] | None = None,
    enabled: bool = True,
    emails: Sequence[str] = (),
) -> Link:
    """Declare a link; everything that was declared before is replaced.

    What was learned of an address goes when the address changes, and what was published goes when the link changes
    hands: neither says anything about the new one.

    Raises:
        OperatorError: the code is that of an upload channel.
    """
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        cursor.execute(
            f"""
            INSERT INTO links (code, supplier_id, shop_id, kind, url, format, options, enabled, emails)
            VALUES (%(code)s, %(supplier)s, %(shop)s, 'link', %(url)s, %(format)s, %(options)s, %(enabled)s, %(emails)s)
            ON CONFLICT (code) DO UPDATE SET
                supplier_id = excluded.supplier_id, shop_id = excluded.shop_id, url = excluded.url,
                format = excluded.format, options = excluded.options, enabled = excluded.enabled,
                emails = excluded.emails,
                (etag, last_modified, fetched_sha256, full_fetch_at, changed_at, failing_since, last_error) = (
                    SELECT l.etag, l.last_modified, l.fetched_sha256, l.full_fetch_at, l.changed_at,
                           l.failing_since, l.last_error
                    FROM links l WHERE l.id = links.id AND l.url = excluded.url
                ),
                (processed_sha256, processed_options, last_good_load_id) = (
                    SELECT l.processed_sha256, l.processed_options, l.last_good_load_id
                    FROM links l
                    WHERE l.id = links.id AND (l.supplier_id, l.shop_id) = (excluded.supplier_id, excluded.shop_id)
                )
            WHERE links.kind = 'link'
            RETURNING {_COLUMNS}
            """,
            {
                "code": code,
                "supplier": supplier,
                "shop": shop,
                "url": url,
                "format": link_format,
                "options": Jsonb(dict(options or {})),
                "enabled": enabled,
                "emails": list(emails),
            },
        )
        link = cursor.fetchone()
    if link is None:
        msg = f"{code!r} is the code of an upload channel: give the link another one"
        raise OperatorError(msg)
    return link


def upload_link(conn: Connection, supplier: str, shop: str) -> Link:
    """The channel of files that a supplier uploads to a shop; created at the first use, keeps its options."""
    code = f"{supplier}@{shop}:upload"
    conn.execute(
        "INSERT INTO links (code, supplier_id, shop_id, kind) VALUES (%s, %s, %s, 'upload') ON CONFLICT DO NOTHING",
        [code, supplier, shop],
    )
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM links WHERE supplier_id = %s AND shop_id = %s AND kind = 'upload'",
            [supplier, shop],
        )
        return returned(cursor)


def find_link(conn: Connection, code: str) -> Link:
    """The link with this code.

    Raises:
        OperatorError: there is none.
    """
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        link = cursor.execute(f"SELECT {_COLUMNS} FROM links WHERE code = %s", [code]).fetchone()
    if link is None:
        msg = f"unknown link {code!r}; `catalog-feeds links list` shows the known ones"
        raise OperatorError(msg)
    return link


def get_link(conn: Connection, link_id: int) -> Link:
    """The link with this id, which a load names."""
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        return returned(cursor.execute(f"SELECT {_COLUMNS} FROM links WHERE id = %s", [link_id]))


def list_links(conn: Connection, *, supplier: str | None = None) -> list[Link]:
    """Every link and upload channel by code, of one supplier or of all."""
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM links"
            " WHERE supplier_id = %(supplier)s OR %(supplier)s::text IS NULL ORDER BY code",
            {"supplier": supplier},
        ).fetchall()


def enabled_links(conn: Connection) -> list[Link]:
    """The links to look at every hour, by code (F2)."""
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        return cursor.execute(f"SELECT {_COLUMNS} FROM links WHERE kind = 'link' AND enabled ORDER BY code").fetchall()


def set_link_options(conn: Connection, link_id: int, options: Mapping[str, Any]) -> None:
    """Replace what a link or an upload channel has set."""
    conn.execute("UPDATE links SET options = %s WHERE id = %s", [Jsonb(dict(options)), link_id])


def record_fetch(
    conn: Connection,
    link_id: int,
    *,
    at: datetime,
    etag: str | None,
    last_modified: str | None,
    sha256: str | None,
    full: bool,
) -> None:
    """A look at the address succeeded (F2).

    Args:
        at: when.
        etag, last_modified: the newest validators; they replace the stored ones even if the body was the same.
        sha256: of the decompressed body; None when the server said that it had not changed.
        full: no validators were sent, so the body itself was looked at.
    """
    conn.execute(
        """
        UPDATE links SET
            checked_at = %(at)s, etag = %(etag)s, last_modified = %(last_modified)s,
            failing_since = NULL, last_error = NULL,
            full_fetch_at = CASE WHEN %(full)s THEN %(at)s ELSE full_fetch_at END,
            changed_at = CASE WHEN %(sha256)s IS DISTINCT FROM coalesce(fetched_sha256, '') AND %(sha256)s IS NOT NULL
                         THEN %(at)s ELSE changed_at END,
            fetched_sha256 = coalesce(%(sha256)s, fetched_sha256)
        WHERE id = %(id)s
        """,
        {
            "id": link_id,
            "at": at,
            "etag": storable(etag),
            "last_modified": storable(last_modified),
            "sha256": sha256,
            "full": full,
        },
    )


def record_failure(conn: Connection, link_id: int, *, at: datetime, error: str) -> None:
    """A look at the address failed; remembers since when. What was fetched and published before stays."""
    conn.execute(
        "UPDATE links SET checked_at = %(at)s, failing_since = coalesce(failing_since, %(at)s), last_error = %(error)s"
        " WHERE id = %(id)s",
        {"id": link_id, "at": at, "error": storable(error)},
    )


def mark_processed(conn: Connection, link_id: int, *, load_id: int, sha256: str | None, options: str) -> None:
    """The catalog now holds this body, read with these options. Belongs into the transaction that publishes (P1)."""
    conn.execute(
        "UPDATE links SET processed_sha256 = %s, processed_options = %s, last_good_load_id = %s WHERE id = %s",
        [sha256, options, load_id, link_id],
    )


def mark_rejected(conn: Connection, link_id: int, *, sha256: str | None, options: str) -> None:
    """This body was rejected, or held whole, under these options: it is not read again until one changes (F2)."""
    conn.execute(
        "UPDATE links SET processed_sha256 = %s, processed_options = %s WHERE id = %s", [sha256, options, link_id]
    )


def settle_good_loads(conn: Connection, shop: str, supplier: str) -> None:
    """Point each link of a supplier in a shop at the newest load that it has in the catalog (P5).

    After a decision that is not always the last one that published: rolled back loads do not count. Which body a link
    has seen stays, so that a file that was rolled back is not loaded again, while any other one is (F2).
    """
    conn.execute(
        """
        UPDATE links SET last_good_load_id = (
            SELECT max(l.id) FROM loads l
            WHERE l.link_id = links.id AND l.published AND l.undone_by IS NULL AND l.kind <> 'rollback'
        )
        WHERE shop_id = %s AND supplier_id = %s
        """,
        [shop, supplier],
    )


def options_hash(options: Mapping[str, Any]) -> str:
    """One text that differs when options differ: the same body under other options must be processed again (F2)."""
    canonical = json.dumps(options, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def other_good_loads(conn: Connection, link_id: int) -> list[int]:
    """Last good loads of the other enabled links of the same supplier and shop: what they supplied stays visible (P5).

    Uploads are not among them: a file sent once by hand would otherwise keep its goods published for ever.
    """
    rows = conn.execute(
        """
        SELECT other.last_good_load_id
        FROM links this
        JOIN links other USING (supplier_id, shop_id)
        WHERE this.id = %s AND other.id <> this.id
          AND other.kind = 'link' AND other.enabled AND other.last_good_load_id IS NOT NULL
        ORDER BY 1
        """,
        [link_id],
    ).fetchall()
    return [row[0] for row in rows]


@contextmanager
def link_lock(database: Database, link_id: int) -> Iterator[None]:
    """Hold a link for one load: two loads of one link never run together (P1).

    The lock lives as long as its connection, so a worker that dies lets go of it.

    Raises:
        LinkBusyError: another process holds it.
    """
    with database.connect(autocommit=True) as conn, link_held(conn, link_id):
        yield


@contextmanager
def link_held(conn: Connection, link_id: int) -> Iterator[None]:
    """As `link_lock`, on a connection that has no transaction open and whose work may be committed at the end.

    Raises:
        LinkBusyError: another process holds it.
    """
    key = f"catalog-feeds link {link_id}"
    row = conn.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key]).fetchone()
    conn.commit()
    if row != (True,):
        msg = f"link {link_id} is being loaded by another process"
        raise LinkBusyError(msg)
    yield
    # After an error the caller closes the connection, and with it goes the lock.
    conn.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])
    conn.commit()


class LoginBusyError(CatalogFeedsError):
    """Another fetch used the same login for longer than we wait; the message says so."""


@contextmanager
def login_lock(database: Database, identity: str, *, wait_seconds: float) -> Iterator[None]:
    """Hold a login for one fetch: requests of one login never run in parallel, on whatever machine (S1).

    Waits its turn. The lock lives as long as its connection, so a worker that dies lets go of it.

    Args:
        identity: what tells one login from another; no secret.
        wait_seconds: how long to wait for the others.

    Raises:
        LoginBusyError: it was not our turn in that time.
    """
    with database.connect(autocommit=True) as conn:
        conn.execute("SELECT set_config('lock_timeout', %s, false)", [f"{round(wait_seconds * 1000)}ms"])
        try:
            conn.execute("SELECT pg_advisory_lock(hashtextextended('catalog-feeds login ' || %s, 0))", [identity])
        except psycopg.errors.LockNotAvailable as error:
            msg = f"the login is in use by another fetch for more than {wait_seconds:g} s"
            raise LoginBusyError(msg) from error
        yield
