"""Every due link is looked at: many servers at once, one request at a time for each of them (F2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from threading import Event, Lock, Semaphore, Timer
from typing import Self
from urllib.parse import urlsplit

from pipelines import registry
from pipelines.model import LoadStatus
from pipelines.registry import Link
from pipelines.steps.house import House, Outcome
from pipelines.steps.links import poll

log = logging.getLogger(__name__)

SERVERS_AT_ONCE = 16
# A server that takes longer gives its place up to the next one and is waited for beside. So many may be, each of which
# holds a thread and a connection to the catalog: PostgreSQL has a hundred for everybody unless told otherwise.
PATIENCE_SECONDS = 5.0
STRAGGLERS = 48

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def poll_due(house: House, *, loads_at_most: int | None = None, seconds: float | None = None) -> Iterator[Outcome]:
    """Look at every enabled link, those that waited longest first; outcomes come as they are known.

    A link that fails on our side is an outcome, too (`failed`), and stops nobody else. A server that is slow, or has
    failed before, holds up none that is well: the one gives its place up, the other comes last. Once enough loads are
    queued or the time is over no further link is begun; what is left is due again in the next cycle.

    Args:
        loads_at_most: how many queued loads are enough; links that are being looked at just then come on top.
        seconds: after which no link is begun any more.
    """
    servers = links_by_server(house)
    ends = None if seconds is None else time.monotonic() + seconds
    enough, looked = Event(), SimpleQueue[Outcome | None]()

    def over() -> bool:
        return enough.is_set() or (ends is not None and time.monotonic() > ends)

    def visit(codes: list[str], place: _Place) -> None:
        try:
            with place:
                for code in codes:
                    if over():
                        return
                    looked.put(guarded(code, partial(poll, house, code)))
        finally:
            looked.put(None)

    def send_out() -> None:
        for codes in servers:
            places.acquire()
            pool.submit(visit, codes, _Place(places, beside))

    links, seen, queued, left = sum(map(len, servers)), 0, 0, len(servers)
    places, beside = Semaphore(SERVERS_AT_ONCE), Semaphore(STRAGGLERS)
    with ThreadPoolExecutor(SERVERS_AT_ONCE + STRAGGLERS + 1, thread_name_prefix="poll") as pool:
        pool.submit(send_out)
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


class _Place:
    """One of the places for visits: held while the block runs, or until it takes too long and goes on beside."""

    def __init__(self, places: Semaphore, beside: Semaphore) -> None:
        self._places, self._beside = places, beside
        self._lock, self._held, self._ended = Lock(), places, False

    def __enter__(self) -> Self:
        self._timer = Timer(PATIENCE_SECONDS, self._step_aside)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._held.release()
            self._ended = True

    def _step_aside(self) -> None:
        self._beside.acquire()
        with self._lock:
            if self._ended:
                self._beside.release()
            else:
                self._places.release()
                self._held = self._beside


def links_by_server(house: House) -> list[list[str]]:
    """Codes of the due links, a list for each server; what was looked at longest ago comes first, in both.

    Servers none of whose links answered the last time come after all others.
    """
    with house.database.connect() as conn:
        due = registry.enabled_links(conn)
    servers: dict[str, list[Link]] = {}
    for link in sorted(due, key=lambda link: link.checked_at or _LONG_AGO):
        servers.setdefault(urlsplit(link.url or "").hostname or "", []).append(link)
    failing_last = sorted(servers.values(), key=lambda links: all(link.failing_since for link in links))
    return [[link.code for link in links] for links in failing_last]


def guarded(code: str, work: Callable[[], Outcome]) -> Outcome:
    """What came of a link, whatever happened: the edge between links."""
    try:
        return work()
    except Exception as error:
        # Whatever it was, it is logged whole and the next link has its turn.
        log.exception("link %s failed", code)
        return Outcome(code, "", "", LoadStatus.FAILED.value, reason=type(error).__name__, message=str(error))
