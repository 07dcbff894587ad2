"""The questions of `docs/analysts.md` as values, so that tests and benchmarks ask what the guide says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

GUIDE = Path(__file__).with_name("analysts.md")
_QUESTION = re.compile(r"^### \d+\. (?P<title>[^\n]+)\n\n```sql\n(?P<query>.+?)```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Question:
    """A question of the guide and the query that answers it."""

    title: str
    query: str


def questions() -> list[Question]:
    """All questions in the order of the guide."""
    return [Question(**found.groupdict()) for found in _QUESTION.finditer(GUIDE.read_text(encoding="utf-8"))]
