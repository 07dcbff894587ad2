"""A real SMTP server on loopback, for tests that send mail: it keeps what it is sent, and answers as it is told to."""

from __future__ import annotations

import email
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Inbox:
    """A mail server's side: what it was sent, and how it answers."""

    def __init__(self, *, recipient: str = "250 OK", data: str = "250 OK", goodbye: str = "221 Bye") -> None:
        self.envelopes: list[Envelope] = []
        self._recipient, self._data, self._goodbye = recipient, data, goodbye

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self._recipient.startswith("250") or address.startswith("good"):
            envelope.rcpt_tos.append(address)
            return "250 OK"
        return self._recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self._data.startswith("250"):
            self.envelopes.append(envelope)
        return self._data

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        return self._goodbye

    @property
    def messages(self) -> list[EmailMessage]:
        parsed = [email.message_from_bytes(e.original_content or b"", policy=default) for e in self.envelopes]
        return [message for message in parsed if isinstance(message, EmailMessage)]


class FreePort(Controller):
    """Listens on the port that the system gave."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serving(inbox: Inbox, **options: Any) -> Iterator[int]:
    """A real SMTP server on a free port of the loopback."""
    controller = FreePort(inbox, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
