"""A distributor's portal on loopback: login and password → short-lived token → feeds in any format."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass
class Distributor:
    """What the portal knows and what it saw.

    Attributes:
        logins: user -> password.
        feeds: path -> body.
        good_for: feed requests that a token is good for.
        seconds: that each feed takes to come, so that requests have time to meet.
        error: status 200 with this body instead of any feed, until it is taken away.
        tokens: every token it gave.
        most_at_once: requests of one user that were under way together, at most.
        requests: path of every request.
    """

    logins: dict[str, str]
    feeds: dict[str, bytes] = field(default_factory=dict)
    good_for: int = 1_000
    seconds: float = 0.0
    error: bytes | None = None
    tokens: list[str] = field(default_factory=list)
    most_at_once: int = 0
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: dict[str, tuple[str, int]] = {}  # token -> its user, and how many requests it is still good for
        self._under_way: dict[str, int] = {}
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.answer(*portal._log_in(sent["login"][0], sent["password"][0]))

            def do_GET(self) -> None:
                self.answer(*portal._feed(self.path, self.headers.get("Authorization", "")))

            def answer(self, status: int, body: bytes) -> None:
                portal.requests.append(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet: the test looks at `requests`."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def login(self, account: str = "portal") -> dict[str, object]:
        """How a link logs in here; `account` is the first part of the names of its secrets."""
        fields = {"login": f"{account}.login", "password": f"{account}.password"}
        return {"kind": "token", "url": f"{self.url}/api/get_token/", "fields": fields, "answer": "result.token"}

    def _log_in(self, user: str, password: str) -> tuple[int, bytes]:
        with self._busy(user):
            if self.logins.get(user) != password:
                return 200, json.dumps({"error": f"неверный пароль {password} у {user}"}).encode()
            token = f"canary-token-{len(self.tokens) + 1}-of-{user}"
            self.tokens.append(token)
            self._owners[token] = (user, self.good_for)
            return 200, json.dumps({"result": {"token": token, "expires_in": 120}}).encode()

    def _feed(self, path: str, authorization: str) -> tuple[int, bytes]:
        token = authorization.removeprefix("Bearer ")
        user, left = self._owners.get(token, ("", 0))
        if left <= 0:
            return 401, f"token {token} is not good".encode()
        self._owners[token] = (user, left - 1)
        with self._busy(user):
            if self.error is not None:
                return 200, self.error.replace(b"TOKEN", token.encode())
            body = self.feeds.get(path)
            return (404, b"") if body is None else (200, body)

    def _busy(self, user: str) -> _Busy:
        return _Busy(self, user)


class _Busy:
    """A request of a user while it is under way."""

    def __init__(self, portal: Distributor, user: str) -> None:
        self._portal = portal
        self._user = user

    def __enter__(self) -> None:
        portal = self._portal
        with portal._lock:
            under_way = portal._under_way.get(self._user, 0) + 1
            portal._under_way[self._user] = under_way
            portal.most_at_once = max(portal.most_at_once, under_way)
        time.sleep(portal.seconds)

    def __exit__(self, *_: object) -> None:
        with self._portal._lock:
            self._portal._under_way[self._user] -= 1
