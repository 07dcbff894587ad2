"""A wire of the tests between us and a server: it can be cut at any byte, and be slow or silent; it counts what passes.

with Wire(host, port) as wire:
    wire.cut()                  every connection ends now, new ones are not taken
    wire.cut(after=1_000)       the same, once so many more bytes have passed
    wire.cut(restarts=True)     every connection ends now, new ones are taken: the server was restarted
    wire.delay = 0.01           seconds that every piece takes
    wire.silent = True          nothing comes back
    wire.mend()                 as it was
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Self


class Wire:
    """Listens on loopback and passes bytes on to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._left: int | None = None
        self._down = self._restarts = False
        self.passed, self.delay, self.silent = 0, 0.0, False

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self, *, after: int = 0, restarts: bool = False) -> None:
        """End every connection once `after` more bytes have passed; new ones are taken only if the server restarts."""
        with self._lock:
            self._left, self._restarts = after, restarts
        if not after:
            self._end_all()

    def mend(self) -> None:
        """Pass on everything again."""
        with self._lock:
            self._left, self._down, self._restarts, self.delay, self.silent = None, False, False, 0.0, False

    def _end_all(self) -> None:
        with self._lock:
            self._down, self._left = not self._restarts, None
            ends, self._ends = self._ends, set()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._down:
                client.close()
                continue
            try:
                server = socket.create_connection(self._to)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._ends |= {client, server}
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, upwards: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                time.sleep(self.delay)
                if self._spent(len(data)):
                    self._end_all()
                    return
                if upwards or not self.silent:
                    target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._ends -= {source, target}

    def _spent(self, size: int) -> bool:
        with self._lock:
            self.passed += size
            if self._left is None:
                return False
            self._left -= size
            return self._left < 0
