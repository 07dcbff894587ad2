"""The gate before publishing: may this load hide what its file does not contain? Pure: numbers in, verdict out (P6)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from pipelines.model import WhyNot
from pipelines.options import LinkOptions


@dataclass(frozen=True)
class Numbers:
    """What is known before anything is written.

    Attributes:
        read, accepted, rejected: offers of the file.
        visible: the supplier's visible offers in this shop before the load.
        missing: those of them that actualisation would hide (P5: not in the file, not supplied by another link).
        delta: the file says that it holds changes only.
    """

    read: int
    accepted: int
    rejected: int
    visible: int
    missing: int
    delta: bool = False


@dataclass(frozen=True)
class Hold:
    """Why a load waits for an operator, with the numbers that made it wait."""

    reason: str
    would_hide: int
    visible: int
    share_limit: Decimal
    count_limit: int

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the load's JSON."""
        return {**asdict(self), "share_limit": str(self.share_limit)}


@dataclass(frozen=True)
class Verdict:
    """Whether to hide missing offers now; if not, why not, and the hold if a person must decide."""

    requested: bool
    hide: bool
    why_not: WhyNot | None = None
    hold: Hold | None = None


def judge(numbers: Numbers, options: LinkOptions) -> Verdict:
    """The verdict on actualisation (P6).

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
        hold = Hold("too_many_hidden", numbers.missing, numbers.visible, share, count)
        return Verdict(requested=True, hide=False, why_not=WhyNot.HELD, hold=hold)
    return Verdict(requested=True, hide=True)
