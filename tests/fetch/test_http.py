"""Links over HTTP, against a real server that plays every part."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from pipelines.errors import NetworkError, OperatorError, SupplierError
from pipelines.fetch import Fetched, FetchLimits, NotModified, TransferError, Validators, fetch_url, raw_key
from pipelines.fetch.access import same_owner
from pipelines.fetch.http import redirected, retry_after
from pipelines.fetch.transport import trusted
from pipelines.objects import ObjectStore

FEED = b"<?xml version='1.0'?><yml_catalog><shop/></yml_catalog>"
SMALL = FetchLimits(max_bytes=100_000, wrapping_bytes=1_000)


class Site(Protocol):
    """The server of conftest.py."""

    url: str
    requests: list[Any]
    hung_up: Any

    def on(self, path: str, *answers: Any) -> str: ...
    def gives(self, path: str, body: bytes, **headers: str) -> str: ...


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def fetch(url: str, store: ObjectStore, **how: Any) -> Fetched | NotModified:
    """A fetch that may go to loopback and never really waits."""
    return fetch_url(url, store=store, **({"allow_private": True, "sleep": lambda _: None} | how))


def fetched(url: str, store: ObjectStore, **how: Any) -> Fetched:
    answer = fetch(url, store, **how)
    assert isinstance(answer, Fetched)
    return answer


def refused(url: str, store: ObjectStore, **how: Any) -> SupplierError:
    """The error of a fetch that is the supplier's fault; nothing may be archived."""
    with pytest.raises(SupplierError) as caught:
        fetch(url, store, **how)
    assert list(store.list()) == []
    return caught.value


# --- F4: the archive --------------------------------------------------------------------------------------------------


def test_F4_body_is_archived_under_its_sha256(site: Site, store: ObjectStore) -> None:
    answer = fetched(site.gives("/feed.xml", FEED), store)
    assert answer.sha256 == sha256(FEED)
    assert answer.bytes == len(FEED)
    assert answer.unpacked_from is None
    assert answer.seconds >= 0
    assert store.get_bytes(raw_key(answer.sha256)) == FEED
    assert list(store.list()) == [f"raw/{sha256(FEED)}"]


def test_F4_the_same_body_is_written_once(site: Site, store: ObjectStore) -> None:
    url = site.gives("/feed.xml", FEED)
    first = fetched(url, store)
    written = Path(store.url(raw_key(first.sha256))).stat().st_mtime_ns
    second = fetched(url, store)
    assert second.sha256 == first.sha256
    assert Path(store.url(raw_key(first.sha256))).stat().st_mtime_ns == written


def test_F1_content_type_and_extension_do_not_matter(site: Site, store: ObjectStore) -> None:
    url = site.gives("/price.php", FEED, Content_Type="text/html; charset=koi8-r")
    assert fetched(url, store).sha256 == sha256(FEED)


def test_F4_html_is_archived_too_and_left_to_the_parser(site: Site, store: ObjectStore) -> None:
    page = b"<!doctype html><html></html>"
    assert fetched(site.gives("/", page), store).sha256 == sha256(page)


# --- F2: has it changed? ----------------------------------------------------------------------------------------------


def test_F2_no_validators_ask_for_everything(site: Site, store: ObjectStore) -> None:
    fetched(site.gives("/", FEED, ETag='"1"'), store)
    headers = site.requests[0].headers
    assert "If-None-Match" not in headers
    assert "If-Modified-Since" not in headers


def test_F2_validators_are_sent_back_as_they_came(site: Site, store: ObjectStore) -> None:
    date = "Sun, 22 Nov 2026 10:00:00 GMT"
    url = site.on(
        "/",
        lambda exchange: exchange.reply(200, {"ETag": 'W/"1-gzip"', "Last-Modified": date}, FEED),
        lambda exchange: exchange.reply(304),
    )
    first = fetched(url, store)
    assert first.validators == Validators('W/"1-gzip"', date)
    assert fetch(url, store, validators=first.validators) == NotModified(first.validators, pytest.approx(0, abs=5))
    assert site.requests[1].headers["If-None-Match"] == 'W/"1-gzip"'
    assert site.requests[1].headers["If-Modified-Since"] == date


