"""The report as a page and as plain text, from one set of facts and two templates (R1, R2).

Lists are bounded, so that the page stays under what mail clients show whole (100 KB), and every value a supplier wrote
passes `plain` before it is shown: characters that would act are shown by their code points instead.
"""

from __future__ import annotations

import functools
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from pipelines.model import PRICE_STEPS, PriceChanges, Severity
from pipelines.report import charts, verdict
from pipelines.report.causes import Cause, Example
from pipelines.report.russian import MINUS, NBSP, counted, moment, money, number, percent, size, word
from pipelines.report.summary import PUBLISHED, SCORES, LoadReport
from pipelines.report.wording import ABSENT, in_words, issue_code, plain, quote

# Mail clients cut longer pages off; lists get shorter until the page fits.
HTML_LIMIT_BYTES = 100_000


@dataclass(frozen=True)
class _Lengths:
    """How much of each list is shown."""

    errors: int
    warnings: int
    conversions: int
    remarks: int
    courses: int


_LENGTHS = (_Lengths(7, 5, 10, 8, 8), _Lengths(5, 3, 6, 4, 5), _Lengths(3, 2, 3, 2, 3), _Lengths(1, 1, 1, 1, 1))

# The files a reader may open, in the order they are offered.
_FILE_LABELS = {
    "issues_xlsx": "Полный список замечаний (XLSX)",
    "issues_csv": "Полный список замечаний (CSV)",
    "annotated": "Ваш файл с нашими замечаниями внутри",
    "report_html": "Этот отчёт",
    "report_json": "Отчёт и полный список замечаний (JSON)",
    "raw": "Файл, каким мы его получили",
}
# An answer to a mail reaches an operator, who sets what the supplier is mailed (`MailPolicy`).
FEWER_MAILS = (
    "Слишком много писем? Ответьте на любое из них: «только ошибки», «одно письмо в день» или «не писать». "
    "О первой загрузке, отказе, восстановлении и о загрузке, которая ждёт подтверждения, мы пишем сразу, "
    "пока вы не попросите не писать совсем."
)
_PUBLISHED_HINT = "Товары опубликованы, но часть данных пришлось изменить, угадать или отбросить."
# Without a web address a file is a path on a disk of ours.
_FILES_HINT = "Хранятся на сервере каталога; чтобы получить файл, назовите оператору номер загрузки."
_READ_HINT = "Часть данных пришлось изменить, угадать или отбросить."

# The block «Статистика» of the platform's manual.
_STATISTICS = {
    "published": "Всего опубликованных товаров",
    "bound_to_categories": "Привязаны к категориям",
    "not_bound_to_categories": "Не привязаны к категориям",
    "bound_to_positions": "Привязаны к справочнику позиций заказчика",
    "not_bound_to_positions": "Не привязаны к справочнику позиций заказчика",
    "hidden": "Всего скрыто товаров",
}
_FORMATS = {"yml": "YML", "commerceml": "CommerceML", "csv": "CSV", "json": "JSON"}

# Remarks whose value is not what was sent, but where else it was.
_OTHER_LINES = frozenset({"duplicate_identical", "duplicate_conflict"})

# A piece of a remedy that is meant to be pasted: whole elements, other tags with what stands between them without a
# space, an attribute, a cell of a table under its header, or a member of a JSON object.
_TO_PASTE = re.compile(
    r'(?:<(\w+)[^<>]*>.*?</\1>)+|<[^<>]+>(?:[^\s<>]*<[^<>]+>)*|[a-z_]+="[^"]*"'
    r'|«[^«»]+» = (?:«[^«»]+»|\S*[^\s.,;])|"\w+": "[^"]*"(?:, "\w+": "[^"]*")*'
)


@dataclass(frozen=True)
class Part:
    """A number of offers with what they are, added to a total or taken from it."""

    value: int
    label: str
    sign: str = "+"


@dataclass(frozen=True)
class Identity:
    """One line of the accounts: a total and the parts that make it up (P2)."""

    label: str
    total: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Bounded:
    """The first of a list, and what is said of the rest; empty when there is no rest."""

    shown: tuple[Cause, ...]
    more: str


