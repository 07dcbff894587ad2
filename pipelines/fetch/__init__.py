"""From a link or a local file to the raw archive: `raw/<sha256>`, whole, counted and unwrapped (F1-F4).

`fetch_url` and `fetch_file` are the doors. This room moves bytes; what they are is for the parser to say.
"""

from __future__ import annotations

from pipelines.fetch.archive import raw_key
from pipelines.fetch.file import fetch_file
from pipelines.fetch.http import TransferError
from pipelines.fetch.limits import FetchLimits
from pipelines.fetch.link import fetch_url
from pipelines.fetch.masking import masked
from pipelines.fetch.outcome import Fetched, NotModified, Unpacked, Validators

__all__ = [
    "FetchLimits",
    "Fetched",
    "NotModified",
    "TransferError",
    "Unpacked",
    "Validators",
    "fetch_file",
    "fetch_url",
    "masked",
    "raw_key",
]
