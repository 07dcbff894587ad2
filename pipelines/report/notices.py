"""Mails that are not the report of one load: a link that went quiet, and a day's loads in one mail (R3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from pipelines.report import verdict
from pipelines.report.mail import Envelope, compose, subject_of, thread_of
from pipelines.report.pages import Paragraph, file_at, render_notice
from pipelines.report.russian import NBSP, counted, moment, number
from pipelines.report.summary import LoadReport
from pipelines.report.wording import quote

# Loads that a digest lists: with the signed addresses of their reports they stay under what mail clients show whole.
DIGEST_ROWS = 50


@dataclass(frozen=True)
class Notice:
    """A short mail about a link.

    Attributes:
        name: of the mail: the same incident has the same name.
        link_id, link, supplier: what it is about.
        at: when it was noticed.
        headline: in one sentence what is wrong.
        sentences: what it means and what to do.
    """

    name: str
    link_id: int
    link: str
    supplier: str
    at: datetime
    headline: str
    sentences: tuple[str, ...]


def stale_notice(*, link_id: int, link: str, supplier: str, changed_at: datetime, now: datetime) -> Notice:
    """The file has not changed for days; one notice for each file that stays that long."""
    days = (now - changed_at).days
    return Notice(
        name=f"catalog-feeds-stale-{link_id}-{changed_at:%Y%m%d%H%M%S}",
        link_id=link_id,
        link=link,
        supplier=supplier,
        at=now,
        headline=f"Файл по ссылке не менялся {counted(days, 'day')}.",
        sentences=(
            f"Последний раз он изменился {moment(changed_at)}. Покупатели видят цены и остатки того времени.",
            "Проверьте, что выгрузка запускается по расписанию и что сервер отдаёт новый файл, а не сохранённую копию.",
            "Если цены и остатки действительно не менялись, делать ничего не нужно.",
            "Больше мы об этом не напишем, пока файл не изменится.",
        ),
    )


def failing_notice(
    *, link_id: int, link: str, supplier: str, since: datetime, error: str, good_since: datetime | None, now: datetime
) -> Notice:
    """The server has not given the file for a day; one notice for each such time.

    Args:
        since: the first failure in a row.
        error: what the server answered, as it was noted.
        good_since: of when the data are that buyers see; None when there are none.
    """
    seen = (
        "Товаров из этого прайс-листа в каталоге нет."
        if good_since is None
        else f"Покупатели видят прежние данные, от {moment(good_since)}."
    )
    return Notice(
        name=f"catalog-feeds-failing-{link_id}-{since:%Y%m%d%H%M%S}",
        link_id=link_id,
        link=link,
        supplier=supplier,
        at=now,
        headline=f"Сервер не отдаёт прайс-лист с {moment(since)}.",
        sentences=(
            f"Ответ при последней попытке: {quote(error, 300)}.",
            seen,
            "Откройте ссылку из внешней сети: сервер должен отвечать кодом 200 и отдавать файл целиком.",
            "Мы пробуем каждый час; как только файл придёт, он будет загружен.",
        ),
    )


def compose_notice(notice: Notice, envelope: Envelope) -> EmailMessage:
    """The mail of a notice, in the thread of its link."""
    about = f"Прайс-лист «{quote(notice.link)}» · {quote(notice.supplier)}"
    html, text = render_notice(about, notice.headline, [*map(Paragraph, notice.sentences)], notice.at)
    return compose(
        envelope,
        name=notice.name,
        thread=thread_of(notice.link_id),
        subject=subject_of(notice.link),
        date=notice.at,
        html=html,
        text=text,
    )


def digest_entry(report: LoadReport) -> dict[str, Any]:
    """What a digest keeps of a load: plain values."""
    load = report.load
    return {
        "load": load.id,
        "link": quote(load.link),
        "headline": verdict.headline(report),
        "finished_at": None if load.finished_at is None else load.finished_at.isoformat(),
        "report": report.files.get("report_html"),
    }


def compose_digest(
    name: str, supplier: str, entries: Sequence[Mapping[str, Any]], envelope: Envelope, *, now: datetime
) -> EmailMessage:
    """One mail for the loads of a day, oldest first; of very many only the newest are listed."""
    shown = entries[-DIGEST_ROWS:]
    headline = f"За сутки: {counted(len(entries), 'load')}."
    rows = [_row(entry) for entry in shown]
    if len(shown) < len(entries):
        rows.insert(0, Paragraph(f"Показаны последние {number(len(shown))}."))
    html, text = render_notice(f"Сводка · {quote(supplier)}", headline, rows, now)
    return compose(
        envelope,
        name=name,
        thread=f"catalog-feeds-digest-{name}",
        subject=f"Сводка за день: {quote(supplier)}",
        date=now,
        html=html,
        text=text,
    )


def _row(entry: Mapping[str, Any]) -> Paragraph:
    finished = entry.get("finished_at")
    when = f" · {moment(datetime.fromisoformat(finished))}" if finished else ""
    report = file_at("Отчёт", entry["report"]) if entry.get("report") else None
    return Paragraph(f"«{entry['link']}» · загрузка №{NBSP}{entry['load']}{when}. {entry['headline']}", report)
