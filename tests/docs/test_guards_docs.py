"""`docs/guards.md` names every guard that there is, and every setting that changes one."""

import re

from docs.guards import guards
from pipelines.model import HoldReason
from pipelines.options import LinkOptions
from pipelines.quality.guards import GUARDS


def test_every_reason_to_wait_is_explained_once():
    reasons = [guard.reason for guard in GUARDS]
    assert len(set(reasons)) == len(reasons)
    assert {reason for reason in reasons if isinstance(reason, HoldReason)} == set(HoldReason)


def test_every_threshold_is_named_with_its_default():
    thresholds = {name for name in LinkOptions.model_fields if name.startswith("hold_") or name == "price_jump_limit"}
    assert {name for guard in GUARDS for name in guard.options} == thresholds
    for guard in GUARDS:
        assert set(re.findall(r"\{(\w+)\}", guard.when)) == set(guard.options), guard.reason
    text = guards()
    assert "more than 30% of the visible offers, and more than 50 of them" in text
    assert "| `price_jump_limit` | 10 |" in text
    assert "{" not in text
