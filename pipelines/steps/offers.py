"""Work by hand on a supplier's goods, their export and their numbers: what the platform's list of goods offers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import normalize, publish, registry
from pipelines.errors import OperatorError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import (
    RAW_REGION_SCALARS,
    RAW_SCALARS,
    RAW_SCHEMA,
    Accreditation,
    FeedFormat,
    ParseResult,
    Severity,
)
from pipelines.options import Options, ShopOptions, parse_options
from pipelines.publish import Assignments, Edited, Selection
from pipelines.reference import Library, load_reference
from pipelines.registry import Connection
from pipelines.steps.house import House

_BATCH_ROWS = 1000
# Faults that a refusal names.
_NAMED = 10
# Remarks are to name raw columns, not tags.
_SPELLINGS = {column: column for column in (*RAW_SCALARS, "pictures")} | {
    f"regions.{column}": f"regions.{column}" for column in RAW_REGION_SCALARS
}


def select(shop: str, supplier: str, *, skus: Sequence[str] = (), **filters: Any) -> Selection:  # noqa: ANN401
    """A selection from SKUs as people write them, and from the other conditions of `Selection` by name."""
    keys = tuple(dict.fromkeys(normalize.identity(sku) for sku in skus)) or None
    return Selection(shop, supplier, sku_keys=keys, **filters)


def set_offers(
    house: House, selection: Selection, assignments: Assignments, *, who: str, why: str | None = None
) -> Edited:
    """Give fields of the selected offers other values: all of them, or none.

    A value is judged as if the supplier had sent the card again with it; what a load would reject, change or warn of is
    refused. The next load of a file that holds the offer overwrites it (P9).

    Raises:
        OperatorError: no such offer, or a value that does not fit; the message says what does.
    """
    with house.scratch() as folder, _turn(house, selection, who, why) as (conn, order):
        raw = folder / "raw_offers.parquet"
        cards = publish.selected_cards(conn, selection)
        number = _write_raw(raw, (assignments.resend(card).raw_row(place) for place, card in enumerate(cards)))
        if not number:
            return publish.Edited(None, 0, [])
        shop = parse_options({}, registry.ensure_shop(conn, selection.shop).options).shop
        library = Library.at(house.store, house.settings.home_path)
        normalize.normalize(
            raw,
            folder,
            parsed=ParseResult(FeedFormat.YML, "utf-8", number, (), _SPELLINGS),
            options=Options(shop=_only_demands_on(shop, assignments)),
            reference=load_reference(library, shop=selection.shop, supplier=selection.supplier),
            today=order.at.date(),
        )
        _refuse_faults(folder / "issues.parquet", assignments)
        normalised = _rows(folder / "offers.parquet", ["sku_key", *assignments.fields])
        return publish.set_values(conn, order, assignments.fields, normalised, assignments.values)


def mark_offers(house: House, selection: Selection, command: str, *, who: str, why: str | None = None) -> Edited:
    """Hide, publish, set aside as drafts or delete the selected offers, by a command of `publish.STATUSES`.

    A deleted offer is kept for its history, is shown nowhere and counted nowhere; a load that sends it, or `publish`
    with the status `deleted` asked for, brings it back.

    Raises:
        OperatorError: no such offer.
    """
    with _turn(house, selection, who, why) as (conn, order):
        return publish.set_status(conn, order, command)


def export_offers(house: House, selection: Selection, out: Path, form: publish.ExportFormat) -> publish.Exported:
    """Write the selected offers to a file that can be loaded again.

    Raises:
        OperatorError: no such offer or supplier, or the file cannot be written.
    """
    with house.database.connect() as conn:
        _require(conn, selection)
        conn.commit()
        return publish.export(conn, selection, out, form)


def offer_statistics(house: House, shop: str, supplier: str) -> dict[str, int]:
    """The numbers of a supplier's goods in a shop (`publish.Statistics`), as plain values.

    Raises:
        OperatorError: the shop does not know the supplier.
    """
    with house.database.connect() as conn:
        _require(conn, Selection(shop, supplier))
        return asdict(publish.statistics(conn, shop, supplier))


def accredit(
    house: House, supplier: str, shop: str, status: Accreditation, *, who: str, why: str | None = None
) -> tuple[Accreditation, int]:
    """Change a supplier's standing in a shop (P8); the goods are not touched.

    Returns:
        The standing before, and how many of its goods buyers see now.

    Raises:
        OperatorError: no such supplier in this shop.
    """
    with house.database.connect() as conn:
        _require(conn, Selection(shop, supplier))
        before = registry.set_accreditation(conn, supplier, shop, status, who=who, why=why)
        return before, publish.statistics(conn, shop, supplier).visible


def accreditation(house: House, supplier: str, shop: str) -> dict[str, Any]:
    """A supplier's standing in a shop with its history, newest first, as plain values."""
    with house.database.connect() as conn:
        return {
            "supplier": supplier,
            "shop": shop,
            "status": registry.accreditation(conn, supplier, shop).value,
            "history": registry.accreditation_history(conn, supplier, shop),
        }


