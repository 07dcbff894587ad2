"""How to log in at a supplier's server: declared in the links file, every secret by its name only (S1).

What stands here may be stored, shown and logged; the values behind the names may not, and never come near it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Secrets = Callable[[str], str]
"""Gives the value of a named secret; raises `OperatorError` saying where it was looked for."""

SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}(\.(login|password))?$")]
_HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$")]
_HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,500}$")]
_Parameter = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\[\]-]{1,100}$")]


class _Declared(BaseModel):
    # A password written where a name belongs must not be quoted in the complaint about it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Login(_Declared):
    headers: dict[_HeaderName, _HeaderValue] = Field(
        default_factory=dict,
        description="Заголовки, которых ждёт сервер в каждом запросе, например Accept; не для секретов.",
    )


class BasicLogin(_Login):
    """User and password in every request (HTTP Basic)."""

    kind: Literal["basic"]
    user: SecretName = Field(description="Имя секрета с логином.")
    password: SecretName = Field(description="Имя секрета с паролем.")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets it needs."""
        return (self.user, self.password)


class Sending(_Declared):
    """How a token travels with a request."""

    header: _HeaderName = Field(default="Authorization", description="Заголовок, в котором передаётся токен.")
    prefix: _HeaderValue = Field(default="Bearer ", description="Что стоит в заголовке перед токеном.")
    parameter: _Parameter | None = Field(
        default=None, description="Параметр адреса, в котором передаётся токен, если не в заголовке."
    )


class BearerLogin(_Login):
    """A token that does not change, in every request."""

    kind: Literal["bearer"]
    token: SecretName = Field(description="Имя секрета с токеном.")
    send: Sending = Field(default=Sending(), description="Как передаётся токен: заголовок с приставкой или параметр.")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets it needs."""
        return (self.token,)


class TokenLogin(_Login):
    """A short-lived token, asked for with a login and a password before the file."""

    kind: Literal["token"]
    url: str = Field(pattern=r"^https?://[^@?#\s]+$", description="Адрес, по которому выдаётся токен.")
    method: Literal["POST", "GET"] = Field(
        default="POST", description="Как спрашивается токен; при GET поля стоят в адресе."
    )
    body: Literal["form", "json"] = Field(default="form", description="Как записаны поля в запросе POST.")
    fields: dict[_Parameter, SecretName] = Field(
        min_length=1, description="Поле запроса → имя секрета: login: portal.login, password: portal.password."
    )
    constants: dict[_Parameter, str] = Field(
        default_factory=dict, description="Поле запроса → само значение, не секретное: grant_type: password."
    )
    answer: str = Field(
        default="token", pattern=r"^[^.\s]+(\.[^.\s]+)*$", description="Где в ответе токен: result.token."
    )
    send: Sending = Field(default=Sending(), description="Как передаётся токен: заголовок с приставкой или параметр.")

    @model_validator(mode="after")
    def _each_field_once(self) -> TokenLogin:
        if twice := sorted(set(self.fields) & set(self.constants)):
            msg = f"in fields and in constants: {', '.join(twice)}"
            raise ValueError(msg)
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets it needs."""
        return tuple(self.fields.values())


Login = Annotated[BasicLogin | BearerLogin | TokenLogin, Field(discriminator="kind")]
LOGIN_KINDS: tuple[type[BaseModel], ...] = (BasicLogin, BearerLogin, TokenLogin, Sending)


def login_identity(login: BasicLogin | BearerLogin | TokenLogin) -> str:
    """One text for all links that log in with the same secrets: their requests never run in parallel (S1)."""
    return hashlib.sha256(json.dumps(sorted(set(login.secret_names))).encode()).hexdigest()


def login_from_text(value: Any) -> Any:  # noqa: ANN401 - whatever was declared
    """A login given as JSON text, as on the command line, as plain values; anything else as it is."""
    return json.loads(value) if isinstance(value, str) else value
