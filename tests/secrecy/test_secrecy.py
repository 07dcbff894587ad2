"""A secret that was resolved is in no log record: not in its message, its arguments or its traceback."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import secrecy
from pipelines.errors import OperatorError
from pipelines.secrecy import guard_logs, keep_login_secret, keep_secret, without_secrets
from pipelines.settings import load_settings, secret_of_environment

CANARY = 'канарейка & "co"/7%\\'


@pytest.fixture(autouse=True)
def guarded() -> Iterator[None]:
    known, factory = list(secrecy._forms), logging.getLogRecordFactory()
    secrecy._forms.clear()
    guard_logs()
    yield
    secrecy._forms[:] = known
    logging.setLogRecordFactory(factory)


def said(caplog: pytest.LogCaptureFixture, say: Callable[[logging.Logger], None]) -> str:
    """What a handler that knows nothing of secrets writes."""
    log = logging.getLogger("some.library")
    caplog.set_level(logging.DEBUG)
    say(log)
    formatter = logging.Formatter("%(name)s %(message)s")
    shown = [formatter.format(record) + repr(record.__dict__) for record in caplog.records]
    assert shown
    return "\n".join(shown)


def fail(text: str) -> None:
    raise RuntimeError(text)


def raised(log: logging.Logger) -> None:
    try:
        try:
            fail(f"login failed for {CANARY}")
        except RuntimeError as error:
            raise OperatorError("no access") from error
    except OperatorError:
        log.exception("the task failed")


@pytest.mark.parametrize(
    "say",
    [
        lambda log: log.info(f"password {CANARY}"),
        lambda log: log.info("password %s", CANARY),
        lambda log: log.info("password %(p)s", {"p": CANARY}),
        lambda log: log.info("answer %r", {"password": CANARY}),
        lambda log: log.warning(RuntimeError(CANARY)),
        lambda log: log.info("GET https://u:%s@host/", quote(CANARY, safe="")),
        lambda log: log.info("body %s", json.dumps({"password": CANARY})),
        lambda log: log.info("token %s", base64.b64encode(CANARY.encode()).decode()),
        raised,
    ],
    ids=["message", "argument", "mapping", "repr", "error", "address", "json", "base64", "traceback"],
)
def test_S1_a_known_secret_is_masked(caplog: pytest.LogCaptureFixture, say: Callable[[logging.Logger], None]) -> None:
    keep_secret(CANARY)
    shown = said(caplog, say)
    for form in (CANARY, quote(CANARY), json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], "канарейка"):
        assert form not in shown, shown
    assert "***" in shown


def test_what_is_no_secret_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    keep_secret(CANARY)
    shown = said(caplog, lambda log: log.info("%d links, %s", 3, "fine"))
    assert "some.library 3 links, fine" in shown
    shown = said(caplog, lambda log: log.info("%s"))  # no arguments: nothing to format
    assert "some.library %s" in shown


def test_a_traceback_without_a_secret_stays_whole(caplog: pytest.LogCaptureFixture) -> None:
    def say(log: logging.Logger) -> None:
        try:
            fail("plain")
        except RuntimeError:
            log.exception("failed")

    keep_secret(CANARY)
    said(caplog, say)
    assert caplog.records[-1].exc_info


@given(st.text(min_size=4), st.text(), st.text())
def test_S1_masking_knows_any_value_wherever_it_stands(secret: str, before: str, after: str) -> None:
    secrecy._forms.clear()
    keep_secret(secret)
    shown = without_secrets(f"{before}\x00{secret}\x00{after}")
    assert secret not in shown.replace("***", "\x01") or secret in before + after + "\x00***\x00"


@pytest.mark.parametrize("value", [None, "", "abc"])
def test_what_is_too_short_to_be_a_secret_blots_out_nothing(value: str | None) -> None:
    keep_secret(value)
    assert without_secrets("abc of it") == "abc of it"


def test_S1_secrets_become_known_where_they_are_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    load_settings(
        {
            "CATALOG_FEEDS_DATABASE_URL": "postgresql://u:database%2Fword@db/catalog",
            "CATALOG_FEEDS_SMTP_URL": "smtp://user:mail-word@mx.example:25",
            "AWS_SECRET_ACCESS_KEY": "aws-word",
        }
    )
    monkeypatch.setenv("CATALOG_FEEDS_SECRET_PORTAL_PASSWORD", "portal-word")
    secret_of_environment("portal.password")
    text = "database/word database%2Fword mail-word aws-word portal-word dXNlcjptYWlsLXdvcmQ="
    assert without_secrets(text) == "*** *** *** *** *** ***"


@pytest.mark.parametrize("url", [None, "", "postgresql://db/catalog", "http://[x", "smtp://user@mx"])
def test_an_address_without_a_password_tells_nothing(url: str | None) -> None:
    keep_login_secret(url)
    assert secrecy._forms == []


def test_S1_the_command_line_masks_from_its_start() -> None:
    script = (
        "import logging, os, sys\n"
        "from pipelines.cli import cli\n"
        "from pipelines.settings import secret_of_environment\n"
        "try: cli.main(['-v', 'links', '--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "logging.getLogger('x').warning('it is %s', secret_of_environment('portal'))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"CATALOG_FEEDS_SECRET_PORTAL": "canary-of-portal"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "it is ***" in run.stderr
    assert "canary" not in run.stderr + run.stdout