@contextmanager
def _turn(house: House, selection: Selection, who: str, why: str | None) -> Iterator[tuple[Connection, publish.Order]]:
    """One transaction in which nobody else writes these goods; committed unless something went wrong."""
    with house.database.connect() as conn:
        at = publish.take_turn(conn, selection.shop, selection.supplier)
        _require(conn, selection)
        yield conn, publish.Order(selection, who, why, at)


def _require(conn: Connection, selection: Selection) -> None:
    """Refuse what nobody knows.

    Raises:
        OperatorError: the supplier never sold in this shop, or has no such SKU there.
    """
    known = conn.execute(
        "SELECT FROM accreditations WHERE shop_id = %s AND supplier_id = %s", [selection.shop, selection.supplier]
    ).fetchone()
    if known is None:
        msg = f"shop {selection.shop} does not know supplier {selection.supplier}"
        raise OperatorError(msg)
    publish.require_known(conn, selection)


def _write_raw(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    number = 0
    with pq.ParquetWriter(path, RAW_SCHEMA) as writer:
        batch: list[dict[str, Any]] = []
        for number, row in enumerate(rows, start=1):  # noqa: B007 - the number of rows is what we return
            batch.append(row)
            if len(batch) == _BATCH_ROWS:
                writer.write_table(pa.Table.from_pylist(batch, RAW_SCHEMA))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, RAW_SCHEMA))
    return number


def _only_demands_on(shop: ShopOptions, assignments: Assignments) -> ShopOptions:
    """The shop's options without what they demand of values that nobody touches: an older card may lack them."""
    set_now = {"vat" if field == "vat_rate" else field for field in assignments.fields}
    required = tuple(name for name in shop.required_fields if name in set_now)
    policy = shop.rrp_policy if {"price", "rrp"} & set_now else "off"
    return shop.model_copy(update={"required_fields": required, "rrp_policy": policy})


def _refuse_faults(issues: Path, assignments: Assignments) -> None:
    """Refuse values that a load would reject, change or warn of.

    Raises:
        OperatorError: naming the first offers, what is wrong and what fits.
    """
    faults = []
    for issue in _rows(issues, ["code", "severity", "sku", "field", "sent", "published"]):
        own = issue["field"] in assignments.raw_columns
        if issue["sku"] is None:  # of the file that these offers would make: it says nothing that they do not say
            continue
        if issue["severity"] == Severity.ERROR or (issue["severity"] == Severity.WARNING and own):
            faults.append(issue)
        if len(faults) > _NAMED:
            break
    if faults:
        told = [f"  {fault['sku']}: {_told(fault)}" for fault in faults[:_NAMED]]
        msg = "nothing was changed:\n" + "\n".join(told) + ("\n  …" if len(faults) > _NAMED else "")
        raise OperatorError(msg)


def _told(fault: Mapping[str, Any]) -> str:
    code = ISSUE_CODES[fault["code"]]
    values = {name: value or "" for name, value in fault.items()}
    return f"{code.message} {code.remedy}".format(**values, line="").strip()


def _rows(path: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()
