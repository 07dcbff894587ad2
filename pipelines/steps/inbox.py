"""Files that suppliers put into the object store: `inbox/<supplier>/<shop>/<file>`, each loaded once (P1).

Settings for a file stand beside it as `<file>.options.json`. A claim is written before a file is loaded and removed
last, so that a worker which died at any moment leaves either a file to be loaded or a note that it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pipelines import registry
from pipelines.errors import OperatorError
from pipelines.model import Accreditation, LoadStatus
from pipelines.options import LinkOptions, Options
from pipelines.steps.house import House, Outcome, Progress, silent
from pipelines.steps.intake import load_source

log = logging.getLogger(__name__)

INBOX = "inbox"
REFUSED = "inbox-refused"
_CLAIMS = "inbox-claims"
_OPTIONS = ".options.json"
_OPTIONS_LIMIT_BYTES = 100_000


@dataclass(frozen=True)
class Upload:
    """A file that waits in the inbox, or one whose loading was cut short."""

    supplier: str
    shop: str
    name: str

    @property
    def key(self) -> str:
        """Where the file is."""
        return f"{INBOX}/{self.supplier}/{self.shop}/{self.name}"

    @property
    def options_key(self) -> str:
        """Where its settings are, if it has any."""
        return self.key + _OPTIONS

    @property
    def claim_key(self) -> str:
        """Where it is noted that somebody is at it."""
        return f"{_CLAIMS}/{self.supplier}/{self.shop}/{self.name}"


@dataclass(frozen=True)
class _Claim:
    """Which content is being loaded, and the newest load of the channel before."""

    sha256: str
    newest_load: int


def waiting_uploads(house: House) -> list[Upload]:
    """What is in the inbox, by name; what was claimed and is gone is cleared up."""
    found = set()
    for folder in (INBOX, _CLAIMS):
        for key in house.store.list(folder):
            parts = key.split("/")[1:]
            if len(parts) != 3:
                log.warning("%s: not <supplier>/<shop>/<file>; left alone", key)
            elif not key.endswith(_OPTIONS):
                found.add(Upload(*parts))
    return sorted(found, key=lambda upload: upload.key)


def load_upload(house: House, upload: Upload, *, progress: Progress = silent) -> Outcome | None:
    """Load a file of the inbox and take it away; run again after a kill at any moment, it is loaded once.

    A file that cannot be taken in as it was left there (unknown supplier or shop, settings that do not fit) is moved to
    `inbox-refused/` with the reason beside it.

    Returns:
        What came of it; None when another worker took it meanwhile.
    """
    if not house.store.exists(upload.key):
        house.store.delete(upload.claim_key)
        return None
    with house.scratch() as folder:
        path = folder / upload.name
        with house.store.open(upload.key) as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        with path.open("rb") as copy:
            sha256 = _digest(copy)
        try:
            _require_known(house, upload)
            settings = _settings(house, upload)
        except OperatorError as error:
            outcome = _refuse(house, upload, path, str(error))
        else:
            outcome = _loaded(house, upload, sha256) or load_source(
                house,
                str(path),
                supplier=upload.supplier,
                shop=upload.shop,
                settings=settings,
                progress=progress,
            )
    _take_away(house, upload, sha256)
    return outcome


def _loaded(house: House, upload: Upload, sha256: str) -> Outcome | None:
    """The load that a worker which died had brought to its end; otherwise the file is claimed now."""
    newest, done = 0, None
    with house.database.connect() as conn:
        channel = next(
            (
                link
                for link in registry.list_links(conn, supplier=upload.supplier)
                if link.kind == "upload" and link.shop == upload.shop
            ),
            None,
        )
        loads = registry.list_loads(conn, link_id=channel.id, limit=20) if channel else []
        newest = max((load.id for load in loads), default=0)
        claim = _claim(house, upload)
        if claim and claim.sha256 == sha256:
            done = next(
                (
                    load
                    for load in loads
                    if load.id > claim.newest_load
                    and load.source == upload.name
                    and load.status not in (LoadStatus.FAILED, LoadStatus.QUEUED, LoadStatus.RUNNING)
                    and registry.is_reported(conn, load.id)
                ),
                None,
            )
    if done:
        return Outcome("", done.supplier, done.shop, done.status.value, load_id=done.id, reason=done.reason)
    if claim is None or claim.sha256 != sha256:
        house.store.put_bytes(upload.claim_key, json.dumps(asdict(_Claim(sha256, newest))).encode())
    return None


def _claim(house: House, upload: Upload) -> _Claim | None:
    if not house.store.exists(upload.claim_key):
        return None
    return _Claim(**json.loads(house.store.get_bytes(upload.claim_key)))


def _require_known(house: House, upload: Upload) -> None:
    """A folder of the inbox makes no supplier: a mistyped name must not."""
    with house.database.connect() as conn:
        registry.find_shop(conn, upload.shop)
        if registry.accreditation(conn, upload.supplier, upload.shop) is Accreditation.NONE:
            msg = f"supplier {upload.supplier!r} is not known in shop {upload.shop!r}; both are declared by links"
            raise OperatorError(msg)


def _settings(house: House, upload: Upload) -> dict[str, Any]:
    """What the file is to be read with; whoever may leave a file here may not change the settings of a shop."""
    if not house.store.exists(upload.options_key):
        return {}
    if house.store.size(upload.options_key) > _OPTIONS_LIMIT_BYTES:
        msg = f"{upload.name}{_OPTIONS} is larger than settings ever are"
        raise OperatorError(msg)
    try:
        settings = json.loads(house.store.get_bytes(upload.options_key))
    except ValueError as error:
        msg = f"{upload.name}{_OPTIONS} is not JSON: {error}"
        raise OperatorError(msg) from error
    if not isinstance(settings, dict):
        msg = f"{upload.name}{_OPTIONS} is not a JSON object"
        raise OperatorError(msg)
    if strange := sorted(set(settings) - set(LinkOptions.model_fields)):
        msg = f"{upload.name}{_OPTIONS}: not settings of a file: {', '.join(strange)[:200]}"
        raise OperatorError(msg)
    Options().with_settings(settings)
    return settings


def _refuse(house: House, upload: Upload, path: Path, reason: str) -> Outcome:
    log.error("%s is refused: %s", upload.key, reason)
    place = f"{REFUSED}/{upload.supplier}/{upload.shop}/{upload.name}"
    house.store.put_file(place, path)
    house.store.put_bytes(f"{place}.reason.txt", reason.encode())
    return Outcome("", upload.supplier, upload.shop, LoadStatus.REJECTED.value, reason="refused", message=reason)


def _take_away(house: House, upload: Upload, sha256: str) -> None:
    """The claim goes last, and the settings before the file: what is left after a kill still tells what was done."""
    house.store.delete(upload.options_key)
    with house.store.open(upload.key) as now:
        same = _digest(now) == sha256
    if same:  # otherwise a newer file of this name came in meanwhile: it is the next round's
        house.store.delete(upload.key)
    house.store.delete(upload.claim_key)


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
