"""The report of a finished load: every form of it into the load's folder, one mail if it is news (R1-R3)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pipelines import normalize, publish, registry, report
from pipelines.errors import OperatorError
from pipelines.model import LoadFacts
from pipelines.reference import Library, load_reference
from pipelines.registry import Connection
from pipelines.steps.house import Clock, House, load_files, load_key


def report_load(house: House, conn: Connection, load_id: int, *, timings: Mapping[str, float] | None = None) -> None:
    """Write and send the report of a finished load, then note that nothing is left to do.

    `timings` are seconds of steps that ended with or after the publishing transaction; they are noted with our own.

    A worker that dies before the note does all of it again: the files are the same files, and the mail has the same
    name and Message-ID, so one report arrives (P1).
    """
    clock = Clock()
    with clock("report"):
        load = registry.get_load(conn, load_id)
        load.timings |= timings or {}
        previous = registry.previous_load(conn, load)
        built = _write(house, conn, load, previous)
        recipients = registry.get_link(conn, load.link_id).emails or registry.supplier_emails(conn, load.supplier)
        conn.commit()
        if recipients and report.wants_mail(load, previous):
            smtp = house.settings.smtp_url
            mail = report.compose_mail(*built, sender=house.settings.mail_from, recipients=recipients)
            report.deliver(mail, outbox=None if smtp else house.outbox, smtp_url=smtp)
    registry.mark_reported(conn, load_id, at=datetime.now(UTC), timings={**(timings or {}), **clock.seconds})
    conn.commit()


def _write(
    house: House, conn: Connection, load: LoadFacts, previous: LoadFacts | None
) -> tuple[report.LoadReport, str, str]:
    """Put every form of the report into the load's folder; the value, the HTML and the text are given back."""
    good = registry.last_good_load(conn, load)
    visible = publish.count_published(conn, load.shop, load.supplier)
    with ExitStack() as files, house.scratch() as folder:
        issues = files.enter_context(house.store.local(load_key(load.id, "issues.parquet")))
        rejected_key = load_key(load.id, "rejected.parquet")
        rejected = files.enter_context(house.store.local(rejected_key)) if house.store.exists(rejected_key) else None
        built = report.build(
            load,
            issues,
            rejected,
            load_files(house, load),
            previous,
            visible=visible,
            good_since=good.finished_at if good else None,
        )
        html, text = report.render_html(built), report.render_text(built)
        with (folder / "report.json").open("w", encoding="utf-8") as out:
            report.write_json(built, issues, out)
        house.store.put_file(load_key(load.id, "report.json"), folder / "report.json")
    house.store.put_bytes(load_key(load.id, "report.txt"), text.encode())
    house.store.put_bytes(load_key(load.id, "report.html"), html.encode())
    return built, html, text


def report_json(house: House, load_id: int) -> Iterator[str]:
    """The JSON of a finished load, in blocks.

    Raises:
        OperatorError: no such load, or it is not finished.
    """
    with io.TextIOWrapper(house.store.open(_reported(house, load_id, "report.json")), encoding="utf-8") as source:
        while block := source.read(1 << 20):
            yield block


def report_text(house: House, load_id: int) -> str:
    """The report of a finished load as its supplier reads it.

    Raises:
        OperatorError: no such load, or it is not finished.
    """
    return house.store.get_bytes(_reported(house, load_id, "report.txt")).decode()


def _reported(house: House, load_id: int, name: str) -> str:
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
    key = load_key(load_id, name)
    if not house.store.exists(key):
        msg = f"load {load_id} is {load.status}" + (f" ({load.reason})" if load.reason else "") + ": it has no report"
        raise OperatorError(msg)
    return key


def list_loads(house: House, *, supplier: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """The newest loads first, as plain values with their counts beside the rest."""
    with house.database.connect() as conn:
        loads = registry.list_loads(conn, supplier=supplier, limit=limit)
    rows = []
    for load in loads:
        row = asdict(load)
        counts = row.pop("counts")
        rows.append({**row, "status": load.status.value, **counts})
    return rows


def offer(house: House, *, shop: str, supplier: str, sku: str, region: str | None = None) -> dict[str, Any]:
    """The card of an offer as published, with its history and where it came from.

    With a region, the prices and the rest that a buyer there is shown (N2): an OKTMO code or a federal district.

    Raises:
        OperatorError: no such offer, or no such region.
    """
    place = None
    if region is not None:
        place = publish.find_place(load_reference(Library.at(house.store, house.settings.home_path)), region)
    with house.database.connect() as conn:
        return publish.read_card(conn, shop=shop, supplier=supplier, sku_key=normalize.identity(sku), place=place)
