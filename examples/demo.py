"""The whole product on example suppliers, on this machine alone: `make run` and `make up`.

    python -m examples.demo          the hourly cycle once, through the real Airflow DAG, to its end
    python -m examples.demo --up     the same installation with Airflow's scheduler and UI left running

Everything is kept below the state folder (CATALOG_FEEDS_HOME, by default ./var): the embedded PostgreSQL, the object
store, the mails, Airflow's files and all logs. Nothing that is started here outlives the command.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from examples import server
from examples.local_airflow import USER, LocalAirflow, free_port
from pipelines import steps
from pipelines.errors import CatalogFeedsError, OperatorError
from pipelines.model import LoadStatus
from pipelines.settings import Settings, load_settings
from pipelines.steps import House, Outcome
from pipelines.steps.snapshot import LATEST

DAG = "catalog_feeds_hourly"
LINKS = Path(__file__).with_name("links.yaml")
LOG_LINES = 40

_STYLES = {
    LoadStatus.PROCESSED: "green",
    LoadStatus.UNCHANGED: "dim",
    LoadStatus.HELD: "yellow",
    LoadStatus.REJECTED: "yellow",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; returns the exit code: 1 when something failed on our side, otherwise 0."""
    options = _options(arguments)
    _end_on_signals()
    os.environ.setdefault("CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS", "1")  # the examples are served on loopback
    console = Console() if sys.stdout.isatty() else Console(width=150)
    try:
        settings = load_settings()
        os.environ["CATALOG_FEEDS_HOME"] = str(settings.home_path)  # Airflow's processes have another working directory
        with _alone(settings.home_path):
            return _demonstrate(settings, options, console)
    except CatalogFeedsError as error:
        console.print(Text(f"error: {error}", style="red"))
        return 1
    except KeyboardInterrupt:
        console.print("interrupted")
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="examples.demo", description="The product on example suppliers.")
    parser.add_argument("--up", action="store_true", help="leave Airflow's scheduler and UI running until Ctrl-C")
    parser.add_argument("--feeds", type=Path, default=server.FEEDS, help="folder with the suppliers' feeds")
    parser.add_argument("--port", type=int, default=server.PORT, help="port of the suppliers' server (%(default)s)")
    parser.add_argument("--ui-port", type=int, default=8080, help="port of Airflow's UI (%(default)s)")
    return parser.parse_args(arguments)


def _demonstrate(settings: Settings, options: argparse.Namespace, console: Console) -> int:
    home = settings.home_path
    with ExitStack() as stack:
        with _phase(console, "catalog"):
            house = stack.enter_context(steps.open_house(settings))
        with _phase(console, "Airflow"):
            airflow = LocalAirflow(home, house.database, free_port(options.ui_port))
            airflow.migrate()
        with _phase(console, "example suppliers"):
            feeds = server.serve(options.feeds, port=options.port, turn=_next_turn(home))
            steps.apply_links(house, _effective_links(home, stack.enter_context(feeds)))
        return _stay_up(airflow, console) if options.up else _run_once(house, airflow, console)


def _run_once(house: House, airflow: LocalAirflow, console: Console) -> int:
    began = datetime.now(UTC)
    with _phase(console, f"DAG {DAG}"):
        succeeded = airflow.run_dag(DAG)
    outcomes = what_happened(house, since=began)
    console.print(_table(outcomes))
    for name, path in _results(house, outcomes, since=began):
        console.print(Text(f"{name:<24} {path}"), soft_wrap=True)
    if succeeded and all(LoadStatus(o.status) in _STYLES for o in outcomes):
        return 0
    lines = airflow.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    console.print(Text("\n".join([f"The run failed on our side. The end of {airflow.log}:", *lines]), style="red"))
    return 1


def _stay_up(airflow: LocalAirflow, console: Console) -> int:
    with ExitStack() as stack:
        with _phase(console, "scheduler and UI"):
            components = stack.enter_context(airflow.components())
        console.print(
            Text(
                f"\nAirflow   {airflow.url}/dags/{DAG}\n"
                f"login     {USER} / {airflow.password()}   (kept in {airflow.password_file})\n"
                f"mails     {airflow.home / 'outbox'}\n"
                f"logs      {airflow.home / 'logs'}\n"
                "Ctrl-C stops everything."
            ),
            soft_wrap=True,
        )
        try:
            while all(process.poll() is None for process in components):
                time.sleep(0.5)
        except KeyboardInterrupt:
            console.print("stopping")
            return 0
    console.print(Text(f"A part of Airflow ended by itself; see {airflow.home / 'logs'}", style="red"))
    return 1


