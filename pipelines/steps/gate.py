"""The gate between transforming and publishing: a load's files against the expectations, once for each load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import pyarrow as pa

from pipelines import quality, registry
from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import ISSUE_SCHEMA, HoldReason, Issue, LoadFacts
from pipelines.reference import Reference
from pipelines.registry import Connection
from pipelines.steps.house import House, load_key
from pipelines.steps.remarks import add_remarks

_PAGE = "quality.html"
_PROFILE, _VERDICT = "profile.json", "gate.json"


def check_load(
    house: House,
    conn: Connection,
    load: LoadFacts,
    reference: Reference,
    *,
    spellings: Mapping[str, str],
) -> quality.Hold | None:
    """Check a transformed load; a hold if a person must look before anything of it is published.

    Its warnings become remarks, counted in the load; its page and its numbers are put beside its other files. The
    verdict is written last, and a load that has one is not checked again: what is usual may have changed since.

    Args:
        spellings: raw column -> how the supplier wrote it, for remarks.

    Raises:
        InternalError: the files break what normalising promises; the page says where.
    """
    key = load_key(load.id, _VERDICT)
    if not house.store.exists(key):
        verdict = _check(house, load, reference, _past(house, conn, load), dict(spellings))
        house.store.put_bytes(key, json.dumps(verdict, ensure_ascii=False).encode())
    known = json.loads(house.store.get_bytes(key))
    load.counts.warnings += known["warnings"]
    return quality.Hold(HoldReason.UNLIKE_PAST, known["unlike_past"]) if known["unlike_past"] else None


def _past(house: House, conn: Connection, load: LoadFacts) -> list[quality.Profile]:
    """What the last good loads of the link were like; those without a profile held changes only, or came before it."""
    loads = registry.good_loads(conn, load, limit=quality.PAST_LOADS)
    conn.commit()
    keys = (load_key(known, _PROFILE) for known in loads)
    return [quality.Profile.from_json(house.store.get_bytes(key)) for key in keys if house.store.exists(key)]


def _check(
    house: House,
    load: LoadFacts,
    reference: Reference,
    past: list[quality.Profile],
    spellings: dict[str, str],
) -> dict[str, object]:
    counts = load.counts
    with (
        house.scratch() as folder,
        house.store.local(load_key(load.id, "offers.parquet")) as offers,
        house.store.local(load_key(load.id, "issues.parquet")) as issues,
    ):
        batch = quality.Batch(offers, issues, read=counts.read, rejected=counts.rejected, delta=load.delta)
        result = quality.examine(batch, past=past, reference=reference, scratch=folder)
    house.store.put_bytes(load_key(load.id, _PAGE), quality.render_page(load, result).encode())
    if broken := result.broken_promises:
        msg = f"load {load.id} breaks what normalising promises: {', '.join(f.check.id for f in broken)}"
        raise InternalError(msg)
    if result.profile is not None:
        house.store.put_bytes(load_key(load.id, _PROFILE), result.profile.as_json())
    remarks = result.issues(spellings)
    if remarks:
        with house.scratch() as folder:
            add_remarks(house, load.id, _table(remarks), folder)
    findings = [{"check": f.check.id, "expected": f.condition, "found": f.observed} for f in result.unlike_past]
    return {"warnings": len(remarks), "unlike_past": {"findings": findings} if findings else None}


def _table(remarks: tuple[Issue, ...]) -> pa.Table:
    rows = [asdict(issue) | {"severity": ISSUE_CODES[issue.code].severity.value} for issue in remarks]
    return pa.Table.from_pylist(rows, schema=ISSUE_SCHEMA)
