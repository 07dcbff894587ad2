"""Which tests hold which loading rule: the table of `docs/rules.md`.

A test belongs to the rules its name starts with (`test_O3_name_over_255_…`), a golden case to the rules of the issue
codes it expects. Rules of parts that are not built yet stand there without tests: the table says what is held.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from pathlib import Path

from pipelines.issue_codes import ISSUE_CODES

TESTS = Path(__file__).resolve().parent.parent / "tests"

RULES = {
    "F1": "formats, recognised by content",
    "F2": "looked at hourly, processed when the body changed",
    "F3": "size on the decompressed stream, wrappers",
    "F4": "raw file archived under its SHA-256 first",
    "F5": "files that are rejected whole",
    "F6": "repairs that are safe, unambiguous and reported",
    "F7": "tags by local name, letter case",
    "F8": "no offers, or none accepted",
    "O1": "SKU",
    "O2": "duplicates in a file",
    "O3": "name",
    "O4": "description",
    "O5": "unit",
    "O6": "price",
    "O7": "VAT",
    "O8": "currency",
    "O9": "availability",
    "O10": "quantity",
    "O11": "delivery time",
    "O12": "vendor, article, model",
    "O13": "characteristics",
    "O14": "pictures",
    "O15": "weight and dimensions",
    "O16": "category",
    "O17": "buyer's position",
    "O18": "regions of an offer",
    "O19": "stock class, RRP",
    "N1": "units by OKEI",
    "N2": "regions by OKTMO",
    "N3": "characteristics by name and unit",
    "N4": "text",
    "P1": "one transaction, one report, one load at a time, in order",
    "P2": "every offer accounted for",
    "P3": "only differences are written",
    "P4": "a rejected offer keeps its last good version",
    "P5": "actualisation",
    "P6": "when actualisation does not run, or is held",
    "P7": "price guard",
    "P8": "accreditation",
    "P9": "edits by hand",
    "P10": "history and rollback",
    "R1": "forms of the report, mail",
    "R2": "order of the report",
    "R3": "when a mail is sent",
    "R4": "snapshot",
    "S1": "sources behind a login",
    "S2": "stock classes",
    "S3": "RRP control",
    "S4": "price on request",
}

_NAMED = re.compile(r"test((?:_[A-Z]\d+)+)_")


def rules() -> str:
    """The table as Markdown."""
    tests, cases = rule_tests(), rule_golden_cases()
    lines = [
        "# Loading rules and their tests\n",
        "Written by `python -m docs.generate` from the names of tests and the issue codes of golden cases.\n",
        "| rule | about | tests | golden cases |",
        "| --- | --- | --- | --- |",
    ]
    for rule, about in RULES.items():
        where = ", ".join(f"`{path}`" for path in sorted(tests[rule]))
        lines.append(f"| {rule} | {about} | {where} | {', '.join(sorted(cases[rule]))} |")
    return "\n".join(lines) + "\n"


def rule_tests() -> dict[str, set[str]]:
    """Rule id -> files below `tests/` with a test that names the rule."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = _NAMED.match(node.name) if isinstance(node, ast.FunctionDef) else None
            for rule in named.group(1).strip("_").split("_") if named else ():
                found[rule].add(path.relative_to(TESTS).as_posix())
    return found


def rule_golden_cases() -> dict[str, set[str]]:
    """Rule id -> golden cases that expect an issue of the rule."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((TESTS / "golden").glob("*/expected.json")):
        for issue in json.loads(path.read_text(encoding="utf-8")).get("issues", []):
            found[ISSUE_CODES[issue["code"]].rule].add(path.parent.name)
    return found
