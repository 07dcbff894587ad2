"""Credentials of one fetch: where they may go, how they sign a request, and how they stay out of every text (S1)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any
from urllib.parse import quote, quote_plus

import httpx

from pipelines.errors import OperatorError, SupplierError
from pipelines.fetch.masking import MASK, masked
from pipelines.logins import BasicLogin, BearerLogin, Login, Secrets, TokenLogin
from pipelines.secrecy import keep_secret

# An answer that is an error or a web page shows itself in so many bytes.
_ERROR_BYTES = 64 << 10
_TOKEN_LENGTH = 8 << 10
_QUOTED = 200
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_PAGE = re.compile(rb"[\s\xef\xbb\xbf]*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_ERROR_KEYS = ("error", "errors", "error_description", "error_message")


class Access:
    """What a link may show to prove who asks: the user and password in its address, or its login.

    Secrets are held here and nowhere else. They go to the server of the link, the fields of a token login to the
    address that gives the token, and to nobody else, wherever a redirect leads.
    """

    def __init__(self, link: httpx.URL, login: Login | None, secrets: Secrets) -> None:
        """Take the secrets a login names.

        Raises:
            OperatorError: a secret is not known or cannot be sent, or the link has a login and a password besides.
        """
        if login and link.userinfo:
            msg = f"{masked(str(link))} has both a login and a user in its address: leave one of them"
            raise OperatorError(msg)
        self.login = login
        self._link = link
        self._values = {name: secrets(name) for name in login.secret_names} if login else {}
        self._hidden = set(self._values.values()) | ({link.password} - {""})
        for secret in self._hidden:
            keep_secret(secret)
        self._token: str | None = None
        self._renewals = 1 if isinstance(login, TokenLogin) else 0
        if isinstance(login, BearerLogin):
            self._token = self._values[login.token]
            if not _PRINTABLE.fullmatch(self._token):
                msg = f"the secret {login.token!r} cannot be a token: it has spaces or letters that no header can carry"
                raise OperatorError(msg)

    def covers(self, url: httpx.URL) -> bool:
        """Whether credentials may go to `url`."""
        return same_owner(self._link, url)

    @property
    def awaited(self) -> TokenLogin | None:
        """The login that must give a token before the next request; None when there is nothing to wait for."""
        return self.login if isinstance(self.login, TokenLogin) and self._token is None else None

    def renew(self) -> bool:
        """The server refused the token: forget it. False when that was done before, or there is none to renew."""
        if self._token is None or self._renewals == 0:
            return False
        self._renewals -= 1
        self._token = None
        return True

    def token_request(self, login: TokenLogin, client: httpx.Client) -> httpx.Request:
        """The request that asks for a token."""
        fields = login.constants | {field: self._values[name] for field, name in login.fields.items()}
        headers = {**login.headers, "Accept-Encoding": "identity"}
        if login.method == "GET":
            return client.build_request("GET", login.url, headers=headers, params=fields)
        if login.body == "json":
            return client.build_request("POST", login.url, headers=headers, json=fields)
        return client.build_request("POST", login.url, headers=headers, data=fields)

    def take_token(self, login: TokenLogin, body: bytes) -> None:
        """Find the token in the answer of its server.

        Raises:
            SupplierError: `login_refused`, there is none.
        """
        token: Any = _plain(body)
        for key in login.answer.split("."):
            token = token.get(key) if isinstance(token, dict) else None
        if not isinstance(token, str) or len(token) > _TOKEN_LENGTH or not _PRINTABLE.fullmatch(token):
            raise self.refused("в ответе нет токена", f"{login.answer}; {error_text(body) or ''}")
        self._token = self._hide(token)

    def sign(self, request: httpx.Request) -> None:
        """Put the credentials into a request to a server that `covers` allows."""
        login = self.login
        if login is None:
            if self._link.userinfo:
                self._sign_basic(request, self._link.username, self._link.password)
            return
        for name, value in login.headers.items():
            request.headers[name] = value
        if isinstance(login, BasicLogin):
            self._sign_basic(request, self._values[login.user], self._values[login.password])
        elif login.send.parameter is not None:
            request.url = request.url.copy_set_param(login.send.parameter, self._token or "")
        else:
            request.headers[login.send.header] = login.send.prefix + (self._token or "")

    def refused(self, detail: str, evidence: str = "") -> SupplierError:
        """The server does not let us in; `evidence` is what it says of it."""
        return SupplierError("login_refused", detail=f"{detail}: {self.shown(evidence)}" if evidence else detail)

    def guarded(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """A price list from behind a login, unless it turns out to be an error or the page to log in at.

        Such an answer comes with status 200 from servers that log people in, and may repeat what we sent: it is not
        archived.

        Raises:
            SupplierError: `answer_is_error`, `login_refused`.
        """
        rest, head = iter(body), b""
        while len(head) < _ERROR_BYTES and (chunk := next(rest, None)) is not None:
            head += chunk
        if _PAGE.match(head):
            title = _TITLE.search(head)
            raise self.refused("вместо прайс-листа веб-страница", title[1].decode("utf-8", "replace") if title else "")
        if (words := error_text(head)) is not None:
            raise SupplierError("answer_is_error", detail=self.shown(words))
        return chain([head], rest)

    def shown(self, text: str) -> str:
        """Text of the server as it may be kept and shown: without secrets, printable, short."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            for form in {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}:
                text = text.replace(form, MASK)
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_QUOTED]

    def tells(self, text: str) -> bool:
        """Whether a text gives a secret away."""
        return any(secret in text for secret in self._hidden)

    def _sign_basic(self, request: httpx.Request, user: str, password: str) -> None:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.headers["Authorization"] = f"Basic {self._hide(pair)}"

    def _hide(self, secret: str) -> str:
        self._hidden.add(secret)
        keep_secret(secret)
        return secret


def error_text(body: bytes) -> str | None:
    """What an answer says went wrong, if it is a JSON object that says so."""
    answer = _plain(body)
    if not isinstance(answer, dict):
        return None
    said = next((answer[key] for key in _ERROR_KEYS if answer.get(key)), None)
    if said is None:
        return None
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def same_owner(link: httpx.URL, target: httpx.URL) -> bool:
    """Whether credentials of the link may go to the target: the same server, or its host moved from http to https."""
    if link.host != target.host:
        return False
    upgraded = (link.scheme, port_of(link), target.scheme, port_of(target)) == ("http", 80, "https", 443)
    return upgraded or (link.scheme, port_of(link)) == (target.scheme, port_of(target))


def port_of(url: httpx.URL) -> int:
    """The port an http(s) address leads to."""
    return url.port or {"http": 80, "https": 443}[url.scheme]


def _plain(body: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """The JSON of a body; None when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
