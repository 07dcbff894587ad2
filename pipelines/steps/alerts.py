"""One mail to the operators for an incident, however long it lasts and however many links it hits."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from pipelines import report
from pipelines.errors import CatalogFeedsError
from pipelines.objects import open_store
from pipelines.settings import Settings

log = logging.getLogger(__name__)

_OPEN = "alerts/open.json"
_LINES = 50


def alert(settings: Settings, troubles: Sequence[tuple[str, str]]) -> bool:
    """Tell the operators what failed on our side, unless they know already; True when a mail went out.

    Who is in trouble makes the incident: the same troubles an hour later are no news, and neither are fewer of them.
    An empty list ends it. No catalog is needed, since that may be what is down; a mail that does not go out is logged.

    Args:
        troubles: who (a link, a load, a task), and why.
    """
    store = open_store(settings)
    known = set(json.loads(store.get_bytes(_OPEN))) if store.exists(_OPEN) else set()
    if not troubles:
        store.delete(_OPEN)
        return False
    now = {who for who, _ in troubles}
    if now <= known or not settings.alert_addresses:
        return False
    try:
        report.deliver(
            _mail(settings, troubles).as_bytes(),
            settings.alert_addresses,
            outbox=None if settings.smtp_url else settings.home_path / "outbox",
            smtp_url=settings.smtp_url,
        )
    except CatalogFeedsError as error:
        log.error("the alert was not sent: %s", error)
        return False
    store.put_bytes(_OPEN, json.dumps(sorted(now | known)).encode())
    return True


def _mail(settings: Settings, troubles: Sequence[tuple[str, str]]) -> EmailMessage:
    at = datetime.now(UTC)
    name = hashlib.sha256(f"{at.isoformat()} {troubles}".encode()).hexdigest()[:16]
    # Long header lines stay whole: folding loses a space of a Cyrillic subject in some versions of Python.
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    mail["Message-ID"] = f"<catalog-feeds-alert-{name}@catalog-feeds>"
    mail["From"], mail["To"] = settings.mail_from, ", ".join(settings.alert_addresses)
    mail["Subject"] = f"Каталог: сбой на нашей стороне ({len(troubles)})"
    lines = [f"{who}: {' '.join(why.split())[:300]}" for who, why in troubles[:_LINES]]
    more = [f"... и ещё {len(troubles) - _LINES}"] if len(troubles) > _LINES else []
    mail.set_content("\n".join(["Не удалось по нашей вине:", "", *lines, *more, "", f"{at:%Y-%m-%d %H:%M} UTC", ""]))
    return mail
