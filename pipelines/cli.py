"""The command line. Each command opens the house, calls a step, and prints what came of it.

Exit codes: 0 the work is done, 1 our failure or wrong use, 2 the supplier's file was rejected or is held. Results go to
stdout, progress and errors to stderr. Heavy parts are imported inside commands, so that `--help` answers at once.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli_backup import backup, restore
from pipelines.cli_loads import loads
from pipelines.cli_offers import accreditation, offers
from pipelines.cli_reference import reference
from pipelines.cli_session import OFFER_COUNTS, exit_by, open_house, print_load, show_progress
from pipelines.cli_snapshot import snapshot, sql
from pipelines.cli_template import template
from pipelines.errors import CatalogFeedsError, SupplierError
from pipelines.model import ON_REQUEST_PRICE, StockClass
from pipelines.secrecy import guard_logs
from pipelines.terminal import print_json, print_table, printable

if TYPE_CHECKING:
    from pipelines.steps import Outcome


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="catalog-feeds")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens inside to stderr.")
def cli(*, verbose: bool) -> None:
    """Load suppliers' price lists into the catalog."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    guard_logs()


@cli.command()
@click.argument("source")
@click.option("--supplier", required=True, help="Who sent the file; created with granted accreditation if unknown.")
@click.option("--shop", default="main", show_default=True, help="The store it goes to; created if unknown.")
@click.option(
    "--format",
    "feed_format",
    type=click.Choice(["auto", "yml", "commerceml", "csv", "json"]),
    help="Expected format, kept for uploads; a file in another one is rejected.  [default: auto, by content]",
)
@click.option("--actualize", is_flag=True, help="Hide the supplier's offers that are not in the file.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A link or shop setting; kept for uploads.")
@click.option("--dry-run", is_flag=True, help="Do everything but publish; show what would change.")
@click.option("--allow-private", is_flag=True, help="Let a URL point at a private or loopback address.")
@click.option("--json", "as_json", is_flag=True, help="Print the load as JSON.")
def load(
    *,
    source: str,
    supplier: str,
    shop: str,
    feed_format: str | None,
    actualize: bool,
    settings: Sequence[str],
    dry_run: bool,
    allow_private: bool,
    as_json: bool,
) -> None:
    """Take one file, folder of one exchange or URL through all steps."""
    from pipelines import steps

    with open_house() as house, show_progress() as progress:
        outcome = steps.load_source(
            house,
            source,
            supplier=supplier,
            shop=shop,
            settings={
                **_pairs(settings),
                **({"actualize": True} if actualize else {}),
                **({"format": feed_format} if feed_format else {}),
            },
            dry_run=dry_run,
            allow_private=allow_private,
            progress=progress,
        )
        progress("done", None)
        print_load(house, outcome, as_json=as_json)
    exit_by([outcome])


@cli.command()
@click.option("--links", "links_file", type=click.Path(path_type=Path), help="Declare the links of this file first.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
def run(*, links_file: Path | None, as_json: bool) -> None:
    """One cycle over all enabled links, without Airflow."""
    from pipelines import steps

    with open_house() as house, show_progress() as progress:
        if links_file:
            steps.apply_links(house, links_file)
        cycle = steps.run_cycle(house, progress=progress)
        progress("done", None)
    if as_json:
        print_json({"links": [o.as_json() for o in cycle.outcomes], "snapshot": cycle.snapshot})
    else:
        _print_outcomes(cycle.outcomes)
        click.echo(f"snapshot: {cycle.snapshot or 'nothing changed, the last one stands'}")
    exit_by(cycle.outcomes, supplier_faults_matter=False)


@cli.group()
def links() -> None:
    """Declare suppliers, shops and links."""


@links.command("apply")
@click.argument("file", type=click.Path(path_type=Path))
def links_apply(*, file: Path) -> None:
    """Create or update everything FILE declares; what it does not name stays."""
    from pipelines import steps

    with open_house() as house:
        declared = steps.apply_links(house, file)
    click.echo(
        f"{len(declared.links)} links, {len(declared.suppliers)} suppliers and {len(declared.shops)} shops are declared"
    )


@links.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def links_list(*, as_json: bool) -> None:
    """All links and when they were last looked at."""
    from pipelines import steps

    with open_house() as house:
        rows = steps.list_links(house)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ["link", "supplier", "shop", "enabled", "url", "checked_at", "changed_at", "last_error"])


