"""The manifest of a transformed load: what its files were made of and what came of it; written after all of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.errors import SupplierError
from pipelines.model import Counts, LoadFacts, Severity
from pipelines.steps.house import House, load_key


@dataclass(frozen=True)
class Manifest:
    """What transforming a file came to; written after everything it speaks of.

    Attributes:
        totals: counts of offers read, accepted and rejected and of issues; names as in `model.Counts`.
        reason: code of the issue for which nothing is published.
        whole: the one issue of a file that was rejected before its offers were read to the end (F5).
        delta: the file holds changes only.
        reference_version: version over all reference tables it was normalised with.
        reference_tables: each of them, name -> version.
        spellings: raw column -> how the supplier wrote it, for remarks made later.
        parts: files of a set, with the line each begins at.
        made_of: digest of all that its offers, rejected offers and issues were made of (`same_offers`).
        made_under: digest of the same but for the file: of rules, options, tables and day.
        compared_with: the load, normalised whole, that the offers of the next one are compared with: itself, or the one
            that its own were compared with.
        issues_sha256: of the issues as normalising wrote them, before later steps added any.
    """

    totals: dict[str, int]
    reason: str | None = None
    format: str | None = None
    encoding: str | None = None
    whole: dict[str, Any] | None = None
    delta: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    reference_version: str | None = None
    reference_tables: dict[str, str] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    made_of: str | None = None
    made_under: str | None = None
    compared_with: int | None = None
    issues_sha256: str | None = None

    @classmethod
    def rejection(cls, error: SupplierError, timings: dict[str, float] | None = None) -> Manifest:
        """The manifest of a file that is rejected whole (F5)."""
        issue = {
            "code": error.code,
            "severity": Severity.ERROR.value,
            "part": error.part,
            "line": error.line,
            "sent": error.detail,
        }
        return cls(totals={"errors": 1}, reason=error.code, whole=issue, timings=timings or {})

    @property
    def accepted(self) -> int:
        """Offers that may be published."""
        return self.totals.get("accepted", 0)

    def describe(self, load: LoadFacts) -> None:
        """Tell the load what this manifest knows of it."""
        load.format, load.encoding, load.delta = self.format, self.encoding, self.delta
        load.counts = Counts(**self.totals)
        load.timings |= self.timings


def read_manifest(house: House, load_id: int) -> Manifest | None:
    """What an earlier run made of the file, if it came to its end."""
    key = load_key(load_id, "transform.json")
    return Manifest(**json.loads(house.store.get_bytes(key))) if house.store.exists(key) else None


def write_manifest(house: House, load_id: int, manifest: Manifest) -> None:
    """Say that the file is transformed; everything the manifest speaks of is in the load's folder."""
    data = json.dumps(asdict(manifest), ensure_ascii=False).encode()
    house.store.put_bytes(load_key(load_id, "transform.json"), data)
