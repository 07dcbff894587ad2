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


@dataclass(frozen=True)
class Guard:
    """One guard as operators read of it; `docs/guards.md` is made from these.

    Attributes:
        reason: what the load's JSON calls it: a `HoldReason`, or a `WhyNot` where nothing waits and hiding is just off.
        rule: id of the loading rule.
        when: what sets it off; `{option}` stands for a setting's default.
        does: what happens to the load then.
        why: what it protects from.
        options: settings of the link that change it.
    """

    reason: HoldReason | WhyNot
    rule: str
    when: str
    does: str
    why: str
    options: tuple[str, ...] = ()


GUARDS: tuple[Guard, ...] = (
    Guard(
        WhyNot.DELTA,
        "P6",
        "The file says that it holds changes only.",
        "It is published; nothing is hidden.",
        "What such a file leaves out is still for sale.",
    ),
    Guard(
        WhyNot.NOTHING_ACCEPTED,
        "P6, F8",
        "No offer of the file is accepted.",
        "The load is rejected; nothing is hidden.",
        "An empty or broken export is no order to empty the catalog.",
    ),
    Guard(
        WhyNot.MOSTLY_REJECTED,
        "P6",
        "More than half of the offers are rejected.",
        "The accepted ones are published; nothing is hidden.",
        "A file that is mostly wrong is no witness of what is still for sale.",
    ),
    Guard(
        HoldReason.TOO_MANY_HIDDEN,
        "P6",
        "Actualisation would hide more than {hold_hidden_share} of the visible offers, and more than"
        " {hold_hidden_count} of them.",
        "New and changed offers are published; hiding waits.",
        "Exports shrink overnight: 2,959 offers to 202, 1,792 to 260, 3,479 to none, and are whole again hours later."
        " Both limits must be passed, so that neither a small price list nor a usual week waits.",
        ("hold_hidden_share", "hold_hidden_count"),
    ),
    Guard(
        HoldReason.PRICE_FACTOR,
        "P7",
        "At least {hold_factor_share} of the offers that the catalog knows, and at least {hold_factor_count}, moved by"
        " one factor: ×100, ×0.01, or by their own VAT rate, added or taken away, exact to the kopeck.",
        "Nothing is published and nothing hidden; the whole load waits.",
        "Kopecks for roubles, or VAT added twice, is one mistake in the export and wrong on every card.",
        ("hold_factor_share", "hold_factor_count"),
    ),
    Guard(
        HoldReason.PRICE_JUMPS,
        "P7",
        "More than {hold_price_share} of the offers that the catalog knows, and more than {hold_price_count}, moved by"
        " ×{hold_price_ratio} or more either way.",
        "Nothing is published and nothing hidden; the whole load waits.",
        "Columns that changed places and prices of another currency make most prices wrong, each in its own way.",
        ("hold_price_ratio", "hold_price_share", "hold_price_count"),
    ),
    Guard(
        HoldReason.UNLIKE_PAST,
        "P7",
        "The file is unlike the link's last good loads beyond what `docs/quality.md` names as critical.",
        "Nothing is published and nothing hidden; the whole load waits.",
        "What a field or a price looks like in the whole file is seen by no rule about one offer.",
    ),
    Guard(
        HoldReason.PRICES_KEPT,
        "P7",
        "The price of an offer, or of one of its regions, moved by ×{price_jump_limit} or more either way, or is in"
        " another currency.",
        "The load is processed. That offer keeps its price with its VAT, currency, unit, recommended price and regions;"
        " its other fields are published. The new price waits, however often it is sent.",
        "One slipped digit sells a machine for the price of a bolt.",
        ("price_jump_limit",),
    ),
)
