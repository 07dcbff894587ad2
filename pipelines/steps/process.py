"""From a queued load to the catalog and its report: transform, judge, publish in one transaction, report once (P1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import registry
from pipelines.errors import CatalogFeedsError, SupplierError
from pipelines.model import (
    ISSUE_SCHEMA,
    Actualization,
    LoadFacts,
    LoadKind,
    LoadStatus,
    WhyNot,
)
from pipelines.normalize import NOTES_FILE
from pipelines.options import Options
from pipelines.reference import Library, Reference, load_reference
from pipelines.registry import Connection, Link
from pipelines.steps.deltas import complete_changes, given_keys, note_supplied
from pipelines.steps.gate import check_load
from pipelines.steps.house import (
    Clock,
    House,
    Outcome,
    Progress,
    load_key,
    outcome,
    silent,
    stored,
    worker_name,
)
from pipelines.steps.manifest import Manifest, read_manifest, write_manifest
from pipelines.steps.normalizing import normalize_load
from pipelines.steps.parsing import parse_load
from pipelines.steps.publishing import publish_load
from pipelines.steps.reporting import report_load
from pipelines.steps.same_offers import RAW_OFFERS, RESULTS, sha256_of

log = logging.getLogger(__name__)


def queue_load(
    conn: Connection,
    link: Link,
    options: Options,
    *,
    source: str,
    sha256: str | None = None,
    size: int | None = None,
    dry_run: bool = False,
    kind: LoadKind = LoadKind.FILE,
    origin: int | None = None,
) -> int:
    """A new load of an archived body, committed; `process` takes it from here."""
    load_id = registry.create_load(
        conn,
        link.id,
        source=source,
        sha256=sha256,
        size=size,
        options=stored(options),
        dry_run=dry_run,
        kind=kind,
        origin=origin,
    )
    conn.commit()
    return load_id


def end_refused(
    house: House, conn: Connection, link: Link, options: Options, error: SupplierError, *, source: str
) -> Outcome:
    """A load for a file that never came in: rejected at once, and reported."""
    load_id = queue_load(conn, link, options, source=source)
    load = registry.start_load(conn, load_id, at=datetime.now(UTC), worker=worker_name())
    _reject(house, conn, load, Manifest.rejection(error))
    report_load(house, conn, load_id)
    return outcome(house, load_id)


def process(
    house: House, load_id: int, *, timings: Mapping[str, float] | None = None, progress: Progress = silent
) -> Outcome:
    """Take a queued load to its end.

    Run again after a kill at any moment, it goes on where the last manifest or transaction left off; a load that is
    finished and reported is left alone.

    Args:
        timings: seconds already spent on the load, by step.

    Raises:
        LinkBusyError: another worker is at this link.
        Exception: whatever went wrong on our side, after the load was marked `failed` with it.
    """
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
        conn.commit()
        with registry.link_lock(house.database, load.link_id):
            try:
                _process(house, conn, load_id, dict(timings or {}), progress)
            except Exception as error:
                conn.close()  # rolls back, and lets go of what `_note_failure` must lock
                _note_failure(house, load_id, error)
                raise
    return outcome(house, load_id)


def _note_failure(house: House, load_id: int, cause: Exception) -> None:
    """Mark a load `failed` with its cause, over a connection of our own: the worker's may be what failed.

    Where even that cannot be done the load stays `running`, and the next look at its link takes it up; the cause is
    what is raised and logged, not the trouble of noting it.
    """
    try:
        with house.database.connect() as conn:
            registry.fail_load(conn, load_id, at=datetime.now(UTC), reason=f"{type(cause).__name__}: {cause}")
    except (CatalogFeedsError, psycopg.Error) as error:
        log.warning("load %d could not be marked as failed, it will be taken up again: %r", load_id, str(error))


def _process(house: House, conn: Connection, load_id: int, timings: dict[str, float], progress: Progress) -> None:
    found = registry.get_load(conn, load_id)
    library = Library.at(house.store, house.settings.home_path)
    reference = load_reference(library, shop=found.shop, supplier=found.supplier)
    manifest = read_manifest(house, load_id)
    load = registry.start_load(
        conn,
        load_id,
        at=datetime.now(UTC),
        worker=worker_name(),
        reference_version=manifest.reference_version if manifest else reference.version,
    )
    conn.commit()
    clock = Clock()
    log.info("load %d: link %s, supplier %s, shop %s, %s", load.id, load.link, load.supplier, load.shop, load.status)
    if load.status is LoadStatus.RUNNING:
        if manifest is None:
            good = registry.good_loads(conn, load, limit=1) if load.kind is LoadKind.FILE else []
            conn.commit()
            manifest = _transform(house, load, reference, good[0] if good else None, progress)
        load.timings |= timings
        manifest.describe(load)
        if manifest.accepted:
            progress("check", None)
            with clock("gate"):
                suspicion = check_load(house, conn, load, reference, spellings=manifest.spellings)
            progress("publish", None)
            publish_load(house, conn, load, clock, spellings=manifest.spellings, suspicion=suspicion)
        else:
            _reject(house, conn, load, manifest)
    if not registry.is_reported(conn, load_id):
        progress("report", None)
        report_load(house, conn, load_id, timings=clock.seconds)


def _transform(
    house: House, load: LoadFacts, reference: Reference, earlier: int | None, progress: Progress
) -> Manifest:
    """Parse and normalise the raw file into the load's folder; results first, manifest last.

    `earlier` is a load whose results are taken over as far as they were made of the same offers under the same rules.
    """
    clock = Clock()
    options = Options.model_validate(load.options)
    with house.scratch() as folder:
        raw_offers = folder / RAW_OFFERS
        try:
            with clock("parse"):
                keys = given_keys(house, load, folder)
                parsed = parse_load(house, load, raw_offers, options=options.link, given_keys=keys, progress=progress)
        except SupplierError as error:
            manifest = Manifest.rejection(error, clock.seconds)
        else:
            progress("normalize", None)
            if parsed.delta:
                with clock("complete"):
                    parsed = complete_changes(house, load, parsed, folder)
            with clock("normalize"):
                made = normalize_load(
                    house,
                    load,
                    folder,
                    parsed=parsed,
                    options=options,
                    reference=reference,
                    earlier=earlier,
                    timed=lambda part, seconds: clock.add(f"normalize.{part}", seconds),
                )
            names = [RAW_OFFERS, *RESULTS]
            if (folder / NOTES_FILE).exists():
                names.append(NOTES_FILE)
            if parsed.delta:
                note_supplied(house, load, folder)
                names += ["base.parquet", "supplied.parquet"]
            for name in names:
                house.store.put_file(load_key(load.id, name), folder / name)
            manifest = Manifest(
                totals=asdict(made.totals),
                reason=None if made.totals.accepted else "all_offers_rejected",
                format=parsed.format.value,
                encoding=parsed.encoding,
                delta=parsed.delta,
                timings=clock.seconds,
                reference_version=reference.version,
                reference_tables=dict(reference.versions),
                spellings=parsed.spellings,
                parts=[asdict(part) for part in parsed.parts],
                made_of=made.digests.made_of,
                made_under=made.digests.made_under,
                compared_with=made.compared_with,
                issues_sha256=sha256_of(folder / "issues.parquet"),
            )
    write_manifest(house, load.id, manifest)
    return manifest


def _reject(house: House, conn: Connection, load: LoadFacts, manifest: Manifest) -> None:
    """End a load whose file gave no offer: nothing is published, nothing is hidden, the last good catalog stays."""
    manifest.describe(load)
    if manifest.whole:
        with house.scratch() as folder:
            issues = folder / "issues.parquet"
            pq.write_table(pa.Table.from_pylist([manifest.whole], schema=ISSUE_SCHEMA), issues)
            house.store.put_file(load_key(load.id, "issues.parquet"), issues)
    requested = Options.model_validate(load.options).link.actualize
    why_not = WhyNot.FILE_REJECTED if manifest.whole else WhyNot.NOTHING_ACCEPTED
    load.actualization = asdict(Actualization(requested, why_not=why_not))
    load.status, load.reason, load.finished_at = LoadStatus.REJECTED, manifest.reason, datetime.now(UTC)
    registry.save_load(conn, load)
    if load.sha256 and not load.dry_run:
        registry.mark_rejected(conn, load.link_id, sha256=load.sha256, options=registry.options_hash(load.options))
    conn.commit()
