"""Secrets stay out of logs, whatever a library says or a traceback quotes.

Whoever resolves a secret tells it here; from then on no log record holds it, in its message, its arguments or its
traceback, nor in the forms it takes on its way: percent-encoded, escaped, base64 of a login.
"""

from __future__ import annotations

import base64
import json
import logging
import traceback
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
# A shorter one would blot out ordinary words, and guards nothing.
_SHORTEST = 4

_forms: list[str] = []


def keep_secret(value: str | None) -> None:
    """From now on this value is masked in every log record."""
    if value is None or len(value) < _SHORTEST:
        return
    forms = {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        base64.b64encode(value.encode()).decode(),
    }
    # Longest first: a form may hold another one.
    _forms[:] = sorted(forms.union(_forms), key=len, reverse=True)


def keep_login_secret(url: str | None) -> None:
    """The same for the password in an address, and for what user and password look like in a header."""
    try:
        parts = urlsplit(url or "")
        user, password = parts.username, parts.password
    except ValueError:
        return
    if password:
        keep_secret(password)
        keep_secret(unquote(password))
        keep_secret(base64.b64encode(f"{unquote(user or '')}:{unquote(password)}".encode()).decode())


def without_secrets(text: str) -> str:
    """The text with every known secret masked."""
    for form in _forms:
        text = text.replace(form, MASK)
    return text


class GuardedRecord(logging.LogRecord):
    """A log record that holds no known secret, whichever handler it goes to."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - whatever the base class takes
        super().__init__(*arguments, **keywords)
        if not _forms:
            return
        told = self.getMessage()
        if (safe := without_secrets(told)) != told:
            self.msg, self.args = safe, ()
        if self.exc_info and self.exc_info[1] is not None:
            told = "".join(traceback.format_exception(self.exc_info[1])).rstrip("\n")
            if (safe := without_secrets(told)) != told:
                self.exc_info, self.exc_text = None, safe
        if self.stack_info:
            self.stack_info = without_secrets(self.stack_info)


def guard_logs() -> None:
    """Let every log record of this process be a guarded one."""
    logging.setLogRecordFactory(GuardedRecord)
