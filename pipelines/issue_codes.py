"""The closed list of issue codes: severity, rule, and what the supplier reads.

Codes are stable: they may be added, never renamed or reused. `message` and `remedy` are Russian templates; `{field}`,
`{sent}`, `{published}`, `{sku}` and `{line}` are filled from the issue. `docs/issues.md` is generated from this list.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.model import Severity


@dataclass(frozen=True)
class IssueCode:
    """One kind of remark.

    Attributes:
        code: stable snake_case identity.
        severity: consequence for the offer, or for the load where `scope` is "load".
        rule: id of the loading rule it comes from.
        message: what happened, in Russian.
        remedy: what to do about it, in Russian, with the text to paste where there is one; may be empty for infos.
        scope: "offer" or "load".
    """

    code: str
    severity: Severity
    rule: str
    message: str
    remedy: str
    scope: str = "offer"


_FILE: tuple[IssueCode, ...] = (
    IssueCode("file_empty", Severity.ERROR, "F5", "Файл пуст.", "Проверьте выгрузку: по ссылке должен отдаваться прайс-лист с товарами.", "load"),
    IssueCode("file_is_html", Severity.ERROR, "F5", "Вместо прайс-листа получена веб-страница: «{sent}».", "Откройте ссылку в браузере без входа в систему: она должна скачивать XML-файл.", "load"),
    IssueCode("format_unknown", Severity.ERROR, "F1", "Формат файла не распознан; начало файла: «{sent}».", "Поддерживаются YML (корневой тег <yml_catalog>), CommerceML (<КоммерческаяИнформация>) и CSV по шаблону.", "load"),
    IssueCode("format_unsupported", Severity.ERROR, "F1", "Файлы формата {sent} пока не загружаются.", "Передайте прайс-лист в формате YML (корневой тег <yml_catalog>).", "load"),
    IssueCode("file_too_large", Severity.ERROR, "F3", "Файл больше 300 МБ.", "Разделите прайс-лист на несколько ссылок по категориям: у поставщика их может быть несколько.", "load"),
    IssueCode("archive_invalid", Severity.ERROR, "F3", "Архив не удалось открыть: {sent}.", "В архиве gzip или zip должен быть один файл прайс-листа, без пароля и вложенных архивов.", "load"),
    IssueCode("xml_malformed", Severity.ERROR, "F5", "XML построен неверно: {sent}.", "Проверьте файл в любом редакторе XML: каждая открытая метка должна закрываться, а знаки & и < в тексте записываются как &amp; и &lt;.", "load"),
    IssueCode("xml_truncated", Severity.ERROR, "F5", "Файл обрывается: {sent}.", "Дождитесь окончания выгрузки перед публикацией файла: последней строкой должна быть закрывающая метка корня, например </yml_catalog>.", "load"),
    IssueCode("xml_doctype_entities", Severity.ERROR, "F5", "В DOCTYPE объявлены сущности; такие файлы не принимаются.", 'Уберите объявления <!ENTITY …>; допустима строка <!DOCTYPE yml_catalog SYSTEM "shops.dtd">.', "load"),
    IssueCode("xml_limit", Severity.ERROR, "F5", "Превышены пределы разбора: {sent}.", "Сократите указанное: один товар не больше 4 МБ, вложенность меток не глубже 256.", "load"),
    IssueCode("encoding_invalid", Severity.ERROR, "F5", "Кодировка файла не определяется однозначно: {sent}.", 'Сохраните файл в UTF-8 и укажите её в первой строке: <?xml version="1.0" encoding="UTF-8"?>', "load"),
    IssueCode("no_offers", Severity.ERROR, "F8", "В файле нет ни одного товара.", 'Проверьте выгрузку: товары передаются в <offers><offer id="…">…</offer></offers>.', "load"),
    IssueCode("all_offers_rejected", Severity.ERROR, "F8", "Ни один товар из файла не принят; каталог не изменён.", "Исправьте ошибки, перечисленные ниже, начиная с самых частых.", "load"),
    IssueCode("link_unreachable", Severity.ERROR, "F2", "Файл по ссылке не получен: {sent}.", "Откройте ссылку из внешней сети: сервер должен отвечать кодом 200 и отдавать файл целиком.", "load"),
    IssueCode("encoding_overridden", Severity.WARNING, "F6", "Объявлена кодировка {sent}, на деле файл в {published}; прочитан как {published}.", 'Укажите настоящую кодировку в первой строке: <?xml version="1.0" encoding="{published}"?>', "load"),
    IssueCode("encoding_name_unknown", Severity.WARNING, "F6", "Кодировка названа нестандартно: «{sent}»; файл прочитан как {published}.", 'Укажите принятое имя: <?xml version="1.0" encoding="{published}"?>', "load"),
    IssueCode("leading_bytes_skipped", Severity.WARNING, "F6", "Перед началом документа стояли лишние байты ({sent}); они пропущены.", "Файл должен начинаться с <?xml …?>: уберите пустые строки, вторую метку BOM и сообщения PHP перед ним.", "load"),
    IssueCode("ampersand_escaped", Severity.WARNING, "F6", "Знак & записан без замены ({sent} раз), впервые: «{field}»; прочитан как есть.", "Записывайте & в тексте и ссылках как &amp;", "load"),
    IssueCode("html_entity_replaced", Severity.WARNING, "F6", "Имена знаков HTML, которых нет в XML ({sent} раз), впервые: {field}; заменены самими знаками.", "Записывайте сами знаки: неразрывный пробел, «кавычки», тире — или их номера, например &#160;", "load"),
    IssueCode("control_characters_removed", Severity.WARNING, "F6", "Управляющие знаки, запрещённые в XML ({sent} шт.), впервые: {field}; удалены.", "Очищайте тексты от управляющих знаков с кодами 0–31, кроме табуляции и перевода строки.", "load"),
    IssueCode("unknown_tags", Severity.INFO, "O19", "Незнакомая метка <{field}> встретилась {sent} раз; её содержимое не загружено.", "", "load"),
    IssueCode("unknown_tags_more", Severity.INFO, "O19", "Ещё {sent} незнакомых меток; их содержимое не загружено.", "", "load"),
)

ISSUE_CODES: dict[str, IssueCode] = {c.code: c for c in _FILE}
