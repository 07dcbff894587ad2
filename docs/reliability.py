"""`docs/reliability.md`: what happens when something fails, from `docs.faults`."""

from __future__ import annotations

from docs.faults import DEPENDENCIES, MEANINGS, Dependency, Step

_INTRODUCTION = """\
# Reliability

Written from `docs/faults.py` by `python -m docs.generate`; `tests/faults/test_matrix.py` makes every cell of the table
happen on real parts and compares the end with what is said here.

## What is promised

Whatever fails, wherever it fails, and however often:

* **Nothing is lost.** After the next try the catalog and its history are those of an hour that nothing disturbed.
* **Nothing is doubled.** One load publishes a file, one mail tells of it. The one exception is named below.
* **Nothing is half done.** Until a load's transaction is through, buyers see the catalog of before.
* **The first cause is told.** A load that ends `failed` names what failed first, not what failed after it.
* **Nobody has to repair anything.** Airflow repeats a failed task twice; what is left then the next hour takes up.

A test goes like this: an hour in which a supplier's file changed is lived through once and copied before each of its
steps. For each cell such a copy goes on while the fault happens, to the end of the hour. Then all is mended, the next
try runs, and everything is compared with the undisturbed hour: offers, history, loads, mails that arrived, files left
behind.

## The matrix
"""
# What is tested outside the matrix: what, how, where.
ELSEWHERE = (
    (
        "a worker killed by SIGKILL",
        "before each single thing that others can see: an object, a commit, a mail",
        "tests/integration/test_kill.py",
    ),
    ("a decision or a rollback killed", "the same", "tests/integration/test_kill_decisions.py"),
    ("a snapshot killed", "the same; the history holds each change once", "tests/integration/test_snapshot.py"),
    (
        "a publication killed",
        "at eight points of its transaction; two publications at once",
        "tests/publish/test_interruptions.py",
    ),
    ("many workers", "two and eight processes on links of one supplier", "tests/integration/test_concurrency.py"),
    (
        "a mail server that refuses, hangs up or falls silent",
        "after each command of the conversation",
        "tests/integration/test_mail.py",
    ),
    (
        "S3 that breaks off, refuses, or runs out of credentials",
        "in the middle of uploads of several parts",
        "tests/objects/test_broken_s3.py",
    ),
    ("the embedded server killed", "the next process starts it again", "tests/database/test_embedded.py"),
    ("a database that accepts and says nothing", "given up while connecting", "tests/database/test_migrations.py"),
    ("slow servers", "more of them than there are places to wait", "tests/integration/test_polling.py"),
    (
        "the whole state moved",
        "backed up, restored elsewhere, the next hour compared",
        "tests/integration/test_backup.py",
    ),
)
_LIMITS = """
## With hostile servers

`python -m benchmarks.hostile --seconds 30`, two cores: 1,000 links, a tenth of their servers hostile (silent, dripping,
endless, lying, circling), 50 files changed; a fetch may take 30 s instead of 900, and the rest is scaled. Seconds until
the last link that is well was begun to be looked at, and until its last changed file was loaded:

| hour | looked at | loaded | CPU s | ended |
| --- | --- | --- | --- | --- |
| all are well | 9.6 | 79.9 | 74.5 | 50 processed, 950 unchanged |
| some turn hostile | 39.5 | 128.4 | 134.9 | 50 processed, 100 rejected, 850 unchanged |
| they are known | 12.2 | 172.3 | 146.1 | 50 processed, 100 rejected, 850 unchanged |

All good files came in. They wait for no hostile server, but share two cores with reading what endless ones send and
with telling a hundred suppliers that their links failed; in the third hour also with a test run that had begun.

## What is not promised

* **A mail may come twice** when a worker dies between the mail server's word that it has the mail and the commit that
  notes it. It is the same mail under the same Message-ID, which servers and programs use to drop the second.
* **A database that falls silent in the middle of a statement**, while its machine still acknowledges what it is sent,
  holds its worker until Airflow ends the task after half an hour, which is also what a statement may take; the load is
  then taken up. One that is silent from the first is given up after ten seconds, one whose machine vanished within a
  minute.
* **A disk that loses what it said it had written** is beyond us: files and their folders are synced before a catalog
  names them, PostgreSQL does the same.
* **A clock that is wrong** is put up with: what was noted in the future counts as due. Dates that people read are those
  the clock said, and a clock that was a week behind lets a fresh file look old: its supplier is asked about it.
"""


def reliability() -> str:
    """Promises, the matrix with its legend, and what else holds them."""
    elsewhere = "\n".join(
        ["\n## What else is tested\n", _row("what", "how", "where"), _row("---", "---", "---")]
        + [_row(what, how, f"`{where}`") for what, how, where in ELSEWHERE]
    )
    parts = [_INTRODUCTION, *map(_section, DEPENDENCIES), "### How to read it\n", _legend(), elsewhere, _LIMITS]
    return "\n".join(parts).rstrip() + "\n"


def _section(dependency: Dependency) -> str:
    steps = [step for step in Step if any(step in ends for ends in dependency.ends.values())]
    lines = [
        f"### {dependency.name[0].upper() + dependency.name[1:]}\n",
        f"In the tests: {dependency.stand_in}.\n",
        _row("", *(step.value for step in steps)),
        _row(*["---"] * (len(steps) + 1)),
        *(_row(f"**{fault.value}**", *(ends[step].value for step in steps)) for fault, ends in dependency.ends.items()),
    ]
    if len(steps) < len(Step):
        lines.append(f"\nThe other steps do not need it: {', '.join(s.value for s in Step if s not in steps)}.")
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _legend() -> str:
    used = {end for dependency in DEPENDENCIES for ends in dependency.ends.values() for end in ends.values()}
    return "\n".join(
        ["| end | means |\n| --- | --- |", *(_row(end.value, text) for end, text in MEANINGS.items() if end in used)]
    )
