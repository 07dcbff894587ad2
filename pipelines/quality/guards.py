"""The gate before publishing: what a load may do to the catalog by itself, and what waits for a person (P6, P7).

Pure: numbers in, verdict out. `docs/guards.md` is generated from what is said here and in the options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipelines.model import HoldReason, PriceMoves, WhyNot
from pipelines.options import LinkOptions


@dataclass(frozen=True)
class Numbers:
    """What is known before anything is written.

    Attributes:
        read, accepted, rejected: offers of the file.
        visible: the supplier's visible offers in this shop before the load.
        missing: those of them that actualisation would hide (P5: not in the file, not supplied by another link).
        delta: the file says that it holds changes only.
        prices: how the prices of the file stand to those of the catalog.
    """

    read: int
    accepted: int
    rejected: int
    visible: int
    missing: int
    delta: bool = False
    prices: PriceMoves = field(default_factory=PriceMoves)


@dataclass(frozen=True)
class Hold:
    """Why something of a load waits for an operator, with the numbers that made it wait."""

    reason: HoldReason
    numbers: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the load's JSON."""
        plain = {name: str(value) if isinstance(value, Decimal) else value for name, value in self.numbers.items()}
        return {"reason": self.reason.value, "message": self.reason.label, **plain}


@dataclass(frozen=True)
class Verdict:
    """Whether to hide missing offers now; if not, why not, and the hold if a person must decide."""

    requested: bool
    hide: bool
    why_not: WhyNot | None = None
    hold: Hold | None = None


def judge(numbers: Numbers, options: LinkOptions, *, suspicion: Hold | None = None) -> Verdict:
    """The verdict on a load.

    A load whose prices moved together, or that is unlike its own past, is held whole: nothing is published and nothing
    hidden (P7). Otherwise it is published, and the verdict is about hiding what its file does not contain (P6).

    Args:
        suspicion: a hold of the whole load that another gate asks for; a reason in the prices says more and goes first.
    """
    hides = _may_hide(numbers, options)
    if whole := price_hold(numbers, options) or suspicion:
        why_not = hides.why_not if hides.why_not not in (None, WhyNot.HELD) else WhyNot.HELD
        return Verdict(hides.requested, hide=False, why_not=why_not, hold=whole)
    return hides


def _may_hide(numbers: Numbers, options: LinkOptions) -> Verdict:
    """Whether actualisation may run (P6).

    Never for a delta, for a file with nothing accepted, or when more than half of the offers were rejected: the file
    is then no witness of what the supplier still sells. Held when it would hide more than the link's share and more
    than its count of the visible offers: both, so that neither a small catalog nor a usual week's turnover waits.
    """
    if not options.actualize:
        return Verdict(requested=False, hide=False, why_not=WhyNot.NOT_REQUESTED)
    if numbers.delta:
        return Verdict(requested=True, hide=False, why_not=WhyNot.DELTA)
    if numbers.accepted == 0:
        return Verdict(requested=True, hide=False, why_not=WhyNot.NOTHING_ACCEPTED)
    if 2 * numbers.rejected > numbers.read:
        return Verdict(requested=True, hide=False, why_not=WhyNot.MOSTLY_REJECTED)
    share, count = options.hold_hidden_share, options.hold_hidden_count
    if numbers.missing > count and numbers.missing > share * numbers.visible:
        hold = Hold(HoldReason.TOO_MANY_HIDDEN, _hiding(numbers) | {"share_limit": share, "count_limit": count})
        return Verdict(requested=True, hide=False, why_not=WhyNot.HELD, hold=hold)
    return Verdict(requested=True, hide=True)


def price_hold(numbers: Numbers, options: LinkOptions) -> Hold | None:
    """Whether the prices of the file moved together, so that the file rather than the prices is at fault (P7).

    One factor for nearly all (kopecks for roubles, VAT added twice or left out) tells more than that many jumped, and
    a factor of VAT is no jump; so it is asked first. Both ask for a count besides the share: in a small price list a
    few prices are a large share.
    """
    prices = numbers.prices
    factor, moved = max(prices.factors.items(), key=lambda entry: entry[1], default=("", 0))
    common = _hiding(numbers) | {"compared": prices.compared, "jumped": prices.jumped, "examples": [*prices.examples]}
    share, count = options.hold_factor_share, options.hold_factor_count
    if moved >= count and moved >= share * prices.compared:
        return Hold(
            HoldReason.PRICE_FACTOR,
            common | {"factor": factor, "moved": moved, "share_limit": share, "count_limit": count},
        )
    share, count = options.hold_price_share, options.hold_price_count
    if prices.jumped > count and prices.jumped > share * prices.compared:
        limits = {"ratio": options.hold_price_ratio, "share_limit": share, "count_limit": count}
        return Hold(HoldReason.PRICE_JUMPS, common | limits)
    return None


def kept_prices(numbers: Numbers, options: LinkOptions, kept: int) -> Hold:
    """What waits when single offers keep their old price until it is confirmed (P7)."""
    numbers_of_it = {"kept": kept, "limit": options.price_jump_limit, "examples": [*numbers.prices.examples]}
    return Hold(HoldReason.PRICES_KEPT, _hiding(numbers) | numbers_of_it)


def _hiding(numbers: Numbers) -> dict[str, Any]:
    return {"would_hide": numbers.missing, "visible": numbers.visible}
