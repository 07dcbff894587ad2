"""The JSON of a load: what `load --json` prints and `report.json` holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import pyarrow.parquet as pq

from pipelines.model import PRICE_STEPS, PriceChanges
from pipelines.remedies import remedy
from pipelines.report.causes import Cause
from pipelines.report.score import Part
from pipelines.report.summary import LoadReport
from pipelines.report.wording import fill, in_words, issue_code

_LOAD = (
    "id", "supplier", "shop", "link", "status", "reason", "format", "encoding", "sha256", "bytes",
    "delta", "started_at", "finished_at", "dry_run",
)  # fmt: skip
_NO_ACTUALIZATION = {"requested": False, "applied": False, "why_not": None}
_FILES = ("raw", "offers", "issues", "report_html", "issues_xlsx", "issues_csv", "annotated")
_TIMINGS = ("fetch", "parse", "normalize", "check", "publish", "report")
_ISSUE = ("code", "sku", "part", "line", "field", "sent", "published")
_BATCH = 10_000


def write_json(report: LoadReport, issues: Path, out: TextIO) -> None:
    """Write the JSON of a load, its issues complete and in file order, in constant memory.

    Args:
        report: the report of the load.
        issues: the Parquet of `ISSUE_SCHEMA` that the report was built from.
        out: a text stream in UTF-8.

    Raises:
        InternalError: an issue has a code that is not in the closed list.
    """
    load = report.load
    head = {
        "load": {name: getattr(load, name) for name in _LOAD},
        "counts": asdict(load.counts),
        "actualization": _NO_ACTUALIZATION | load.actualization,
        "held": load.held,
        "decision": load.decision,
        "statistics": report.statistics,
    }
    tail = {
        "causes": [_cause(cause) for cause in report.causes.ranked],
        "since_last": [asdict(course) for course in report.since],
        "prices": report.prices and _prices(report.prices),
        "quality": report.score and {"score": report.score.points, "parts": [_part(p) for p in report.score.parts]},
        "files": _keys(_FILES, report.files),
        "timings": _keys(_TIMINGS, load.timings),
    }
    # The list of issues may not fit in memory, so the object is put together around it.
    out.write(_dumps(head)[:-1] + ',\n"issues": [')
    out.writelines(
        (",\n" if position else "\n") + _dumps(issue) for position, issue in enumerate(_issues(issues, load.format))
    )
    out.write("],\n" + _dumps(tail)[1:] + "\n")


def _issues(path: Path, feed_format: str | None) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH, columns=list(_ISSUE)):
            for row in batch.to_pylist():
                entry = issue_code(row["code"])
                values = {name: None if row[name] is None else str(row[name]) for name in _ISSUE}
                values["published"] = in_words(entry, row["published"])
                yield {
                    "code": entry.code,
                    "severity": entry.severity,
                    "sku": row["sku"],
                    "part": row["part"],
                    "line": row["line"],
                    "field": row["field"],
                    "sent": row["sent"],
                    "published": row["published"],
                    "message": fill(entry.message, values),
                    "remedy": fill(remedy(entry, feed_format), values),
                }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "severity": cause.severity,
        "field": cause.field,
        "offers": cause.offers,
        "offers_regained": cause.regained,
        "issues": cause.issues,
        "message": cause.message,
        "remedy": cause.remedy,
        "examples": [asdict(example) for example in cause.examples],
    }


def _prices(prices: PriceChanges) -> dict[str, Any]:
    borders = [None, *PRICE_STEPS, None]
    return {
        "up": prices.up,
        "down": prices.down,
        "median_percent": prices.median,
        "histogram": [
            {"from_percent": low, "to_percent": high, "offers": offers}
            for (low, high), offers in zip(pairwise(borders), prices.histogram, strict=True)
        ],
        "widest": [asdict(change) for change in prices.widest],
    }


def _part(part: Part) -> dict[str, Any]:
    return {"name": part.name, "share": round(part.share, 4), "points": part.points, "weight": part.weight}


def _keys(names: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    """The values with every promised name present, in its order, and what else there is after them."""
    return {**dict.fromkeys(names), **values}


def _plain_value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    msg = f"no JSON form for {type(value).__name__}"
    raise TypeError(msg)


# One encoder for all issues: made anew for each, it would cost more than the encoding.
_dumps = json.JSONEncoder(ensure_ascii=False, default=_plain_value).encode
