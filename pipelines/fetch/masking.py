"""Addresses as they may be shown: links carry passwords and tokens."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

MASK = "***"
_LONGEST_SHOWN = 500
_PARAMETER = re.compile(r"[^&;]+")


def masked(url: str) -> str:
    """The address without user, password, query values and fragment, safe for a log line or a report.

    Never raises: an address that cannot be read for sure is masked as a whole. At most 500 characters.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return MASK
    # An unescaped "/", "?" or "#" in a password ends the host too early; what follows would show the rest of it.
    if not parts.scheme or not parts.netloc or "@" in parts.path + parts.query + parts.fragment:
        return MASK
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{MASK}@{host}" if "@" in parts.netloc else host
    shown = urlunsplit((parts.scheme, netloc, parts.path, _PARAMETER.sub(_masked_parameter, parts.query), ""))
    return "".join(c if c.isprintable() else "?" for c in shown[:_LONGEST_SHOWN])


def _masked_parameter(found: re.Match[str]) -> str:
    name, _, value = found[0].partition("=")
    # Without a value it is not a name but the secret itself, perhaps with the "=" that base64 ends with.
    return f"{name}={MASK}" if value.strip("=") else MASK
