"""Mails on their way through a real SMTP server, and into the outbox (R1, R3)."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipelines import report
from pipelines.errors import NetworkError, OperatorError
from pipelines.report import check_server, deliver
from pipelines.report.mail import compose
from tests.smtp_server import Inbox, serving

IVAN = ["ivan@supplier.example"]


def only_ann(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = mechanism in ("LOGIN", "PLAIN") and (data.login, data.password) == (b"ann", b"p@ss:word/")
    return AuthResult(success=good, handled=False)


@pytest.fixture
def message() -> bytes:
    return composed(IVAN)


def composed(recipients: list[str]) -> bytes:
    envelope = report.Envelope("Каталог КИМ <feeds@catalog.example>", recipients)
    facts = {"name": "catalog-feeds-load-4812", "thread": "t", "subject": "Прайс-лист «основной — 12»", "date": None}
    return compose(envelope, html="<p>Загрузка</p>", text="Загрузка №", **facts).as_bytes()


def test_P1_delivered_twice_into_the_outbox_it_is_one_mail(message: bytes, tmp_path: Path) -> None:
    outbox = tmp_path / "var" / "outbox"
    places = {deliver(message, IVAN, outbox=outbox, smtp_url=None).place for _ in range(2)}
    assert places == {str(outbox / "catalog-feeds-load-4812.eml")}
    assert [path.name for path in outbox.iterdir()] == ["catalog-feeds-load-4812.eml"]
    assert (outbox / "catalog-feeds-load-4812.eml").read_bytes() == message


def test_nowhere_to_deliver_is_the_operators(message: bytes) -> None:
    with pytest.raises(OperatorError, match="outbox"):
        deliver(message, IVAN, outbox=None, smtp_url=None)


def test_R1_a_real_server_receives_it() -> None:
    inbox = Inbox()
    to = [*IVAN, "petr@supplier.example"]
    with serving(inbox) as port:
        delivered = deliver(composed(to), to, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")
        assert delivered == report.Delivered(f"127.0.0.1:{port}")
    (envelope,), (received,) = inbox.envelopes, inbox.messages
    assert envelope.mail_from == "feeds@catalog.example"
    assert envelope.rcpt_tos == to
    assert received["Subject"] == "Прайс-лист «основной — 12»"
    assert received["Message-ID"] == "<catalog-feeds-load-4812@catalog.example>"
    text, html = received.iter_parts()
    assert "Загрузка №" in text.get_content()
    assert "<p>Загрузка</p>" in html.get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_the_server_may_ask_for_a_login(message: bytes) -> None:
    inbox = Inbox()
    options: dict[str, Any] = {"authenticator": only_ann, "auth_required": True, "auth_require_tls": False}
    with serving(inbox, **options) as port:
        deliver(message, IVAN, outbox=None, smtp_url=f"smtp://ann:p%40ss%3Aword%2F@127.0.0.1:{port}")
        with pytest.raises(OperatorError, match="535") as refused:
            deliver(message, IVAN, outbox=None, smtp_url=f"smtp://ann:wrong-canary@127.0.0.1:{port}")
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
def test_the_answer_decides_who_must_act(message: bytes, inbox: Inbox, error: type[Exception], answer: str) -> None:
    with serving(inbox) as port, pytest.raises(error, match=answer):
        deliver(message, IVAN, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")
    assert inbox.messages == []


@pytest.mark.parametrize(("answer", "later"), [("550 no such user", ()), ("451 try later", ("gone@supplier.example",))])
def test_one_refused_reader_does_not_take_the_mail_from_the_others(
    caplog: pytest.LogCaptureFixture, answer: str, later: tuple[str, ...]
) -> None:
    inbox = Inbox(recipient=answer)
    to = ["good@supplier.example", "gone@supplier.example"]
    with serving(inbox) as port:
        assert deliver(composed(to), to, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}").later == later
    assert inbox.envelopes[0].rcpt_tos == ["good@supplier.example"]
    assert ("refused 1 of its recipients" in caplog.text) is not bool(later)


def test_only_who_has_not_got_it_is_sent_it_again() -> None:
    inbox = Inbox()
    to = ["ann@supplier.example", "bob@supplier.example"]
    with serving(inbox) as port:
        deliver(composed(to), to[1:], outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")
    assert inbox.envelopes[0].rcpt_tos == to[1:]
    assert inbox.messages[0]["To"] == ", ".join(to)


def test_P1_an_accepted_mail_is_sent_however_the_server_says_goodbye(message: bytes) -> None:
    inbox = Inbox(goodbye="421 shutting down")
    with serving(inbox) as port:
        deliver(message, IVAN, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")
    assert len(inbox.messages) == 1


def test_a_dead_server_is_worth_a_retry(message: bytes) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(NetworkError, match=str(port)):
        deliver(message, IVAN, outbox=None, smtp_url=f"smtp://127.0.0.1:{port}")


def test_a_silent_server_is_given_up(message: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.report.transport._TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NetworkError, match="timed out"):
        deliver(message, IVAN, outbox=None, smtp_url=f"smtp://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize("url", ["localhost:25", "http://localhost", "smtp://", "smtp://host:port", ""])
def test_a_bad_server_address_is_the_operators(message: bytes, url: str) -> None:
    with pytest.raises(OperatorError):
        deliver(message, IVAN, outbox=None, smtp_url=url)


def test_a_server_without_tls_is_not_used_where_tls_is_asked_for(message: bytes) -> None:
    inbox = Inbox()
    with serving(inbox) as port, pytest.raises(OperatorError, match="STARTTLS"):
        deliver(message, IVAN, outbox=None, smtp_url=f"smtp+starttls://127.0.0.1:{port}")
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
    message: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
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
            deliver(message, IVAN, outbox=None, smtp_url=url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        deliver(message, IVAN, outbox=None, smtp_url=url)
    assert len(inbox.messages) == 1


def test_a_server_can_be_tried_without_a_mail() -> None:
    inbox = Inbox()
    with serving(inbox) as port:
        assert check_server(f"smtp://127.0.0.1:{port}") == f"127.0.0.1:{port}"
    assert inbox.messages == []
    with pytest.raises(NetworkError):
        check_server(f"smtp://127.0.0.1:{port}")
