"""The JSON of a load, as programs hold on to it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import Issue, LoadFacts, LoadStatus
from pipelines.report import LoadReport, build, write_json

INTERFACE = Path(__file__).parents[2] / ".." / "shared" / "interface.md"


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
MAYBE_TEXT = {"type": ["string", "null"]}
MOMENT = {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$"}
LINE = {"type": ["integer", "null"], "minimum": 1}
SEVERITY = {"enum": ["error", "warning", "info"]}
SCHEMA = closed(
    {
        "load": closed(
            {
                "id": {"type": "integer"},
                "supplier": TEXT,
                "shop": TEXT,
                "link": TEXT,
                "status": {"enum": [status.value for status in LoadStatus]},
                "reason": MAYBE_TEXT,
                "format": MAYBE_TEXT,
                "encoding": MAYBE_TEXT,
                "sha256": MAYBE_TEXT,
                "bytes": {"type": ["integer", "null"]},
                "started_at": MOMENT,
                "finished_at": MOMENT,
                "delta": {"type": "boolean"},
                "dry_run": {"type": "boolean"},
            }
        ),
        "counts": closed(
            dict.fromkeys(
                [
                    *("read", "accepted", "rejected", "created", "changed", "restored"),
                    *("unchanged", "hidden", "errors", "warnings", "infos"),
                ],
                COUNT,
            )
        ),
        "actualization": closed(
            {
                "requested": {"type": "boolean"},
                "applied": {"type": "boolean"},
                "why_not": MAYBE_TEXT,
            }
        ),
        "decision": {"type": ["object", "null"]},
        "statistics": {"type": ["object", "null"], "additionalProperties": COUNT},
        "held": {"type": ["object", "null"], "required": ["reason", "would_hide", "visible"]},
        "issues": {
            "type": "array",
            "items": closed(
                {
                    "code": {"enum": list(ISSUE_CODES)},
                    "severity": SEVERITY,
                    "sku": MAYBE_TEXT,
                    "part": MAYBE_TEXT,
                    "line": LINE,
                    "field": MAYBE_TEXT,
                    "sent": MAYBE_TEXT,
                    "published": MAYBE_TEXT,
                    "message": TEXT,
                    "remedy": TEXT,
                }
            ),
        },
        "causes": {
            "type": "array",
            "items": closed(
                {
                    "code": {"enum": list(ISSUE_CODES)},
                    "severity": SEVERITY,
                    "field": MAYBE_TEXT,
                    "offers": COUNT,
                    "offers_regained": COUNT,
                    "issues": {"type": "integer", "minimum": 1},
                    "message": TEXT,
                    "remedy": TEXT,
                    "examples": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 3,
                        "items": closed(
                            {
                                "sku": MAYBE_TEXT,
                                "part": MAYBE_TEXT,
                                "line": LINE,
                                "column": MAYBE_TEXT,
                                "xpath": MAYBE_TEXT,
                                "name": MAYBE_TEXT,
                                "sent": MAYBE_TEXT,
                                "published": MAYBE_TEXT,
                            }
                        ),
                    },
                }
            ),
        },
        "since_last": {
            "type": "array",
            "items": closed(
                {
                    "code": {"enum": list(ISSUE_CODES)},
                    "severity": SEVERITY,
                    "message": TEXT,
                    **dict.fromkeys(["fixed", "remaining", "new"], COUNT),
                }
            ),
        },
        "prices": {"type": ["object", "null"], "required": ["up", "down", "median_percent", "histogram", "widest"]},
        "quality": {"type": ["object", "null"], "required": ["score", "parts"]},
        "files": {
            "type": "object",
            "required": ["raw", "offers", "issues", "report_html", "issues_xlsx", "issues_csv", "annotated"],
            "additionalProperties": MAYBE_TEXT,
        },
        "timings": {
            "type": "object",
            "required": ["fetch", "parse", "normalize", "check", "publish", "report"],
            "additionalProperties": {"type": ["number", "null"]},
        },
    }
)


def as_json(report: LoadReport, issues: Path) -> dict[str, Any]:
    out = io.StringIO()
    write_json(report, issues, out)
    document: dict[str, Any] = json.loads(out.getvalue())
    jsonschema.validate(document, SCHEMA)
    return document


@pytest.mark.parametrize("status", LoadStatus)
def test_every_status_fits_the_schema(
    make_load: Callable[..., LoadFacts], write_issues: Any, status: LoadStatus
) -> None:
    issues = write_issues([])
    load = make_load(status=status, actualization={}, finished_at=None)
    document = as_json(build(load, issues, None, {}, None), issues)
    assert document["load"]["status"] == status.value
    assert document["issues"] == []


def test_issues_are_complete_and_in_file_order(
    make_load: Callable[..., LoadFacts], write_issues: Callable[[Iterable[Issue]], Path]
) -> None:
    repeats = 10_000 // len(ISSUE_CODES) + 1  # more than is read at once
    hostile = 'кавычки " и \\, <b>, {sent}, \x00\u202e\r\n'
    issues = write_issues(
        Issue(code, ordinal=n, line=n + 1, sku=str(n), sent=hostile, field=hostile)
        for n, code in enumerate(list(ISSUE_CODES) * repeats)
    )
    document = as_json(build(make_load(), issues, None, {}, None), issues)
    assert [issue["line"] for issue in document["issues"]] == list(range(1, len(ISSUE_CODES) * repeats + 1))
    first = document["issues"][0]
    assert first["sent"] == hostile
    assert first["severity"] == ISSUE_CODES[first["code"]].severity
    quoting = next(issue for issue in document["issues"] if issue["code"] == "format_unknown")
    assert hostile in quoting["message"]


def test_moments_have_zones_and_money_two_decimals(make_load: Callable[..., LoadFacts], write_issues: Any) -> None:
    issues = write_issues([])
    held = {"reason": "too_many_hidden", "would_hide": 60, "visible": 100, "worth": Decimal("1200.5")}
    load = make_load(status=LoadStatus.HELD, held=held, finished_at=datetime(2026, 11, 22, 4, 15, tzinfo=UTC))
    document = as_json(build(load, issues, None, {}, None), issues)
    assert document["load"]["finished_at"] == "2026-11-22T04:15:00+00:00"
    assert document["held"]["worth"] == "1200.50"


def test_files_and_timings_are_passed_on(make_load: Callable[..., LoadFacts], write_issues: Any) -> None:
    issues = write_issues([])
    load = make_load(timings={"parse": 1.5, "fetch": 0.1})
    document = as_json(build(load, issues, None, {"raw": "raw/9f", "report_json": "r.json"}, None), issues)
    assert document["files"]["raw"] == "raw/9f"
    assert document["files"]["report_json"] == "r.json"
    assert document["files"]["issues_csv"] is None
    assert document["timings"]["parse"] == 1.5
    assert document["timings"]["report"] is None


@pytest.mark.skipif(not INTERFACE.exists(), reason="the interface's text is not beside this checkout")
def test_the_schema_is_the_interface() -> None:
    described = re.search(r"## JSON of a load.*?```\n(.*?)```", INTERFACE.read_text(encoding="utf-8"), re.DOTALL)
    assert described is not None
    names = re.findall(r'"([a-z0-9_]+)"', described.group(1))
    have = set(re.findall(r'"([a-z0-9_]+)"', json.dumps(SCHEMA)))
    assert len(names) > 50
    assert [name for name in names if name not in have] == []
