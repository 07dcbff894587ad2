"""Numbers of the gate as people read them."""

import pytest

from pipelines.quality.conditions import instead
from pipelines.quality.suites import Unit


@pytest.mark.parametrize(
    ("now", "usual", "said"),
    [
        (369.0, 1139.5, "369 вместо обычных 1 140"),
        (1.0, 99.5, "1 вместо обычных 99,5"),
        (1.0, 100.0, "1 вместо обычных 100"),
        (80.0, 80.0, "80, как обычно"),
    ],
)
def test_hundreds_are_told_without_halves(now: float, usual: float, said: str) -> None:
    assert instead(now, usual, Unit.NUMBER).replace("\N{NO-BREAK SPACE}", " ") == said
