"""P1 when something fails: every cell of the fault matrix (`docs/faults.py`) ends as is written there."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from docs.faults import DEPENDENCIES, Dependency, End, Fault, Step
from pipelines import steps
from pipelines.registry import LinkBusyError
from pipelines.steps import links, mail, snapshot
from tests.faults.conftest import (
    LINK,
    Effects,
    Entrances,
    Hour,
    Relived,
    StoppedError,
    catalog_of,
    go_on,
    impatience,
    jumping_clock,
    processing,
)

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
# How far the clock jumps with each step. What is a week behind would look old, and its supplier be asked about it.
JUMPS = {Fault.AHEAD: timedelta(days=400), Fault.BACK: timedelta(days=-1)}
ROWS = [
    (dependency.name, fault)
    for dependency in DEPENDENCIES
    for fault, ends in dependency.ends.items()
    if ends == dict.fromkeys(Step, End.DONE)
]
CELLS = [
    (dependency.name, fault, step, end)
    for dependency in DEPENDENCIES
    for fault, ends in dependency.ends.items()
    if (dependency.name, fault) not in ROWS
    for step, end in ends.items()
]
WIRES = {
    "catalog database": "database",
    "object store (S3)": "store",
    "supplier's server": "supplier",
    "mail server": "mail",
}
# What must be named as the cause, whatever else fails after it.
CAUSES = {
    "catalog database": r"OperationalError|AdminShutdown|cannot open the catalog database",
    "object store (S3)": r"NetworkError: s3://\w+ at \S+ did not answer, or broke off",
    "disk": r"OperatorError: cannot use |OSError|IOException|IO Error",
    "our own code": r"RuntimeError: in the middle of ",
}


def ident(value: Any) -> str:
    return re.sub(r"\W+", "-", str(value.value if isinstance(value, (Step, Fault, End)) else value)).strip("-")


@pytest.fixture
def strike(hour: Hour, entrances: Entrances, effects: Effects) -> Iterator[Callable[[str, Fault, Step], None]]:
    """Arm a fault: it happens when its step begins."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def arm(dependency: str, fault: Fault, step: Step) -> None:
        def begin(entered: Step) -> None:
            if entered is step:
                entrances.tell = lambda _: None
                happen(dependency, fault, step)

        entrances.tell = begin

    def happen(dependency: str, fault: Fault, step: Step) -> None:
        moved = hour.moved[step]
        if dependency == "disk":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, limit[1]))
        elif fault in (Fault.RAISES, Fault.KILLED):
            error = RuntimeError(f"in the middle of {step}") if fault is Fault.RAISES else StoppedError()
            effects.stop_before(moved.effects // 2 + 1, error)
        else:
            wire = getattr(hour.wires, WIRES[dependency])
            wire.silent = fault is Fault.SILENT
            wire.delay = 0.02 * (fault is Fault.SLOW)
            if fault in (Fault.DOWN, Fault.DIES, Fault.RESTARTS):
                passed = getattr(moved, WIRES[dependency])
                wire.cut(after=0 if fault is Fault.DOWN else passed // 2, restarts=fault is Fault.RESTARTS)

    yield arm
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.mark.parametrize(("dependency", "fault", "step", "end"), CELLS, ids=ident)
def test_P1_a_fault_in_a_step_ends_as_written(
    hour: Hour,
    relive: Callable[..., Relived],
    strike: Callable[..., None],
    entrances: Entrances,
    effects: Effects,
    dependency: str,
    fault: Fault,
    step: Step,
    end: End,
) -> None:
    lived = relive(step, s3=dependency == "object store (S3)", smtp=dependency != "disk")
    known = latest(lived)
    strike(dependency, fault, step)
    with impatience(fault):
        lived.renew()
        raised = go_on(lived.house, step, entrances, load_id=lived.load_id)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
    for wire in hour.wires:
        wire.mend()
    effects.left = 0
    lived.renew()
    assert found(hour, lived, step, known) is end, (
        raised,
        lived.rows("SELECT id, status, reason, reported_at FROM loads"),
    )
    published = end in (End.TOLD_LATER, End.WAITS, End.SAME_MAIL, End.OLD, End.DONE)
    assert catalog_of(lived.direct) == (hour.after if published else hour.before)
    if end is End.FAILED:
        ((reason,),) = lived.rows("SELECT reason FROM loads WHERE status = 'failed'")
        assert re.search(CAUSES[dependency], reason), reason
    if end is End.LEFT and fault is not Fault.KILLED:
        assert re.search(CAUSES[dependency], f"{type(raised[0]).__name__}: {raised[0]}"), raised

    later = datetime.now(UTC) + HOUR
    if end is End.FAILED:
        assert steps.process(lived.house, lived.load_id).status == "processed"
    else:
        assert go_on(lived.house, Step.POLL, entrances, now=later) == []
    steps.mail_round(lived.house, now=later + HOUR)
    all_is_well(
        hour,
        lived,
        mails=2 if end is End.REJECTED else 1,
        before=int(step is Step.SNAPSHOT),
        again=int(end is End.SAME_MAIL),
    )


@pytest.mark.parametrize(("dependency", "fault"), ROWS, ids=ident)
def test_P1_a_fault_in_all_steps_that_harms_none(
    hour: Hour,
    relive: Callable[..., Relived],
    entrances: Entrances,
    monkeypatch: pytest.MonkeyPatch,
    dependency: str,
    fault: Fault,
) -> None:
    """Harder than one cell at a time: every step of one hour is hit."""
    lived = relive(Step.POLL, s3=dependency == "object store (S3)")
    hit: list[Step] = []
    with jumping_clock(monkeypatch) if dependency == "clock" else twice_at_once(monkeypatch, hit, fault) as jump:

        def begin(step: Step) -> None:
            if dependency == "clock":
                jump(JUMPS[fault] * (len(hit) + 1))
            elif fault is Fault.SLOW:
                getattr(hour.wires, WIRES[dependency]).delay = 0.003
            elif fault is Fault.RESTARTS:
                wire = WIRES[dependency]
                getattr(hour.wires, wire).cut(after=getattr(hour.moved[step], wire) // 2, restarts=True)
            if fault is not Fault.TWICE:
                hit.append(step)

        entrances.tell = begin
        # The clock of the hour is that of each step.
        now = datetime.now(UTC) + JUMPS.get(fault, timedelta(0)) * 6
        assert go_on(lived.house, Step.POLL, entrances, now=now) == []
    assert set(hit) == set(Step)
    for wire in hour.wires:
        wire.mend()
    entrances.tell = lambda _: None
    if dependency == "clock":  # put right again: the next hour is as any other
        assert go_on(lived.house, Step.POLL, entrances) == []
        assert abs(datetime.fromisoformat(latest(lived)["taken_at"]) - datetime.now(UTC)) < HOUR
    all_is_well(hour, lived, mails=1)


@contextmanager
def twice_at_once(patch: pytest.MonkeyPatch, hit: list[Step], fault: Fault) -> Iterator[None]:
    """In the middle of every step the same work is given to another worker, who takes it to its end at once."""
    if fault is not Fault.TWICE:
        yield
        return

    def doubled(owner: Any, name: str, step: Step, again: Callable[..., Any]) -> None:
        real = getattr(owner, name)

        def work(*arguments: Any, **keywords: Any) -> Any:
            if step not in hit:
                hit.append(step)
                again(*arguments)
            return real(*arguments, **keywords)

        patch.setattr(owner, name, work)

    def refused(house: steps.House, *arguments: Any) -> None:
        load_id = next(a if isinstance(a, int) else a.id for a in arguments if not isinstance(a, psycopg.Connection))
        with pytest.raises(LinkBusyError):
            steps.process(house, load_id)
        assert steps.poll(house, LINK).status == "running"

    def busy(house: steps.House, *_: Any) -> None:
        assert steps.poll(house, LINK).status == "running"

    def nothing_due(house: steps.House, *_: Any) -> None:
        assert steps.send_due_mails(house).sent == 0

    doubled(links, "fetch_source", Step.POLL, busy)
    for step, name in (
        (Step.PARSE, "_transform"),
        (Step.CHECK, "check_load"),
        (Step.PUBLISH, "publish_load"),
        (Step.REPORT, "report_load"),
    ):
        doubled(processing, name, step, refused)
    doubled(mail, "_deliver", Step.MAIL, nothing_due)
    doubled(snapshot, "_point", Step.SNAPSHOT, lambda house, _: steps.write_snapshot(house))
    yield


def test_what_is_not_in_the_matrix_does_not_meet(hour: Hour) -> None:
    """A step that never talks to a server needs no cell for it, and each that does has one."""
    assert set(hour.moved) == set(Step)
    for name, wire in WIRES.items():
        touched = {step for step in Step if getattr(hour.moved[step], wire)}
        for fault, ends in entry(name).ends.items():
            assert touched <= set(ends), (name, fault)
    assert all(moved.effects for moved in hour.moved.values())


def entry(name: str) -> Dependency:
    return next(dependency for dependency in DEPENDENCIES if dependency.name == name)


def latest(lived: Relived) -> dict[str, Any]:
    return json.loads(lived.house.store.get_bytes(steps.LATEST))


def found(hour: Hour, lived: Relived, step: Step, known: dict[str, Any]) -> End:
    """How the hour ended, from what it left."""
    if step is Step.SNAPSHOT:
        return End.OLD if latest(lived) == known else End.DONE
    if step is Step.MAIL:
        return sent(lived, hour)
    loads = lived.rows("SELECT status, reported_at IS NOT NULL FROM loads WHERE id > 1 ORDER BY id")
    if not loads:
        return End.LINK
    ((status, reported),) = loads
    if status == "processed":
        return End.DONE if reported else End.TOLD_LATER
    return {"failed": End.FAILED, "running": End.LEFT, "queued": End.LEFT, "rejected": End.REJECTED}[status]


def sent(lived: Relived, hour: Hour) -> End:
    """What became of the mail of the second hour."""
    (noted,) = lived.rows("SELECT sent_at IS NOT NULL FROM mails ORDER BY id DESC LIMIT 1")[0]
    return End.DONE if noted else End.SAME_MAIL if hour.inbox.messages else End.WAITS


def all_is_well(hour: Hour, lived: Relived, *, mails: int, before: int = 0, again: int = 0) -> None:
    """The catalog of an undisturbed hour, one load that published, one mail of each report, nothing left over.

    `before`: so many of the mails were sent before the fault, and so many `again`, as the same mail.
    """
    assert catalog_of(lived.direct) == hour.after
    statuses = [row[0] for row in lived.rows("SELECT status FROM loads WHERE id > 1 AND published")]
    assert statuses == ["processed"]
    assert lived.rows("SELECT count(*) FROM loads WHERE status IN ('queued', 'running', 'failed')") == [(0,)]
    assert lived.rows("SELECT count(*) FROM mails WHERE sent_at IS NULL") == [(0,)]
    assert lived.rows("SELECT count(*) FROM mails WHERE load_id > 1") == [(mails,)]
    told = [message["Message-ID"] for message in hour.inbox.messages]
    if lived.house.settings.smtp_url:
        assert (len(set(told)), len(told)) == (mails - before, mails - before + again), told
    else:
        kept = list(lived.house.outbox.iterdir()) if lived.house.outbox.exists() else []
        assert [path.suffix for path in kept] == [".eml"] * (mails - before)
    scratch = lived.house.settings.home_path / "scratch"
    assert not scratch.exists() or list(scratch.iterdir()) == []
    assert go_on_unchanged(lived.house) == "unchanged"


def go_on_unchanged(house: steps.House) -> str:
    return steps.poll(house, LINK, now=datetime.now(UTC) + 3 * HOUR).status
