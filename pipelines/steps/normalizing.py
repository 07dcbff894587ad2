"""A load's raw offers -> offers and issues; what an earlier load of the link came to saves work and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines import normalize
from pipelines.model import LoadFacts, ParseResult
from pipelines.options import Options
from pipelines.reference import Reference
from pipelines.steps.house import House
from pipelines.steps.manifest import read_manifest
from pipelines.steps.same_offers import RAW_OFFERS, Digests, comparable, digests, take_over


@dataclass(frozen=True)
class Normalized:
    """What a load came to.

    Attributes:
        digests: of what it was made of.
        compared_with: as of `Manifest`.
    """

    totals: normalize.Totals
    digests: Digests
    compared_with: int | None


def normalize_load(
    house: House,
    load: LoadFacts,
    folder: Path,
    *,
    parsed: ParseResult,
    options: Options,
    reference: Reference,
    earlier: int | None,
    timed: Callable[[str, float], None],
) -> Normalized:
    """Normalise the raw offers in `folder` and put the results beside them.

    Args:
        earlier: a load of the same link whose results may be taken over, where that makes no difference.
        timed: as of `normalize.normalize`.
    """
    raw, today = folder / RAW_OFFERS, load.started_at.date()
    made = digests(raw, parsed=parsed, options=options, reference=reference, today=today)
    manifest = None if earlier is None else read_manifest(house, earlier)
    if earlier is not None and manifest is not None:
        totals = take_over(house, earlier, manifest, made.made_of, folder)
        if totals is not None:
            return Normalized(totals, made, manifest.compared_with)
    base = manifest.compared_with if manifest is not None and normalize.is_comparable(parsed) else None
    with comparable(house, base, made.made_under) as known:
        totals = normalize.normalize(
            raw,
            folder,
            parsed=parsed,
            options=options,
            reference=reference,
            today=today,
            earlier=known,
            timed=timed,
        )
    return Normalized(totals, made, load.id if (folder / normalize.NOTES_FILE).exists() else base)
