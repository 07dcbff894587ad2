"""`catalog-feeds offers` and `catalog-feeds accreditation`: goods and suppliers, worked on by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pipelines.errors import OperatorError
from pipelines.model import Accreditation, OfferStatus
from pipelines.terminal import print_json, print_table, printable

if TYPE_CHECKING:
    from pipelines.publish import Edited, Selection
    from pipelines.steps import House

_STATISTICS = {
    "published": "published",
    "bound_to_categories": "  bound to categories",
    "not_bound_to_categories": "  not bound to categories",
    "bound_to_positions": "  bound to the buyer's positions",
    "not_bound_to_positions": "  not bound to the buyer's positions",
    "hidden": "hidden",
    "drafts": "  of them drafts",
    "visible": "seen by buyers",
    "orderable": "  of them can be ordered",
}


def _account() -> str:
    from pipelines import steps

    return steps.account()


class _Price(click.ParamType[Decimal]):
    """A price as a plain number, exact."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:  # noqa: ANN401
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number < 0:
            self.fail(f"{value!r} is no price", param, ctx)
        return number


def _stacked(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:  # noqa: ANN401 - a function on its way to become a command
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_YES_NO = click.Choice(["yes", "no"])
_party = _stacked(
    click.option("--supplier", required=True, help="Whose goods."),
    click.option("--shop", default="main", show_default=True, help="In which store."),
)
_filters = _stacked(
    click.option("--search", metavar="TEXT", help="Part of the SKU, the name or the description."),
    click.option("--bound-category", type=_YES_NO, help="Bound to a category of the rubricator, or not."),
    click.option("--bound-position", type=_YES_NO, help="Bound to the buyer's positions, or not."),
    click.option("--price-from", type=_Price(), metavar="N", help="Price with VAT, here or in a region, from N."),
    click.option("--price-to", type=_Price(), metavar="N", help="Price with VAT, here or in a region, up to N."),
    click.option("--category", metavar="ID", help="Bound to this category."),
    click.option(
        "--status",
        type=click.Choice([status.value for status in OfferStatus]),
        help="[default: all that are not deleted]",
    ),
)
_signed = _stacked(
    click.option("--who", default=_account, help="Who wants it.  [default: your account]"),
    click.option("--why", help="Why, for the history."),
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.group()
def offers() -> None:
    """A supplier's goods: export, statistics, and work by hand.

    Goods are chosen by their SKUs, or by the filters of `offers export`. Each command is one transaction, and the
    history of every offer tells who did it.
    """


@offers.command("set")
@click.argument("arguments", metavar="[SKU]... FIELD=VALUE...", nargs=-1, required=True)
@_party
@_filters
@click.option("--all", "everything", is_flag=True, help="All goods of the supplier.")
@_signed
@_as_json
def set_(
    *,
    arguments: Sequence[str],
    everything: bool,
    who: str,
    why: str | None,
    as_json: bool,
    **chosen: Any,  # noqa: ANN401 - the filters by name
) -> None:
    """Give fields other values; the next load of the file overwrites them.

    An empty VALUE clears the field. A value that a load would reject, change or warn of is refused.
    """
    from pipelines import steps
    from pipelines.publish import Assignments

    # A SKU may hold anything; what looks like FIELD=VALUE is one.
    pairs = [argument for argument in arguments if argument.partition("=")[0].isidentifier() and "=" in argument]
    if not pairs:
        message = "nothing to set: give FIELD=VALUE"
        raise click.UsageError(message)
    assignments = Assignments.parse(pairs)
    selection = _selection([a for a in arguments if a not in pairs], everything=everything, **chosen)
    with _house() as house:
        edited = steps.set_offers(house, selection, assignments, who=who, why=why)
    _print_edited(edited, as_json=as_json)


def _marking(command: str, help_text: str) -> None:
    @offers.command(command, help=help_text)
    @click.argument("skus", metavar="[SKU]...", nargs=-1)
    @_party
    @_filters
    @click.option("--all", "everything", is_flag=True, help="All goods of the supplier.")
    @_signed
    @_as_json
    def mark(
        *,
        skus: Sequence[str],
        everything: bool,
        who: str,
        why: str | None,
        as_json: bool,
        **chosen: Any,  # noqa: ANN401 - the filters by name
    ) -> None:
        from pipelines import steps

        with _house() as house:
            selection = _selection(skus, everything=everything, **chosen)
            edited = steps.mark_offers(house, selection, command, who=who, why=why)
        _print_edited(edited, as_json=as_json)


_marking("hide", "Take goods off the catalog; the next load that sends them publishes them again.")
_marking("publish", "Put hidden goods, drafts and, with --status deleted, deleted goods back into the catalog.")
_marking("draft", "Set goods aside to be worked on: buyers do not see them.")
_marking("delete", "Delete goods; their history stays, and the next load that sends them brings them back.")


@offers.command("export")
@click.argument("skus", metavar="[SKU]...", nargs=-1)
@_party
@_filters
@click.option("--format", "form", type=click.Choice(["csv", "xlsx", "yml"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="[default: offers.FORMAT in this folder]")
def export(
    *,
    skus: Sequence[str],
    form: Literal["csv", "xlsx", "yml"],
    out: Path | None,
    **chosen: Any,  # noqa: ANN401 - the filters by name
) -> None:
    """Write goods to a file that can be loaded again; without SKUs and filters, all that are not deleted."""
    from pipelines import steps

    target = out or Path(f"offers.{form}")
    with _house() as house:
        done = steps.export_offers(house, _selection(skus, everything=True, **chosen), target, form)
    click.echo(f"{done.offers} offers in {target}")
    if done.lossy:
        click.echo(
            f"note: a table cannot carry {done.lossy} of them as they are: it holds SKUs of Latin letters and digits in"
            " lower case only, cuts the longest descriptions, and ends lines in one way; yml carries all",
            err=True,
        )


@offers.command()
@_party
@_as_json
def stats(*, supplier: str, shop: str, as_json: bool) -> None:
    """Numbers of goods: published, bound and not bound, hidden, and seen by buyers."""
    from pipelines import steps

    with _house() as house:
        numbers = steps.offer_statistics(house, shop, supplier)
    if as_json:
        print_json(numbers)
    else:
        print_table(
            [{"goods": label, "offers": numbers[name]} for name, label in _STATISTICS.items()], ["goods", "offers"]
        )


@click.command()
@click.argument("supplier")
@click.argument("status", type=click.Choice([status.value for status in Accreditation]), required=False)
@click.option("--shop", default="main", show_default=True, help="In which store.")
@_signed
@_as_json
def accreditation(*, supplier: str, status: str | None, shop: str, who: str, why: str | None, as_json: bool) -> None:
    """Show or change a supplier's standing in a shop. Buyers see goods of `granted` suppliers only, at once."""
    from pipelines import steps

    with _house() as house:
        if status:
            before, visible = steps.accredit(house, supplier, shop, Accreditation(status), who=who, why=why)
        standing = steps.accreditation(house, supplier, shop)
    if as_json:
        print_json(standing)
    elif status:
        change = f"{before.value} → {status}" if before.value != status else f"{status} already"
        click.echo(f"{printable(supplier)} in {printable(shop)}: {change}; buyers see {visible} of its offers")
    else:
        click.echo(f"{printable(supplier)} in {printable(shop)}: {standing['status']}")
        print_table(standing["history"], ["at", "before", "after", "who", "why"])


def _selection(skus: Sequence[str], *, everything: bool, shop: str, supplier: str, **filters: Any) -> Selection:  # noqa: ANN401
    from pipelines import steps

    for name in ("bound_category", "bound_position"):
        filters[name] = None if filters[name] is None else filters[name] == "yes"
    filters["status"] = filters["status"] and OfferStatus(filters["status"])
    selection = steps.select(shop, supplier, skus=skus, **filters)
    if selection.is_everything and not everything:
        msg = "name SKUs, give filters, or --all for all goods of the supplier"
        raise OperatorError(msg)
    return selection


def _print_edited(edited: Edited, *, as_json: bool) -> None:
    if as_json:
        print_json({"edit": edited.edit, "offers": edited.offers, "examples": edited.examples})
        return
    if edited.edit is None:
        click.echo("nothing was changed: all is so already")
        return
    click.echo(f"{edited.offers} offers changed, edit {edited.edit}")
    rows = [
        {"sku": row["sku"], "field": name, "before": row["before"][name], "after": row["after"][name]}
        for row in edited.examples
        for name in row["fields"]
    ]
    print_table(rows, ["sku", "field", "before", "after"])
    if edited.offers > len(edited.examples):
        click.echo(f"… and {edited.offers - len(edited.examples)} more")


@contextmanager
def _house() -> Iterator[House]:
    from pipelines.settings import load_settings
    from pipelines.steps import open_house

    with open_house(load_settings()) as house:
        yield house