@dataclass(frozen=True)
class Change:
    """What became of a number since the last load; `before` is None where only the difference is meaningful."""

    label: str
    before: int | None
    now: int


@dataclass(frozen=True)
class File:
    """A file of the load: a link where it has a web address, otherwise its place in words."""

    label: str
    place: str
    is_link: bool


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a short mail, and the file that it is about."""

    text: str
    file: File | None = None


def file_at(label: str, place: str) -> File:
    """A file by where it is."""
    return File(label, place, urlsplit(place).scheme in ("http", "https"))


def render_html(report: LoadReport, sources: Mapping[str, str] | None = None) -> str:
    """The report as a page for mail clients and browsers: inline styles, no scripts, nothing remote, under 100 KB.

    Args:
        report: what it tells.
        sources: name of a picture -> its address; by default the pictures are inside the page.
    """
    if sources is None:
        sources = {name: f"data:image/png;base64,{b64encode(data).decode()}" for name, data in pictures(report).items()}
    template = _environment().get_template("report.html.j2")
    page = ""
    for lengths in _LENGTHS:
        page = template.render(_facts(report, lengths), sources=sources)
        if len(page.encode()) < HTML_LIMIT_BYTES:
            break
    return page


def render_text(report: LoadReport) -> str:
    """The report as plain text, with the same content in the same order."""
    return _environment().get_template("report.txt.j2").render(_facts(report, _LENGTHS[0]))


def render_notice(about: str, headline: str, paragraphs: Sequence[Paragraph], at: datetime) -> tuple[str, str]:
    """A short mail as a page and as plain text.

    Args:
        about: what it concerns, above the headline.
        headline: in one sentence.
        paragraphs: what there is to say.
        at: when it was true.
    """
    facts = {"about": about, "headline": headline, "paragraphs": paragraphs, "at": at, "fewer_mails": FEWER_MAILS}
    page, text = (_environment().get_template(f"notice.{form}.j2").render(facts) for form in ("html", "txt"))
    return page, text


def pictures(report: LoadReport) -> dict[str, bytes]:
    """The charts of a report, PNG by name: how prices moved, and the course of the score."""
    found = {}
    if report.prices:
        fallen = sum(step < 0 for step in PRICE_STEPS) + 1
        histogram = report.prices.histogram
        colours = [charts.GREEN if index < fallen else charts.AMBER for index in range(len(histogram))]
        found["prices"] = charts.bars(histogram, colours, top=max(histogram))
    if report.score and report.scores and any(course := [*report.scores, report.score.points]):
        colours = [charts.GREEN if points >= 80 else charts.AMBER if points >= 50 else charts.RED for points in course]
        found["score"] = charts.bars(course, colours, top=100, slots=SCORES)
    return found


def load_templates() -> None:
    """Compile all templates now, rather than with the first pages."""
    for name in _environment().list_templates():
        _environment().get_template(name)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.report"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        finalize=_plain_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "word": word,
        "counted": counted,
        "moment": moment,
        "money": money,
        "percent": percent,
        "size": size,
        "quote": quote,
        "sent": _sent,
        "evidence": _evidence,
        "shared": _shared,
        "published": _published,
        "to_paste": _parted,
        "where": _where,
        "line": _line,
        "found": _found,
        "sentence": _sentence,
    }
    return environment


def _plain_value(value: object) -> object:
    """The last gate before a page, whichever way a value came."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sent(value: str | None) -> str:
    """A sent value as an example shows it; a tag that is absent and one that is empty are different mistakes."""
    if value is None:
        return "не прислано"
    return _in_quotes(value) if value.strip() else "прислано пустое"


def _evidence(example: Example, cause: Cause) -> str:
    """What was sent, where an example has to say it: not what all of its cause have, nor the SKU once more."""
    if cause.code in _OTHER_LINES:
        return f"тот же артикул: {_other_places(example.sent or '')}"
    if cause.uniform or (example.sent is not None and example.sent == example.sku):
        return ""
    return _sent(example.sent)


