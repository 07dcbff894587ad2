"""The page and the text: what they say, in which order, and that nothing in them acts (R1, R2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import Counts, Issue, LoadFacts, LoadStatus, PriceChange, PriceChanges, Severity
from pipelines.report import LoadReport, build, pages, render_html, render_text
from pipelines.report.pages import Paragraph, file_at, render_notice
from pipelines.report.score import Part, Score

WriteIssues = Callable[[Iterable[Issue]], Path]
HTML_LIMIT = 100_000

# A remark on the file, an error of two offers and a conversion, in the order of the file.
ISSUES = [
    Issue("unknown_tags", field="barcode2", sent="12"),
    Issue("file_is_html", ordinal=0, line=204817, sku="А-1", field="price", sent="от 100"),
    Issue("file_is_html", ordinal=1, line=204830, sku="А-2", field="price", sent="1-2"),
    Issue("encoding_overridden", ordinal=2, line=90, sku="А-3", field="unit", sent="штука", published="шт"),
]
HOSTILE = [
    "=HYPERLINK(0)",
    "<script>alert(1)</script>",
    "\"><img src='http://evil.example/x.png' onerror=alert(1)>",
    "a\r\nBcc: victim@example.org",
    "100\u202e001",
    "{sent} {{ 7 * 7 }} {% for %} {0.__class__}",
    "\x1b[31m\x00",
    "javascript:alert(1)",
    "]]> <!-- -->",
]


def shown(page: str) -> str:
    """What a reader sees of a page, spaces made even."""
    return re.sub(r"\s+", " ", lxml_html.fromstring(page).text_content().replace("\N{NO-BREAK SPACE}", " "))


def both(report: LoadReport) -> list[str]:
    """The page as seen and the text, in one form."""
    return [shown(render_html(report)), re.sub(r"\s+", " ", render_text(report).replace("\N{NO-BREAK SPACE}", " "))]


def assert_inert(page: str) -> None:
    """Nothing on the page runs, loads or leads away."""
    document = lxml_html.fromstring(page)
    allowed = {"html", "head", "meta", "title", "body", "table", "tr", "td", "p", "span", "b", "h1", "h2", "br", "code"}
    elements = [element for element in document.iter() if isinstance(element.tag, str)]
    assert {element.tag for element in elements} <= allowed | {"a", "img"}
    for element in elements:
        assert not any(name.startswith("on") or name in ("background", "srcset") for name in element.attrib)
        assert element.get("src", "cid:").startswith(("cid:", "data:image/png;base64,"))
        assert element.get("href", "https://").startswith("https://")
        assert "url(" not in element.get("style", "")


# What Outlook, Gmail or a phone's mail program ignores or takes away, so that a page must not lean on it.
UNSAFE_STYLES = {"position", "float", "display:flex", "display:grid", "background-image", "transform", "animation"}


def assert_for_mail(page: str) -> None:
    """What a lint of mail clients asks for: tables for layout, styles on elements, pictures with sizes and texts."""
    document = lxml_html.fromstring(page)
    for table in document.iter("table"):
        assert table.get("role") == "presentation"
        assert (table.get("cellpadding"), table.get("cellspacing")) == ("0", "0")
    for image in document.iter("img"):
        assert image.get("alt")
        assert image.get("width")
        assert image.get("height")
    styles = [str(style).replace(" ", "") for style in document.xpath("//@style")]
    assert not [style for style in styles for unsafe in UNSAFE_STYLES if unsafe in style]
    assert not document.xpath("//*[@class or @id]")
    assert not re.search(r"rgba?\(|var\(|calc\(|!important|\brem\b|\bvh\b", page)
    for cell in document.iter("p", "h1", "h2"):
        assert "margin:" in cell.get("style", "") or "display:none" in cell.get("style", "")


@pytest.fixture
def processed(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues, write_rejected: Any, prices: PriceChanges
) -> LoadReport:
    previous = make_load(id=4790, counts=Counts(read=9, accepted=5, rejected=4, errors=188, warnings=7))
    accounts = {"read": 10, "accepted": 8, "rejected": 2, "created": 1, "changed": 2, "restored": 1, "unchanged": 4}
    load = make_load(counts=Counts(**accounts, hidden=3, errors=2, warnings=1, infos=1))
    return replace(
        build(
            load,
            write_issues(ISSUES),
            write_rejected({0: "Болт М8"}),
            {"issues_csv": "https://files.example/4812.csv?a=1&b=2", "raw": "raw/9f2c"},
            previous,
            visible=1984,
            issues_before=write_issues([ISSUES[1], Issue("price_missing", ordinal=7, sku="Б-7")]),
            prices=prices,
            scores=[40, 61],
            statistics={"published": 1984, "bound_to_categories": 84, "visible": 1984},
        ),
        score=Score((Part("accepted", 0.8, 32, 40), Part("clean", 1.0, 20, 20))),
    )


def test_R2_order_and_content(processed: LoadReport) -> None:
    for said in both(processed):
        parts = [
            "Прайс-лист «основной прайс»",
            "22 ноября 2026, 07:15 (МСК)",
            "принято 8 товаров из 10, не приняты 2.",
            "Покупатели видят 1 984 товара.",
            "Прочитано из файла 10 = 8 принято + 2 не принято",
            "Принято 8 = 1 новый + 2 изменённых + 1 вернувшийся + 4 без изменений",
            "Опубликовано 1 984 = 1 985 раньше + 1 новый + 1 вернувшийся − 3 скрыто",
            "Вместо прайс-листа получена веб-страница: «…».",
            "Откройте ссылку в браузере без входа в систему",
            "204817",
            "А-1 Болт М8",
            "«от 100»",
            '/yml_catalog/shop/offers/offer[@id="А-1"]/price',
            "«1-2»",
            "Объявлена кодировка штука",
            "188 → 2",
            "Выросло 12 цен, снизились 3; медиана изменений +3,1 %.",
            "A-1 Болт М8",
            "100,00 → 250,00",
            "+150 %",
            "Вместо прайс-листа получена веб-страница: «…».",
            "осталось 1",
            "новых 1",
            "Не указана цена.",
            "справлено 1",
            "«штука» → «шт»",
            "barcode2",
            "скрыты 3 товара",
            "Всего опубликованных товаров",
            "52 ИЗ 100",
            "Товары приняты",
            "Последние загрузки: 40, 61, 52",
            "Полный список замечаний (CSV)",
            "Загрузка № 4812",
        ]
        position, said_aloud = 0, said.casefold()
        for part in parts:
            assert part.casefold() in said_aloud[position:], f"{part} is missing after {said[:position][-60:]}"
            position = said_aloud.index(part.casefold(), position)


def test_charts_say_in_words_what_they_show(processed: LoadReport) -> None:
    pictures = lxml_html.fromstring(render_html(processed)).xpath("//img")
    assert [image.get("src", "").partition(",")[0] for image in pictures] == ["data:image/png;base64"] * 2
    spoken = [image.get("alt", "").replace("\N{NO-BREAK SPACE}", " ") for image in pictures]
    assert "от 0 % до +5 %: 5; от +5 % до +10 %: 4" in spoken[0]
    assert "40, 61, 52" in spoken[1]


def test_the_html_is_for_mail_clients(processed: LoadReport) -> None:
    page = render_html(processed)
    assert_inert(page)
    assert 'lang="ru"' in page
    assert 'charset="utf-8"' in page
    assert "width=device-width" in page
    assert "<style" not in page
    assert_for_mail(page)
    assert 'href="https://files.example/4812.csv?a=1&amp;b=2"' in page


@pytest.mark.parametrize("status", LoadStatus)
@pytest.mark.parametrize("dry_run", [False, True])
def test_every_status_has_its_report(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues, status: LoadStatus, dry_run: bool
) -> None:
    load = make_load(
        status=status,
        dry_run=dry_run,
        held={"reason": "too_many_hidden", "would_hide": 60, "visible": 100} if status is LoadStatus.HELD else None,
        format=None,
        encoding=None,
        sha256=None,
        bytes=None,
        finished_at=None,
    )
    for said in both(build(load, write_issues([]), None, {}, None)):
        assert "основной прайс" in said
        assert "None" not in said


@pytest.mark.parametrize("code", [c.code for c in ISSUE_CODES.values() if c.severity is Severity.ERROR])
def test_F5_a_rejection_says_why_where_and_what_to_do(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues, code: str
) -> None:
    load = make_load(status=LoadStatus.REJECTED, reason=code, counts=Counts(errors=1), actualization={})
    report = build(load, write_issues([Issue(code, line=204817, sent="после <offer>")]), None, {}, make_load())
    for said in both(report):
        assert ("не загружен" if code == "link_unreachable" else "отклонён целиком") + ", каталог не изменён" in said
        assert "прежние данные от 22 ноября 2026" in said
        assert "204817" in said
        assert code in said
        assert said.count("Что сделать") == 1
        assert "Исправьте в первую очередь" not in said
    assert report.rejection is not None
    assert report.rejection.message in both(report)[0]


def test_F8_a_file_with_every_offer_rejected_lists_the_causes(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    load = make_load(status=LoadStatus.REJECTED, reason="all_offers_rejected", counts=Counts(read=2, rejected=2))
    for said in both(build(load, write_issues([Issue("all_offers_rejected"), *ISSUES]), None, {}, None)):
        assert said.index("Ни один товар") < said.index("2 = 0 принято + 2 не принято") < said.index("«от 100»")
        assert said.count("Ни один товар") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_are_harmless(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues, write_rejected: Any, text: str
) -> None:
    load = make_load(link=text, supplier=text, shop=text, encoding=text)
    issues = [
        Issue("file_is_html", ordinal=0, line=1, sku=text, field=text, sent=text),
        Issue("encoding_overridden", ordinal=1, line=2, sku=text, field=text, sent=text, published=text),
        Issue("unknown_tags", field=text, sent=text),
    ]
    files = {"issues_csv": text, "raw": text}
    widest = (PriceChange(text, text, Decimal(1), Decimal(2)),)
    prices = PriceChanges(up=1, down=0, median=Decimal(100), histogram=(0,) * 9 + (1,), widest=widest)
    report = build(load, write_issues(issues), write_rejected({0: text}), files, None, prices=prices)
    page, plain_text = render_html(report), render_text(report)
    assert_inert(page)
    for control in ("\r", "\x00", "\x1b", "\u202e"):
        assert control not in page
        assert control not in plain_text
    assert not any(line.startswith("Bcc:") for line in plain_text.splitlines())
    assert "49" not in plain_text.replace("4812", "")
    # Harmless is not hidden: the supplier still sees what was sent.
    for word in ("HYPERLINK", "alert(1)", "Bcc: victim", "{0.__class__}"):
        if word in text:
            assert word in plain_text
            assert word in unescape(page)


def test_a_link_to_a_file_is_printed_not_acted_on(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    files = {"issues_csv": 'https://files.example/\u202e\x00"onclick=x'}
    page = render_html(build(make_load(), write_issues([]), None, files, None))
    assert_inert(page)
    assert "https://files.example/[U+202E][U+0000]&#34;onclick=x" in page


def test_R2_a_table_is_told_row_and_column(make_load: Callable[..., LoadFacts], write_issues: WriteIssues) -> None:
    issues = [Issue("price_invalid", ordinal=3, sku="А1", line=5, field="Цена, руб", sent="от 100")]
    for said in both(build(make_load(format="csv"), write_issues(issues), None, {}, None)):
        assert "строка 5, столбец «Цена, руб»" in said
        assert "«Цена» = 1200.50" in said
        assert "<price>" not in said


def test_nothing_that_is_worth_knowing_is_left_out(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    # About the whole file, with and without a value; about offers, with a value that stands in no other's place.
    issues = [
        Issue("param_name_recognized", sent="Длинна", published="Длина"),
        Issue("goods_deleted", sent="3", published="к-17"),
        Issue("params_joined", ordinal=1, sent="Цвет", published="белый; синий"),
        Issue("pictures_over_limit", ordinal=1, sent="https://a.example/4.jpg", published="3"),
        Issue("prices_differ", ordinal=1, sent="150.00", published="150.00"),
    ]
    for said in both(build(make_load(), write_issues(issues), None, {}, None)):
        assert "«Длинна» → «Длина»" in re.sub("<[^>]+>", "", said)
        assert "первый с Ид к-17" in said
        assert "значения объединены: «белый; синий»" in said
        assert "Опубликованы первые три изображения" in said
        assert said.count(" → ") == 2  # the heading, and what was read otherwise


def test_offers_of_one_line_are_told_that_line(make_load: Callable[..., LoadFacts], write_issues: WriteIssues) -> None:
    for sent, told in (
        ("import.xml:2", "import.xml:2"),
        ("79", "строка 79"),
        ("68, 79", "строки 68, 79"),
    ):
        issues = [Issue("duplicate_conflict", ordinal=n, sku="F490", line=2, sent=sent) for n in range(2)]
        for said in both(build(make_load(), write_issues(issues), None, {}, None)):
            assert said.count(f"тот же артикул: {told}") == 2
            assert "У всех" not in said


def test_a_supplier_and_a_shop_are_called_by_their_names(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    load, issues = make_load(supplier="krepezh", shop="main"), write_issues([])
    for said in both(build(load, issues, None, {}, None, supplier="ООО «Крепёж»", shop="КИМ «Главный»")):
        assert "· ООО «Крепёж»" in said
        assert "магазин КИМ «Главный»" in said
        assert "krepezh" not in said
    for said in both(build(load, issues, None, {}, None)):
        assert "· krepezh" in said
        assert "магазин main" in said


def test_what_is_read_once_a_file_is_told_where_it_stood_first(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    recognized = {"field": "param", "sent": "Длинна", "published": "Длина"}
    for line, ordinal, told in (
        (27, None, "впервые: строка 27"),
        (None, None, "весь файл"),
        (27, 0, "1 товар, например строка 27"),
    ):
        issue = Issue("param_name_recognized", line=line, ordinal=ordinal, **recognized)
        for said in both(build(make_load(), write_issues([issue]), None, {}, None)):
            assert told in said


def test_a_rejected_file_published_nothing_and_its_reason_is_told_once(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    load = make_load(status=LoadStatus.REJECTED, reason="all_offers_rejected", counts=Counts(read=2, rejected=2))
    issues = write_issues(
        [Issue("all_offers_rejected"), Issue("text_cleaned", ordinal=0, sent="а  б", published="а б")]
    )
    before = write_issues([Issue("all_offers_rejected"), Issue("price_missing", ordinal=0, sku="A")])
    for said in both(build(load, issues, None, {}, make_load(), issues_before=before)):
        assert said.count("Ни один товар из файла не принят") == 1
        assert "Не указана цена" in said
        assert "прислано → прочитано" in said.lower()
        assert "опубликовано" not in said.lower()


def test_a_catalog_without_goods_and_scores_of_zero_need_no_room(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    for counted in (0, 1):
        statistics = {"published": counted, "hidden": 0}
        report = build(make_load(), write_issues([]), None, {}, None, statistics=statistics)
        for said in both(report):
            assert ("Всего опубликованных товаров" in said) == bool(counted)
        zero = Score((Part("accepted", counted, counted, 40),))
        assert ("score" in pages.pictures(replace(report, score=zero, scores=(0, 0)))) == bool(counted)


def test_a_path_is_told_to_be_out_of_reach_and_a_link_is_not(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    for place, out_of_reach in (("/var/lib/feeds/issues.csv", True), ("https://files.example/issues.csv", False)):
        for said in both(build(make_load(), write_issues([]), None, {"issues_csv": place}, None)):
            assert "Полный список замечаний (CSV)" in said
            assert ("Хранятся на сервере каталога" in said) == out_of_reach


def test_R3_every_form_says_how_to_be_written_less(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    said = [*both(build(make_load(), write_issues([]), None, {}, None))]
    said += render_notice("О чём", "Что", [], datetime(2026, 11, 22, tzinfo=UTC))
    assert all("Слишком много писем? Ответьте на любое из них" in form for form in said)


def test_removed_spaces_can_be_seen(make_load: Callable[..., LoadFacts], write_issues: WriteIssues) -> None:
    issue = Issue("text_cleaned", ordinal=0, field="name", sent="Болт   М8", published="Болт М8")
    assert "«Болт \N{NO-BREAK SPACE} М8» → " in render_html(build(make_load(), write_issues([issue]), None, {}, None))


def test_the_page_is_bounded_whatever_the_data(make_load: Callable[..., LoadFacts], write_issues: WriteIssues) -> None:
    worst = '"' * 5_000
    issues = [
        Issue(code, ordinal=n, line=n, sku=f"{n}{worst}", field=f"{n % 40}{worst}", sent=f"{n}{worst}", published=worst)
        for n in range(4_000)
        for code in ("file_is_html", "format_unknown", "encoding_overridden", "unknown_tags")
    ]
    load = make_load(link=worst, supplier=worst, shop=worst)
    files = dict.fromkeys(("issues_xlsx", "issues_csv", "report_html", "report_json", "issues", "raw"), worst)
    report = build(load, write_issues(issues), None, files, make_load(), visible=1)
    assert len(render_html(report).encode()) < HTML_LIMIT
    assert len(render_text(report).encode()) < HTML_LIMIT
    assert "и ещё 73 — в полном списке" in render_text(report)


def test_lists_that_are_not_counted_to_the_end_say_so(
    make_load: Callable[..., LoadFacts], write_issues: WriteIssues
) -> None:
    issues = (Issue("file_is_html", ordinal=n, field=f"f{n}") for n in range(300))
    assert "и другие — в полном списке" in render_text(build(make_load(), write_issues(issues), None, {}, None))


def test_a_short_mail_is_harmless_and_for_mail_clients_too() -> None:
    for text in HOSTILE:
        paragraphs = [
            Paragraph(text),
            Paragraph(text, file_at(text, text)),
            Paragraph(text, file_at(text, f"https://a.example/{text}")),
        ]
        page, plain_text = render_notice(text, text, paragraphs, datetime(2026, 11, 22, 4, 15, tzinfo=UTC))
        assert_inert(page)
        assert_for_mail(page)
        assert not any(line.startswith("Bcc:") for line in plain_text.splitlines())
        assert not set(plain_text) & set("\r\x00\x1b\u202e")


@pytest.mark.parametrize(
    ("remedy", "to_paste"),
    [
        ("Добавьте: <name>Кабель ВВГнг 3х2,5</name>", ["<name>Кабель ВВГнг 3х2,5</name>"]),
        ("<unitOkei>796</unitOkei><units>шт</units>.", ["<unitOkei>796</unitOkei><units>шт</units>"]),
        ("<vat>20</vat> или <vat>NO_VAT</vat>", ["<vat>20</vat>", "<vat>NO_VAT</vat>"]),
        ('available="count" и <quantity>36</quantity>', ['available="count"', "<quantity>36</quantity>"]),
        ('Укажите: <?xml version="1.0"?>', ['<?xml version="1.0"?>']),
        ('в <offers><offer id="…">…</offer></offers>.', ['<offers><offer id="…">…</offer></offers>']),
        ("Впишите: «Цена» = 1200.50. Если", ["«Цена» = 1200.50"]),
        ("«Наименование» = «Кабель, 3х2,5» или", ["«Наименование» = «Кабель, 3х2,5»"]),
        ("ставку: <А><Б>НДС</Б><В>22</В></А>, а", ["<А><Б>НДС</Б><В>22</В></А>"]),
        ('"unitOkei": "796", "units": "шт" или', ['"unitOkei": "796", "units": "шт"']),
        ("Проверьте цену в столбце «Цена».", []),
    ],
)
def test_R2_what_is_to_be_pasted_stands_out_whole(remedy: str, to_paste: list[str]) -> None:
    pieces = pages._parted(remedy)
    assert "".join(pieces) == remedy
    assert pieces[1::2] == to_paste
