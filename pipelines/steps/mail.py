"""The way of mails out of the queue: what is due is sent, what fails is tried again, nothing is told twice (R3, P1).

A mail is locked while it is sent, and the lock dies with its worker, so two workers never send one mail. Between the
server's word that it has the mail and our note of it lies one commit: a worker killed just there sends the mail again
under the same Message-ID, by which mail servers and programs know it. Nothing else can double or lose one.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines import registry, report
from pipelines.errors import CatalogFeedsError, NetworkError
from pipelines.model import MailPolicy
from pipelines.registry import Connection, Link, QueuedMail
from pipelines.steps.house import House, options_of
from pipelines.steps.reporting import envelope_to, readers

log = logging.getLogger(__name__)

# The pause before another try grows up to an hour; news of three days ago is none.
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)

# A server that failed so often in a row is down: the other mails wait without trying.
_FAILURES_IN_A_ROW = 2

# When a server that does not give a file is worth a mail of its own, after that of the first failure.
FAILING_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Mailing:
    """What a round came to, in mails; `waiting` are those that are to be tried again."""

    sent: int
    waiting: int
    given_up: int


def mail_round(house: House, *, now: datetime | None = None) -> Mailing:
    """Notice links that went quiet, put digests together, and send all that is due. Mail troubles are never raised."""
    now = now or datetime.now(UTC)
    queue_notices(house, now)
    queue_digests(house, now)
    return send_due_mails(house, now=now)


def send_due_mails(house: House, *, now: datetime | None = None) -> Mailing:
    """Send what is due. A mail server that is down, slow or refuses costs a pause, never an error."""
    now = now or datetime.now(UTC)
    sent = given_up = failures = 0
    with house.database.connect() as conn:
        while failures < _FAILURES_IN_A_ROW and (mail := registry.claim_mail(conn, at=now)) is not None:
            try:
                delivered = _deliver(house, mail)
            except CatalogFeedsError as error:
                failures += isinstance(error, NetworkError)
                given_up += _failed(conn, mail, error, now)
            else:
                failures = 0
                sent += not delivered.later
                _note(conn, mail, delivered, now)
            conn.commit()
        conn.rollback()
        return Mailing(sent, registry.waiting_mails(conn), given_up)


def _deliver(house: House, mail: QueuedMail) -> report.Delivered:
    smtp = house.settings.smtp_url
    data = house.store.get_bytes(mail.message_key)
    return report.deliver(data, mail.recipients, outbox=None if smtp else house.outbox, smtp_url=smtp)


def _note(conn: Connection, mail: QueuedMail, delivered: report.Delivered, now: datetime) -> None:
    if delivered.later:
        error = f"{delivered.place} asks to try {len(delivered.later)} of {len(mail.recipients)} readers later"
        registry.mail_delayed(conn, mail.id, error=error, due_at=now + _pause(mail), recipients=delivered.later)
    else:
        registry.mail_sent(conn, mail.id, at=now, place=delivered.place)


def _failed(conn: Connection, mail: QueuedMail, error: CatalogFeedsError, now: datetime) -> bool:
    """Put a mail off, or give it up when it was tried long enough; True for the latter."""
    if now - mail.queued_at >= GIVE_UP_AFTER:
        log.error("mail %s is given up after %d attempts: %r", mail.name, mail.attempts + 1, str(error))
        registry.mail_given_up(conn, mail.id, at=now, error=str(error))
        return True
    log.warning("mail %s waits, attempt %d failed: %r", mail.name, mail.attempts + 1, str(error))
    registry.mail_delayed(conn, mail.id, error=str(error), due_at=now + _pause(mail), recipients=mail.recipients)
    return False


def _pause(mail: QueuedMail) -> timedelta:
    return min(_FIRST_PAUSE * (1 << min(mail.attempts, 10)), _LONGEST_PAUSE)


def queue_digests(house: House, now: datetime) -> int:
    """One mail for each supplier whose day is over; how many there are."""
    queued = 0
    with house.database.connect() as conn:
        while (digest := registry.claim_digest(conn, at=now)) is not None:
            readers_of_it = hashlib.sha256("\n".join([digest.supplier, *digest.recipients]).encode()).hexdigest()[:16]
            name = f"catalog-feeds-digest-{readers_of_it}-{now:%Y%m%d}"
            supplier = registry.supplier_name(conn, digest.supplier)
            envelope = envelope_to(house, digest.recipients)
            mail = report.compose_digest(name, supplier, digest.entries, envelope, now=now)
            key = f"mails/{name}.eml"
            house.store.put_bytes(key, mail.as_bytes())
            registry.queue_mail(
                conn, name=name, supplier=digest.supplier, recipients=digest.recipients, message_key=key, at=now
            )
            registry.digest_mailed(conn, digest.names, mail=name)
            conn.commit()
            queued += 1
    return queued


def queue_notices(house: House, now: datetime) -> int:
    """A mail for each link that went quiet, once for each time it does; how many there are."""
    queued = 0
    with house.database.connect() as conn:
        for link in registry.enabled_links(conn):
            notice = _notice(conn, link, now)
            recipients = readers(conn, link)
            if notice is None or not recipients or registry.is_queued(conn, notice.name):
                continue
            if registry.mail_policy(conn, link.supplier) is MailPolicy.NONE:
                continue
            key = f"mails/{notice.name}.eml"
            mail = report.compose_notice(notice, envelope_to(house, recipients))
            house.store.put_bytes(key, mail.as_bytes())
            queued += registry.queue_mail(
                conn, name=notice.name, supplier=link.supplier, recipients=recipients, message_key=key, at=now
            )
            conn.commit()
    return queued


def _notice(conn: Connection, link: Link, now: datetime) -> report.Notice | None:
    """What is worth telling of a link: that its server fails before that its file is old."""
    if link.failing_since is not None:
        if now - link.failing_since < FAILING_AFTER:
            return None
        good = None if link.last_good_load_id is None else registry.get_load(conn, link.last_good_load_id)
        return report.failing_notice(
            link_id=link.id,
            link=link.code,
            supplier=registry.supplier_name(conn, link.supplier),
            since=link.failing_since,
            error=(link.last_error or "").partition(": ")[2] or (link.last_error or ""),
            good_since=good.finished_at if good else None,
            now=now,
        )
    days = options_of(conn, link).link.stale_after_days
    if not days or link.changed_at is None or now - link.changed_at < timedelta(days=days):
        return None
    supplier = registry.supplier_name(conn, link.supplier)
    return report.stale_notice(link_id=link.id, link=link.code, supplier=supplier, changed_at=link.changed_at, now=now)
