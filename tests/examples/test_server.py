"""The suppliers' server: validators and 304, feeds that change by turns, and nothing but feeds."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

import httpx
import pytest

from examples import server


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    (tmp_path / "one.yml").write_text("<one/>", encoding="utf-8")
    (tmp_path / "turns").mkdir()
    for n in (1, 2):
        (tmp_path / "turns" / f"{n}.yml").write_text(f"<turn n='{n}'/>", encoding="utf-8")
    return tmp_path


def test_the_same_feed_is_answered_by_304_to_either_validator(feeds: Path) -> None:
    with server.serve(feeds, port=0) as address, httpx.Client(base_url=address) as client:
        first = client.get("/one.yml")
        assert (first.status_code, first.text) == (200, "<one/>")
        for header, value in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
            again = client.get("/one.yml", headers={header: first.headers[value]})
            assert (again.status_code, again.content) == (304, b"")
        (feeds / "one.yml").write_text("<two/>", encoding="utf-8")
        assert client.get("/one.yml", headers={"If-None-Match": first.headers["ETag"]}).text == "<two/>"
        assert client.head("/one.yml").headers["Content-Length"] == "6"


@pytest.mark.parametrize(("turn", "served"), [(0, 1), (1, 1), (2, 2), (3, 2)])
def test_a_changing_feed_goes_by_turns_and_stays_at_the_last(feeds: Path, turn: int, served: int) -> None:
    with server.serve(feeds, port=0, turn=turn) as address:
        assert httpx.get(f"{address}/turns.yml").text == f"<turn n='{served}'/>"


@pytest.mark.parametrize(
    "path", ["/", "/none.yml", "/turns/1.yml", "/../one.yml", "/%2e%2e/one.yml", "/one.yml/", "/turns"]
)
def test_anything_else_is_404(feeds: Path, path: str) -> None:
    with server.serve(feeds, port=0) as address:
        # Not httpx: it tidies paths up before it sends them.
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()


def test_a_taken_port_gives_way_to_a_free_one(feeds: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with server.serve(feeds, port=port) as address:
            assert address != f"http://127.0.0.1:{port}"
            assert httpx.get(f"{address}/one.yml").status_code == 200