def _other_places(sent: str) -> str:
    """Where the others stand: `строка 79`, `строки 68, 71`, in a set of files `offers.xml:12`."""
    if ":" in sent:
        return quote(sent)
    return f"{'строки' if ',' in sent else 'строка'}{NBSP}{quote(sent)}"


def _is_conversion(cause: Cause) -> bool:
    """Whether it belongs to what was read otherwise; what is wrong with the file as a whole has its card."""
    return cause.converts and (cause.offers > 0 or cause.severity is Severity.INFO)


def _shared(cause: Cause) -> bool:
    """Whether all examples show one value, which is then said once."""
    sent = cause.converts or cause.examples[0].sent is not None
    return cause.uniform and sent and cause.code not in _OTHER_LINES


def _published(example: Example, cause: Cause) -> str:
    """What buyers see in the place of what was sent."""
    value = in_words(issue_code(cause.code), example.published)
    return _in_quotes(value) if value else "не показано"


def _parted(remedy: str) -> list[str]:
    """Words and pieces to paste in turn, words first."""
    pieces, at = [], 0
    for match in _TO_PASTE.finditer(remedy):
        pieces += [remedy[at : match.start()], match[0]]
        at = match.end()
    return [*pieces, remedy[at:]]


def _where(example: Example) -> str:
    """The line, and in a table the column: `строка 12, столбец «Цена»`."""
    column = "" if example.column is None else f"столбец «{quote(example.column, 40)}»"
    return ", ".join(filter(None, (_line(example), column)))


def _line(example: Example) -> str:
    """The line, and the file where the load is a set of them: `offers.xml, строка 12`."""
    part = "" if example.part is None else quote(example.part, 60)
    # No separator of thousands: the number is pasted into «go to line».
    line = "" if example.line is None else f"строка{NBSP}{example.line}"
    return ", ".join(filter(None, (part, line)))


def _found(example: Example, cause: Cause) -> str:
    """How often something was read otherwise, and where: what is told once a file is told where it stood first."""
    line = _line(example)
    if not cause.offers:
        return f"впервые: {line}" if line else "весь файл"
    return counted(cause.offers, "offer") + (f", например {line}" if line else "")


def _sentence(text: str) -> str:
    """The text with a capital letter, unless it begins with the name of a file."""
    return f"С{text[1:]}" if text.startswith("строка") else text


def _in_quotes(value: str) -> str:
    # A browser shows two spaces as one, and that may be all the difference there is.
    return f"«{quote(value).replace('  ', f' {NBSP}')}»"


def _facts(report: LoadReport, lengths: _Lengths) -> dict[str, Any]:
    load, reason = report.load, report.rejection
    causes = [cause for cause in report.causes.ranked if cause is not reason]
    took_part = verdict.took_part(load)
    files = _files(report.files)
    # Why the file was rejected whole is told above, and is no remark on its offers.
    courses = [course for course in report.since if reason is None or course.code != reason.code]
    # Beyond the ranked causes nobody counted by kind.
    complete = report.causes.total == len(report.causes.ranked)

    def first(limit: int, chosen: Callable[[Cause], bool]) -> Bounded:
        found = [cause for cause in causes if chosen(cause)]
        rest = len(found) - limit
        return Bounded(tuple(found[:limit]), "" if rest <= 0 else f"и ещё {number(rest)}" if complete else "и другие")

    return {
        "load": load,
        "format": _FORMATS.get(load.format or "", load.format or ABSENT),
        "tone": verdict.tone(report).value,
        "headline": verdict.headline(report),
        "buyers": verdict.buyers(report),
        "advice": verdict.advice(report),
        "reason": reason,
        "place": reason.examples[0] if reason else None,
        "identities": _identities(report),
        "errors": first(lengths.errors, lambda cause: cause.severity is Severity.ERROR),
        "warnings": first(lengths.warnings, lambda cause: cause.severity is Severity.WARNING),
        "conversions": first(lengths.conversions, _is_conversion),
        "remarks": first(lengths.remarks, lambda cause: cause.severity is Severity.INFO and not cause.converts),
        "changes": _changes(report),
        "warnings_hint": _PUBLISHED_HINT if took_part and not load.dry_run else _READ_HINT,
        "courses": courses[: lengths.courses],
        "courses_more": number(len(courses) - lengths.courses) if len(courses) > lengths.courses else "",
        "prices": report.prices,
        "prices_said": _prices_said(report.prices),
        "price_steps": _price_steps(report.prices),
        "score": report.score,
        "course": [*report.scores, report.score.points] if report.score else [],
        "statistics": _statistics(report),
        "actualization": verdict.actualization(load) if took_part else None,
        "files": files,
        "files_hint": "" if all(file.is_link for file in files) else _FILES_HINT,
        "supplier": report.supplier,
        "shop": report.shop,
        "became": "опубликовано" if took_part else "прочитано",
        "fewer_mails": FEWER_MAILS,
    }


