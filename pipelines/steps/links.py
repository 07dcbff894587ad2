"""From a links file to links, and from a link to a queued load: `raw/<sha256>` in the archive (F1, F2, F4)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import registry
from pipelines.declarations import LinksFile, read_links_file
from pipelines.errors import InternalError, SupplierError
from pipelines.fetch import Fetched, TransferError, Validators, masked, raw_key
from pipelines.model import LoadStatus
from pipelines.registry import Connection, Link, LinkBusyError, LoginBusyError
from pipelines.steps.house import House, Outcome, about, options_of, stored
from pipelines.steps.process import end_refused, queue_load
from pipelines.steps.sources import fetch_source

# Validators are only the server's word; once a day the body itself is looked at (F2).
FULL_FETCH_EVERY = timedelta(days=1)


def apply_links(house: House, path: Path) -> LinksFile:
    """Declare the shops, suppliers and links of a links file in one transaction; what it does not name stays.

    Raises:
        OperatorError: the file is wrong; nothing was changed.
    """
    declared = read_links_file(path)
    with house.database.connect() as conn:
        for shop_id, shop in declared.shops.items():
            options = shop.settings.model_dump(mode="json", exclude_unset=True)
            registry.ensure_shop(conn, shop_id, name=shop.name or None, options=options)
        for supplier_id, supplier in declared.suppliers.items():
            registry.ensure_supplier(conn, supplier_id, name=supplier.name or None, emails=supplier.emails)
            registry.set_mail_policy(conn, supplier_id, supplier.mail)
        for link in declared.links:
            registry.ensure_accreditation(conn, link.supplier, link.shop)
            registry.upsert_link(
                conn,
                code=link.link,
                supplier=link.supplier,
                shop=link.shop,
                url=link.url,
                options=link.settings.model_dump(mode="json", exclude_unset=True),
                enabled=link.enabled,
                emails=link.emails,
            )
    return declared


def due_links(house: House) -> list[str]:
    """Codes of the links an hourly cycle looks at."""
    with house.database.connect() as conn:
        return [link.code for link in registry.enabled_links(conn)]


def list_links(house: House) -> list[dict[str, Any]]:
    """All links and upload channels with what is known of them, as plain values; URLs masked."""
    with house.database.connect() as conn:
        links = registry.list_links(conn)
    return [asdict(link) | {"link": link.code, "url": masked(link.url) if link.url else None} for link in links]


def poll(house: House, code: str, *, now: datetime | None = None) -> Outcome:
    """Look at a link: fetch it if it changed, archive the body, and queue a load.

    Returns:
        `unchanged`: nothing to do; nothing was written but when it was looked at and the newest validators.
        `queued`: `load_id` waits for `process`; it may be a load that an earlier cycle did not finish.
        `rejected`: the supplier's server did not give the file; the first time for a reason a load tells the supplier.
        `running`: another worker is at this link, or uses its login.
    """
    now = now or datetime.now(UTC)
    with house.database.connect() as conn:
        link = registry.find_link(conn, code)
        conn.commit()
        try:
            with registry.link_held(conn, link.id):
                return _look(house, conn, registry.get_link(conn, link.id), now)
        except (LinkBusyError, LoginBusyError) as busy:
            return about(link, LoadStatus.RUNNING, message=str(busy))


def _look(house: House, conn: Connection, link: Link, now: datetime) -> Outcome:
    # A fetch of the future was noted by a clock that was wrong; it must not put off the next one.
    full = link.full_fetch_at is None or not timedelta(0) <= now - link.full_fetch_at < FULL_FETCH_EVERY
    options = options_of(conn, link)
    conn.commit()  # nothing is held open while the supplier's server takes its time
    try:
        answer = fetch_source(
            house,
            link.url or "",
            options.link,
            validators=None if full else Validators(link.etag, link.last_modified),
        )
    except SupplierError as error:
        return _unreachable(house, conn, link, error, now)
    except TransferError as error:
        # From here nobody can tell whose fault a silent server is. If all links fail at once, the roll-up says so.
        return _unreachable(house, conn, link, SupplierError("link_unreachable", detail=str(error)), now)
    sha256 = answer.sha256 if isinstance(answer, Fetched) else link.fetched_sha256
    if sha256 is None:
        msg = f"link {link.code}: the server says «not modified», but no body was ever fetched"
        raise InternalError(msg)
    registry.record_fetch(
        conn,
        link.id,
        at=now,
        etag=answer.validators.etag,
        last_modified=answer.validators.last_modified,
        sha256=sha256,
        full=full,
    )
    waiting = _waiting(conn, link, sha256, now)
    conn.commit()
    if waiting is not None:
        return about(link, LoadStatus.QUEUED, load_id=waiting, message="an interrupted load is taken up again")
    if (sha256, registry.options_hash(stored(options))) == (link.processed_sha256, link.processed_options):
        return about(link, LoadStatus.UNCHANGED, message="the file is the same")
    size = answer.bytes if isinstance(answer, Fetched) else house.store.size(raw_key(sha256))
    load_id = queue_load(conn, link, options, source=masked(link.url or ""), sha256=sha256, size=size)
    return about(link, LoadStatus.QUEUED, load_id=load_id, message="the file changed")


def _waiting(conn: Connection, link: Link, sha256: str, now: datetime) -> int | None:
    """A load of this link whose worker died: half done, or published but not yet told of."""
    unfinished = registry.unfinished_load(conn, link.id)
    if unfinished and unfinished.sha256 == sha256:
        return unfinished.id
    if unfinished:
        registry.fail_load(conn, unfinished.id, at=now, reason="superseded: the supplier published a newer file")
    unreported = registry.unreported_load(conn, link.id)
    # A newer file does not wait for an older one's mail: its own report will say where things stand.
    return unreported.id if unreported and unreported.sha256 == sha256 else None


def _unreachable(house: House, conn: Connection, link: Link, error: SupplierError, now: datetime) -> Outcome:
    """The server did not give the file. The first time for a reason a load tells the supplier; after that, silence."""
    known = link.last_error == str(error)
    registry.record_failure(conn, link.id, at=now, error=str(error))
    conn.commit()
    if known:
        return about(link, LoadStatus.REJECTED, reason=error.code, message=f"still: {error}")
    return end_refused(house, conn, link, options_of(conn, link), error, source=masked(link.url or ""))
