"""Whether a load is worth a mail, and when: the news, and never the same news twice (R3)."""

from __future__ import annotations

import enum

from pipelines.model import DecisionVerdict, LoadFacts, LoadKind, LoadStatus, MailPolicy


class Delivery(enum.StrEnum):
    """How a report reaches its supplier; every report is kept, whether mailed or not."""

    NOW = "now"
    DIGEST = "digest"
    NOT = "not"


def how_to_mail(load: LoadFacts, previous: LoadFacts | None, policy: MailPolicy) -> Delivery:
    """How the supplier is told of this load (R3).

    First success, first failure, recovery and a hold always mail, and so does an operator's decision. A file rejected
    again mails when it is another file or another reason. Otherwise there must be a difference in the catalog, an
    error or a warning: infos alone are worth reading, not sending. Trial runs, unchanged files and failures of ours
    never mail. A supplier may ask for less: nothing without an error, all that can wait once a day, or nothing.

    Args:
        load: the finished load.
        previous: the load of this link before it that was neither `unchanged` nor `failed`; None for a first load.
        policy: what the supplier wants.
    """
    if policy is MailPolicy.NONE or load.dry_run or not _may_mail(load):
        return Delivery.NOT
    if _cannot_wait(load, previous):
        return Delivery.NOW
    if not _is_news(load, previous):
        return Delivery.NOT
    if policy is MailPolicy.ERRORS and not load.counts.errors:
        return Delivery.NOT
    return Delivery.DIGEST if policy is MailPolicy.DIGEST else Delivery.NOW


def _may_mail(load: LoadFacts) -> bool:
    if load.status not in (LoadStatus.PROCESSED, LoadStatus.HELD, LoadStatus.REJECTED):
        return False
    # That a question is settled by the next file is told with that file.
    return not load.decision or load.decision["verdict"] in (DecisionVerdict.APPROVED, DecisionVerdict.REJECTED)


def _cannot_wait(load: LoadFacts, previous: LoadFacts | None) -> bool:
    if load.held or load.kind is LoadKind.ROLLBACK or previous is None:
        return True
    if load.status is LoadStatus.REJECTED:
        return previous.status is not LoadStatus.REJECTED
    # A hold that lapsed with this load is a recovery, though the load it lapsed from is closed by now.
    lapsed = (previous.decision or {}).get("by_load") == load.id
    return lapsed or previous.status is not LoadStatus.PROCESSED


def _is_news(load: LoadFacts, previous: LoadFacts | None) -> bool:
    if previous is None:
        return True
    if load.status is LoadStatus.REJECTED:
        return (load.reason, load.sha256) != (previous.reason, previous.sha256)
    counts = load.counts
    differences = counts.created + counts.changed + counts.restored + counts.hidden
    if not differences and load.sha256 == previous.sha256:
        return False  # the same file again is no news, whatever is still wrong with it
    return differences + counts.errors + counts.warnings > 0