def test_F2_a_304_may_bring_newer_validators(site: Site, store: ObjectStore) -> None:
    url = site.on("/", lambda exchange: exchange.reply(304, {"ETag": '"2"'}))
    answer = fetch(url, store, validators=Validators('"1"', "yesterday"))
    assert answer.validators == Validators('"2"', "yesterday")


def test_F2_the_newest_validators_come_with_the_same_body(site: Site, store: ObjectStore) -> None:
    first = fetched(site.gives("/", FEED, ETag='"1"'), store)
    second = fetched(site.gives("/", FEED, ETag='"2"'), store, validators=first.validators)
    assert second.sha256 == first.sha256
    assert second.validators == Validators('"2"', None)


def test_F2_validators_that_are_gone_are_forgotten(site: Site, store: ObjectStore) -> None:
    assert fetched(site.gives("/", FEED), store, validators=Validators('"1"')).validators == Validators()


@pytest.mark.parametrize("odd", ["ж".encode().decode("latin-1"), "x" * 501, ""])
def test_F2_an_odd_validator_is_as_good_as_none(site: Site, store: ObjectStore, odd: str) -> None:
    answer = fetched(site.gives("/", FEED, ETag=odd), store)
    assert answer.validators == Validators()


def test_F2_a_validator_of_500_characters_is_kept(site: Site, store: ObjectStore) -> None:
    assert fetched(site.gives("/", FEED, ETag="x" * 500), store).validators.etag == "x" * 500


def test_F2_a_304_nobody_asked_for_is_the_servers_fault(site: Site, store: ObjectStore) -> None:
    error = refused(site.on("/", lambda exchange: exchange.reply(304)), store)
    assert (error.code, error.detail) == ("link_unreachable", "HTTP 304 Not Modified")


# --- F3: sizes --------------------------------------------------------------------------------------------------------


def streamed(exchange: Any, *blocks: bytes, times: int = 1, coding: str = "identity") -> None:
    """A body whose length no header tells; it ends with the connection."""
    exchange.send_response_only(200)
    exchange.send_header("Content-Encoding", coding)
    exchange.end_headers()
    for block in blocks * times:
        exchange.wfile.write(block)


def chunked(exchange: Any, *chunks: bytes, whole: bool = True, coding: str = "identity") -> None:
    """A body in chunks; without the last, empty one if it is not to be whole."""
    exchange.send_response_only(200)
    exchange.send_header("Content-Encoding", coding)
    exchange.send_header("Transfer-Encoding", "chunked")
    exchange.end_headers()
    for chunk in chunks:
        exchange.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    if whole:
        exchange.wfile.write(b"0\r\n\r\n")


def test_F3_the_limit_is_300_MB_of_ten_to_the_sixth() -> None:
    assert FetchLimits().max_bytes == 300_000_000


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
def test_F3_the_limit_itself_passes_and_one_past_it_does_not(
    site: Site, store: ObjectStore, coding: str, framing: str
) -> None:
    body = os.urandom(SMALL.max_bytes)

    def address(content: bytes) -> str:
        sent = gzip.compress(content) if coding == "gzip" else content
        if framing == "length":
            return site.gives("/", sent, Content_Encoding=coding)
        answer = partial(chunked if framing == "chunked" else streamed, coding=coding)
        return site.on("/", lambda exchange: answer(exchange, sent[:777], sent[777:]))

    assert refused(address(body + b"x"), store, limits=SMALL).code == "file_too_large"
    answer = fetched(address(body), store, limits=SMALL)
    assert (answer.bytes, answer.sha256) == (SMALL.max_bytes, sha256(body))


def test_F3_an_endless_body_is_cut_off(site: Site, store: ObjectStore) -> None:
    url = site.on("/", lambda exchange: streamed(exchange, b"x" * 10_000, times=10_000))
    assert refused(url, store, limits=SMALL).code == "file_too_large"
    assert site.hung_up.wait(10), "the transfer went on"
    assert len(site.requests) == 1


def test_F3_gzip_transfer_is_asked_for_and_decoded(site: Site, store: ObjectStore) -> None:
    answer = fetched(site.gives("/", gzip.compress(FEED), Content_Encoding="gzip"), store)
    assert site.requests[0].headers["Accept-Encoding"] == "gzip"
    assert (answer.sha256, answer.unpacked_from) == (sha256(FEED), None)


