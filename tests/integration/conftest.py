"""A whole installation in a temporary home: real PostgreSQL, a folder as object store, mail into an outbox."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines import steps
from pipelines.objects import open_store
from pipelines.settings import Settings


@pytest.fixture
def house(catalog, tmp_path):
    """An open installation with an empty catalog."""
    settings = Settings(home=str(tmp_path / "home"), allow_private_hosts="1")
    settings.home_path.mkdir()
    return steps.House(settings, catalog, open_store(settings))


@pytest.fixture
def load(house) -> Callable[..., steps.Outcome]:
    """Load a file or a text for supplier `a`; settings as keywords."""

    def run(source: Path, *, supplier: str = "a", dry_run: bool = False, **settings: Any) -> steps.Outcome:
        return steps.load_source(house, str(source), supplier=supplier, shop="main", settings=settings, dry_run=dry_run)

    return run


@pytest.fixture
def feed(tmp_path) -> Callable[..., Path]:
    """Write a YML feed of the given offers (SKU -> price) and give its path."""

    def write(offers: dict[str, object], *, name: str = "feed.xml", tail: str = "</offers></shop></yml_catalog>"):
        rows = "\n".join(
            f'<offer id="{sku}" available="true"><name>Товар {sku}</name><price>{price}</price><vat>20</vat>'
            f"<vendor>Завод</vendor><description>Описание</description><unitOkei>796</unitOkei></offer>"
            for sku, price in offers.items()
        )
        path = tmp_path / name
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="2026-11-22 05:00"><shop><offers>'
        path.write_text(f"{head}\n{rows}\n{tail}", encoding="utf-8")
        return path

    return write


@pytest.fixture
def catalog_dump(house) -> Callable[[], dict[str, list[tuple]]]:
    """Everything buyers and history hold, without ids and times: equal dumps are equal catalogs."""

    def dump() -> dict[str, list[tuple]]:
        with house.database.connect() as conn:
            columns = [
                row[0]
                for row in conn.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = 'offers'"
                    " AND column_name NOT IN ('load_id', 'first_seen_at', 'changed_at', 'hidden_at') ORDER BY 1"
                )
            ]
            offers = conn.execute(f"SELECT {', '.join(columns)} FROM offers ORDER BY shop_id, supplier_id, sku_key")
            changes = conn.execute(
                "SELECT shop_id, supplier_id, sku_key, kind, fields, before, after FROM changes"
                " ORDER BY shop_id, supplier_id, sku_key, id"
            )
            return {"offers": offers.fetchall(), "changes": changes.fetchall()}

    return dump


class FeedServer:
    """A supplier's server on loopback: ETags, 304, and what it was asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.etag_salt = ""
        self.always_304 = False
        self.requests: list[dict[str, str]] = []
        self.statuses: list[int] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(dict(self.headers))
                body = server.files.get(self.path)
                tag = hashlib.md5((body or b"") + server.etag_salt.encode()).hexdigest()  # noqa: S324 - an ETag
                asked = self.headers.get("If-None-Match")
                if body is None:
                    self.answer(404, b"no such price list")
                elif asked and (asked == f'"{tag}"' or server.always_304):
                    self.answer(304, b"", tag)
                else:
                    self.answer(200, body, tag)

            def answer(self, status: int, body: bytes, tag: str | None = None) -> None:
                server.statuses.append(status)
                self.send_response(status)
                if tag:
                    self.send_header("ETag", f'"{tag}"')
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet: the test looks at `requests`."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, bytes]], FeedServer]]:
    """Start a supplier's server for the files given by path."""
    with ExitStack() as servers:

        def start(files: dict[str, bytes]) -> FeedServer:
            server = FeedServer(files)
            servers.callback(server.close)
            return server

        yield start
