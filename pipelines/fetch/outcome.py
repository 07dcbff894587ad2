"""What a look at a source brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unpacked = Literal["gzip", "zip", "folder", "index"]


@dataclass(frozen=True)
class Validators:
    """What the server gave to ask "has it changed?" next time, as sent. They save bytes and decide nothing (F2)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Fetched:
    """A body is in the archive under `raw_key(sha256)` (F4).

    Attributes:
        sha256: of the decompressed, unwrapped body, hexadecimal; it alone says whether the file changed (F2).
        bytes: length of that body.
        validators: the newest of the server, to be stored even if the body is the same (F2).
        unpacked_from: the wrapper that was opened, or what the files of a set were gathered from, if anything (F3).
        seconds: time it took, retries included.
    """

    sha256: str
    bytes: int
    validators: Validators
    unpacked_from: Unpacked | None
    seconds: float


@dataclass(frozen=True)
class NotModified:
    """The server says that nothing changed since `validators` were given; nothing was transferred (F2).

    Attributes:
        validators: the newest known: those of this answer, and what it left out from the request.
        seconds: time it took, retries included.
    """

    validators: Validators
    seconds: float
