"""P6: when actualisation runs, is refused, or waits for a person."""

from decimal import Decimal

import pytest

from pipelines.model import WhyNot
from pipelines.options import LinkOptions
from pipelines.quality import Numbers, judge

ACTUALIZE = LinkOptions(actualize=True)


def numbers(*, read=100, rejected=0, visible=1000, missing=0, delta=False):
    return Numbers(
        read=read, accepted=read - rejected, rejected=rejected, visible=visible, missing=missing, delta=delta
    )


def test_P5_hides_only_when_the_link_asks_for_it():
    assert judge(numbers(missing=1), LinkOptions()).why_not is WhyNot.NOT_REQUESTED
    assert not judge(numbers(missing=1), LinkOptions()).hide
    assert judge(numbers(missing=1), ACTUALIZE).hide


def test_P6_a_delta_never_hides():
    assert judge(numbers(delta=True), ACTUALIZE).why_not is WhyNot.DELTA


def test_P6_nothing_accepted_never_hides():
    assert judge(numbers(read=3, rejected=3), ACTUALIZE).why_not is WhyNot.NOTHING_ACCEPTED


@pytest.mark.parametrize(("rejected", "hides"), [(49, True), (50, True), (51, False)])
def test_P6_more_than_half_rejected_never_hides(rejected, hides):
    verdict = judge(numbers(read=100, rejected=rejected, missing=1), ACTUALIZE)
    assert verdict.hide is hides
    assert (verdict.why_not is WhyNot.MOSTLY_REJECTED) is not hides


@pytest.mark.parametrize(
    ("visible", "missing", "held"),
    [
        (1000, 300, False),  # exactly 30 %
        (1000, 301, True),
        (60, 50, False),  # far over 30 %, exactly 50 offers
        (60, 51, True),
        (170, 51, False),  # 51 offers are exactly 30 %
        (169, 51, True),
        (0, 0, False),
    ],
)
def test_P6_held_over_both_thresholds(visible, missing, held):
    verdict = judge(numbers(visible=visible, missing=missing), ACTUALIZE)
    assert (verdict.hold is not None) is held
    assert verdict.hide is not held
    if verdict.hold:
        assert verdict.why_not is WhyNot.HELD
        assert verdict.hold.as_json() == {
            "reason": "too_many_hidden",
            "would_hide": missing,
            "visible": visible,
            "share_limit": "0.30",
            "count_limit": 50,
        }


def test_P6_thresholds_belong_to_the_link():
    relaxed = LinkOptions(actualize=True, hold_hidden_share=Decimal(1))
    assert judge(numbers(visible=100, missing=100), relaxed).hide
    strict = LinkOptions(actualize=True, hold_hidden_share=Decimal(0), hold_hidden_count=0)
    assert judge(numbers(visible=100, missing=1), strict).hold is not None
