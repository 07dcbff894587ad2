"""Whether a load is worth a mail: the news, and never the same news twice (R3)."""

from __future__ import annotations

from pipelines.model import LoadFacts, LoadStatus


def wants_mail(load: LoadFacts, previous: LoadFacts | None) -> bool:
    """Whether the supplier is told of this load by mail (R3).

    First success, first failure, recovery and a hold always mail. A file rejected again mails when it is another file
    or another reason. Otherwise there must be a difference in the catalog, an error or a warning: infos alone are worth
    reading, not sending. Trial runs, unchanged files and failures of ours never mail.

    Args:
        load: the finished load.
        previous: the load of this link before it that was neither `unchanged` nor `failed`; None for a first load.
    """
    if load.dry_run or load.status not in (LoadStatus.PROCESSED, LoadStatus.HELD, LoadStatus.REJECTED):
        return False
    if load.status is LoadStatus.HELD or previous is None:
        return True
    if load.status is LoadStatus.REJECTED:
        again = previous.status is LoadStatus.REJECTED
        return not again or (load.reason, load.sha256) != (previous.reason, previous.sha256)
    if previous.status is not LoadStatus.PROCESSED:
        return True
    counts = load.counts
    differences = counts.created + counts.changed + counts.restored + counts.hidden
    if not differences and load.sha256 == previous.sha256:
        return False  # the same file again is no news, whatever is still wrong with it
    return differences + counts.errors + counts.warnings > 0
