"""The queue of mails: what is to be sent, what was, and what waits for a supplier's daily digest (R3, P1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from pipelines.model import MailPolicy
from pipelines.registry.rows import Connection, storable


@dataclass(frozen=True)
class QueuedMail:
    """A mail that is to be sent.

    Attributes:
        name: what it tells of; unique for ever, and the beginning of its Message-ID.
        recipients: who has not got it yet.
        message_key: the composed message in the object store.
        attempts: how often it was tried in vain.
    """

    id: int
    name: str
    recipients: list[str]
    message_key: str
    queued_at: datetime
    attempts: int


@dataclass(frozen=True)
class Digest:
    """Entries of one supplier for the same readers, oldest first."""

    supplier: str
    recipients: list[str]
    names: list[str]
    entries: list[dict[str, Any]]


def mail_policy(conn: Connection, supplier_id: str) -> MailPolicy:
    """Which reports a supplier wants by mail."""
    row = conn.execute("SELECT mail FROM suppliers WHERE id = %s", [supplier_id]).fetchone()
    return MailPolicy.ALL if row is None else MailPolicy(row[0])


def set_mail_policy(conn: Connection, supplier_id: str, policy: MailPolicy) -> None:
    """What a supplier wants from now on; mails that are queued already still go."""
    conn.execute("UPDATE suppliers SET mail = %s WHERE id = %s", [policy, supplier_id])


def queue_mail(
    conn: Connection,
    *,
    name: str,
    supplier: str,
    recipients: Sequence[str],
    message_key: str,
    at: datetime,
    load_id: int | None = None,
) -> bool:
    """Put a mail into the queue; False when one of this name is or was there: nothing is told twice."""
    cursor = conn.execute(
        "INSERT INTO mails (name, supplier_id, load_id, recipients, message_key, queued_at, due_at)"
        " VALUES (%(name)s, %(supplier)s, %(load)s, %(recipients)s, %(key)s, %(at)s, %(at)s) ON CONFLICT DO NOTHING",
        {
            "name": name,
            "supplier": supplier,
            "load": load_id,
            "recipients": list(recipients),
            "key": message_key,
            "at": at,
        },
    )
    return cursor.rowcount == 1


def is_queued(conn: Connection, name: str) -> bool:
    """Whether a mail of this name is or was in the queue."""
    return conn.execute("SELECT FROM mails WHERE name = %s", [name]).fetchone() is not None


def claim_mail(conn: Connection, *, at: datetime) -> QueuedMail | None:
    """The next mail that is due, locked until the transaction ends, so that no other worker sends it meanwhile.

    One that was queued in the future met a clock that was wrong, and is due now.
    """
    with conn.cursor(row_factory=class_row(QueuedMail)) as cursor:
        return cursor.execute(
            """
            SELECT id, name, recipients, message_key, queued_at, attempts FROM mails
            WHERE sent_at IS NULL AND given_up_at IS NULL
              AND (due_at <= %(at)s OR (queued_at > %(at)s AND attempts = 0))
            ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
            """,
            {"at": at},
        ).fetchone()


def mail_sent(conn: Connection, mail_id: int, *, at: datetime, place: str) -> None:
    """The mail is with the server, or in its file."""
    conn.execute(
        "UPDATE mails SET sent_at = %s, place = %s, last_error = NULL WHERE id = %s", [at, storable(place), mail_id]
    )


def mail_delayed(conn: Connection, mail_id: int, *, error: str, due_at: datetime, recipients: Sequence[str]) -> None:
    """The mail did not reach these readers; it is due again later."""
    conn.execute(
        "UPDATE mails SET attempts = attempts + 1, last_error = %s, due_at = %s, recipients = %s WHERE id = %s",
        [storable(error), due_at, list(recipients), mail_id],
    )


def mail_given_up(conn: Connection, mail_id: int, *, at: datetime, error: str) -> None:
    """The mail was tried for as long as its news is worth it."""
    conn.execute(
        "UPDATE mails SET attempts = attempts + 1, last_error = %s, given_up_at = %s WHERE id = %s",
        [storable(error), at, mail_id],
    )


def waiting_mails(conn: Connection) -> int:
    """Mails that are queued and not sent."""
    row = conn.execute("SELECT count(*) FROM mails WHERE sent_at IS NULL AND given_up_at IS NULL").fetchone()
    return 0 if row is None else int(row[0])


def add_to_digest(
    conn: Connection, *, name: str, supplier: str, recipients: Sequence[str], entry: Mapping[str, Any], due_at: datetime
) -> None:
    """Keep one report for the supplier's daily digest; once, whatever is repeated."""
    conn.execute(
        "INSERT INTO digest_entries (name, supplier_id, recipients, entry, due_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [name, supplier, sorted(recipients), Jsonb(dict(entry)), due_at],
    )


def claim_digest(conn: Connection, *, at: datetime) -> Digest | None:
    """What waits for one digest that is due, locked until the transaction ends; what came later the same day too."""
    with conn.cursor(row_factory=class_row(Digest)) as cursor:
        return cursor.execute(
            """
            WITH due AS (
                SELECT supplier_id, recipients FROM digest_entries
                WHERE mail IS NULL AND due_at <= %s ORDER BY due_at, name LIMIT 1
            ), claimed AS (
                SELECT e.* FROM digest_entries e JOIN due USING (supplier_id, recipients)
                WHERE e.mail IS NULL FOR UPDATE OF e SKIP LOCKED
            )
            SELECT supplier_id AS supplier, recipients, array_agg(name ORDER BY (entry ->> 'load')::bigint) AS names,
                array_agg(entry ORDER BY (entry ->> 'load')::bigint) AS entries
            FROM claimed GROUP BY supplier_id, recipients
            """,
            [at],
        ).fetchone()


def digest_mailed(conn: Connection, names: Sequence[str], *, mail: str) -> None:
    """These entries have gone into the digest of this name."""
    conn.execute("UPDATE digest_entries SET mail = %s WHERE name = ANY (%s)", [mail, list(names)])


def set_score(conn: Connection, load_id: int, points: int | None) -> None:
    """The quality of a load's file; None when its offers were not read."""
    conn.execute("UPDATE loads SET score = %s WHERE id = %s", [points, load_id])


def earlier_scores(conn: Connection, link_id: int, load_id: int, *, limit: int) -> list[int]:
    """The scores of the loads of a link before this one, oldest first, at most `limit`."""
    rows = conn.execute(
        "SELECT score FROM loads WHERE link_id = %s AND id < %s AND score IS NOT NULL AND NOT dry_run"
        " ORDER BY id DESC LIMIT %s",
        [link_id, load_id, limit],
    ).fetchall()
    return [row[0] for row in reversed(rows)]
