"""The mail of a load: what is in it, and that nobody else writes it (R1, R3)."""

from __future__ import annotations

import email
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from pipelines.errors import OperatorError
from pipelines.model import Issue, LoadFacts, LoadStatus, PriceChanges
from pipelines.report import Attachment, Envelope, LoadReport, build, compose_mail, render_html, render_text
from pipelines.report.notices import DIGEST_ROWS, compose_digest

SENDER = "Каталог КИМ <feeds@catalog.example>"


@pytest.fixture
def report(make_load: Callable[..., LoadFacts], write_issues: Any) -> LoadReport:
    return build(make_load(), write_issues([]), None, {}, None)


@pytest.fixture
def compose() -> Callable[..., EmailMessage]:
    def mail(report: LoadReport, *, recipients: tuple[str, ...] = ("ivan@supplier.example",)) -> EmailMessage:
        return compose_mail(report, Envelope(SENDER, recipients))

    return mail


@pytest.fixture
def message(report: LoadReport, compose: Callable[..., EmailMessage]) -> EmailMessage:
    return compose(report)


def test_R1_the_mail_says_the_same_twice_as_text_and_html(report: LoadReport, message: EmailMessage) -> None:
    parsed = email.message_from_bytes(message.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.get_content_type() == "multipart/alternative"
    text, html = parsed.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert html.get_content_type() == "text/html"
    assert text.get_content().splitlines() == render_text(report).splitlines()
    assert html.get_content().splitlines() == render_html(report).splitlines()
    assert parsed["From"] == "Каталог КИМ <feeds@catalog.example>"
    assert parsed["To"] == "ivan@supplier.example"
    assert parsed["Subject"] == "Прайс-лист «основной прайс»"
    assert parsed["Date"].datetime == datetime(2026, 11, 22, 4, 15, 3, tzinfo=UTC)
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert not parsed.defects


@pytest.mark.parametrize("replies", [None, "Оператор <feeds+kim@operator.example>"])
def test_R3_an_answer_and_the_button_to_unsubscribe_reach_an_operator(report: LoadReport, replies: str | None) -> None:
    envelope = Envelope(SENDER, ["a@b.example"], replies=replies)
    parsed = email.message_from_bytes(compose_mail(report, envelope).as_bytes(), policy=default)
    address = "feeds+kim@operator.example" if replies else "feeds@catalog.example"
    assert parsed["Reply-To"] == replies
    button = urlsplit(parsed["List-Unsubscribe"].removeprefix("<").removesuffix(">"))
    assert (button.scheme, unquote(button.path)) == ("mailto", address)
    assert unquote(button.query) == "subject=Отписка: Прайс-лист «основной прайс»"
    assert not parsed.defects


@pytest.mark.parametrize("hostile", ["a@b.example>\r\nBcc: c@d.example", "nobody"])
def test_R1_an_address_for_answers_is_one_address(report: LoadReport, hostile: str) -> None:
    with pytest.raises(OperatorError):
        compose_mail(report, Envelope(SENDER, ["a@b.example"], replies=hostile))


def test_R1_the_message_id_is_stable_and_of_this_installation(
    report: LoadReport, message: EmailMessage, compose: Callable[..., EmailMessage]
) -> None:
    assert message["Message-ID"] == "<catalog-feeds-load-4812@catalog.example>"
    assert message["References"] == "<catalog-feeds-link-7@catalog.example>"
    assert compose(report).as_bytes() == message.as_bytes()


@pytest.mark.parametrize("status", [LoadStatus.PROCESSED, LoadStatus.HELD, LoadStatus.REJECTED])
def test_R3_the_subject_is_stable_so_that_mails_stand_in_one_thread(
    make_load: Callable[..., LoadFacts], write_issues: Any, compose: Callable[..., EmailMessage], status: LoadStatus
) -> None:
    held = {"would_hide": 60, "visible": 100}
    first, second = (
        compose(build(make_load(id=n, status=status, held=held), write_issues([]), None, {}, None)) for n in (1, 2)
    )
    assert first["Subject"] == second["Subject"] == "Прайс-лист «основной прайс»"


@pytest.mark.parametrize(
    "link", ["a\r\nBcc: victim@example.org", "a\nb", "\u202egpj", "\x00", "я" * 500, "=?utf-8?q?x?="]
)
def test_a_link_cannot_write_headers(
    make_load: Callable[..., LoadFacts], write_issues: Any, compose: Callable[..., EmailMessage], link: str
) -> None:
    mail = compose(build(make_load(link=link), write_issues([]), None, {}, None))
    parsed = email.message_from_bytes(mail.as_bytes(), policy=default)
    assert parsed["Bcc"] is None
    assert parsed.keys() == mail.keys()
    assert len(str(parsed["Subject"])) < 120
    assert str(parsed["Subject"]) == mail["Subject"]
    assert not set("\r\n\x00\u202e") & set(str(parsed["Subject"]))


@pytest.mark.parametrize("bad", ["", "nobody", "a@", "@b", "a@b\r\nBcc: c@d", "a b@c d"])
def test_a_bad_address_is_the_operators(report: LoadReport, compose: Callable[..., EmailMessage], bad: str) -> None:
    with pytest.raises(OperatorError, match="address"):
        compose(report, recipients=(bad,))


def test_a_mail_to_nobody_is_the_operators(report: LoadReport, compose: Callable[..., EmailMessage]) -> None:
    with pytest.raises(OperatorError, match="no recipient"):
        compose(report, recipients=())


@pytest.fixture
def charted(make_load: Callable[..., LoadFacts], write_issues: Any, prices: PriceChanges) -> LoadReport:
    return build(make_load(), write_issues([Issue("price_invalid", ordinal=0)]), None, {}, None, prices=prices)


def parts(message: EmailMessage) -> dict[str, EmailMessage]:
    parsed = email.message_from_bytes(message.as_bytes(), policy=default)
    return {part.get_content_type(): part for part in parsed.walk() if isinstance(part, EmailMessage)}


def test_R1_charts_come_with_the_mail_and_nothing_is_fetched(charted: LoadReport) -> None:
    found = parts(compose_mail(charted, Envelope(SENDER, ["a@b.example"])))
    html, picture = found["text/html"].get_content(), found["image/png"]
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html
    assert picture.get_content().startswith(b"\x89PNG")
    assert picture.get_content_disposition() == "inline"
    assert "data:" not in html


def test_R1_the_list_of_issues_goes_with_the_mail(charted: LoadReport) -> None:
    envelope = Envelope(SENDER, ["a@b.example"])
    sheet = Attachment("замечания.xlsx", "application/vnd.test", b"PK\x03\x04 \r\n\x00")
    message = compose_mail(charted, envelope, [sheet])
    found = parts(message)
    assert list(found) == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "multipart/related"),
        *("text/html", "image/png", "application/vnd.test"),
    ]
    assert found["application/vnd.test"].get_content() == sheet.data
    assert found["application/vnd.test"].get_filename() == sheet.name
    assert compose_mail(charted, envelope, [sheet]).as_bytes() == message.as_bytes()


