"""Links over HTTP: conditional, guarded, retried, and archived only whole (F1-F4)."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from pipelines.errors import NetworkError, OperatorError, SupplierError
from pipelines.fetch.archive import archive
from pipelines.fetch.limits import STANDARD_LIMITS, FetchLimits
from pipelines.fetch.masking import masked
from pipelines.fetch.outcome import Fetched, NotModified, Validators
from pipelines.fetch.transport import Deadline, guarded_transport
from pipelines.fetch.unpack import GzipDamagedError, gunzip
from pipelines.objects import ObjectStore

log = logging.getLogger(__name__)

# These write whole addresses and headers, passwords and tokens included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_HEADERS = {"User-Agent": "catalog-feeds", "Accept": "*/*", "Accept-Encoding": "gzip"}
_REDIRECTS = {301, 302, 303, 307, 308}
_TRY_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_LONGEST_VALIDATOR = 500
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


def fetch_url(
    url: str,
    *,
    store: ObjectStore,
    validators: Validators | None = None,
    allow_private: bool = False,
    limits: FetchLimits = STANDARD_LIMITS,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched | NotModified:
    """Look at a link and archive its body if the server does not say that it is unchanged (F1-F4).

    Args:
        url: http(s) address; a user and password in it are sent to its own host only.
        store: where the body goes, as `raw/<sha256>`.
        validators: of the last look; None forces a full fetch (F2).
        allow_private: let the link lead to private and loopback addresses.
        limits: sizes, times and numbers of attempts.
        sleep: waits between attempts, seconds.

    Raises:
        SupplierError: `link_unreachable` (the server refuses, or is broken after retries, or leads where it must not),
            `file_empty`, `file_too_large`, `archive_invalid`, `format_unknown`.
        TransferError: no connection, or the transfer broke off, also after retries.
        OperatorError: the address is not one of http or https.
    """
    started = time.monotonic()
    link = _parse_link(url)
    look = _Look(link, store, validators or Validators(), allow_private, limits)

    def report(state: RetryCallState) -> None:
        log.info("%s: %s; trying again in %.1f s", masked(url), _fault(state), state.upcoming_sleep)

    attempts = Retrying(
        retry=retry_if_exception(lambda error: _worth_retrying(error, limits)),
        stop=stop_after_attempt(limits.attempts) | stop_before_delay(limits.total_seconds),
        wait=_pause,
        sleep=sleep,
        before_sleep=report,
        reraise=True,
    )
    with look.client:
        try:
            return attempts(look.once, started)
        except _BusyError as error:
            raise SupplierError("link_unreachable", detail=str(error)) from error


class _Look:
    """One fetch with its connections, which all its attempts share."""

    def __init__(
        self, link: httpx.URL, store: ObjectStore, validators: Validators, allow_private: bool, limits: FetchLimits
    ) -> None:
        self._link = link
        self._store = store
        self._validators = validators
        self._limits = limits
        self._deadline = Deadline(limits.total_seconds)
        self.client = httpx.Client(
            transport=guarded_transport(allow_private=allow_private, deadline=self._deadline),
            headers=_HEADERS,
            timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            trust_env=False,
        )

    def once(self, started: float) -> Fetched | NotModified:
        """One attempt: the link, its redirects, and the body."""
        url = self._link.copy_with(userinfo=b"")
        try:
            for _ in range(self._limits.redirects + 1):
                response = self._send(url)
                try:
                    if response.status_code not in _REDIRECTS:
                        return self._receive(response, started)
                    url = redirected(url, response.headers.get("Location", ""))
                finally:
                    response.close()
        except httpx.TransportError as error:
            certificate = _root(error)
            if isinstance(certificate, ssl.SSLCertVerificationError):
                raise _unreachable("сертификат сервера не принят", certificate.verify_message) from error
            raise TransferError(self._words(error)) from error
        raise _unreachable("слишком много переадресаций подряд", f"больше {self._limits.redirects}")

    def _send(self, url: httpx.URL) -> httpx.Response:
        headers = {}
        if self._validators.etag:
            headers["If-None-Match"] = self._validators.etag
        if self._validators.last_modified:
            headers["If-Modified-Since"] = self._validators.last_modified
        auth = None
        if self._link.userinfo and same_owner(self._link, url):
            auth = httpx.BasicAuth(self._link.username, self._link.password)
        request = self.client.build_request("GET", url, headers=headers)
        return self.client.send(request, stream=True, auth=auth, follow_redirects=False)

    def _receive(self, response: httpx.Response, started: float) -> Fetched | NotModified:
        status = response.status_code
        sent = Validators(_validator(response.headers.get("ETag")), _validator(response.headers.get("Last-Modified")))
        if status == HTTPStatus.NOT_MODIFIED and self._validators != Validators():
            newest = Validators(
                sent.etag or self._validators.etag, sent.last_modified or self._validators.last_modified
            )
            return NotModified(newest, time.monotonic() - started)
        if status in _TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _BusyError(status, retry_after(response.headers.get("Retry-After"), datetime.now(UTC)))
        if status != HTTPStatus.OK:
            raise _unreachable(_status_line(status))
        archived = archive(self._body(response), store=self._store, limits=self._limits)
        return Fetched(archived.sha256, archived.bytes, sent, archived.unpacked_from, time.monotonic() - started)

    def _body(self, response: httpx.Response) -> Iterator[bytes]:
        """The body without its transfer compression, counted on both sides of it."""
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding in {"", "identity"}:
            yield from response.iter_raw()
        elif coding in {"gzip", "x-gzip"}:
            try:
                yield from gunzip(self._limits.capped(response.iter_raw()), self._limits)
            except GzipDamagedError as error:
                if error.truncated:
                    raise TransferError("передача оборвалась: сжатые данные (gzip) неполны") from error
                raise _unreachable("ответ объявлен сжатым (Content-Encoding: gzip), но не распаковывается") from error
        else:
            raise _unreachable("сжатие ответа не поддерживается", f"Content-Encoding: {coding}")

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


def same_owner(link: httpx.URL, target: httpx.URL) -> bool:
    """Whether credentials of the link may go to the target: the same server, or its host moved from http to https."""
    if link.host != target.host:
        return False
    upgraded = (link.scheme, _port(link), target.scheme, _port(target)) == ("http", 80, "https", 443)
    return upgraded or (link.scheme, _port(link)) == (target.scheme, _port(target))


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


def _parse_link(url: str) -> httpx.URL:
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


def _validator(value: str | None) -> str | None:
    """A header worth sending back; an odd or overlong one is as good as none."""
    if value is None or len(value) > _LONGEST_VALIDATOR or not (value.isascii() and value.isprintable()):
        return None
    return value or None


def _status_line(status: int) -> str:
    # The standard phrase, not the server's, which may be anything.
    known = status in HTTPStatus._value2member_map_
    return f"HTTP {status} {HTTPStatus(status).phrase}" if known else f"HTTP {status}"


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}[url.scheme]


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return error


def _unreachable(detail: str, evidence: str = "") -> SupplierError:
    return SupplierError("link_unreachable", detail=f"{detail}: {_shown(evidence)}" if evidence else detail)


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:200])