def _identities(report: LoadReport) -> list[Identity]:
    load, counts = report.load, report.load.counts
    if not counts.read:
        return []

    read = (Part(counts.accepted, "принято"), Part(counts.rejected, "не принято"))
    identities = [Identity("Прочитано из файла", counts.read, read)]
    if not verdict.took_part(load):
        return identities
    created = Part(counts.created, word(counts.created, "new"))
    changed = Part(counts.changed, word(counts.changed, "changed"))
    restored = Part(counts.restored, word(counts.restored, "restored"))
    unchanged = Part(counts.unchanged, "без изменений")
    identities.append(Identity("Принято", counts.accepted, _not_zero(created, changed, restored, unchanged)))
    if report.visible is not None and report.visible_before is not None:
        label = "Будет опубликовано" if load.dry_run else "Опубликовано"
        before, hidden = Part(report.visible_before, "раньше"), Part(counts.hidden, "скрыто", MINUS)
        identities.append(Identity(label, report.visible, _not_zero(before, created, restored, hidden)))
    return identities


def _not_zero(first: Part, *others: Part) -> tuple[Part, ...]:
    """The parts that make a difference, or the first one alone: a sum is read quicker without its zeros."""
    return tuple(part for part in (first, *others) if part.value) or (first,)


def _changes(report: LoadReport) -> list[Change]:
    load, previous = report.load, report.previous
    if not verdict.took_part(load) or previous is None:
        return []
    now, before = load.counts, previous.counts
    changes = [
        Change("Новые товары", None, now.created),
        Change("Изменены", None, now.changed),
        Change("Вернулись в каталог", None, now.restored),
        Change("Скрыты", None, now.hidden),
    ]
    # A file that was rejected whole was not checked offer by offer: its numbers are no measure.
    if previous.status in PUBLISHED:
        changes += [
            Change("Не принято товаров", before.rejected, now.rejected),
            Change("Ошибок", before.errors, now.errors),
            Change("Предупреждений", before.warnings, now.warnings),
        ]
    return changes


def _prices_said(prices: PriceChanges | None) -> str:
    if prices is None:
        return ""
    said = [
        f"{verb.capitalize()} {counted(count, 'price')}" if not index else f"{verb} {number(count)}"
        for index, (verb, count) in enumerate(
            (word(count, name), count) for name, count in (("went_up", prices.up), ("went_down", prices.down)) if count
        )
    ]
    median = "" if prices.median is None else f"; медиана изменений {percent(prices.median)}"
    return f"{', '.join(said)}{median}."


def _price_steps(prices: PriceChanges | None) -> str:
    """The histogram in words, for those who do not see it."""
    if prices is None:
        return ""
    borders = [percent(step) for step in PRICE_STEPS]
    names = [f"ниже {borders[0]}", *(f"от {a} до {b}" for a, b in pairwise(borders)), f"от {borders[-1]}"]
    return "; ".join(f"{name}: {number(n)}" for name, n in zip(names, prices.histogram, strict=True) if n)


def _statistics(report: LoadReport) -> list[tuple[str, int]]:
    found = report.statistics or {}
    if not any(found.values()):
        return []
    return [(label, found[name]) for name, label in _STATISTICS.items() if name in found]


def _files(files: dict[str, str]) -> list[File]:
    return [file_at(label, files[name]) for name, label in _FILE_LABELS.items() if files.get(name)]
