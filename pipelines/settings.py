"""Where this installation keeps things and how it reaches them. The only reader of the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pipelines.errors import OperatorError
from pipelines.secrecy import keep_login_secret, keep_secret

PREFIX = "CATALOG_FEEDS_"


def _setting(default: str | None, help_text: str, *, secret: bool = False) -> Any:  # noqa: ANN401 - a dataclass field
    return field(default=default, metadata={"help": help_text, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """One field per environment variable `CATALOG_FEEDS_<NAME>`; `doctor` lists them from here."""

    home: str = _setting("./var", "state folder")
    database_url: str | None = _setting(
        None, "PostgreSQL 18 or newer; default: an embedded server under HOME", secret=True
    )
    objects_url: str | None = _setting(
        None, "object store: file:///folder or s3://bucket/prefix; default: HOME/objects"
    )
    s3_endpoint_url: str | None = _setting(None, "endpoint of an S3 server that is not Amazon's")
    smtp_url: str | None = _setting(
        None,
        "smtp://, smtp+starttls:// or smtps://user:password@host:port; default: .eml files in HOME/outbox",
        secret=True,
    )
    mail_from: str = _setting("Каталог КИМ <catalog-feeds@localhost>", "sender of reports")
    mail_reply_to: str | None = _setting(
        None, "where suppliers' answers go, for whoever sets what is mailed to them; default: the sender"
    )
    alert_to: str = _setting("", "addresses of operators for alerts, separated by commas; default: no alert is mailed")
    allow_private_hosts: str = _setting("", "1: links may point at private and loopback addresses")

    @property
    def home_path(self) -> Path:
        """The state folder as an absolute path."""
        return Path(self.home).expanduser().resolve()

    @property
    def alert_addresses(self) -> list[str]:
        """Who is told when something fails on our side."""
        return [address.strip() for address in self.alert_to.split(",") if address.strip()]

    @property
    def private_hosts_allowed(self) -> bool:
        """Whether the fetch guard lets private addresses through."""
        return self.allow_private_hosts.strip().lower() in {"1", "true", "yes", "on"}


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Settings from the environment (or from `environ`).

    Raises:
        OperatorError: a `CATALOG_FEEDS_` variable that no setting has, most likely a typing mistake.
    """
    source = dict(os.environ) if environ is None else environ
    known = {f.name for f in fields(Settings)}
    values: dict[str, str] = {}
    for key, value in source.items():
        if not key.startswith(PREFIX) or not value:
            continue
        name = key.removeprefix(PREFIX).lower()
        if name.startswith(("secret_", "test_")):
            continue
        if name not in known:
            msg = f"unknown setting {key}; known: {', '.join(PREFIX + n.upper() for n in sorted(known))}"
            raise OperatorError(msg)
        values[name] = value
    settings = Settings(**values)
    for secret in fields(Settings):
        if secret.metadata["secret"]:
            keep_login_secret(getattr(settings, secret.name))
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        keep_secret(source.get(name))
    return settings


def secret_of_environment(name: str) -> str:
    """The value of a named secret, from `CATALOG_FEEDS_SECRET_<NAME>` (S1). Spaces and line ends around it are dropped.

    Raises:
        OperatorError: it is not set; the message names the variable.
    """
    variable = f"{PREFIX}SECRET_{name.upper().replace('.', '_')}"
    value = os.environ.get(variable, "").strip()
    if not value:
        msg = f"the secret {name!r} is not known: set {variable}"
        raise OperatorError(msg)
    keep_secret(value)
    return value
