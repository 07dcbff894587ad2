"""Connections that reach only what the guard allows and never outlive their deadline."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import certifi
import httpcore
import httpx

from pipelines.fetch.guard import check_public, public_addresses


class Deadline:
    """The moment everything must be over."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds left, not more than `at_most`; zero or less when it is over."""
        left = self._ends - time.monotonic()
        return left if at_most is None else min(left, at_most)


def guarded_transport(*, allow_private: bool, deadline: Deadline) -> httpx.HTTPTransport:
    """An HTTP transport for one fetch: guarded addresses, no proxies, no HTTP/2, certificates verified."""
    return _GuardedTransport(trusted(), _GuardedBackend(allow_private=allow_private, deadline=deadline))


@cache
def trusted() -> ssl.SSLContext:
    """Whose certificates are accepted: the usual authorities, and the system's, to which an operator may add.

    Read once: it takes a tenth of a second.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _GuardedTransport(httpx.HTTPTransport):
    def __init__(self, context: ssl.SSLContext, backend: httpcore.NetworkBackend) -> None:
        # httpx offers no way to hand over a backend; its constructor only builds this pool.
        # Nothing is kept alive: a server that hangs up in between would cost an attempt.
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=backend, max_keepalive_connections=0)


class _GuardedBackend(httpcore.SyncBackend):
    def __init__(self, *, allow_private: bool, deadline: Deadline) -> None:
        self._allow_private = allow_private
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = public_addresses(host, port, allow_private=self._allow_private)
        except OSError as error:
            raise httpcore.ConnectError(error) from error
        failure: Exception | None = None
        for address in addresses:
            left = self._deadline.left(timeout)
            if left <= 0:
                break
            try:
                stream = super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = failure or error
            else:
                return self._checked(host, stream)
        raise failure or httpcore.ConnectTimeout("no time left to connect")

    def _checked(self, host: str, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """The stream, if the socket ended where it may: whatever the resolver and the system made of the address."""
        try:
            check_public(host, stream.get_extra_info("server_addr")[0], allow_private=self._allow_private)
        except BaseException:
            stream.close()
            raise
        return _DeadlineStream(stream, self._deadline)


class _DeadlineStream(httpcore.NetworkStream):
    """A stream whose every wait ends with the deadline; a server that drips bytes cannot stretch it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout("no time left to read")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.WriteTimeout("no time left to write")
        self._stream.write(buffer, left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.ConnectTimeout("no time left to connect")
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the library's own signature
        return self._stream.get_extra_info(info)
