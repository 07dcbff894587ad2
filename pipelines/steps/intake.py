"""A file or URL of someone's choice: taken in, queued and processed at once. Uploads, and dry runs of links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines import registry
from pipelines.errors import NetworkError, OperatorError, SupplierError
from pipelines.fetch import Fetched, fetch_file, masked
from pipelines.options import LinkOptions, Options
from pipelines.registry import Connection, Link
from pipelines.steps.house import Clock, House, Outcome, Progress, options_of, silent, stored
from pipelines.steps.mail import send_due_mails
from pipelines.steps.process import end_refused, process, queue_load
from pipelines.steps.sources import fetch_source


def load_source(
    house: House,
    source: str,
    *,
    supplier: str,
    shop: str,
    settings: Mapping[str, Any],
    dry_run: bool = False,
    allow_private: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Take one file, folder or URL through all steps, as an upload of a supplier into a shop.

    An unknown supplier or shop is created with granted accreditation and default settings. `settings` are options of
    the link or the shop by name; unless this is a dry run they are kept for this supplier's next uploads, but for a
    login: it belongs to the server it was given for. A load of the same file that was interrupted is taken up again
    rather than begun anew.

    Raises:
        OperatorError: no such file, a setting that does not fit, or another load of this channel is at work.
    """
    is_url = source.startswith(("http://", "https://"))
    if not is_url and not Path(source).exists():
        msg = f"no file or folder at {source}"
        raise OperatorError(msg)
    shown = masked(source) if is_url else Path(source).name
    clock = Clock()
    with house.database.connect() as conn:
        registry.ensure_shop(conn, shop)
        registry.ensure_supplier(conn, supplier)
        registry.ensure_accreditation(conn, supplier, shop)
        link = registry.upload_link(conn, supplier, shop)
        options = options_of(conn, link).with_settings(dict(settings))
        if not dry_run:
            # What was never set stays unset, so that a later default reaches it.
            kept = options.link.model_dump(mode="json", exclude_defaults=True, exclude={"login"})
            registry.set_link_options(conn, link.id, kept)
            registry.set_shop_options(conn, shop, options.shop.model_dump(mode="json", exclude_defaults=True))
        conn.commit()
        progress("fetch", None)
        try:
            with clock("fetch"):
                fetched = (
                    _take_in_url(house, source, options.link, allow_private=allow_private)
                    if is_url
                    else fetch_file(Path(source), store=house.store)
                )
        except SupplierError as error:
            refused = end_refused(house, conn, link, options, error, source=shown)
            send_due_mails(house)
            return refused
        load_id = None if dry_run else _interrupted(conn, link, fetched.sha256, options)
        if load_id is None:
            load_id = queue_load(
                conn, link, options, source=shown, sha256=fetched.sha256, size=fetched.bytes, dry_run=dry_run
            )
    processed = process(house, load_id, timings=clock.seconds, progress=progress)
    send_due_mails(house)
    return processed


def check_link(house: House, code: str, *, progress: Progress = silent) -> Outcome:
    """Dry run of one link: fetch it whole, and show what publishing it would change.

    Raises:
        SupplierError, NetworkError: the file did not come.
    """
    with house.database.connect() as conn:
        link = registry.find_link(conn, code)
        if link.url is None:
            msg = f"{code} is an upload channel; check a file of it by `catalog-feeds load FILE --dry-run`"
            raise OperatorError(msg)
        options = options_of(conn, link)
        conn.commit()
        progress("fetch", None)
        fetched = _take_in_url(house, link.url, options.link)
        load_id = queue_load(
            conn, link, options, source=masked(link.url), sha256=fetched.sha256, size=fetched.bytes, dry_run=True
        )
    return process(house, load_id, progress=progress)


def _take_in_url(house: House, url: str, options: LinkOptions, *, allow_private: bool = False) -> Fetched:
    fetched = fetch_source(house, url, options, allow_private=allow_private)
    if not isinstance(fetched, Fetched):
        msg = f"{masked(url)} answered «not modified» although nothing was asked about changes"
        raise NetworkError(msg)
    return fetched


def _interrupted(conn: Connection, link: Link, sha256: str, options: Options) -> int | None:
    """An unfinished load of exactly this file under exactly these options; another one of the channel is given up."""
    unfinished = registry.unfinished_load(conn, link.id)
    if unfinished and (unfinished.sha256, unfinished.options) == (sha256, stored(options)):
        return unfinished.id
    if unfinished:
        registry.fail_load(conn, unfinished.id, at=datetime.now(UTC), reason="superseded: another file was loaded")
        conn.commit()
    unreported = registry.unreported_load(conn, link.id)
    return unreported.id if unreported and unreported.sha256 == sha256 else None
