"""A composed mail on its way out: to an SMTP server, or into a folder of `.eml` files (R1)."""

from __future__ import annotations

import email
import logging
import os
import smtplib
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from pipelines.errors import NetworkError, OperatorError
from pipelines.report.wording import quote

_LOG = logging.getLogger(__name__)

# Seconds for every step of the conversation: a server that is silent for longer is taken for dead.
_TIMEOUT = 30

_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True)
class Delivered:
    """Where a mail went, and whom the server asks to try again later; whom it refuses for good is only logged."""

    place: str
    later: tuple[str, ...] = ()


def deliver(data: bytes, recipients: Sequence[str], *, outbox: Path | None, smtp_url: str | None) -> Delivered:
    """Send a mail by SMTP where a server is given, otherwise put it into the outbox.

    In the outbox a mail of the same name is the same file: delivering again makes no second mail.

    Args:
        data: the composed mail.
        recipients: who is to get it now.
        outbox: the folder for `.eml` files; made when it is not there.
        smtp_url: `smtp://`, `smtps://` (TLS from the start) or `smtp+starttls://`, with `user:password@` where the
            server asks for a login; its characters percent-encoded.

    Raises:
        NetworkError: the server cannot be reached, broke off, or asks to try later.
        OperatorError: the server or its address, login or certificate is wrong, or it refuses the mail for good.
    """
    message = email.message_from_bytes(data, policy=default.clone(max_line_length=998))
    if not isinstance(message, EmailMessage):
        msg = "not a mail"
        raise OperatorError(msg)
    if smtp_url is not None:
        return _send(message, recipients, smtp_url)
    if outbox is None:
        msg = "nowhere to deliver mail: set an outbox folder or an SMTP server"
        raise OperatorError(msg)
    return Delivered(str(_put(data, message["Message-ID"], outbox)))


def check_server(smtp_url: str) -> str:
    """Connect, log in and hang up, as for a mail; says which server it was.

    Raises:
        NetworkError, OperatorError: as `deliver` would.
    """
    url, server = _parsed(smtp_url)
    with _explained(server), _connected(url) as smtp:
        smtp.noop()
    return server


def _put(data: bytes, message_id: str, outbox: Path) -> Path:
    outbox.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = outbox / f"{message_id.strip('<>').partition('@')[0]}.eml"
    descriptor, aside = tempfile.mkstemp(dir=outbox, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return target


def _send(message: EmailMessage, recipients: Sequence[str], smtp_url: str) -> Delivered:
    url, server = _parsed(smtp_url)
    with _explained(server), _connected(url) as smtp:
        refused = smtp.send_message(message, to_addrs=recipients)
    # The others have it: only those who were put off may be sent it again.
    later = tuple(address for address, (code, _) in refused.items() if 400 <= code < 500)
    if len(refused) > len(later):
        number = len(refused) - len(later)
        _LOG.warning("mail %s: %s refused %d of its recipients", message["Message-ID"], server, number)
    return Delivered(server, later)


def _parsed(smtp_url: str) -> tuple[SplitResult, str]:
    url = urlsplit(smtp_url)
    if url.scheme not in _PORTS or not url.hostname:
        msg = f"unknown mail server address; its form is one of {', '.join(f'{scheme}://host' for scheme in _PORTS)}"
        raise OperatorError(msg)
    server = f"{url.hostname}:{_port(url)}"
    return url, server


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
        # Who is put off may take it later, whatever is said of the others.
        code, answer = min(error.recipients.values())
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
