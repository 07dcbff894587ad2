"""A real HTTP server whose answers the test writes, and a store to fetch into."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines.objects import ObjectStore, open_store
from pipelines.settings import Settings

Answer = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request at the server; answers write through it. `sent` is its body."""

    protocol_version = "HTTP/1.1"
    server: Server
    sent: bytes

    def do_GET(self) -> None:
        self.close_connection = True
        self.sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.site.requests.append(self)
        answers = self.server.site.answers[self.path.partition("?")[0]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            answer(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.site.hung_up.set()

    do_POST = do_GET  # noqa: N815 - the base class names it so

    def reply(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        """A complete answer; Content-Length is right unless given."""
        self.send_response_only(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """The listening part."""

    daemon_threads = True
    site: Site


@dataclass
class Site:
    """What the supplier's server says, and what it was asked.

    Attributes:
        answers: path -> answers in turn; the last is repeated.
        requests: every request so far.
        hung_up: set when the client closed the connection before the answer was whole.
    """

    url: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[Exchange] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def on(self, path: str, *answers: Answer) -> str:
        """Set the answers for a path; returns its address."""
        self.answers[path] = list(answers)
        return self.url + path

    def gives(self, path: str, body: bytes, **headers: str) -> str:
        """A path that always gives this body; `_` in a header's name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.on(path, lambda exchange: exchange.reply(200, named, body))


def serve(server: Server) -> Iterator[Site]:
    """Run a server in a thread for the time of a test."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A server on loopback."""
    server = Server(("127.0.0.1", 0), Exchange)
    server.site = Site(f"http://127.0.0.1:{server.server_port}")
    yield from serve(server)


@pytest.fixture
def second_site() -> Iterator[Site]:
    """Another server on loopback, which credentials of the first must not reach."""
    server = Server(("127.0.0.1", 0), Exchange)
    server.site = Site(f"http://127.0.0.1:{server.server_port}")
    yield from serve(server)


@pytest.fixture
def secure_site(tmp_path: Path) -> Iterator[Site]:
    """A server with a certificate of its own making, saved as `tmp_path/authority.pem`."""
    import datetime
    import ipaddress
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = tmp_path / "authority.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = tmp_path / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    server = Server(("127.0.0.1", 0), Exchange)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.site = Site(f"https://127.0.0.1:{server.server_port}")
    yield from serve(server)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """An empty folder store."""
    return open_store(Settings(home=str(tmp_path / "home")))
