"""What becomes of a golden case: from the bytes of its feed to offers, rejected offers and issues.

A case is a folder beside this file: what the supplier sends (`feed.xml`, `feed.csv`, `feed.zip`, …, or a folder `feed`
of several files), `expected.json`, and `options.json` where the link or the shop has settings. Where the feed holds
changes only, `base.xml` is what the supplier had sent before.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.errors import SupplierError
from pipelines.fetch import fetch_file, raw_key
from pipelines.model import ParseResult
from pipelines.normalize import complete, normalize
from pipelines.objects.folder import FolderStore
from pipelines.options import Options
from pipelines.parse import parse, short_key
from pipelines.reference import load_reference

ROOT = Path(__file__).parent
CASES = sorted(path.parent for path in ROOT.glob("*/expected.json"))
TODAY = date(2026, 11, 22)  # dated reference data is judged by this day


def feed(case: Path) -> Path:
    """What the supplier sends in a case."""
    (found,) = (path for path in case.iterdir() if path.stem == "feed")
    return found


def outcome(case: Path) -> dict[str, Any]:
    """What the product makes of a case now, in the form of `expected.json`. Empty fields are left out."""
    settings = case / "options.json"
    options = Options().with_settings(json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {})
    with tempfile.TemporaryDirectory() as folder:
        raw, out = Path(folder) / "raw_offers.parquet", Path(folder) / "out"
        try:
            parsed = _parsed(feed(case), raw, options)
            if parsed.delta and (case / "base.xml").exists():
                parsed = _completed(parsed, case / "base.xml", raw, options)
        except SupplierError as error:
            place = {"part": error.part} if error.part else {}
            return {"rejected_file": {"code": error.code, **place, "line": error.line}}
        totals = normalize(raw, out, parsed=parsed, options=options, reference=load_reference(), today=TODAY)
        rows = {name: pq.read_table(out / f"{name}.parquet").to_pylist() for name in ("offers", "rejected", "issues")}
    for offer in rows["offers"]:
        del offer["content_hash"]
    return {
        "encoding": parsed.encoding,
        "totals": vars(totals),
        **{name: [_plain(row) for row in table] for name, table in rows.items()},
    }


def _parsed(sent: Path, raw: Path, options: Options) -> ParseResult:
    store = FolderStore(raw.parent / "objects")
    key = raw_key(fetch_file(sent, store=store).sha256)
    return parse(lambda: store.open(key), raw, options=options.link)


def _completed(parsed: ParseResult, before: Path, raw: Path, options: Options) -> ParseResult:
    changes, base = raw.replace(raw.with_name("changes.parquet")), raw.with_name("base.parquet")
    _parsed(before, base, options)
    issues = complete(changes, base, raw, raw.with_name("new_base.parquet"), made_key=short_key)
    return replace(parsed, issues=(*parsed.issues, *issues))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items() if v is not None and v != []}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value if isinstance(value, int | str) else str(value)
