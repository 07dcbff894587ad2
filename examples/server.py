"""The suppliers' web server of the demonstration: the example feeds on loopback, with validators and 304.

A folder of numbered files stands for a feed that changes: `zapchasti/1.yml`, `2.yml` … are served as `/zapchasti.yml`,
one after the other by turns; after the last one the feed stays as it is.

    python -m examples.server        serve the examples until Ctrl-C
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import unquote, urlsplit

FEEDS = Path(__file__).parent / "feeds"
HOST = "127.0.0.1"
PORT = 8642
ADDRESS = f"http://{HOST}:{PORT}"

_FEED = re.compile(r"/([a-z0-9_-]+)\.(yml|xml)")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, folder: Path, turn: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.folder = folder
        self.turn = turn

    def feed(self, path: str) -> Path | None:
        """The file that stands behind a URL path, if any."""
        match = _FEED.fullmatch(path)
        if match is None:
            return None
        name, suffix = match.groups()
        versions = len(list((self.folder / name).glob(f"[0-9]*.{suffix}")))
        file = (
            self.folder / name / f"{min(max(self.turn, 1), versions)}.{suffix}"
            if versions
            else self.folder / f"{name}.{suffix}"
        )
        return file if file.is_file() else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        file = self.server.feed(unquote(urlsplit(self.path).path))
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = file.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        modified = formatdate(file.stat().st_mtime, usegmt=True)
        same = self.headers["If-None-Match"] == etag or (
            self.headers["If-None-Match"] is None and self.headers["If-Modified-Since"] == modified
        )
        self.send_response(HTTPStatus.NOT_MODIFIED if same else HTTPStatus.OK)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", modified)
        if not same:
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body and not same:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the loads tell what was fetched."""


@contextmanager
def serve(folder: Path = FEEDS, *, port: int = PORT, turn: int = 1) -> Iterator[str]:
    """Serve the feeds of `folder` while the block runs; yields the address.

    Args:
        folder: where the feeds are.
        port: the port to use; when it is taken, a free one takes its place.
        turn: which version of a changing feed is served, from 1; past the last version the last one is.
    """
    try:
        server = _Server(port, folder, turn)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        server = _Server(0, folder, turn)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="examples", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve the example feeds on loopback.")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--feeds", type=Path, default=FEEDS, help="folder with the feeds")
    parser.add_argument("--turn", type=int, default=1, help="version of the feeds that change")
    options = parser.parse_args()
    with serve(options.feeds, port=options.port, turn=options.turn) as address, contextlib.suppress(KeyboardInterrupt):
        print(f"{options.feeds} at {address}; Ctrl-C stops")
        Event().wait()


if __name__ == "__main__":
    main()
