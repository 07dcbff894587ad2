"""The fault matrix: what happens when something we depend on fails in a step, and how the hour ends.

One place for it: `docs/reliability.md` is generated from here, and `tests/faults/` makes each of these faults happen on
real parts and compares the end with what is said here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """The steps of the data path, in their order."""

    POLL = "poll"
    PARSE = "parse, normalise"
    CHECK = "check"
    PUBLISH = "publish"
    REPORT = "report"
    MAIL = "mail"
    SNAPSHOT = "snapshot"


class Fault(StrEnum):
    """What happens to a dependency. Each begins with the step and lasts to the end of the hour, but for a restart."""

    DOWN = "down"
    DIES = "dies in the middle"
    RESTARTS = "restarts in the middle"
    SILENT = "silent"
    SLOW = "slow"
    FULL = "full"
    AHEAD = "jumps ahead"
    BACK = "jumps back"
    TWICE = "the step runs twice at once"
    RAISES = "an exception in the middle"
    KILLED = "killed in the middle"


class End(StrEnum):
    """How the hour ends, and what the next try makes of it; the words are the legend of the table."""

    DONE = "done"
    LINK = "looked at again"
    FAILED = "failed, done again"
    LEFT = "left, taken up"
    TOLD_LATER = "published, told later"
    WAITS = "mail waits"
    SAME_MAIL = "same mail again"
    OLD = "old snapshot"
    REJECTED = "supplier is told"


MEANINGS = {
    End.DONE: "The hour ends as if nothing had happened.",
    End.LINK: "No load is begun and nothing of the file is noted; the next hour looks at the link again.",
    End.FAILED: "The load ends `failed` with the first cause, the catalog is as before. The task's own retry does it "
    "again from the last finished step.",
    End.LEFT: "Nobody is left to note the failure: the load stays as it is, the catalog is as before. The next look at "
    "the link takes it up from the last finished step.",
    End.TOLD_LATER: "Buyers see the new goods. The next look at the link takes the load up, and reports it once.",
    End.WAITS: "Nothing is lost: the mail stays in the queue and is sent once the hindrance is gone.",
    End.SAME_MAIL: "The server took the mail and nobody noted it: the same mail goes again under the same Message-ID, "
    "by which servers and programs know it.",
    End.OLD: "Analysts read the last snapshot; the next round writes one.",
    End.REJECTED: "The catalog is as before, the supplier is told once why; the next hour loads the file.",
}


@dataclass(frozen=True)
class Dependency:
    """Something that may fail, what becomes of it, and where: a fault and a step that are not here do not meet.

    Attributes:
        stand_in: what fails in the tests, and how it is made to.
        ends: fault -> step -> end.
    """

    name: str
    stand_in: str
    ends: dict[Fault, dict[Step, End]]


_EVERY = tuple(Step)
_GONE = {
    Step.POLL: End.LINK,
    **dict.fromkeys((Step.PARSE, Step.CHECK, Step.PUBLISH), End.FAILED),
    Step.REPORT: End.TOLD_LATER,
    Step.MAIL: End.WAITS,
    Step.SNAPSHOT: End.OLD,
}
_GONE_WITH_THE_NOTE = _GONE | dict.fromkeys((Step.PARSE, Step.CHECK, Step.PUBLISH), End.LEFT)
_UNHARMED = dict.fromkeys(_EVERY, End.DONE)

DEPENDENCIES = (
    Dependency(
        "catalog database",
        "the embedded PostgreSQL behind a wire that is cut before the step, cut half-way through what the step sends, "
        "cut and mended, or delays every piece",
        {
            Fault.DOWN: _GONE_WITH_THE_NOTE,
            Fault.DIES: _GONE_WITH_THE_NOTE,
            Fault.RESTARTS: _GONE,
            Fault.SLOW: _UNHARMED,
        },
    ),
    Dependency(
        "object store (S3)",
        "a real S3 server behind such a wire; silent is longer than the client waits",
        {
            Fault.DOWN: _GONE,
            Fault.DIES: _GONE,
            Fault.SILENT: _GONE,
            Fault.RESTARTS: _UNHARMED,
            Fault.SLOW: _UNHARMED,
        },
    ),
    Dependency(
        "disk",
        "no file of the worker may grow past some bytes (`RLIMIT_FSIZE`): the store in a folder, the scratch folder, "
        "the outbox",
        {Fault.FULL: _GONE},
    ),
    Dependency(
        "supplier's server",
        "a real HTTP server behind a wire; silent is longer than a fetch waits",
        {
            Fault.DOWN: {Step.POLL: End.REJECTED},
            Fault.DIES: {Step.POLL: End.REJECTED},
            Fault.SILENT: {Step.POLL: End.REJECTED},
            Fault.SLOW: {Step.POLL: End.DONE},
        },
    ),
    Dependency(
        "mail server",
        "a real SMTP server behind a wire; silent is longer than a mail waits",
        {
            Fault.DOWN: {Step.MAIL: End.WAITS},
            Fault.DIES: {Step.MAIL: End.WAITS},
            Fault.SILENT: {Step.MAIL: End.WAITS},
            Fault.SLOW: {Step.MAIL: End.DONE},
        },
    ),
    Dependency(
        "clock",
        "every step begins 400 days later, or a day earlier, than the one before; the next hour is on time",
        {Fault.AHEAD: _UNHARMED, Fault.BACK: _UNHARMED},
    ),
    Dependency(
        "scheduler",
        "in the middle of the step another worker is given the same work and takes it to its end",
        {Fault.TWICE: _UNHARMED},
    ),
    Dependency(
        "our own code",
        "an exception before the middle one of what the step writes, or the death of the worker there",
        {
            Fault.RAISES: _GONE | {Step.MAIL: End.SAME_MAIL},
            Fault.KILLED: _GONE_WITH_THE_NOTE | {Step.MAIL: End.SAME_MAIL},
        },
    ),
)
