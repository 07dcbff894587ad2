"""Requests over HTTP: conditional, guarded, signed and retried (F2, F3, S1). What a body holds is not known here."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Self, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from pipelines.errors import NetworkError, OperatorError, SupplierError
from pipelines.fetch.access import Access, error_text
from pipelines.fetch.limits import FetchLimits
from pipelines.fetch.masking import masked
from pipelines.fetch.outcome import NotModified, Validators
from pipelines.fetch.transport import Deadline, guarded_transport
from pipelines.fetch.unpack import GzipDamagedError, gunzip
from pipelines.logins import TokenLogin

log = logging.getLogger(__name__)

# These write whole addresses and headers, passwords and tokens included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_HEADERS = {"User-Agent": "catalog-feeds", "Accept": "*/*", "Accept-Encoding": "gzip"}
_REDIRECTS = {301, 302, 303, 307, 308}
_TRY_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_NOT_LET_IN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_LONGEST_VALIDATOR = 500
NO_VALIDATORS = Validators()
T = TypeVar("T")

_BACK_OFF = wait_exponential_jitter(multiplier=1, max=30, jitter=1)


class TransferError(NetworkError):
    """The supplier's server could not be reached or broke off, also after retries; the message is Russian.

    Which side is at fault cannot be told from here. A `NetworkError` that is not a `TransferError` is our own store's.
    """


class _BusyError(Exception):
    """The server answered that it cannot answer now; `pause` is what it asked for, seconds."""

    def __init__(self, status: int, pause: float | None) -> None:
        super().__init__(_status_line(status))
        self.pause = pause


@dataclass(frozen=True)
class Answer:
    """A body on its way from the server.

    Attributes:
        url: where it was found after all redirects.
        validators: of this body.
        body: the bytes without their transfer compression; to be read before the next request.
    """

    url: httpx.URL
    validators: Validators
    body: Iterator[bytes]


class Session:
    """The requests of one fetch: guarded, signed, retried, and over in time."""

    def __init__(
        self,
        access: Access,
        *,
        allow_private: bool,
        limits: FetchLimits,
        sleep: Callable[[float], None],
    ) -> None:
        self.access = access
        self._limits = limits
        self._sleep = sleep
        self._deadline = Deadline(limits.total_seconds)
        self._client = httpx.Client(
            transport=guarded_transport(allow_private=allow_private, deadline=self._deadline),
            headers=_HEADERS,
            timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(
        self, url: httpx.URL, take: Callable[[Answer], T], validators: Validators = NO_VALIDATORS
    ) -> T | NotModified:
        """What `take` makes of the answer; after a transfer that broke off it is called anew.

        Raises:
            SupplierError: `link_unreachable`, `login_refused`; also whatever `take` raises.
            TransferError: no connection, or the transfer broke off, also after retries.
        """

        def report(state: RetryCallState) -> None:
            log.info("%s: %s; trying again in %.1f s", masked(str(url)), _fault(state), state.upcoming_sleep)

        attempts = Retrying(
            retry=retry_if_exception(lambda error: _worth_retrying(error, self._limits)),
            stop=stop_after_attempt(self._limits.attempts) | stop_before_delay(self._limits.total_seconds),
            wait=_pause,
            sleep=self._sleep,
            before_sleep=report,
            reraise=True,
        )
        try:
            return attempts(self._once, url, take, validators)
        except _BusyError as error:
            raise SupplierError("link_unreachable", detail=str(error)) from error

    def _once(self, url: httpx.URL, take: Callable[[Answer], T], validators: Validators) -> T | NotModified:
        """One attempt: the address, its redirects, and the body."""
        started = time.monotonic()
        try:
            for _ in range(self._limits.redirects + 1):
                response = self._send(url, validators)
                try:
                    if response.status_code not in _REDIRECTS:
                        return self._receive(response, url, take, validators, started)
                    url = redirected(url, response.headers.get("Location", ""))
                finally:
                    response.close()
        except httpx.TransportError as error:
            certificate = _root(error)
            if isinstance(certificate, ssl.SSLCertVerificationError):
                raise self._unreachable("сертификат сервера не принят", certificate.verify_message) from error
            raise TransferError(self.access.shown(self._words(error))) from error
        raise self._unreachable("слишком много переадресаций подряд", f"больше {self._limits.redirects}")

    def _send(self, url: httpx.URL, validators: Validators) -> httpx.Response:
        """Ask for `url`; a token that is no longer good is renewed, once in a fetch (S1)."""
        response = self._ask(url, validators)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self.access.covers(url) and self.access.renew():
            response.close()
            response = self._ask(url, validators)
        return response

    def _ask(self, url: httpx.URL, validators: Validators) -> httpx.Response:
        headers = {}
        if validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        request = self._client.build_request("GET", url, headers=headers)
        if self.access.covers(url):
            if login := self.access.awaited:
                self._log_in(login)
            self.access.sign(request)
        return self._client.send(request, stream=True, auth=None, follow_redirects=False)

    def _log_in(self, login: TokenLogin) -> None:
        """Ask for a token. A redirect is not followed: it would take the password along."""
        request = self.access.token_request(login, self._client)
        response = self._client.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            _raise_if_busy(response)
            body = b""
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > self._limits.page_bytes:
                    raise self.access.refused("ответ сервера входа слишком длинный")
            if not response.is_success:
                words = f"{_status_line(response.status_code)} {error_text(body) or ''}"
                raise self.access.refused("токен не выдан", words)
            self.access.take_token(login, body)
        finally:
            response.close()

    def _receive(
        self,
        response: httpx.Response,
        url: httpx.URL,
        take: Callable[[Answer], T],
        validators: Validators,
        started: float,
    ) -> T | NotModified:
        status = response.status_code
        sent = Validators(self._validator(response, "ETag"), self._validator(response, "Last-Modified"))
        if status == HTTPStatus.NOT_MODIFIED and validators != NO_VALIDATORS:
            newest = Validators(sent.etag or validators.etag, sent.last_modified or validators.last_modified)
            return NotModified(newest, time.monotonic() - started)
        _raise_if_busy(response)
        if status in _NOT_LET_IN and self.access.login and self.access.covers(url):
            raise self.access.refused(_status_line(status))
        if status != HTTPStatus.OK:
            raise self._unreachable(_status_line(status))
        return take(Answer(url, sent, self._body(response)))

    def _body(self, response: httpx.Response) -> Iterator[bytes]:
        """The body without its transfer compression, counted on both sides of it."""
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        sent = self._limits.paced(response.iter_raw(), time.monotonic)
        if coding in {"", "identity"}:
            yield from sent
        elif coding in {"gzip", "x-gzip"}:
            try:
                yield from gunzip(self._limits.capped(sent), self._limits)
            except GzipDamagedError as error:
                if error.truncated:
                    raise TransferError("передача оборвалась: сжатые данные (gzip) неполны") from error
                raise self._unreachable(
                    "ответ объявлен сжатым (Content-Encoding: gzip), но не распаковывается"
                ) from error
        else:
            raise self._unreachable("сжатие ответа не поддерживается", f"Content-Encoding: {coding}")

    def _validator(self, response: httpx.Response, header: str) -> str | None:
        """A header worth sending back; an odd or overlong one is as good as none, and so is one with a secret in it."""
        value = response.headers.get(header)
        if value is None or len(value) > _LONGEST_VALIDATOR or not (value.isascii() and value.isprintable()):
            return None
        return None if self.access.tells(value) else value or None

    def _unreachable(self, detail: str, evidence: str = "") -> SupplierError:
        return _unreachable(detail, self.access.shown(evidence))

    def _words(self, error: httpx.TransportError) -> str:
        """What went wrong on the way, for the supplier."""
        if self._deadline.left() <= 0:
            return f"файл не передан целиком за {self._limits.total_seconds:g} с"
        if isinstance(_root(error), socket.gaierror):
            return "имя узла не находится в DNS"
        if isinstance(error, httpx.ConnectTimeout):
            return f"нет соединения с сервером за {self._limits.connect_seconds:g} с"
        if isinstance(error, httpx.ConnectError):
            return f"нет соединения с сервером: {_shown(str(error))}"
        if isinstance(error, httpx.ReadTimeout):
            return f"сервер молчит дольше {self._limits.read_seconds:g} с"
        return f"передача оборвалась: {_shown(str(error))}"


def redirected(url: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect leads.

    Raises:
        SupplierError: `link_unreachable`: nowhere, to another scheme than http(s), from https back to http, or with a
            user and password of its own.
    """
    try:
        target = url.join(location)
    except httpx.InvalidURL as error:
        raise _unreachable("переадресация на неверный адрес") from error
    if not location or target.scheme not in {"http", "https"} or not target.host:
        raise _unreachable("переадресация на неверный адрес")
    if url.scheme == "https" and target.scheme == "http":
        raise _unreachable("переадресация с https на http")
    if target.userinfo:
        raise _unreachable("переадресация на адрес с паролем")
    return target


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, in either of its forms; None if it says nothing usable."""
    if value is None:
        return None
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def parse_link(url: str) -> httpx.URL:
    """The address of a link.

    Raises:
        OperatorError: it is not one of http or https.
    """
    try:
        link = httpx.URL(url)
    except httpx.InvalidURL as error:
        msg = f"not an address: {masked(url)}"
        raise OperatorError(msg) from error
    if link.scheme not in {"http", "https"} or not link.host:
        msg = f"the address of a link must begin with http:// or https://: {masked(url)}"
        raise OperatorError(msg)
    return link


def _worth_retrying(error: BaseException, limits: FetchLimits) -> bool:
    if isinstance(error, _BusyError):
        return (error.pause or 0) <= limits.max_wait_seconds
    return isinstance(error, TransferError)


def _pause(state: RetryCallState) -> float:
    fault = _fault(state)
    asked = fault.pause if isinstance(fault, _BusyError) else None
    return _BACK_OFF(state) if asked is None else asked


def _fault(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _raise_if_busy(response: httpx.Response) -> None:
    status = response.status_code
    if status in _TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _BusyError(status, retry_after(response.headers.get("Retry-After"), datetime.now(UTC)))


def _status_line(status: int) -> str:
    # The standard phrase, not the server's, which may be anything.
    known = status in HTTPStatus._value2member_map_
    return f"HTTP {status} {HTTPStatus(status).phrase}" if known else f"HTTP {status}"


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return error


def _unreachable(detail: str, evidence: str = "") -> SupplierError:
    return SupplierError("link_unreachable", detail=f"{detail}: {_shown(evidence)}" if evidence else detail)


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:200])
