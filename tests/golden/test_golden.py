"""Each golden case gives exactly what was reviewed. A new case is a folder: see `update.py`."""

import importlib.util
import json
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
golden = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(golden)


def test_there_are_golden_cases():
    assert len(golden.CASES) >= 20


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_golden(case):
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    assert golden.outcome(case) == expected
