"""The mail of a load, and its way through a real SMTP server (R1, R3)."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipelines.errors import NetworkError, OperatorError
from pipelines.model import LoadFacts, LoadStatus
from pipelines.report import LoadReport, build, compose_mail, deliver, render_html, render_text

SENDER = "Каталог КИМ <feeds@catalog.example>"


class Inbox:
    """A mail server's side: what it was sent, and how it answers."""

    def __init__(self, *, recipient: str = "250 OK", data: str = "250 OK", goodbye: str = "221 Bye") -> None:
        self.envelopes: list[Envelope] = []
        self._recipient, self._data, self._goodbye = recipient, data, goodbye

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self._recipient.startswith("250") or address.startswith("good"):
            envelope.rcpt_tos.append(address)
            return "250 OK"
        return self._recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self._data.startswith("250"):
            self.envelopes.append(envelope)
        return self._data

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        return self._goodbye

    @property
    def messages(self) -> list[EmailMessage]:
        parsed = [email.message_from_bytes(e.original_content or b"", policy=default) for e in self.envelopes]
        return [message for message in parsed if isinstance(message, EmailMessage)]


class FreePort(Controller):
    """Listens on the port that the system gave."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serving(inbox: Inbox, **options: Any) -> Iterator[int]:
    """A real SMTP server on a free port of the loopback."""
    controller = FreePort(inbox, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def only_ann(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = mechanism in ("LOGIN", "PLAIN") and (data.login, data.password) == (b"ann", b"p@ss:word/")
    return AuthResult(success=good, handled=False)


@pytest.fixture
def report(make_load: Callable[..., LoadFacts], write_issues: Any) -> LoadReport:
    return build(make_load(), write_issues([]), None, {}, None)


@pytest.fixture
def compose() -> Callable[..., EmailMessage]:
    def mail(report: LoadReport, *, recipients: tuple[str, ...] = ("ivan@supplier.example",)) -> EmailMessage:
        return compose_mail(report, render_html(report), render_text(report), sender=SENDER, recipients=recipients)

    return mail


@pytest.fixture
def message(report: LoadReport, compose: Callable[..., EmailMessage]) -> EmailMessage:
    return compose(report)


def test_R1_the_mail_says_the_same_twice_as_text_and_html(report: LoadReport, message: EmailMessage) -> None:
    parsed = email.message_from_bytes(message.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.get_content_type() == "multipart/alternative"
    text, html = parsed.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert html.get_content_type() == "text/html"
    assert text.get_content().splitlines() == render_text(report).splitlines()
    assert html.get_content().splitlines() == render_html(report).splitlines()
    assert parsed["From"] == "Каталог КИМ <feeds@catalog.example>"
    assert parsed["To"] == "ivan@supplier.example"
    assert parsed["Subject"] == "Прайс-лист «основной прайс»: обработан"
    assert parsed["Date"].datetime == datetime(2026, 11, 22, 4, 15, 3, tzinfo=UTC)
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert not parsed.defects


def test_R1_the_message_id_is_stable_and_of_this_installation(
    report: LoadReport, message: EmailMessage, compose: Callable[..., EmailMessage]
) -> None:
    assert message["Message-ID"] == "<catalog-feeds-load-4812@catalog.example>"
    assert message["References"] == "<catalog-feeds-link-7@catalog.example>"
    assert compose(report).as_bytes() == message.as_bytes()


@pytest.mark.parametrize("status", [LoadStatus.PROCESSED, LoadStatus.HELD, LoadStatus.REJECTED])
def test_the_subject_is_stable_but_for_the_status(
    make_load: Callable[..., LoadFacts], write_issues: Any, compose: Callable[..., EmailMessage], status: LoadStatus
) -> None:
    held = {"would_hide": 60, "visible": 100}
    first, second = (
        compose(build(make_load(id=n, status=status, held=held), write_issues([]), None, {}, None)) for n in (1, 2)
    )
    assert first["Subject"] == second["Subject"] == f"Прайс-лист «основной прайс»: {status.label.lower()}"


@pytest.mark.parametrize(
    "link", ["a\r\nBcc: victim@example.org", "a\nb", "\u202egpj", "\x00", "я" * 500, "=?utf-8?q?x?="]
)
def test_a_link_cannot_write_headers(
    make_load: Callable[..., LoadFacts], write_issues: Any, compose: Callable[..., EmailMessage], link: str
) -> None:
    mail = compose(build(make_load(link=link), write_issues([]), None, {}, None))
    parsed = email.message_from_bytes(mail.as_bytes(), policy=default)
    assert parsed["Bcc"] is None
    assert parsed.keys() == mail.keys()
    assert len(str(parsed["Subject"])) < 120
    assert str(parsed["Subject"]) == mail["Subject"]
    assert not set("\r\n\x00\u202e") & set(str(parsed["Subject"]))


@pytest.mark.parametrize("bad", ["", "nobody", "a@", "@b", "a@b\r\nBcc: c@d", "a b@c d"])
def test_a_bad_address_is_the_operators(report: LoadReport, compose: Callable[..., EmailMessage], bad: str) -> None:
    with pytest.raises(OperatorError, match="address"):
        compose(report, recipients=(bad,))


def test_a_mail_to_nobody_is_the_operators(report: LoadReport, compose: Callable[..., EmailMessage]) -> None:
    with pytest.raises(OperatorError, match="no recipient"):
        compose(report, recipients=())


def test_P1_delivered_twice_into_the_outbox_it_is_one_mail(message: EmailMessage, tmp_path: Path) -> None:
    outbox = tmp_path / "var" / "outbox"
    places = {deliver(message, outbox=outbox, smtp_url=None) for _ in range(2)}
    assert places == {str(outbox / "catalog-feeds-load-4812.eml")}
    assert [path.name for path in outbox.iterdir()] == ["catalog-feeds-load-4812.eml"]
    assert (outbox / "catalog-feeds-load-4812.eml").read_bytes() == message.as_bytes()


def test_nowhere_to_deliver_is_the_operators(message: EmailMessage) -> None:
    with pytest.raises(OperatorError, match="outbox"):
        deliver(message, outbox=None, smtp_url=None)


def test_R1_a_real_server_receives_it(report: LoadReport, compose: Callable[..., EmailMessage]) -> None:
    inbox = Inbox()
    message = compose(report, recipients=("ivan@supplier.example", "Пётр <petr@supplier.example>"))
    with serving(inbox) as port:
        assert deliver(message, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}") == f"127.0.0.1:{port}"
    (envelope,), (received,) = inbox.envelopes, inbox.messages
    assert envelope.mail_from == "feeds@catalog.example"
    assert envelope.rcpt_tos == ["ivan@supplier.example", "petr@supplier.example"]
    assert received["Subject"] == "Прайс-лист «основной прайс»: обработан"
    text, html = received.iter_parts()
    assert "Загрузка №" in text.get_content()
    assert "Прайс-лист «основной прайс»" in html.get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_the_server_may_ask_for_a_login(message: EmailMessage) -> None:
    inbox = Inbox()
    options: dict[str, Any] = {"authenticator": only_ann, "auth_required": True, "auth_require_tls": False}
    with serving(inbox, **options) as port:
        deliver(message, outbox=None, smtp_url=f"smtp://ann:p%40ss%3Aword%2F@127.0.0.1:{port}")
        with pytest.raises(OperatorError, match="535") as refused:
            deliver(message, outbox=None, smtp_url=f"smtp://ann:wrong-canary@127.0.0.1:{port}")
    assert len(inbox.messages) == 1
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("inbox", "error", "answer"),
    [
        (Inbox(recipient="550 no such user"), OperatorError, "550 no such user"),
        (Inbox(recipient="451 try later"), NetworkError, "451 try later"),
        (Inbox(data="554 spam"), OperatorError, "554 spam"),
        (Inbox(data="452 full"), NetworkError, "452 full"),
    ],
)
def test_the_answer_decides_who_must_act(
    message: EmailMessage, inbox: Inbox, error: type[Exception], answer: str
) -> None:
    with serving(inbox) as port, pytest.raises(error, match=answer):
        deliver(message, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")
    assert inbox.messages == []


def test_one_refused_recipient_does_not_take_the_mail_from_the_others(
    report: LoadReport, compose: Callable[..., EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox(recipient="550 no such user")
    message = compose(report, recipients=("good@supplier.example", "gone@supplier.example"))
    with serving(inbox) as port:
        deliver(message, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")
    assert inbox.envelopes[0].rcpt_tos == ["good@supplier.example"]
    assert "refused 1 of its recipients" in caplog.text


def test_P1_an_accepted_mail_is_sent_however_the_server_says_goodbye(message: EmailMessage) -> None:
    inbox = Inbox(goodbye="421 shutting down")
    with serving(inbox) as port:
        deliver(message, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")
    assert len(inbox.messages) == 1


def test_a_dead_server_is_worth_a_retry(message: EmailMessage) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(NetworkError, match=str(port)):
        deliver(message, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")


def test_a_silent_server_is_given_up(message: EmailMessage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.report.mail._TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NetworkError, match="timed out"):
        deliver(message, outbox=None, smtp_url=f"smtp://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize("url", ["localhost:25", "http://localhost", "smtp://", "smtp://host:port", ""])
def test_a_bad_server_address_is_the_operators(message: EmailMessage, url: str) -> None:
    with pytest.raises(OperatorError):
        deliver(message, outbox=None, smtp_url=url)


def test_a_server_without_tls_is_not_used_where_tls_is_asked_for(message: EmailMessage) -> None:
    inbox = Inbox()
    with serving(inbox) as port, pytest.raises(OperatorError, match="STARTTLS"):
        deliver(message, outbox=None, smtp_url=f"smtp+starttls://127.0.0.1:{port}")
    assert inbox.messages == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody signed, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_tls_is_used_and_the_certificate_checked(
    message: EmailMessage, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    inbox = Inbox()
    options: dict[str, Any] = (
        {"ssl_context": context} if scheme == "smtps" else {"tls_context": context, "require_starttls": True}
    )
    with serving(inbox, **options) as port:
        url = f"{scheme}://localhost:{port}"
        with pytest.raises(OperatorError, match="certificate"):
            deliver(message, outbox=None, smtp_url=url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        deliver(message, outbox=None, smtp_url=url)
    assert len(inbox.messages) == 1