def test_F3_a_gzip_file_in_a_gzip_transfer_is_no_nesting(site: Site, store: ObjectStore) -> None:
    url = site.gives("/feed.xml.gz", gzip.compress(gzip.compress(FEED)), Content_Encoding="gzip")
    answer = fetched(url, store)
    assert (answer.sha256, answer.unpacked_from) == (sha256(FEED), "gzip")


@pytest.mark.parametrize("name", ["feed.xml.gz", "feed.xml"])
def test_F3_a_gzip_file_is_unwrapped_by_content(site: Site, store: ObjectStore, name: str) -> None:
    answer = fetched(site.gives(f"/{name}", gzip.compress(FEED)), store)
    assert (answer.sha256, answer.bytes, answer.unpacked_from) == (sha256(FEED), len(FEED), "gzip")


def test_F3_a_zip_file_is_unwrapped(site: Site, store: ObjectStore) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("price.xml", FEED)
    answer = fetched(site.gives("/price.zip", package.getvalue()), store)
    assert (answer.sha256, answer.unpacked_from) == (sha256(FEED), "zip")


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_F3_a_bomb_is_stopped_by_its_ratio(site: Site, store: ObjectStore, coding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert refused(site.gives("/", bomb, Content_Encoding=coding), store).code == "archive_invalid"


def test_F5_an_empty_body_is_refused(site: Site, store: ObjectStore) -> None:
    assert refused(site.gives("/", b""), store).code == "file_empty"
    assert refused(site.gives("/", b"", Content_Encoding="gzip"), store).code == "file_empty"
    assert refused(site.gives("/", gzip.compress(b"")), store).code == "file_empty"


def test_a_false_content_encoding_is_refused_at_once(site: Site, store: ObjectStore) -> None:
    assert refused(site.gives("/", FEED, Content_Encoding="gzip"), store).code == "link_unreachable"
    assert "br" in (refused(site.gives("/", FEED, Content_Encoding="br"), store).detail or "")
    assert len(site.requests) == 2


def test_F3_memory_does_not_grow_with_the_body(site: Site, tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from pipelines.fetch import fetch_url\n"
        "from pipelines.objects import open_store\n"
        "from pipelines.settings import Settings\n"
        "answer = fetch_url(sys.argv[1], store=open_store(Settings(home=sys.argv[2])), allow_private=True)\n"
        "print(answer.bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)\n"
    )
    block = os.urandom(100_000)

    def peak(megabytes: int) -> int:
        url = site.on("/", lambda exchange: streamed(exchange, block, times=megabytes * 10))
        command = [sys.executable, "-c", script, url, str(tmp_path / "home")]
        run = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True)
        size, peak_bytes = map(int, run.stdout.split())
        assert size == megabytes * 10**6
        return peak_bytes

    assert peak(60) < peak(6) + 8 * 10**6


# --- transfers that break ---------------------------------------------------------------------------------------------


def lost(url: str, store: ObjectStore, **how: Any) -> TransferError:
    """The error of a fetch that broke off; nothing may be archived."""
    with pytest.raises(TransferError) as caught:
        fetch(url, store, **how)
    assert list(store.list()) == []
    return caught.value


def test_F4_a_body_shorter_than_promised_is_never_archived(site: Site, store: ObjectStore) -> None:
    url = site.gives("/", FEED[:20], Content_Length=str(len(FEED)))
    assert "received 20 bytes" in str(lost(url, store))
    assert len(site.requests) == FetchLimits().attempts


def test_F4_a_chunked_body_without_its_end_is_never_archived(site: Site, store: ObjectStore) -> None:
    lost(site.on("/", lambda exchange: chunked(exchange, whole=False)), store)
    lost(site.on("/", lambda exchange: chunked(exchange, FEED, whole=False)), store)
    assert len(site.requests) == 2 * FetchLimits().attempts


def test_F4_a_gzip_transfer_without_its_end_is_never_archived(site: Site, store: ObjectStore) -> None:
    lost(site.gives("/", gzip.compress(FEED)[:-9], Content_Encoding="gzip"), store)
    assert len(site.requests) == FetchLimits().attempts


