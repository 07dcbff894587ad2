"""Object store: everything that passes between steps, in a folder or in S3.

`open_store(settings)` is the door. Both stores behave alike (one shared test holds them to it), so a step never knows
which one it was given: an object appears whole or not at all, keys sort as text, a missing one has its own error.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.errors import OperatorError
from pipelines.objects.folder import FolderStore
from pipelines.objects.s3 import S3Store
from pipelines.objects.spool import room_faults
from pipelines.objects.store import Draft, ObjectConflictError, ObjectNotFoundError, ObjectStore, Versioned
from pipelines.settings import Settings

__all__ = [
    "Draft",
    "FolderStore",
    "ObjectConflictError",
    "ObjectNotFoundError",
    "ObjectStore",
    "Versioned",
    "open_store",
    "room_faults",
]


def open_store(settings: Settings) -> ObjectStore:
    """The store that `CATALOG_FEEDS_OBJECTS_URL` names; a folder under HOME by default.

    Nothing is read or written yet: a wrong bucket or a read-only folder shows at the first use.

    Raises:
        OperatorError: the URL is neither `file:///folder` nor `s3://bucket/prefix`.
    """
    if settings.objects_url is None:
        return FolderStore(settings.home_path / "objects")
    url = urlsplit(settings.objects_url)
    if url.scheme == "file" and url.netloc in {"", "localhost"} and url.path.startswith("/"):
        return FolderStore(Path(unquote(url.path)))
    if url.scheme == "s3" and url.netloc:
        return S3Store(
            bucket=url.netloc,
            prefix=url.path.strip("/"),
            endpoint_url=settings.s3_endpoint_url,
            spool=settings.home_path / "spool",
        )
    msg = f"CATALOG_FEEDS_OBJECTS_URL must be file:///folder or s3://bucket/prefix, not {settings.objects_url!r}"
    raise OperatorError(msg)
