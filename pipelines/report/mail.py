"""The report as a mail, and its way out: a folder of `.eml` files or an SMTP server (R1)."""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from pipelines.errors import NetworkError, OperatorError
from pipelines.report.summary import LoadReport
from pipelines.report.wording import quote

_LOG = logging.getLogger(__name__)

# Seconds for every step of the conversation: a server that is silent for longer is taken for dead.
_TIMEOUT = 30

# Some Pythons lose a space where they fold a long Cyrillic subject; the protocol's own limit needs no folding.
_POLICY = SMTP.clone(max_line_length=998)
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


def compose_mail(report: LoadReport, html: str, text: str, *, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The mail of a load, the same to the byte however often it is composed.

    The Message-ID comes from the load, so that a mail sent twice is known for one; the subject and the references come
    from the link, so that its mails stand in one thread.

    Args:
        report: what the mail is about.
        html, text: its two forms.
        sender: `Name <address>`; the domain of the address names this installation.
        recipients: the supplier's addresses.

    Raises:
        OperatorError: no recipient, or an address that is not one.
    """
    if not recipients:
        msg = f"no recipient for the report of load {report.load.id}"
        raise OperatorError(msg)
    load, origin = report.load, _address(sender)
    message = EmailMessage(policy=_POLICY)
    message["From"] = origin
    message["To"] = [_address(recipient) for recipient in recipients]
    message["Subject"] = f"Прайс-лист «{quote(load.link)}»: {load.status.label.lower()}"
    message["Message-ID"] = f"<{_name(report)}@{origin.domain}>"
    message["References"] = f"<catalog-feeds-link-{load.link_id}@{origin.domain}>"
    if load.finished_at is not None:
        message["Date"] = format_datetime(load.finished_at)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = "ru"
    message.set_content(text, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    # "=_" cannot stand in base64, so that no text can hold the boundary.
    message.set_boundary(f"=_{_name(report)}")
    return message


def deliver(message: EmailMessage, *, outbox: Path | None, smtp_url: str | None) -> str:
    """Send a mail by SMTP where a server is given, otherwise put it into the outbox; says where it went.

    In the outbox a mail of the same load is the same file: delivering again makes no second mail.

    Args:
        message: a composed mail.
        outbox: the folder for `.eml` files; made when it is not there.
        smtp_url: `smtp://`, `smtps://` (TLS from the start) or `smtp+starttls://`, with `user:password@` where the
            server asks for a login; its characters percent-encoded.

    Raises:
        NetworkError: the server cannot be reached, broke off, or asks to try later.
        OperatorError: the server or its address, login or certificate is wrong, or it refuses the mail for good.
    """
    if smtp_url is not None:
        return _send(message, smtp_url)
    if outbox is None:
        msg = "nowhere to deliver mail: set an outbox folder or an SMTP server"
        raise OperatorError(msg)
    return str(_put(message, outbox))


def _name(report: LoadReport) -> str:
    return f"catalog-feeds-load-{report.load.id}"


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


def _put(message: EmailMessage, outbox: Path) -> Path:
    outbox.mkdir(parents=True, exist_ok=True)
    target = outbox / f"{message['Message-ID'].strip('<>').partition('@')[0]}.eml"
    descriptor, aside = tempfile.mkstemp(dir=outbox, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return target


def _send(message: EmailMessage, smtp_url: str) -> str:
    url = urlsplit(smtp_url)
    if url.scheme not in _PORTS or not url.hostname:
        msg = f"unknown mail server address; its form is one of {', '.join(f'{scheme}://host' for scheme in _PORTS)}"
        raise OperatorError(msg)
    server = f"{url.hostname}:{_port(url)}"
    with _explained(server), _connected(url) as smtp:
        refused = smtp.send_message(message)
    if refused:
        # The others have it: sending again would bring them a second copy.
        _LOG.warning("mail %s: %s refused %d of its recipients", message["Message-ID"], server, len(refused))
    return server


def _port(url: SplitResult) -> int:
    try:
        return url.port or _PORTS[url.scheme]
    except ValueError as error:
        msg = "the port in the mail server's address is not a number"
        raise OperatorError(msg) from error


@contextmanager
def _connected(url: SplitResult) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    host, port = url.hostname or "", _port(url)
    smtp = (
        smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=context)
        if url.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=_TIMEOUT)
    )
    try:
        if url.scheme == "smtp+starttls":
            smtp.starttls(context=context)
        if url.username is not None:
            smtp.login(unquote(url.username), unquote(url.password or ""))
        yield smtp
        # The mail is theirs by now: however the server says goodbye, sending again would make a second one.
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    finally:
        smtp.close()


@contextmanager
def _explained(server: str) -> Iterator[None]:
    """Turn what the mail library raises into who must act; the server's answer is quoted, the login never."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, answer = next(iter(error.recipients.values()))
        raise _refusal(server, code, answer) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(server, error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
        msg = f"mail server {server}: {error}"
        raise OperatorError(msg) from error
    except (smtplib.SMTPException, OSError) as error:
        msg = f"mail server {server}: {error}"
        raise NetworkError(msg) from error


def _refusal(server: str, code: int, answer: bytes | str) -> NetworkError | OperatorError:
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    msg = f"mail server {server} answered {code} {quote(words, 200)}"
    return OperatorError(msg) if 500 <= code < 600 else NetworkError(msg)