def test_a_broken_transfer_is_tried_again(site: Site, store: ObjectStore) -> None:
    url = site.on(
        "/",
        lambda exchange: exchange.reply(200, {"Content-Length": "1000"}, FEED),
        lambda exchange: chunked(exchange, FEED[:10], whole=False),
        lambda exchange: chunked(exchange, FEED[:10], FEED[10:]),
    )
    assert fetched(url, store).sha256 == sha256(FEED)


def test_an_answer_that_is_not_http_is_a_transfer_error(site: Site, store: ObjectStore) -> None:
    lost(site.on("/", lambda exchange: exchange.wfile.write(b"SSH-2.0-x\r\n\r\n")), store)


def test_a_server_that_is_away_is_a_network_error(store: ObjectStore) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        error = lost(f"http://127.0.0.1:{held.getsockname()[1]}/", store)
    assert isinstance(error, NetworkError)
    assert "нет соединения" in str(error)


def test_a_name_that_does_not_resolve_is_a_network_error(store: ObjectStore) -> None:
    assert "DNS" in str(lost("http://no-such-host.invalid/", store))


def test_silence_is_a_transfer_error(site: Site, store: ObjectStore) -> None:
    url = site.on("/", lambda exchange: exchange.connection.recv(1))  # says nothing until we hang up
    assert "молчит" in str(lost(url, store, limits=FetchLimits(read_seconds=0.2, attempts=2)))
    assert len(site.requests) == 2


def drip(exchange: Any, before: bytes, pause: float = 0.02) -> None:
    """Something every now and then, for ever: no single silence is long enough to notice."""
    exchange.wfile.write(before)
    while True:
        exchange.wfile.write(b"x")
        time.sleep(pause)


@pytest.mark.parametrize(
    "answer",
    [
        partial(drip, before=b"HTTP/1.1 200 OK\r\n\r\n"),
        partial(drip, before=b"HTTP/1.1 200 OK\r\n\r\n", pause=0),
        partial(drip, before=b"HTTP/1.1 200 OK\r\nX-Slow: "),
        lambda exchange: exchange.connection.recv(1),
    ],
    ids=["slow body", "steady body", "slow header", "silence"],
)
def test_everything_ends_at_the_deadline(site: Site, store: ObjectStore, answer: Any) -> None:
    started = time.monotonic()
    error = lost(site.on("/", answer), store, limits=FetchLimits(total_seconds=0.5))
    assert 0.4 < time.monotonic() - started < 5
    assert "не передан целиком за 0.5 с" in str(error)
    assert len(site.requests) == 1


def test_a_body_that_drips_is_given_up_and_not_tried_again(site: Site, store: ObjectStore) -> None:
    limits = FetchLimits(slow_seconds=0.3, slow_bytes=10_000)
    error = refused(site.on("/", partial(drip, before=b"HTTP/1.1 200 OK\r\n\r\n")), store, limits=limits)
    assert "передано только" in (error.detail or "")
    assert len(site.requests) == 1


def test_the_pace_is_that_of_each_minute_not_of_the_whole() -> None:
    moments = iter([0.0, 10.0, 60.0, 60.0, 100.0, 119.9, 180.0])
    limits = FetchLimits()
    chunks = [b"x" * 50_000, b"x" * 10_000, b"x" * 1_000_000, b"x", b"x" * 70_000]
    assert list(limits.paced(chunks[:3], lambda: next(moments))) == chunks[:3]
    moments = iter([0.0, 60.0, 60.0, 120.0])
    paced = limits.paced([b"x" * 60_000, b"x" * 59_999], lambda: next(moments))
    assert next(paced) == b"x" * 60_000
    with pytest.raises(SupplierError, match="передано только 59999 байт"):
        next(paced)


