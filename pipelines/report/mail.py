"""The report as a mail: text, page, charts and the list of issues in one message (R1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import cast
from urllib.parse import quote as quote_url

from pipelines.errors import OperatorError
from pipelines.report.pages import pictures, render_html, render_text
from pipelines.report.summary import LoadReport
from pipelines.report.wording import quote

# What all attachments of a mail may be together, before the third that base64 adds.
ATTACHMENTS_LIMIT_BYTES = 5_000_000

# Some Pythons lose a space where they fold a long Cyrillic subject; the protocol's own limit needs no folding.
_POLICY = SMTP.clone(max_line_length=998)


@dataclass(frozen=True)
class Envelope:
    """Who writes to whom.

    Attributes:
        sender: `Name <address>`; the domain of the address names this installation.
        recipients: at least one address.
        replies: the address that answers go to, an operator's; None: that of the sender.
    """

    sender: str
    recipients: Sequence[str]
    replies: str | None = None


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail; `media_type` as `text/csv`."""

    name: str
    media_type: str
    data: bytes


def mail_name(report: LoadReport) -> str:
    """What the mail of a load is called: one for its end, one for what an operator decided about it later."""
    decision = report.load.decision
    return f"catalog-feeds-load-{report.load.id}" + (f"-{decision['verdict']}" if decision else "")


def compose_mail(report: LoadReport, envelope: Envelope, attachments: Sequence[Attachment] = ()) -> EmailMessage:
    """The mail of a load, the same to the byte however often it is composed from the same.

    The Message-ID comes from the load, so that a mail sent twice is known for one; the subject and the references come
    from the link, so that its mails stand in one thread.

    Raises:
        OperatorError: no recipient, or an address that is not one.
    """
    name = mail_name(report)
    charts = pictures(report)
    return compose(
        envelope,
        name=name,
        thread=thread_of(report.load.link_id),
        subject=subject_of(report.load.link),
        date=report.load.finished_at,
        html=render_html(report, {picture: f"cid:{picture}@{name}" for picture in charts}),
        text=render_text(report),
        pictures={f"{picture}@{name}": data for picture, data in charts.items()},
        attachments=attachments,
    )


def subject_of(link: str) -> str:
    """One subject for all mails of a link: mail programs tell threads by it, and what happened is told inside."""
    return f"Прайс-лист «{quote(link)}»"


def thread_of(link_id: int) -> str:
    """What the mails of a link refer to."""
    return f"catalog-feeds-link-{link_id}"


def compose(
    envelope: Envelope,
    *,
    name: str,
    thread: str,
    subject: str,
    date: datetime | None,
    html: str,
    text: str,
    pictures: Mapping[str, bytes] | None = None,
    attachments: Sequence[Attachment] = (),
) -> EmailMessage:
    """A message of ours.

    Args:
        envelope: from whom to whom.
        name: of the message, unique in this installation.
        thread: what it belongs to.
        subject: plain text.
        date: when what it tells of happened.
        html, text: its two forms.
        pictures: Content-ID -> PNG that the page shows.
        attachments: files that go with it.

    Raises:
        OperatorError: no recipient, or an address that is not one.
    """
    if not envelope.recipients:
        msg = f"no recipient for {name}"
        raise OperatorError(msg)
    origin = _address(envelope.sender)
    message = EmailMessage(policy=_POLICY)
    message["From"] = origin
    message["To"] = [_address(recipient) for recipient in envelope.recipients]
    message["Subject"] = subject
    message["Message-ID"] = f"<{name}@{origin.domain}>"
    message["References"] = f"<{thread}@{origin.domain}>"
    if date is not None:
        message["Date"] = format_datetime(date)
    answers = _address(envelope.replies) if envelope.replies else origin
    if answers != origin:
        message["Reply-To"] = answers
    # The button of mail programs (RFC 2369) writes to the operator who sets what is mailed.
    request = quote_url(f"Отписка: {subject}")
    message["List-Unsubscribe"] = f"<mailto:{quote_url(answers.addr_spec, safe='@')}?subject={request}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = "ru"
    message.set_content(text, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    for content_id, data in (pictures or {}).items():
        page = cast("EmailMessage", message.get_body(("html",)))
        page.add_related(data, "image", "png", cid=f"<{content_id}>", disposition="inline")
    for attachment in attachments:
        kind, _, subtype = attachment.media_type.partition("/")
        message.add_attachment(attachment.data, kind, subtype, filename=attachment.name)
    # "=_" cannot stand in base64, so that no text can hold a boundary; numbered, so that each part has its own.
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{number}_{name}")
    return message


def _address(text: str) -> Address:
    name, spec = parseaddr(text)
    try:
        address = Address(display_name=name, addr_spec=spec)
    except (MessageError, ValueError, IndexError) as error:
        raise _not_an_address(text) from error
    if not (address.username and address.domain and text.isprintable()):
        raise _not_an_address(text)
    return address


def _not_an_address(text: str) -> OperatorError:
    return OperatorError(f"not a mail address: {quote(text)!r}")
