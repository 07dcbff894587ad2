"""Addresses as they may be shown: links carry passwords and tokens."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

MASK = "***"
_LONGEST_SHOWN = 500
_QUERY_VALUE = re.compile(r"=[^&;]*")


def masked(url: str) -> str:
    """The address without user, password, query values and fragment, safe for a log line or a report.

    Never raises: an address that cannot be read is masked as a whole. At most 500 characters.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # an unescaped "/" in a password moves it out of its place and shows as a bad port
    except ValueError:
        return MASK
    if not parts.scheme or not parts.netloc:
        return MASK
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{MASK}@{host}" if "@" in parts.netloc else host
    query = _QUERY_VALUE.sub(f"={MASK}", parts.query) if "=" in parts.query else MASK * bool(parts.query)
    shown = urlunsplit((parts.scheme, netloc, parts.path, query, ""))
    return "".join(c if c.isprintable() else "?" for c in shown[:_LONGEST_SHOWN])