def what_happened(house: House, *, since: datetime) -> list[Outcome]:
    """What came of every enabled link in a run that began at `since`."""
    loads = {
        row["link"]: row["id"]
        for row in reversed(steps.list_loads(house, limit=1_000))
        if row["finished_at"] is None or row["finished_at"] >= since
    }
    return [
        steps.outcome(house, loads[link["link"]]) if link["link"] in loads else _without_load(house, link, since)
        for link in steps.list_links(house)
        if link["kind"] == "link" and link["enabled"]
    ]


def _without_load(house: House, link: dict[str, Any], since: datetime) -> Outcome:
    """A link that made no load: nobody looked at it, or it fails as before, or its file is the same as before."""
    about = (link["link"], link["supplier"], link["shop"])
    if link["checked_at"] is None or link["checked_at"] < since:
        return Outcome(*about, LoadStatus.FAILED, message="not looked at")
    if link["last_error"]:
        return Outcome(*about, LoadStatus.REJECTED, message=f"as before: {link['last_error']}")
    last = steps.outcome(house, link["last_load_id"])
    message = "" if last.status == LoadStatus.PROCESSED else f"as before: {last.status}, {last.reason}"
    return Outcome(*about, LoadStatus.UNCHANGED, message=message)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Link", "Supplier", "Status", "Offers", "Catalog", "Issues", "Note"):
        table.add_column(column, overflow="fold")
    for outcome in outcomes:
        status = LoadStatus(outcome.status)
        style = _STYLES.get(status, "red")
        # Text, not markup: a supplier's value may look like markup.
        table.add_row(
            outcome.link,
            outcome.supplier,
            Text(f"{status.label} ({status})", style),
            _counts(outcome, "read", "accepted", "rejected"),
            _counts(outcome, "created", "changed", "restored", "unchanged", "hidden"),
            _counts(outcome, "errors", "warnings", "infos"),
            Text(outcome.message),
        )
    return table


def _counts(outcome: Outcome, *names: str) -> str:
    """The numbers that are not zero, in words."""
    counts = ((outcome.counts.get(name, 0), name) for name in names)
    return ", ".join(f"{number} {name.removesuffix('s') if number == 1 else name}" for number, name in counts if number)


def _results(house: House, outcomes: Sequence[Outcome], *, since: datetime) -> Iterator[tuple[str, str]]:
    """Where a person finds what this run made: kind and place."""
    for outcome in outcomes:
        if "report_html" in outcome.files:
            yield f"report {outcome.link}", outcome.files["report_html"]
    outbox = house.settings.home_path / "outbox"
    for mail in sorted(outbox.glob("*.eml")):
        if mail.stat().st_mtime >= since.timestamp():
            yield "mail", str(mail)
    if house.store.exists(LATEST):
        latest = json.loads(house.store.get_bytes(LATEST))
        yield "snapshot", house.store.url(latest["key"])


def _effective_links(home: Path, address: str) -> Path:
    """The links file with the address at which the examples are really served."""
    links = home / "links.yaml"
    links.write_text(LINKS.read_text(encoding="utf-8").replace(server.ADDRESS, address), encoding="utf-8")
    return links


def _next_turn(home: Path) -> int:
    """How many times the examples were started in this state folder, this time included."""
    counter = home / "examples-turn"
    turn = int(counter.read_text(encoding="ascii")) + 1 if counter.exists() else 1
    counter.write_text(str(turn), encoding="ascii")
    return turn


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the state folder: two demonstrations would stop each other's processes and mix up their results."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"`make run` or `make up` is at work in {home}; stop it, or set CATALOG_FEEDS_HOME to another folder"
            raise OperatorError(msg) from error
        yield


@contextmanager
def _phase(console: Console, name: str) -> Iterator[None]:
    """A spinner while the block runs, and one line with its time when it ends well."""
    began = time.monotonic()
    with console.status(name):
        yield
    console.print(Text(f"{name}: ready in {time.monotonic() - began:.1f} s", "dim"))


def _end_on_signals() -> None:
    """Let SIGTERM and SIGINT end the command in order, once: a second one must not cut the cleaning short."""

    def end(number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if number == signal.SIGTERM:
            sys.exit(128 + number)
        raise KeyboardInterrupt

    # Set both even where they are ignored, as in a background job of a shell: children inherit that.
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


if __name__ == "__main__":
    sys.exit(main())