@links.command("check")
@click.argument("link")
@click.option("--json", "as_json", is_flag=True, help="Print the load as JSON.")
def links_check(*, link: str, as_json: bool) -> None:
    """Dry run of one link: fetch, parse, normalise, and show what would change."""
    from pipelines import steps

    with open_house() as house, show_progress() as progress:
        outcome = steps.check_link(house, link, progress=progress)
        progress("done", None)
        print_load(house, outcome, as_json=as_json)
    exit_by([outcome])


@cli.command()
@click.argument("sku")
@click.option("--supplier", required=True)
@click.option("--shop", default="main", show_default=True)
@click.option("--region", metavar="CODE", help="As a buyer there sees it: an OKTMO code or a federal district.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def offer(*, sku: str, supplier: str, shop: str, region: str | None, as_json: bool) -> None:
    """The card as published, its history, and the line it came from."""
    from pipelines import steps

    with open_house() as house:
        card = steps.offer(house, shop=shop, supplier=supplier, sku=sku, region=region)
    if as_json:
        print_json(card)
    else:
        _print_card(card)


cli.add_command(loads)
cli.add_command(backup)
cli.add_command(restore)
cli.add_command(reference)
cli.add_command(template)
cli.add_command(snapshot)
cli.add_command(sql)
cli.add_command(offers)
cli.add_command(accreditation)


@cli.command()
def doctor() -> None:
    """Check settings, database, object store, mail and disk; say what to do."""
    from pipelines import doctor as checks

    healthy = True
    for finding in checks.examine():
        healthy = healthy and finding.ok
        click.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what:<14} {finding.says}")
        if finding.advice and not finding.ok:
            click.echo(f"      {'':<14} → {finding.advice}")
    if not healthy:
        sys.exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: run the command and turn errors into a message and an exit code."""
    # A plain kill must close the house as Ctrl-C does: the embedded server stops with its last user.
    with suppress(ValueError):  # not the main thread: nobody sends signals here
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except SupplierError as error:
        click.echo(f"rejected: {error}", err=True)
        sys.exit(2)
    except CatalogFeedsError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except Exception as error:
        # The edge of the program: engineers get the whole story, everyone else what to do.
        logging.getLogger(__name__).info("the command failed", exc_info=True)
        click.echo(f"our failure: {type(error).__name__}: {error}", err=True)
        click.echo("nothing is half-published; run the same command again, with -v to see where it happens", err=True)
        sys.exit(1)


def _pairs(settings: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            message = f"{setting!r} is not KEY=VALUE"
            raise click.BadParameter(message, param_hint="--set")
        pairs[key.strip()] = value.strip()
    return pairs


def _print_outcomes(outcomes: Sequence[Outcome]) -> None:
    rows = [
        {"link": o.link, "supplier": o.supplier, "status": o.status, **{c: o.counts.get(c, "") for c in OFFER_COUNTS}}
        | {"note": o.message}
        for o in outcomes
    ]
    print_table(rows, ["link", "supplier", "status", *OFFER_COUNTS, "note"])


def _print_card(card: dict[str, Any]) -> None:
    history = card.pop("history")
    place = card.pop("effective_for", None)
    if place:
        click.echo(f"for: {place['code']} {printable(place['name'])} (from: {place['from']})")
    prices = sorted(Decimal(r["price"]) for r in card["regions"] or [] if r["price"] is not None)
    if prices:
        click.echo(f"regional prices: {prices[0]}–{prices[-1]}")
    for key, value in card.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            click.echo(f"{key}:")
            print_table(value, list(value[0]))
        elif value not in (None, []):
            click.echo(f"{key}: {printable(str(value))}")
        elif key == "price" and card["stock_class"] == StockClass.ON_REQUEST:
            click.echo(f"{key}: {ON_REQUEST_PRICE}")
    click.echo("history:")
    print_table(history, ["at", "load", "edit", "who", "kind", "fields", "before", "after"])


if __name__ == "__main__":
    main()
