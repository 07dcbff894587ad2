"""Documents taken from the code say what the code says; the list of issue codes keeps its own promises."""

import re
import string

import pytest

from docs.generate import documents
from docs.rules import RULES, rule_tests
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import Severity

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