def test_a_decision_has_a_mail_of_its_own(make_load: Callable[..., LoadFacts], write_issues: Any) -> None:
    decision = {"verdict": "approved", "who": "op", "why": "a\r\nBcc: x@y"}
    load = make_load(held={"reason": "too_many_hidden", "would_hide": 60, "visible": 100}, decision=decision)
    mail = compose_mail(build(load, write_issues([]), None, {}, None), Envelope(SENDER, ["a@b.example"]))
    assert mail["Message-ID"] == "<catalog-feeds-load-4812-approved@catalog.example>"
    assert "подтвердил" in parts(mail)["text/plain"].get_content()


@pytest.mark.parametrize(("loads", "listed"), [(DIGEST_ROWS, DIGEST_ROWS), (DIGEST_ROWS + 1, DIGEST_ROWS)])
def test_R3_a_digest_of_very_many_loads_fits_a_mail_and_keeps_the_newest(loads: int, listed: int) -> None:
    signed = "https://feeds.s3.example/loads/1/report.html?" + "&".join(f"X-Amz-{n}={'a' * 64}" for n in range(7))
    entries = [
        {
            "load": number,
            "link": "прайс " * 10,
            "headline": "Прайс-лист загружен частично: принято 1 908 товаров из 1 963, не принято 55.",
            "finished_at": "2026-11-22T04:15:03+00:00",
            "report": signed,
        }
        for number in range(1, loads + 1)
    ]
    envelope = Envelope("Каталог <feeds@catalog.example>", ["price@a.example"])
    mail = compose_digest("d", "ООО «Ромашка»", entries, envelope, now=datetime(2026, 11, 22, 6, tzinfo=UTC))
    text, page = (part.get_content() for part in mail.iter_parts())
    assert text.count("Отчёт: https://") == page.count(">Отчёт</a>") == listed
    assert f"загрузка №\N{NO-BREAK SPACE}{loads} " in text
    assert ("Показаны последние" in text) == (listed < loads)
    assert f"За сутки: {loads}" in text
    assert len(page.encode()) < 100_000
