"""Every due link is looked at: many servers at once, one request at a time for each of them (F2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from threading import Event
from urllib.parse import urlsplit

from pipelines import registry
from pipelines.model import LoadStatus
from pipelines.steps.house import House, Outcome
from pipelines.steps.links import poll

log = logging.getLogger(__name__)

SERVERS_AT_ONCE = 16

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def poll_due(house: House, *, loads_at_most: int | None = None, seconds: float | None = None) -> Iterator[Outcome]:
    """Look at every enabled link, those that waited longest first; outcomes come as they are known.

    A link that fails on our side is an outcome, too (`failed`), and stops nobody else. Once enough loads are queued or
    the time is over no further link is begun; what is left is due again in the next cycle.

    Args:
        loads_at_most: how many queued loads are enough; links that are being looked at just then come on top.
        seconds: after which no link is begun any more.
    """
    servers = links_by_server(house)
    ends = None if seconds is None else time.monotonic() + seconds
    enough, looked = Event(), SimpleQueue[Outcome | None]()

    def visit(codes: list[str]) -> None:
        try:
            for code in codes:
                if enough.is_set() or (ends is not None and time.monotonic() > ends):
                    return
                looked.put(guarded(code, partial(poll, house, code)))
        finally:
            looked.put(None)

    links, seen, queued, left = sum(map(len, servers)), 0, 0, len(servers)
    with ThreadPoolExecutor(SERVERS_AT_ONCE, thread_name_prefix="poll") as pool:
        for codes in servers:
            pool.submit(visit, codes)
        try:
            while left:
                outcome = looked.get()
                if outcome is None:
                    left -= 1
                    continue
                seen += 1
                queued += outcome.status == LoadStatus.QUEUED
                if loads_at_most is not None and queued >= loads_at_most:
                    enough.set()
                yield outcome
        finally:
            enough.set()
    if seen < links:
        log.warning("%d of %d links wait for the next cycle", links - seen, links)


def links_by_server(house: House) -> list[list[str]]:
    """Codes of the due links, a list for each server; what was looked at longest ago comes first, in both."""
    with house.database.connect() as conn:
        due = registry.enabled_links(conn)
    servers: dict[str, list[str]] = {}
    for link in sorted(due, key=lambda link: link.checked_at or _LONG_AGO):
        servers.setdefault(urlsplit(link.url or "").hostname or "", []).append(link.code)
    return list(servers.values())


def guarded(code: str, work: Callable[[], Outcome]) -> Outcome:
    """What came of a link, whatever happened: the edge between links."""
    try:
        return work()
    except Exception as error:
        # Whatever it was, it is logged whole and the next link has its turn.
        log.exception("link %s failed", code)
        return Outcome(code, "", "", LoadStatus.FAILED.value, reason=type(error).__name__, message=str(error))
