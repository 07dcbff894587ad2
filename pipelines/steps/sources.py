"""What an address gives, asked for as its link wants: with its login, in turn with others who use that login (S1)."""

from __future__ import annotations

import logging
from contextlib import nullcontext

from pipelines import registry
from pipelines.errors import SupplierError
from pipelines.fetch import Fetched, NotModified, Validators, fetch_url, masked
from pipelines.logins import login_identity
from pipelines.options import LinkOptions
from pipelines.steps.house import House

log = logging.getLogger(__name__)

# A fetch ends within a quarter of an hour. Whoever waits longer than that comes again in the next hour.
LOGIN_WAIT_SECONDS = 900.0


def fetch_source(
    house: House,
    url: str,
    options: LinkOptions,
    *,
    validators: Validators | None = None,
    allow_private: bool = False,
) -> Fetched | NotModified:
    """Fetch what is at `url` into the archive, as `fetch.fetch_url` does.

    Raises:
        LoginBusyError: others use the login of this link for too long.
    """
    login = options.login
    turn = (
        registry.login_lock(house.database, login_identity(login), wait_seconds=LOGIN_WAIT_SECONDS)
        if login
        else nullcontext()
    )
    try:
        with turn:
            return fetch_url(
                url,
                store=house.store,
                validators=validators,
                login=login,
                secrets=house.secrets,
                index=options.index,
                allow_private=allow_private or house.settings.private_hosts_allowed,
            )
    except SupplierError as error:
        if login and error.code == "login_refused":
            # The report tells the supplier; a password that expired is for us to replace.
            log.warning("%s: %s; check the secrets %s", masked(url), error.detail, ", ".join(login.secret_names))
        raise
