"""The report of a finished load: every form of it into the load's folder, one mail queued if it is news (R1-R3)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import normalize, publish, registry, report
from pipelines.errors import OperatorError
from pipelines.fetch import raw_key
from pipelines.model import FeedFormat, LoadFacts
from pipelines.reference import Library, load_reference
from pipelines.registry import Connection, Link
from pipelines.steps.house import Clock, House, load_files, load_key

# A larger file is annotated only when somebody asks for it: `catalog-feeds loads annotate LOAD`.
ANNOTATED_LIMIT_BYTES = 30_000_000

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# The hour of the day, UTC, at which digests are due: nine in the morning in Moscow.
DIGEST_HOUR = 6


def report_load(house: House, conn: Connection, load_id: int, *, timings: Mapping[str, float] | None = None) -> None:
    """Write the report of a finished load; then, in one transaction, queue its mail and note that nothing is left.

    `timings` are seconds of steps that ended with or after the publishing transaction; they are noted with our own.

    A worker that dies before the note does all of it again: the files are the same files, and a mail of a name that
    was queued is not queued again, so one report arrives (P1). Sending it is another step's work: a mail server that
    is down delays no load.
    """
    clock = Clock()
    with clock("report"):
        load = registry.get_load(conn, load_id)
        load.timings |= timings or {}
        previous = registry.previous_load(conn, load)
        built = _write(house, conn, load, previous)
    at = datetime.now(UTC)
    _queue(house, conn, built, at)
    registry.set_score(conn, load_id, built.score.points if built.score else None)
    registry.mark_reported(conn, load_id, at=at, timings={**(timings or {}), **clock.seconds})
    conn.commit()


def _write(house: House, conn: Connection, load: LoadFacts, previous: LoadFacts | None) -> report.LoadReport:
    """Put every form of the report into the load's folder."""
    good = registry.last_good_load(conn, load)
    compared = previous if previous and previous.counts.read else good
    with ExitStack() as files, house.scratch() as folder:

        def local(load_id: int, name: str) -> Path | None:
            key = load_key(load_id, name)
            return files.enter_context(house.store.local(key)) if house.store.exists(key) else None

        issues = files.enter_context(house.store.local(load_key(load.id, "issues.parquet")))
        _write_lists(house, load, issues, folder)
        if load.counts.errors + load.counts.warnings and (load.bytes or 0) <= ANNOTATED_LIMIT_BYTES:
            _annotate(house, load, issues, folder)
        statistics = publish.statistics(conn, load.shop, load.supplier)
        built = report.build(
            load,
            issues,
            local(load.id, "rejected.parquet"),
            load_files(house, load),
            previous,
            visible=statistics.published,
            good_since=good.finished_at if good else None,
            offers=local(load.id, "offers.parquet"),
            issues_before=local(compared.id, "issues.parquet") if compared else None,
            prices=publish.price_changes(conn, load.id) if _may_have_changed_prices(load) else None,
            scores=registry.earlier_scores(conn, load.link_id, load.id, limit=report.SCORES - 1),
            statistics=None if load.dry_run else asdict(statistics),
            supplier=registry.supplier_name(conn, load.supplier),
            shop=registry.find_shop(conn, load.shop).name,
        )
        conn.commit()
        with (folder / "report.json").open("w", encoding="utf-8") as out:
            report.write_json(built, issues, out)
        house.store.put_file(load_key(load.id, "report.json"), folder / "report.json")
    house.store.put_bytes(load_key(load.id, "report.txt"), report.render_text(built).encode())
    house.store.put_bytes(load_key(load.id, "report.html"), report.render_html(built).encode())
    return built


def _may_have_changed_prices(load: LoadFacts) -> bool:
    """Whether it is worth going through all that the load wrote: a first load wrote much, and changed no price.

    What an approval wrote later is not in the counts.
    """
    return load.published and bool(load.counts.changed + load.counts.restored or load.decision)


def _write_lists(house: House, load: LoadFacts, issues: Path, folder: Path) -> None:
    report.write_xlsx(issues, folder / "issues.xlsx", load.format)
    with (folder / "issues.csv").open("w", encoding="utf-8-sig", newline="") as out:
        report.write_csv(issues, out, load.format)
    for name in ("issues.xlsx", "issues.csv"):
        house.store.put_file(load_key(load.id, name), folder / name)


def annotate_load(house: House, load_id: int) -> str:
    """Write the supplier's file with our remarks in it, whatever its size; says where it is.

    Raises:
        OperatorError: no such load, or its file cannot hold remarks.
    """
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
    _reported(house, load_id, "report.json")
    with house.store.local(load_key(load_id, "issues.parquet")) as issues, house.scratch() as folder:
        if not _annotate(house, load, issues, folder):
            msg = f"load {load_id} cannot be annotated: only the offers of a YML file are; the issue list has the rest"
            raise OperatorError(msg)
    return house.store.url(load_key(load_id, "annotated.xml"))


def _annotate(house: House, load: LoadFacts, issues: Path, folder: Path) -> bool:
    offers = load_key(load.id, "raw_offers.parquet")
    if load.format != FeedFormat.YML or not (load.sha256 and load.encoding and house.store.exists(offers)):
        return False
    with (
        house.store.local(offers) as rows,
        house.store.open(raw_key(load.sha256)) as source,
        house.store.writer(load_key(load.id, "annotated.xml")) as out,
    ):
        report.annotate(source, out, encoding=load.encoding, offers=rows, issues=issues, scratch=folder)
    return True


def _queue(house: House, conn: Connection, built: report.LoadReport, at: datetime) -> None:
    """Queue the mail of a load if it is news; belongs into the transaction of the note that the load is reported."""
    load = built.load
    recipients = readers(conn, registry.get_link(conn, load.link_id))
    delivery = report.how_to_mail(load, built.previous, registry.mail_policy(conn, load.supplier))
    name = report.mail_name(built)
    if not recipients or delivery is report.Delivery.NOT or registry.is_queued(conn, name):
        return
    # The reader has no access to our store.
    told = replace(built, files=load_files(house, load, shared=True))
    if delivery is report.Delivery.DIGEST:
        due = at.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
        due += timedelta(days=due <= at)
        entry = report.digest_entry(told)
        registry.add_to_digest(conn, name=name, supplier=load.supplier, recipients=recipients, entry=entry, due_at=due)
        return
    envelope = envelope_to(house, recipients)
    mail = report.compose_mail(told, envelope, _attachments(house, load))
    key = load_key(load.id, f"{name}.eml")
    house.store.put_bytes(key, mail.as_bytes())
    registry.queue_mail(
        conn, name=name, supplier=load.supplier, load_id=load.id, recipients=recipients, message_key=key, at=at
    )


def envelope_to(house: House, recipients: Sequence[str]) -> report.Envelope:
    """From this installation to readers of a supplier, whose answers reach an operator."""
    return report.Envelope(house.settings.mail_from, recipients, replies=house.settings.mail_reply_to)


def readers(conn: Connection, link: Link) -> list[str]:
    """Who is told of a link: its own addresses, or else its supplier's."""
    return link.emails or registry.supplier_emails(conn, link.supplier)


def _attachments(house: House, load: LoadFacts) -> list[report.Attachment]:
    """The list of issues, where there is one and it is not too large for a mail; the page has a link to it anyway."""
    key = load_key(load.id, "issues.xlsx")
    if not load.counts.errors + load.counts.warnings or house.store.size(key) > report.ATTACHMENTS_LIMIT_BYTES:
        return []
    return [report.Attachment(f"zamechaniya-{load.id}.xlsx", XLSX, house.store.get_bytes(key))]


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
