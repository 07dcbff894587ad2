"""An hour in which some suppliers' servers are hostile: `python -m benchmarks.hostile --links 1000`.

Every link has a server of its own, an address of the loopback network. All links are known and up to date; then a share
of the feeds changes. The same hour is lived through three times: when every server is well; when a share of them has
turned hostile since the last hour; and once more, when that is known. Hostile servers are, by turns,

* silent: take the request and never answer;  * dripping: send a byte a second, for ever;
* endless: send without end, as fast as they are read;  * lying: announce more than they send, and hang up;
* circling: redirect to themselves.

Addresses that lead inside are refused before anything is sent, in no time; here all are on loopback, so they are not
among these. `looked at` is when the last link that is well was begun to be looked at, `loaded` when the last changed
file of those was in the catalog and reported, `all` when the last outcome of any was known.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from pipelines import registry, steps
from pipelines.fetch import fetch_url
from pipelines.fetch.limits import FetchLimits
from pipelines.settings import load_settings
from pipelines.steps import House, sources
from pipelines.steps.house import options_of, stored

KINDS = ("silent", "dripping", "endless", "lying", "circling")
OFFERS = 20
_OFFER = (
    '<offer id="A{n}" available="true"><name>Болт М{n} оцинкованный</name><price>{price}</price><vat>22</vat>'
    "<vendor>Завод</vendor><description>Болт с полной резьбой</description><unitOkei>796</unitOkei></offer>"
)


@dataclass(frozen=True)
class Lived:
    """What an hour came to, in seconds since its beginning; `cpu` of this process."""

    looked_at: float
    loaded: float
    all: float
    cpu: float
    statuses: Counter[str]


class Suppliers:
    """All servers at once: one program that listens on every address of the loopback network."""

    def __init__(self) -> None:
        self.price: dict[int, int] = {}
        self.hostile: dict[int, str] = {}
        self.over = Event()

    def body(self, number: int) -> bytes:
        """The feed of a link."""
        offers = "".join(_OFFER.format(n=n, price=self.price.get(number, 100) + n) for n in range(OFFERS))
        return f"<yml_catalog><shop><offers>{offers}</offers></shop></yml_catalog>".encode()

    @contextmanager
    def served(self) -> Iterator[int]:
        """Answer while the block runs; yields the port."""
        suppliers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                number = int(self.path.strip("/").partition(".")[0])
                kind = suppliers.hostile.get(number)
                self.close_connection = True
                if kind:
                    getattr(self, kind)()
                    return
                body = suppliers.body(number)
                tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                known = self.headers["If-None-Match"] == tag
                self.answer(304 if known else 200, {"ETag": tag, "Content-Length": "0" if known else str(len(body))})
                self.wfile.write(b"" if known else body)

            def answer(self, status: int, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def silent(self) -> None:
                suppliers.over.wait()

            def dripping(self) -> None:
                self.answer(200, {"Content-Length": "100000"})
                while not suppliers.over.wait(1):
                    self.wfile.write(b" ")

            def endless(self) -> None:
                self.answer(200, {"Content-Type": "application/xml"})
                self.wfile.write(b"<yml_catalog><shop><offers>")
                while not suppliers.over.is_set():
                    self.wfile.write(b"<offer/>" * 8192)

            def lying(self) -> None:
                self.answer(200, {"Content-Length": "100000"})
                self.wfile.write(b"<yml_catalog><shop><offers>")

            def circling(self) -> None:
                self.answer(302, {"Location": self.path, "Content-Length": "0"})

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                """A connection broke: that is the matter here."""

        server = Server(("0.0.0.0", 0), Handler)  # noqa: S104 - every address of the loopback network, for a benchmark
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            self.over.set()
            server.shutdown()
            server.server_close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table; returns 1 when a link that is well was not loaded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--links", type=int, default=1_000)
    parser.add_argument("--changed", type=float, default=0.05, help="share of links whose feed changes in an hour")
    parser.add_argument("--hostile", type=float, default=0.1, help="share of hostile servers")
    parser.add_argument(
        "--seconds", type=float, default=FetchLimits.total_seconds, help="a fetch may take so long; the rest scales"
    )
    asked = parser.parse_args(arguments)
    os.environ["CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS"] = "1"
    scale = asked.seconds / FetchLimits.total_seconds
    limits = FetchLimits(
        total_seconds=asked.seconds,
        read_seconds=FetchLimits.read_seconds * scale,
        max_wait_seconds=FetchLimits.max_wait_seconds * scale,
    )
    scaled = partial(fetch_url, limits=limits, sleep=lambda seconds: time.sleep(seconds * scale))
    table = Table(title=f"{asked.links} links, a fetch may take {asked.seconds:g} s", title_justify="left")
    for column in ("hour", "looked at", "loaded", "all", "CPU s", "outcomes"):
        table.add_column(column, justify="right")
    well = True
    with patch.object(sources, "fetch_url", scaled):
        for name, lived in measured(asked.links, asked.changed, asked.hostile):
            outcomes = ", ".join(f"{number} {status}" for status, number in sorted(lived.statuses.items()))
            table.add_row(
                name, f"{lived.looked_at:.1f}", f"{lived.loaded:.1f}", f"{lived.all:.1f}", f"{lived.cpu:.1f}", outcomes
            )
            well &= lived.statuses["processed"] == round(asked.links * asked.changed)
    Console(width=110).print(table)
    return 0 if well else 1


def measured(links: int, changed: float, hostile: float) -> Iterator[tuple[str, Lived]]:
    """The three hours, each by its name."""
    suppliers = Suppliers()
    bad = {number: KINDS[n % len(KINDS)] for n, number in enumerate(range(0, links, round(1 / hostile)))}
    good = [number for number in range(links) if number not in bad]
    with tempfile.TemporaryDirectory(prefix="catalog-feeds-bench-") as folder, suppliers.served() as port:
        # PostgreSQL of root runs under another account, which must reach it.
        Path(folder).chmod(0o755)
        os.environ["CATALOG_FEEDS_HOME"] = folder
        with steps.open_house(load_settings()) as house:
            declare(house, suppliers, links, port)
            for hour, name in enumerate(("all are well", "some turn hostile", "they are known")):
                for number in good[: round(links * changed)]:
                    suppliers.price[number] = 101 + hour
                suppliers.hostile = bad if hour else {}
                yield name, live(house, {f"link-{number}" for number in good})


def declare(house: House, suppliers: Suppliers, links: int, port: int) -> None:
    """Declare the links, each on an address of its own, as if all had been loaded as they are now."""
    with house.database.connect() as conn:
        registry.ensure_shop(conn, "main")
        for number in range(links):
            supplier = f"s{number}"
            registry.ensure_supplier(conn, supplier)
            registry.ensure_accreditation(conn, supplier, "main")
            url = f"http://127.0.{1 + number // 250}.{1 + number % 250}:{port}/{number}.yml"
            registry.upsert_link(conn, code=f"link-{number}", supplier=supplier, shop="main", url=url)
        options = registry.options_hash(stored(options_of(conn, registry.find_link(conn, "link-0"))))
        sha256 = hashlib.sha256(suppliers.body(0)).hexdigest()
        conn.execute(
            "UPDATE links SET fetched_sha256 = %s, processed_sha256 = %s, processed_options = %s, etag = %s,"
            " full_fetch_at = now(), checked_at = now(), changed_at = now()",
            [sha256, sha256, options, f'"{sha256[:16]}"'],
        )


def live(house: House, good: set[str]) -> Lived:
    """An hour as `steps.run_cycle` goes through it, with its times."""
    began, at, cpu = time.monotonic(), datetime.now(UTC), time.process_time()
    statuses: Counter[str] = Counter()
    loaded = 0.0
    for looked in steps.poll_due(house):
        outcome = looked
        if looked.load_id is not None and looked.status == "queued":
            outcome = steps.process(house, looked.load_id)
            loaded = time.monotonic() - began
        statuses[outcome.status] += 1
    ended = time.monotonic() - began
    with house.database.connect() as conn:
        row = conn.execute("SELECT max(checked_at) FROM links WHERE code = ANY (%s)", [sorted(good)]).fetchone()
    last = row[0] if row else at
    return Lived((last - at).total_seconds(), loaded, ended, time.process_time() - cpu, statuses)


if __name__ == "__main__":
    raise SystemExit(main())
