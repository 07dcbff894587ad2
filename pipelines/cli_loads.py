"""`catalog-feeds loads`: history, decisions on what waits, undoing, and files of the archive processed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli_session import OFFER_COUNTS, exit_by, open_house, print_load, show_progress
from pipelines.errors import OperatorError
from pipelines.terminal import print_json, print_table, printable

if TYPE_CHECKING:
    from pipelines.registry import Decider
    from pipelines.steps import Flips


@click.group(invoke_without_command=True)
@click.option("--supplier", help="Only this supplier's loads.")
@click.option("--limit", default=50, show_default=True, help="The newest N loads.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def loads(context: click.Context, *, supplier: str | None, limit: int, as_json: bool) -> None:
    """History of loads, newest first; what waits for a decision is said."""
    if context.invoked_subcommand:
        return
    from pipelines import steps

    with open_house() as house:
        rows = steps.list_loads(house, supplier=supplier, limit=limit)
    if as_json:
        print_json(rows)
    else:
        columns = ["id", "link", "supplier", "shop", "status", "reason", *OFFER_COUNTS, "finished_at", "note"]
        print_table([{**row, "note": _note(row)} for row in rows], columns)


@loads.command("show")
@click.argument("load_id", metavar="LOAD", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print the load as JSON.")
def show(*, load_id: int, as_json: bool) -> None:
    """One load: its counts, causes and files."""
    from pipelines import steps

    with open_house() as house:
        print_load(house, steps.outcome(house, load_id), as_json=as_json)


@loads.command("annotate")
@click.argument("load_id", metavar="LOAD", type=int)
def annotate(*, load_id: int) -> None:
    """Write the supplier's file with our remarks in it and print its path; small files have it anyway."""
    from pipelines import steps

    with open_house() as house:
        click.echo(steps.annotate_load(house, load_id))


def _signed(command: Callable[..., None]) -> Callable[..., None]:
    """Options of a command that decides something: who and why."""
    who = click.option("--who", help="Who decides.  [default: the account that runs this]")
    why = click.option("--why", required=True, help="The reason, kept with the decision and shown.")
    return why(who(command))


def _decider(who: str | None, why: str) -> Decider:
    from pipelines import steps

    return steps.require_reason(who or steps.account(), why)


@loads.command("approve")
@click.argument("load_id", metavar="LOAD", type=int)
@_signed
@click.option("--json", "as_json", is_flag=True, help="Print the load as JSON.")
def approve(*, load_id: int, who: str | None, why: str, as_json: bool) -> None:
    """Do what LOAD waits with: publish it, or the prices it kept, or hide what its file did not contain."""
    from pipelines import steps

    decider = _decider(who, why)
    with open_house() as house:
        print_load(house, steps.approve(house, load_id, decider), as_json=as_json)


@loads.command("reject")
@click.argument("load_id", metavar="LOAD", type=int)
@_signed
@click.option("--json", "as_json", is_flag=True, help="Print the load as JSON.")
def reject(*, load_id: int, who: str | None, why: str, as_json: bool) -> None:
    """Leave the catalog as it is: what LOAD waits with is not done."""
    from pipelines import steps

    decider = _decider(who, why)
    with open_house() as house:
        print_load(house, steps.reject(house, load_id, decider), as_json=as_json)


@loads.command("rollback")
@click.argument("load_id", metavar="LOAD", type=int)
@_signed
@click.option("--through", is_flag=True, help="Undo all that came after LOAD as well, works by hand included.")
@click.option("--json", "as_json", is_flag=True, help="Print the new load as JSON.")
def rollback(*, load_id: int, who: str | None, why: str, through: bool, as_json: bool) -> None:
    """Bring the catalog back to what it was before LOAD, as a new load.

    The file that was undone is not loaded again by itself; any other file of the link is. A rollback can be rolled
    back like any load.
    """
    from pipelines import steps

    decider = _decider(who, why)
    with open_house() as house:
        undone = steps.rollback(house, load_id, decider, through=through)
        if not as_json:
            by_hand = f" and {undone.edits} works by hand" if undone.edits else ""
            click.echo(f"load {undone.outcome.load_id} undid {', '.join(map(str, undone.loads))}{by_hand}")
        print_load(house, undone.outcome, as_json=as_json)


@loads.command("replay")
@click.argument("load_id", metavar="[LOAD]", type=int, required=False)
@click.option("--dry-run", is_flag=True, help="Publish nothing; show what would change.")
@click.option(
    "--rules-only", is_flag=True, help="With --dry-run: compare what the newest loads gave with today's rules."
)
@click.option("--last", type=click.IntRange(min=1), default=100, show_default=True, help="Of so many loads.")
@click.option("--supplier", help="With --rules-only: of this supplier.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def replay(
    *, load_id: int | None, dry_run: bool, rules_only: bool, last: int, supplier: str | None, as_json: bool
) -> None:
    """Process the archived file of LOAD again, with today's rules, as a new load.

    With --dry-run --rules-only, no LOAD: which offers of the newest loads of all suppliers would be accepted, rejected
    or published differently by the rules and reference tables of today. Nothing is written.
    """
    from pipelines import steps

    if rules_only:
        if load_id is not None or not dry_run:
            msg = "--rules-only goes with --dry-run and without a LOAD"
            raise OperatorError(msg)
        with open_house() as house, show_progress() as progress:
            flips = list(steps.backtest(house, last=last, supplier=supplier, progress=progress))
            progress("done", None)
        print_json([each.as_json() for each in flips]) if as_json else _print_flips(flips)
        return
    if load_id is None:
        msg = "which load? `catalog-feeds loads` lists them"
        raise OperatorError(msg)
    with open_house() as house, show_progress() as progress:
        outcome = steps.replay(house, load_id, dry_run=dry_run, progress=progress)
        progress("done", None)
        print_load(house, outcome, as_json=as_json)
    exit_by([outcome])


def _note(row: dict[str, Any]) -> str:
    """What became of a load afterwards, or that it waits."""
    decision, held = row["decision"] or {}, row["held"] or {}
    if row["undone_by"]:
        return f"undone by {row['undone_by']}"
    if row["kind"] == "rollback":
        return f"undoes {row['origin']}"
    if decision.get("by_load"):
        return f"{held.get('reason')}: lapsed with {decision['by_load']}"
    if decision:
        return f"{held.get('reason')}: {decision['verdict']} by {decision['who']}"
    if held and not row["dry_run"]:
        return f"waits: {held['reason']}"
    return f"repeats {row['origin']}" if row["kind"] == "replay" else ""


def _print_flips(flips: Sequence[Flips]) -> None:
    counts = ("now_rejected", "now_accepted", "changed")
    rows = [
        {"load": each.load, "link": each.link, "supplier": each.supplier, "compared": each.compared, **each.offers}
        for each in flips
    ]
    print_table(rows, ["load", "link", "supplier", "compared", *counts])
    for each in flips:
        for what in counts:
            named = ", ".join(f"{name} {number}" for name, number in getattr(each, what).items())
            if named:
                click.echo(f"load {each.load}, {what.replace('_', ' ')}: {named}")
        for example in each.examples:
            shown = " ".join(f"{key}={printable(str(value))}" for key, value in example.items())
            click.echo(f"  {shown}")
    moved = {what: sum(each.offers[what] for each in flips) for what in counts}
    compared = sum(each.compared for each in flips)
    words = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in moved.items())
    click.echo(f"{len(flips)} loads, {compared} offers: {words}")
