"""Links: from an address to the archive, and only whole (F1-F4). It leads to one body, or to an index of parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import httpx

from pipelines.errors import InternalError
from pipelines.fetch.access import Access
from pipelines.fetch.archive import Archived, archive, archive_set, gather
from pipelines.fetch.http import NO_VALIDATORS, Answer, Session, parse_link
from pipelines.fetch.index import part_links, read_page
from pipelines.fetch.limits import STANDARD_LIMITS, FetchLimits
from pipelines.fetch.outcome import Fetched, NotModified, Validators
from pipelines.fetch.sets import Pile
from pipelines.logins import Login, Secrets
from pipelines.objects import ObjectStore
from pipelines.settings import secret_of_environment

T = TypeVar("T")


def fetch_url(
    url: str,
    *,
    store: ObjectStore,
    validators: Validators | None = None,
    login: Login | None = None,
    secrets: Secrets = secret_of_environment,
    index: bool = False,
    allow_private: bool = False,
    limits: FetchLimits = STANDARD_LIMITS,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched | NotModified:
    """Look at a link and archive its body if the server does not say that it is unchanged (F1-F4).

    Args:
        url: http(s) address; a user and password in it are sent to its own host only.
        store: where the body goes, as `raw/<sha256>`.
        validators: of the last look; None forces a full fetch (F2). An index has none: its parts are always fetched.
        login: how to log in at the server (S1).
        secrets: gives the values of the secrets that the login names.
        index: the address is that of a page which lists the files of one exchange.
        allow_private: let the link lead to private and loopback addresses.
        limits: sizes, times and numbers of attempts.
        sleep: waits between attempts, seconds.

    Raises:
        SupplierError: `link_unreachable` (the server refuses, or is broken after retries, or leads where it must not),
            `login_refused`, `answer_is_error`, `file_empty`, `file_too_large`, `archive_invalid`, `format_unknown`.
        TransferError: no connection, or the transfer broke off, also after retries.
        OperatorError: the address is not one of http or https, or a secret is not known.
    """
    started = time.monotonic()
    link = parse_link(url)
    access = Access(link, login, secrets)
    address = link.copy_with(userinfo=b"")

    def keep(answer: Answer) -> tuple[Archived, Validators]:
        return archive(_price_list(session, answer), store=store, limits=limits), answer.validators

    with Session(access, allow_private=allow_private, limits=limits, sleep=sleep) as session:
        if index:
            archived, newest = _fetch_parts(session, address, store, limits), NO_VALIDATORS
        else:
            kept = session.get(address, keep, validators or NO_VALIDATORS)
            if isinstance(kept, NotModified):
                return NotModified(kept.validators, time.monotonic() - started)
            archived, newest = kept
    return Fetched(archived.sha256, archived.bytes, newest, archived.unpacked_from, time.monotonic() - started)


def _fetch_parts(session: Session, address: httpx.URL, store: ObjectStore, limits: FetchLimits) -> Archived:
    """The files that an index page lists, one after another, as one set."""
    listed = session.get(address, lambda answer: part_links(answer.url, read_page(answer.body, limits), limits))
    with store.draft() as spool:
        pile = Pile(spool.file, limits)

        def keep(name: str, answer: Answer) -> None:
            gather(_price_list(session, answer), name, pile, store=store, limits=limits)

        for name, address_of_part in _asked(listed):
            session.get(address_of_part, partial(keep, name))
        return archive_set(pile.parts, "index", store=store, limits=limits)


def _asked(answer: T | NotModified) -> T:
    """What came of a request without validators, which cannot be «not modified»."""
    if isinstance(answer, NotModified):
        raise InternalError("«not modified», though nothing was asked about changes")
    return answer


def _price_list(session: Session, answer: Answer) -> Iterator[bytes]:
    access = session.access
    return access.guarded(answer.body) if access.login and access.covers(answer.url) else answer.body
