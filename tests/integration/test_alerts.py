"""One mail for an incident."""

from __future__ import annotations

import dataclasses
from email import message_from_bytes, policy

import pytest

from pipelines import steps


@pytest.fixture
def settings(house):
    return dataclasses.replace(house.settings, alert_to="ops@example.com, boss@example.com")


def mails(settings):
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in outbox(settings)]


def outbox(settings):
    return sorted((settings.home_path / "outbox").glob("*.eml"))


def test_an_incident_is_one_mail_however_long_it_lasts(settings):
    assert steps.alert(settings, [("a-main", "disk full\nsecond line"), ("b-main", "disk full")])
    assert not steps.alert(settings, [("a-main", "disk full, again"), ("b-main", "disk full")])
    assert not steps.alert(settings, [("b-main", "disk full")])
    (mail,) = mails(settings)
    assert mail["To"] == "ops@example.com, boss@example.com"
    assert mail["Subject"] == "Каталог: сбой на нашей стороне (2)"
    assert "a-main: disk full second line\nb-main: disk full\n" in mail.get_content().replace("\r\n", "\n")


def test_who_is_newly_hit_and_what_comes_back_after_an_end_is_news(settings):
    assert steps.alert(settings, [("a-main", "x")])
    assert steps.alert(settings, [("a-main", "x"), ("b-main", "x")])
    assert not steps.alert(settings, [])
    assert steps.alert(settings, [("a-main", "x")])
    assert len(outbox(settings)) == 3


def test_a_mail_that_does_not_go_out_is_tried_again_and_never_raises(settings):
    down = dataclasses.replace(settings, smtp_url="smtp://127.0.0.1:1")
    assert not steps.alert(down, [("a-main", "x")])
    assert steps.alert(settings, [("a-main", "x")])


def test_without_addresses_nothing_is_mailed(house):
    assert not steps.alert(house.settings, [("a-main", "x")])
    assert outbox(house.settings) == []
