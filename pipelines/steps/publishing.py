"""From a load's files to the catalog: compare, judge, and publish, hold or reject in one transaction (P1-P7)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines import quality, registry
from pipelines.errors import OperatorError
from pipelines.model import ISSUE_SCHEMA, Actualization, LoadFacts, PriceMoves, Severity, WhyNot
from pipelines.options import Options
from pipelines.publish import Difference, Publication, Standing
from pipelines.registry import Connection, Decider
from pipelines.steps.deltas import supplied_key
from pipelines.steps.house import Clock, House, load_key
from pipelines.steps.overwritten import say_overwritten
from pipelines.steps.remarks import add_remarks

_KEPT = """
    SELECT o.ordinal, 'price_jump_held' AS code, $severity AS severity, o.sku, o.part, o.line, $field AS field,
           k.sent, k.kept AS published
    FROM read_csv($kept, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
                  columns = {'sku_key': 'VARCHAR', 'sent': 'VARCHAR', 'kept': 'VARCHAR'}) k
    JOIN read_parquet($offers) o USING (sku_key) ORDER BY o.ordinal
"""


def publish_load(
    house: House,
    conn: Connection,
    load: LoadFacts,
    clock: Clock,
    *,
    spellings: Mapping[str, str],
    suspicion: quality.Hold | None = None,
) -> None:
    """Bring a transformed load to its end: published, published in part, or held.

    Args:
        spellings: raw column -> how the supplier wrote it, for remarks.
        suspicion: why the whole load must wait, if the gate found it unlike the past.

    Raises:
        OperatorError: a newer file of the link has come to its end; older never overwrites newer (P1).
    """
    options = Options.model_validate(load.options).link
    with ExitStack() as files, house.scratch() as folder:
        offers, rejected = _own_files(house, load, files)
        conn.commit()
        with Publication(conn, load) as publication:
            if publication.standing is Standing.SUPERSEDED:
                msg = f"load {load.id} comes too late: a newer file of {load.link} is published"
                raise OperatorError(msg)
            if publication.standing is not Standing.OPEN:
                return
            with clock("check"):
                difference = publication.stage(offers, rejected, _protected(house, conn, load, files), folder)
                prices = publication.compare_prices(ratio=options.hold_price_ratio)
                numbers = _numbers(load, difference, prices)
                verdict = quality.judge(numbers, options, suspicion=suspicion)
            actualization = Actualization(verdict.requested, applied=verdict.hide, why_not=verdict.why_not)
            held = verdict.hold.as_json() if verdict.hold else None
            with clock("publish"):
                if verdict.hold and not verdict.hold.reason.publishes:
                    publication.hold(verdict.hold.as_json(), actualization)
                    return
                if kept := publication.keep_prices(folder / "kept.csv", limit=options.price_jump_limit):
                    held = quality.kept_prices(numbers, options, kept).as_json() | (held or {})
                    remarks = _kept_remarks(folder / "kept.csv", offers, spellings.get("price", "price"))
                    add_remarks(house, load.id, remarks, folder)
                    load.counts.warnings += len(remarks)
                if difference.bindings_kept:
                    _say_bindings_kept(house, load, difference.bindings_kept, folder)
                say_overwritten(house, conn, load, offers, folder, hide=verdict.hide)
                publication.apply(hide=verdict.hide, actualization=actualization, held=held)


def approve_load(house: House, conn: Connection, load: LoadFacts, decider: Decider) -> None:
    """Publish what a load waits with: its prices as sent, and hide what its file did not contain, if that was asked.

    The load is compared with the catalog of now; what changed since the load stays as it is, and what another link
    supplies by now is not hidden (P5).

    Raises:
        OperatorError: nothing of the load waits.
    """
    with ExitStack() as files, house.scratch() as folder:
        conn.commit()
        with Publication(conn, load) as publication:
            require_waiting(publication)
            offers, rejected = _own_files(house, load, files)
            publication.stage(offers, rejected, _protected(house, conn, load, files), folder)
            hide = load.actualization.get("why_not") == WhyNot.HELD
            if not load.published:
                say_overwritten(house, conn, load, offers, folder, hide=hide)
            publication.apply(hide=hide, decider=decider)


def require_waiting(publication: Publication) -> None:
    """Refuse to decide upon a load that does not wait.

    Raises:
        OperatorError: saying why.
    """
    if publication.standing is Standing.WAITING:
        return
    load = publication.load
    decision = load.decision or {}
    if by_load := decision.get("by_load"):
        msg = f"load {load.id} waits no longer: load {by_load} of {load.link} came after it"
    elif decision:
        msg = f"load {load.id} was {decision['verdict']} by {decision['who']} at {decision['at']}"
    else:
        msg = f"load {load.id} is {load.status}: nothing of it waits for a decision"
    raise OperatorError(msg)


def _own_files(house: House, load: LoadFacts, files: ExitStack) -> tuple[Path, Path]:
    offers, rejected = (
        files.enter_context(house.store.local(load_key(load.id, f"{name}.parquet"))) for name in ("offers", "rejected")
    )
    return offers, rejected


def _protected(house: House, conn: Connection, load: LoadFacts, files: ExitStack) -> list[Path]:
    """What the supplier's other links supply (P5), as of the turn to publish: before it, another one may be at work."""
    if not Options.model_validate(load.options).link.actualize:
        return []
    others = registry.other_good_loads(conn, load.link_id)
    return [files.enter_context(house.store.local(supplied_key(house, other))) for other in others]


def _numbers(load: LoadFacts, difference: Difference, prices: PriceMoves) -> quality.Numbers:
    return quality.Numbers(
        read=load.counts.read,
        accepted=load.counts.accepted,
        rejected=load.counts.rejected,
        visible=difference.visible_before,
        missing=difference.missing,
        prices=prices,
        delta=load.delta,
    )


def _kept_remarks(kept: Path, offers: Path, field: str) -> pa.Table:
    """One remark for each offer that keeps its old price (P7)."""
    values = {"kept": str(kept), "offers": str(offers), "field": field, "severity": Severity.WARNING.value}
    with duckdb.connect() as connection:
        return connection.execute(_KEPT, values).to_arrow_table().cast(ISSUE_SCHEMA)


def _say_bindings_kept(house: House, load: LoadFacts, number: int, folder: Path) -> None:
    """The one remark that codes of positions or analogs were kept (O17)."""
    issue = {"code": "bindings_kept", "severity": Severity.INFO.value, "sent": str(number)}
    add_remarks(house, load.id, pa.Table.from_pylist([issue], schema=ISSUE_SCHEMA), folder)
    load.counts.infos += 1