@pytest.mark.parametrize(
    "headers",
    [
        [b"X-Long: " + b"x" * 200_000],
        [b"X-%d: y" % number for number in range(20_000)],
        [b"Content-Length: 5", b"Content-Length: 6"],
        [b"Content-Length: -1"],
        [b"Content-Length: 1e3"],
        [b"Content-Length: 99999999999999999999999999"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b" folded: before any"],
        [b"Bad Name: x"],
        [b"X: \x00"],
    ],
    ids=lambda headers: headers[0][:30].decode(),
)
def test_headers_that_are_too_many_or_lie_lead_to_nothing(site: Site, store: ObjectStore, headers: list[bytes]) -> None:
    def answer(exchange: Any) -> None:
        exchange.wfile.write(b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", FEED]))

    lost(site.on("/", answer), store, limits=FetchLimits(attempts=1))


def test_an_endless_chunk_header_leads_to_nothing(site: Site, store: ObjectStore) -> None:
    def answer(exchange: Any) -> None:
        exchange.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=")
        for _ in range(1_000):
            exchange.wfile.write(b"y" * 10_000)

    lost(site.on("/", answer), store, limits=FetchLimits(attempts=1))


def test_answers_before_the_answer_end_at_the_deadline(site: Site, store: ObjectStore) -> None:
    def answer(exchange: Any) -> None:
        while True:
            exchange.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    lost(site.on("/", answer), store, limits=FetchLimits(total_seconds=0.5))


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "identity, gzip"])
def test_a_compression_nobody_asked_for_is_refused(site: Site, store: ObjectStore, coding: str) -> None:
    assert "Content-Encoding" in (refused(site.gives("/", FEED, Content_Encoding=coding), store).detail or "")


def test_every_attempt_has_its_own_connection(site: Site, store: ObjectStore) -> None:
    def answer(exchange: Any) -> None:
        exchange.close_connection = False
        exchange.reply(200, {"Content-Encoding": "gzip"}, gzip.compress(FEED)[:-9])

    lost(site.on("/", answer), store)
    assert len({exchange.client_address for exchange in site.requests}) == FetchLimits().attempts


# --- answers other than 200 -------------------------------------------------------------------------------------------


def test_a_broken_server_is_tried_again(site: Site, store: ObjectStore) -> None:
    pauses: list[float] = []
    url = site.on(
        "/",
        lambda exchange: exchange.reply(500),
        lambda exchange: exchange.reply(503),
        lambda exchange: exchange.reply(200, {}, FEED),
    )
    assert fetched(url, store, sleep=pauses.append).sha256 == sha256(FEED)
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 3


def test_a_server_that_stays_broken_is_unreachable(site: Site, store: ObjectStore) -> None:
    error = refused(site.on("/", lambda exchange: exchange.reply(502)), store)
    assert (error.code, error.detail) == ("link_unreachable", "HTTP 502 Bad Gateway")
    assert len(site.requests) == FetchLimits().attempts


@pytest.mark.parametrize(
    ("status", "detail"),
    [(404, "HTTP 404 Not Found"), (401, "HTTP 401 Unauthorized"), (204, "HTTP 204 No Content"), (444, "HTTP 444")],
)
def test_a_refusal_is_final(site: Site, store: ObjectStore, status: int, detail: str) -> None:
    error = refused(site.on("/", lambda exchange: exchange.reply(status)), store)
    assert (error.code, error.detail) == ("link_unreachable", detail)
    assert len(site.requests) == 1


def test_part_of_a_file_nobody_asked_for_is_refused(site: Site, store: ObjectStore) -> None:
    url = site.on("/", lambda exchange: exchange.reply(206, {"Content-Range": "bytes 0-9/50"}, FEED[:10]))
    assert refused(url, store).detail == "HTTP 206 Partial Content"


@pytest.mark.parametrize("status", [429, 503, 408])
def test_retry_after_is_respected(site: Site, store: ObjectStore, status: int) -> None:
    pauses: list[float] = []
    url = site.on(
        "/",
        lambda exchange: exchange.reply(status, {"Retry-After": "60"}),
        lambda exchange: exchange.reply(200, {}, FEED),
    )
    fetched(url, store, sleep=pauses.append)
    assert pauses == [60]


def test_a_server_that_asks_for_more_than_we_wait_is_left_alone(site: Site, store: ObjectStore) -> None:
    url = site.on("/", lambda exchange: exchange.reply(429, {"Retry-After": "61"}))
    assert refused(url, store, sleep=pytest.fail).detail == "HTTP 429 Too Many Requests"
    assert len(site.requests) == 1


