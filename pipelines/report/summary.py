"""One value from which every form of a load's report is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.model import LoadFacts, LoadStatus, PriceChanges
from pipelines.report.causes import Cause, Causes, find_causes
from pipelines.report.score import Score, score
from pipelines.report.since import Course, compare

# A load in one of these states left its offers in the catalog.
PUBLISHED = frozenset({LoadStatus.PROCESSED, LoadStatus.HELD})

# The course of the score is shown over that many loads, the last one among them.
SCORES = 20


@dataclass(frozen=True)
class LoadReport:
    """All that is told of a load; bounded, whatever the file was.

    Attributes:
        load: the finished load.
        causes: its issues, gathered and ranked.
        files: name -> path or URL, as in the JSON of a load.
        previous: the load of this link before it that was neither `unchanged` nor `failed`; None for a first load.
        visible: published offers of the supplier in the shop after the load; None when not known.
        good_since: when the catalog last took this link's offers in, before this load; None when it never did.
        since: what became of each code since the last load that was read to its end; empty when there is none.
        prices: the prices that the load changed; None when it changed nothing.
        score: the quality of the file; None when its offers were not read.
        scores: those of earlier loads of this link, oldest first.
        statistics: the supplier's goods in the shop as the platform counts them, by the names of the JSON.
        supplier, shop: what people call them.
    """

    load: LoadFacts
    causes: Causes
    files: dict[str, str]
    previous: LoadFacts | None
    visible: int | None
    good_since: datetime | None
    since: tuple[Course, ...] = ()
    prices: PriceChanges | None = None
    score: Score | None = None
    scores: tuple[int, ...] = ()
    statistics: Mapping[str, int] | None = None
    supplier: str = ""
    shop: str = ""

    @property
    def rejection(self) -> Cause | None:
        """Why the file was rejected whole (F5, F8); None for any other load."""
        if self.load.status is not LoadStatus.REJECTED:
            return None
        return next((cause for cause in self.causes.ranked if cause.code == self.load.reason), None)

    @property
    def visible_before(self) -> int | None:
        """Published offers before the load, by the identity of P2."""
        counts = self.load.counts
        return None if self.visible is None else self.visible - counts.created - counts.restored + counts.hidden


def build(
    load: LoadFacts,
    issues: Path,
    rejected: Path | None,
    files: dict[str, str],
    previous: LoadFacts | None,
    *,
    visible: int | None = None,
    good_since: datetime | None = None,
    offers: Path | None = None,
    issues_before: Path | None = None,
    prices: PriceChanges | None = None,
    scores: Sequence[int] = (),
    statistics: Mapping[str, int] | None = None,
    supplier: str | None = None,
    shop: str | None = None,
) -> LoadReport:
    """The report of a load.

    Args:
        load: the finished load.
        issues: Parquet of `ISSUE_SCHEMA` in file order; a million rows are no matter.
        rejected: Parquet of `REJECTED_SCHEMA`; None when nothing was read.
        files: where the load's files are, by the names of the JSON of a load.
        previous: the load of this link before it that was neither `unchanged` nor `failed`.
        visible: published offers of the supplier in the shop after the load.
        good_since: when the catalog last took this link's offers in; the previous load's end where that was good.
        offers: Parquet of `OFFER_SCHEMA`; None when nothing was read, and there is no score then.
        issues_before: the issues of the last load of this link that was read to its end.
        prices: the prices that the load changed.
        scores: those of earlier loads of this link, oldest first.
        statistics: the supplier's goods in the shop as the platform counts them.
        supplier, shop: their names; by default their ids.

    Raises:
        InternalError: an issue has a code that is not in the closed list.
    """
    if good_since is None and previous is not None and previous.status in PUBLISHED:
        good_since = previous.finished_at
    counts = load.counts
    return LoadReport(
        load,
        find_causes(issues, rejected, load.format),
        files,
        previous,
        visible,
        good_since,
        since=compare(issues, issues_before) if issues_before else (),
        prices=prices if prices and prices.up + prices.down else None,
        score=score(offers, issues, read=counts.read, accepted=counts.accepted) if offers and counts.read else None,
        scores=tuple(scores),
        statistics=statistics,
        supplier=supplier or load.supplier,
        shop=shop or load.shop,
    )
