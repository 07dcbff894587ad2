"""P6 and P7: when actualisation runs, is refused or waits for a person, and when a whole load does."""

import dataclasses
from decimal import Decimal

import pytest

from pipelines.model import HoldReason, PriceMoves, WhyNot
from pipelines.options import LinkOptions
from pipelines.quality import Hold, Numbers, judge

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
            "message": "Из каталога скрылось бы слишком много товаров.",
            "would_hide": missing,
            "visible": visible,
            "share_limit": "0.30",
            "count_limit": 50,
        }


@pytest.mark.parametrize(("before", "after"), [(2959, 202), (1792, 260), (2148, 7)])
def test_P6_the_shrinks_found_in_the_wild_are_held_and_recover(before, after):
    shrunk = judge(Numbers(read=after, accepted=after, rejected=0, visible=before, missing=before - after), ACTUALIZE)
    assert (shrunk.hide, shrunk.hold.reason) == (False, HoldReason.TOO_MANY_HIDDEN)
    whole = judge(Numbers(read=before, accepted=before, rejected=0, visible=before, missing=0), ACTUALIZE)
    assert (whole.hide, whole.hold) == (True, None)


def test_P6_thresholds_belong_to_the_link():
    relaxed = LinkOptions(actualize=True, hold_hidden_share=Decimal(1))
    assert judge(numbers(visible=100, missing=100), relaxed).hide
    strict = LinkOptions(actualize=True, hold_hidden_share=Decimal(0), hold_hidden_count=0)
    assert judge(numbers(visible=100, missing=1), strict).hold is not None


def moves(*, compared=100, jumped=0, factors=None):
    prices = PriceMoves(compared=compared, jumped=jumped, factors=factors or {}, examples=({"sku": "a"},))
    return dataclasses.replace(numbers(missing=7), prices=prices)


@pytest.mark.parametrize(
    ("compared", "jumped", "held"),
    [
        (100, 20, False),  # exactly 20 %
        (100, 21, True),
        (12, 10, False),  # nearly all, exactly 10 prices
        (12, 11, True),
        (0, 0, False),
    ],
)
def test_P7_jumps_over_both_thresholds_hold_the_whole_load(compared, jumped, held):
    for options in (LinkOptions(), ACTUALIZE):
        verdict = judge(moves(compared=compared, jumped=jumped), options)
        assert (verdict.hold is not None) is held
        if verdict.hold:
            assert not verdict.hide
            assert verdict.why_not is (WhyNot.HELD if options.actualize else WhyNot.NOT_REQUESTED)
            assert not verdict.hold.reason.publishes
            assert verdict.hold.as_json() == {
                "reason": "price_jumps",
                "message": "Слишком много цен изменилось в разы.",
                "would_hide": 7,
                "visible": 1000,
                "compared": compared,
                "jumped": jumped,
                "ratio": "3",
                "share_limit": "0.20",
                "count_limit": 10,
                "examples": [{"sku": "a"}],
            }


@pytest.mark.parametrize(
    ("compared", "moved", "held"),
    [
        (100, 89, False),
        (100, 90, True),  # nearly all is 90 % and more
        (19, 19, False),
        (20, 20, True),
        (0, 0, False),
    ],
)
@pytest.mark.parametrize("factor", ["100", "0.01", "vat", "1/vat"])
def test_P7_one_factor_for_nearly_all_holds_the_whole_load(compared, moved, held, factor):
    verdict = judge(moves(compared=compared, factors={factor: moved, "other": 1}), ACTUALIZE)
    assert (verdict.hold is not None) is held
    if verdict.hold:
        assert verdict.hold.reason is HoldReason.PRICE_FACTOR
        assert verdict.hold.numbers["factor"] == factor
        assert verdict.hold.numbers["moved"] == moved


def test_P7_a_factor_says_more_than_jumps_and_is_asked_first():
    verdict = judge(moves(jumped=100, factors={"100": 100}), LinkOptions())
    assert verdict.hold.reason is HoldReason.PRICE_FACTOR


def test_P7_thresholds_belong_to_the_link():
    assert judge(moves(jumped=90), LinkOptions(hold_price_share=Decimal(1))).hold is None
    assert judge(moves(jumped=90), LinkOptions(hold_price_count=90)).hold is None
    assert judge(moves(jumped=1), LinkOptions(hold_price_share=Decimal(0), hold_price_count=0)).hold is not None
    assert judge(moves(factors={"vat": 100}), LinkOptions(hold_factor_count=101)).hold is None


def test_P7_prices_hold_a_load_that_would_hide_too_much_as_well():
    """What is wrong with the prices is wrong with the file: nothing of it is published."""
    both = dataclasses.replace(moves(jumped=100), visible=1000, missing=900)
    verdict = judge(both, ACTUALIZE)
    assert (verdict.hold.reason, verdict.hold.numbers["would_hide"]) == (HoldReason.PRICE_JUMPS, 900)


def test_a_suspicion_of_another_gate_holds_the_whole_load_unless_the_prices_tell_more():
    suspicion = Hold(HoldReason.UNLIKE_PAST, {"what": "fill rates"})
    assert judge(numbers(), LinkOptions(), suspicion=suspicion).hold is suspicion
    assert judge(moves(jumped=90), LinkOptions(), suspicion=suspicion).hold.reason is HoldReason.PRICE_JUMPS
    assert judge(numbers(delta=True), ACTUALIZE, suspicion=suspicion).why_not is WhyNot.DELTA


def test_every_reason_has_its_words():
    labels = [reason.label for reason in HoldReason]
    assert len(set(labels)) == len(labels)
    assert all(label.endswith(".") for label in labels)