def test_no_pause_outlives_the_deadline(site: Site, store: ObjectStore) -> None:
    url = site.on("/", lambda exchange: exchange.reply(503, {"Retry-After": "30"}))
    refused(url, store, sleep=pytest.fail, limits=FetchLimits(total_seconds=20))
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sun, 22 Nov 2026 10:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0),
        *((odd, None) for odd in (None, "", "soon", "-5", "1.5", "²", "Sun, 99 Nov 2026 10:00:00 GMT")),
    ],
)
def test_both_forms_of_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 11, 22, 10, tzinfo=UTC)) == seconds


# --- redirects --------------------------------------------------------------------------------------------------------


def to(location: str, status: int = 302) -> Any:
    return lambda exchange: exchange.reply(status, {"Location": location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(site: Site, store: ObjectStore, status: int) -> None:
    site.gives("/there/feed.xml", FEED, ETag='"1"')
    answer = fetched(site.on("/here", to("there/feed.xml", status)), store)
    assert (answer.sha256, answer.validators.etag) == (sha256(FEED), '"1"')


def test_five_redirects_are_followed_and_six_are_not(site: Site, store: ObjectStore) -> None:
    for number in range(6):
        site.on(f"/{number}", to(f"/{number + 1}"))
    site.gives("/6", FEED)
    assert refused(f"{site.url}/0", store).code == "link_unreachable"
    assert fetched(f"{site.url}/1", store).sha256 == sha256(FEED)


def test_a_loop_of_redirects_ends(site: Site, store: ObjectStore) -> None:
    assert "переадресаций" in (refused(site.on("/", to("/")), store).detail or "")
    assert len(site.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "gopher://x",
        "http://",
        "https://a:b@example.com/",
    ],
)
def test_bad_redirects_are_refused(site: Site, store: ObjectStore, location: str) -> None:
    assert refused(site.on("/", to(location)), store).code == "link_unreachable"


def test_https_is_not_left_for_http() -> None:
    with pytest.raises(SupplierError, match="неверный адрес"):
        redirected(httpx.URL("https://example.com/"), "https://[::1")
    with pytest.raises(SupplierError, match="с https на http"):
        redirected(httpx.URL("https://example.com/"), "http://example.com/x")
    assert str(redirected(httpx.URL("http://example.com/a/"), "https://example.com/b")) == "https://example.com/b"


def test_credentials_go_to_the_link_and_nowhere_else(site: Site, second_site: Site, store: ObjectStore) -> None:
    site.on("/", to("/again"))
    site.on("/again", to(f"{second_site.url}/feed"))
    second_site.gives("/feed", FEED)
    fetched(site.url.replace("//", "//user:s%40cret@"), store)
    assert [request.headers["Authorization"] for request in site.requests] == ["Basic dXNlcjpzQGNyZXQ="] * 2
    assert "Authorization" not in second_site.requests[0].headers


@pytest.mark.parametrize(
    ("target", "same"),
    [
        ("http://a.example/x", True),
        ("http://a.example:80/", True),
        ("https://a.example/", True),
        ("http://A.EXAMPLE/", True),
        ("https://a.example:8443/", False),
        ("http://a.example:8080/", False),
        ("http://b.example/", False),
        ("http://a.example.evil/", False),
    ],
)
def test_who_owns_the_credentials(target: str, same: bool) -> None:
    assert same_owner(httpx.URL("http://u:p@a.example/feed"), httpx.URL(target)) is same


# --- the guard --------------------------------------------------------------------------------------------------------


def test_a_private_address_is_refused_before_anything_is_sent(
    site: Site, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    url = site.gives("/", FEED).replace("127.0.0.1", "localhost")
    error = refused(url, store, allow_private=False)
    assert error.code == "link_unreachable"
    assert "127.0.0.1" not in str(error)
    assert "CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS" in caplog.text
    assert site.requests == []


@pytest.mark.parametrize("host", ["127.1", "0x7f.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0"])
def test_odd_spellings_of_loopback_are_refused(site: Site, store: ObjectStore, host: str) -> None:
    refused(site.gives("/", FEED).replace("127.0.0.1", host), store, allow_private=False)
    assert site.requests == []


def test_the_address_that_was_judged_is_the_one_that_is_reached(
    site: Site, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that says something harmless first and loopback later (DNS rebinding) is asked only once."""
    answers = [["203.0.113.1"], ["127.0.0.1"]]
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "rebinding.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answers[min(len(asked), 2) - 1]]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr("pipelines.fetch.guard.is_public", lambda address: address == "203.0.113.1")
    url = site.gives("/", FEED).replace("127.0.0.1", "rebinding.example")
    with pytest.raises(TransferError):
        fetch(url, store, allow_private=False, limits=FetchLimits(attempts=1, connect_seconds=0.3))
    assert asked == ["rebinding.example"]
    assert site.requests == []


def test_every_answer_of_a_name_server_is_judged_anew(
    site: Site, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may lead elsewhere at every redirect: the first look was allowed, the second is not."""
    site.on("/", to("/again"))
    site.gives("/again", FEED)
    answers = iter([True, True, False])  # resolved and reached, then resolved again
    monkeypatch.setattr("pipelines.fetch.guard.is_public", lambda _address: next(answers))
    assert refused(site.url + "/", store, allow_private=False).code == "link_unreachable"
    assert [request.path for request in site.requests] == ["/"]


def test_a_socket_that_ended_elsewhere_is_closed_before_anything_is_sent(
    site: Site, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever made of a public address another one on the way: the resolver's word is not enough."""
    answers = iter([True, False])
    monkeypatch.setattr("pipelines.fetch.guard.is_public", lambda _address: next(answers))
    assert refused(site.gives("/", FEED), store, allow_private=False).code == "link_unreachable"
    assert site.requests == []


def test_a_redirect_to_a_port_of_another_protocol_is_refused(site: Site, store: ObjectStore) -> None:
    assert "порт 6379" in (refused(site.on("/", to("http://127.0.0.1:6379/")), store).detail or "")


@pytest.mark.parametrize("host", ["0177.0.0.1", "0x7f000001", "017700000001", "127.0.0.1.", "localhost."])
def test_numbers_of_any_base_lead_nowhere_inward(site: Site, store: ObjectStore, host: str) -> None:
    url = site.gives("/", FEED).replace("127.0.0.1", host)
    with pytest.raises((SupplierError, TransferError, OperatorError)):  # refused, not known, or no address at all
        fetch(url, store, allow_private=False, limits=FetchLimits(attempts=1))
    assert site.requests == []
    assert list(store.list()) == []


def test_the_environments_proxy_is_not_used(site: Site, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    fetched(site.gives("/", FEED), store)


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_a_certificate_nobody_vouches_for_is_refused_at_once(secure_site: Site, store: ObjectStore) -> None:
    error = refused(secure_site.gives("/", FEED), store, sleep=pytest.fail)
    assert error.code == "link_unreachable"
    assert "self-signed certificate" in (error.detail or "")


def test_an_authority_the_operator_added_is_trusted(
    secure_site: Site, site: Site, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setattr("pipelines.fetch.transport.trusted", trusted.__wrapped__)
    assert fetched(secure_site.gives("/feed", FEED), store).sha256 == sha256(FEED)
    downgrade = secure_site.on("/down", to(site.gives("/", b"other")))
    with pytest.raises(SupplierError, match="с https на http"):
        fetch(downgrade, store)
    assert site.requests == []
    assert fetched(site.on("/up", to(f"{secure_site.url}/feed")), store).sha256 == sha256(FEED)


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "file:///etc/passwd", "example.com/x", "", "http://", "http://h:x/"]
)
def test_a_link_that_is_no_http_address_is_the_operators(store: ObjectStore, url: str) -> None:
    with pytest.raises(OperatorError):
        fetch(url, store)


def test_secrets_of_a_link_are_in_no_log_and_no_error(
    site: Site, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.on("/", to("/next?token=CANARY-3"))
    site.on("/next", lambda exchange: exchange.reply(500))
    url = site.url.replace("//", "//CANARY-1:CANARY-2@") + "/?key=CANARY-3"
    error = refused(url, store)
    with pytest.raises(OperatorError) as bad:
        fetch("ftp://CANARY-1:CANARY-2@example.com/?key=CANARY-3", store)
    assert re.search(r"trying again in \d", caplog.text)
    assert "CANARY" not in caplog.text + str(error) + str(bad.value)
