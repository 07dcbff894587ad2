"""S3 that breaks off or refuses in the middle of the work: what was begun is not seen, what was there stays."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipelines.errors import NetworkError, OperatorError
from pipelines.objects import open_store
from pipelines.settings import Settings

pytestmark = pytest.mark.integration

# Three parts of a multipart upload and a bit.
BIG = 3 * (8 << 20) + 12_345


class Wire(socketserver.ThreadingTCPServer):
    """Passes bytes on to a server, and cuts every connection once so many have gone up in all."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, to: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.to = urlsplit(to)
        self.left: int | None = None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections break here; that is what it is for."""


class _Passing(socketserver.BaseRequestHandler):
    server: Wire

    def handle(self) -> None:
        with socket.create_connection((self.server.to.hostname, self.server.to.port)) as upstream:
            threading.Thread(target=self._down, args=(upstream,), daemon=True).start()
            while data := self.request.recv(1 << 16):
                if self.server.left is not None:
                    self.server.left -= len(data)
                    if self.server.left < 0:
                        return
                upstream.sendall(data)

    def _down(self, upstream: socket.socket) -> None:
        try:
            while data := upstream.recv(1 << 16):
                self.request.sendall(data)
        except OSError:
            return


@pytest.fixture
def wire(s3_settings: Settings) -> Iterator[Wire]:
    with Wire(s3_settings.s3_endpoint_url) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("sent", [10_000, 9 << 20, 20 << 20])
def test_an_upload_that_breaks_off_leaves_what_was_there(
    s3_settings: Settings, wire: Wire, tmp_path: Path, sent: int
) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(BIG))
    through = open_store(replace(s3_settings, s3_endpoint_url=wire.url))
    through.put_bytes("snapshots/a", b"before")
    wire.left = sent
    with pytest.raises(NetworkError, match="did not answer, or broke off"):
        through.put_file("snapshots/a", file)
    direct = open_store(s3_settings)
    assert direct.get_bytes("snapshots/a") == b"before"
    assert list(direct.list()) == ["snapshots/a"]

    wire.left = None
    through.put_file("snapshots/a", file)
    assert direct.get_bytes("snapshots/a") == file.read_bytes()


class _Expired(BaseHTTPRequestHandler):
    """Answers as Amazon does to a session token that has run out."""

    def refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = (
            b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code>"
            b"<Message>The provided token has expired.</Message></Error>"
        )
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST = refuse  # noqa: N815 - the names of the library

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def expired() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Expired)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.get_bytes("a"),
        lambda store: store.put_bytes("a", b"1"),
        lambda store: store.put_bytes_if("a", b"1", None),
        lambda store: list(store.list("a")),
    ],
    ids=["get", "put", "put if", "list"],
)
def test_credentials_that_ran_out_are_the_operators(
    s3_settings: Settings, expired: str, monkeypatch: pytest.MonkeyPatch, act: Callable[..., object]
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-of-a-token")
    store = open_store(replace(s3_settings, s3_endpoint_url=expired))
    with pytest.raises(OperatorError, match="AWS_SESSION_TOKEN has run out") as caught:
        act(store)
    assert "canary" not in str(caught.value)
