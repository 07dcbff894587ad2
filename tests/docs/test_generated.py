"""Documents taken from the code say what the code says; the list of issue codes keeps its own promises."""

import ast
import re
import string
from pathlib import Path

import pytest

from docs.generate import documents
from docs.hostile import FEEDS, SECTIONS
from docs.rules import RULES, rule_tests
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import Severity

TESTS = Path(__file__).parents[1]
CODES = list(ISSUE_CODES.values())


@pytest.mark.parametrize("path", list(documents()), ids=lambda path: path.name)
def test_generated_documents_are_current(path):
    assert path.read_text(encoding="utf-8") == documents()[path], "run: python -m docs.generate"


def test_every_code_stands_in_the_document():
    text = next(text for path, text in documents().items() if path.name == "issues.md")
    assert sorted(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == sorted(code.code for code in CODES)


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.code)
def test_codes_are_stable_names_with_russian_texts_and_known_blanks(code):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", code.code)
    assert re.fullmatch(r"[FONPRS]\d{1,2}", code.rule)
    assert code.scope in {"load", "offer"}
    blanks = {name for text in (code.message, code.remedy) for _, name, _, _ in string.Formatter().parse(text) if name}
    assert blanks <= {"field", "sent", "published", "sku", "line"}
    assert re.search("[А-Яа-я]", code.message)
    assert code.remedy or code.severity is Severity.INFO


def test_every_rule_that_is_promised_is_held_by_a_test() -> None:
    held = rule_tests()
    assert set(held) <= set(RULES), "a test names a rule that does not exist"
    assert {rule for rule in RULES if rule not in held} == set()
    assert {rule for code in ISSUE_CODES.values() for rule in [code.rule]} <= set(RULES)


def test_every_hostile_case_is_held_by_tests_that_exist() -> None:
    assert len(FEEDS) == 55
    named = {name for cases in SECTIONS.values() for case in cases for name in case.tests}
    assert all(case.tests for cases in SECTIONS.values() for case in cases)
    there = {
        f"{path.relative_to(TESTS).as_posix()}::{node.name.removeprefix('test_')}"
        for path in {TESTS / name.partition("::")[0] for name in named if "::" in name}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    there |= {folder.name for folder in (TESTS / "golden").iterdir() if (folder / "expected.json").exists()}
    assert named - there == set()
