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
    IssueCode("format_unexpected", Severity.ERROR, "F1", "Файл другого формата, чем ждёт ссылка: {sent}.", "Публикуйте по этой ссылке файл прежнего формата или попросите изменить настройку формата.", "load"),
    IssueCode("file_too_large", Severity.ERROR, "F3", "Файл больше 300 МБ.", "Разделите прайс-лист на несколько ссылок по категориям: у поставщика их может быть несколько.", "load"),
    IssueCode("archive_invalid", Severity.ERROR, "F3", "Архив не удалось открыть: {sent}.", "В архиве gzip или zip должен быть один файл прайс-листа или файлы одного обмена CommerceML, без пароля и вложенных архивов.", "load"),
    IssueCode("xml_malformed", Severity.ERROR, "F5", "XML построен неверно: {sent}.", "Проверьте файл в любом редакторе XML: каждая открытая метка должна закрываться, а знаки & и < в тексте записываются как &amp; и &lt;.", "load"),
    IssueCode("xml_truncated", Severity.ERROR, "F5", "Файл обрывается: {sent}.", "Дождитесь окончания выгрузки перед публикацией файла: последней строкой должна быть закрывающая метка корня, например </yml_catalog>.", "load"),
    IssueCode("xml_doctype_entities", Severity.ERROR, "F5", "В DOCTYPE объявлены сущности; такие файлы не принимаются.", 'Уберите объявления <!ENTITY …>; допустима строка <!DOCTYPE yml_catalog SYSTEM "shops.dtd">.', "load"),
    IssueCode("xml_limit", Severity.ERROR, "F5", "Превышены пределы разбора: {sent}.", "Сократите указанное: один товар не больше 4 МБ, вложенность меток не глубже 256.", "load"),
    IssueCode("file_too_demanding", Severity.ERROR, "F5", "Разбор файла остановлен: {sent}.", "Разделите прайс-лист на несколько ссылок. Если файл обычный и небольшой, сообщите оператору площадки.", "load"),
    IssueCode("encoding_invalid", Severity.ERROR, "F5", "Кодировка файла не определяется однозначно: {sent}.", 'Сохраните файл в UTF-8 и укажите её в первой строке: <?xml version="1.0" encoding="UTF-8"?>', "load"),
    IssueCode("no_offers", Severity.ERROR, "F8", "В файле нет ни одного товара.", 'Проверьте выгрузку: в YML товары передаются в <offers><offer id="…">…</offer></offers>, в CommerceML нужны и каталог (Товары), и пакет предложений (Предложения с ценами и остатками).', "load"),
    IssueCode("all_offers_rejected", Severity.ERROR, "F8", "Ни один товар из файла не принят.", "Исправьте ошибки, перечисленные ниже, начиная с самых частых.", "load"),
    IssueCode("link_unreachable", Severity.ERROR, "F2", "Файл по ссылке не получен: {sent}.", "Откройте ссылку из внешней сети: сервер должен отвечать кодом 200 и отдавать файл целиком.", "load"),
    IssueCode("encoding_overridden", Severity.WARNING, "F6", "Объявлена кодировка {sent}, на деле файл в {published}; прочитан как {published}.", 'Укажите настоящую кодировку в первой строке: <?xml version="1.0" encoding="{published}"?>', "load"),
    IssueCode("encoding_name_unknown", Severity.WARNING, "F6", "Кодировка названа нестандартно: «{sent}»; файл прочитан как {published}.", 'Укажите принятое имя: <?xml version="1.0" encoding="{published}"?>', "load"),
    IssueCode("leading_bytes_skipped", Severity.WARNING, "F6", "Перед началом документа стояли лишние байты ({sent}); они пропущены.", "Файл должен начинаться с <?xml …?>: уберите пустые строки, вторую метку BOM и сообщения PHP перед ним.", "load"),
    IssueCode("ampersand_escaped", Severity.WARNING, "F6", "Знак & записан без замены (случаев: {sent}), впервые: «{field}»; прочитан как есть.", "Записывайте & в тексте и ссылках как &amp;", "load"),
    IssueCode("html_entity_replaced", Severity.WARNING, "F6", "Имена знаков HTML, которых нет в XML (случаев: {sent}), впервые: {field}; заменены самими знаками.", "Записывайте сами знаки: неразрывный пробел, «кавычки», тире — или их номера, например &#160;", "load"),
    IssueCode("control_characters_removed", Severity.WARNING, "F6", "Управляющие знаки, которых в тексте не бывает ({sent} шт.), впервые: {field}; удалены.", "Очищайте тексты от управляющих знаков с кодами 0–31, кроме табуляции и перевода строки.", "load"),
    IssueCode("unknown_tags", Severity.INFO, "O19", "Незнакомая метка <{field}> (в файле их {sent}); её содержимое не загружено.", "", "load"),
    IssueCode("unknown_tags_more", Severity.INFO, "O19", "Других незнакомых меток: {sent}; их содержимое не загружено.", "", "load"),
)

_OFFER_IDENTITY: tuple[IssueCode, ...] = (
    IssueCode("sku_missing", Severity.ERROR, "O1", "Не указан артикул товара.", 'Укажите артикул из вашей учётной системы, до 20 символов: <offer id="A-100">.'),
    IssueCode("sku_too_long", Severity.ERROR, "O1", "Артикул «{sent}» длиннее 20 символов; он не обрезается, чтобы не спутать товары.", 'Сократите артикул до 20 символов и больше его не меняйте: <offer id="A-100">.'),
    IssueCode("sku_characters", Severity.ERROR, "O1", "Артикул «{sent}» содержит недопустимые в CSV символы.", "В CSV артикул состоит только из латинских букв и цифр, например A100."),
    IssueCode("duplicate_identical", Severity.WARNING, "O2", "Товар «{sku}» повторён без изменений и пропущен; учтён тот, что на строке {sent}.", "Уберите повтор: каждый товар передаётся в файле один раз."),
    IssueCode("duplicate_conflict", Severity.ERROR, "O2", "Под одним артикулом «{sku}» переданы разные товары, и ни один из них не загружен; остальные на строках: {sent}.", "Дайте каждому товару свой артикул или оставьте одну правильную запись."),
)

_OFFER_TEXT: tuple[IssueCode, ...] = (
    IssueCode("name_missing", Severity.ERROR, "O3", "Не указано наименование товара.", "Добавьте наименование, до 255 символов: <name>Кабель ВВГнг 3х2,5</name>"),
    IssueCode("name_from_sku", Severity.WARNING, "O3", "Не указано наименование; вместо него показан артикул «{published}».", "Добавьте наименование: <name>Кабель ВВГнг 3х2,5</name>"),
    IssueCode("name_composed", Severity.INFO, "O3", "Наименование составлено из типа, производителя и модели: «{published}».", "Чтобы показать другое, передайте его в <name>."),
    IssueCode("name_cut", Severity.WARNING, "O3", "Наименование длиннее 255 символов; опубликовано: «{published}».", "Сократите наименование до 255 символов, подробности перенесите в <description>."),
    IssueCode("type_prefix_ignored", Severity.INFO, "O3", "Метка <{field}> не учитывается, если есть наименование; впервые: «{sent}».", "Если тип товара нужен в наименовании, впишите его в <name>.", "load"),
    IssueCode("text_cleaned", Severity.INFO, "N4", "В поле «{field}» убраны лишние пробелы: опубликовано «{published}».", ""),
    IssueCode("description_missing", Severity.ERROR, "O4", "Нет описания, а в этом магазине оно обязательно.", "Добавьте описание: <description>Назначение, состав, особенности товара</description>"),
    IssueCode("description_links_removed", Severity.INFO, "O4", "Из описания убраны ссылки: на странице товара их не показывают.", "Уберите из описания адреса сайтов."),
    IssueCode("description_tags_removed", Severity.INFO, "O4", "В описании не показываются метки: {published}; их текст сохранён.", "Оформляйте описание метками p, br, ul, ol, li, b, i, h3, table."),
    IssueCode("description_cut", Severity.WARNING, "O4", "Описание слишком длинное и обрезано до {published} символов.", "Сократите описание до 65 535 символов вместе с разметкой (в CSV до 65 000)."),
    IssueCode("vendor_missing", Severity.ERROR, "O12", "Не указан производитель, а в этом магазине он обязателен.", "Добавьте производителя: <vendor>Наименование производителя</vendor>"),
)

_OFFER_UNIT: tuple[IssueCode, ...] = (
    IssueCode("unit_missing", Severity.ERROR, "O5", "Нет единицы измерения: ни кода из ОКЕИ, ни названия.", "Добавьте код ОКЕИ и единицу: <unitOkei>796</unitOkei><units>шт</units>"),
    IssueCode("unit_code_unknown", Severity.WARNING, "O5", "Кода «{sent}» нет в ОКЕИ; опубликовано: «{published}».", "Укажите код из ОКЕИ, например <unitOkei>796</unitOkei> для штук, <unitOkei>166</unitOkei> для килограммов."),
    IssueCode("unit_code_disagrees", Severity.WARNING, "N1", "Код единицы «{sent}» по ОКЕИ значит другое, чем её название; опубликовано по названию: «{published}».", "Исправьте код в справочнике единиц 1С: у штуки 796, у килограмма 166, у метра 006, у упаковки 778."),
    IssueCode("unit_defaulted", Severity.WARNING, "O5", "Единица измерения не передана; по настройке ссылки опубликовано «{published}».", "Передавайте единицу у каждого товара: <unitOkei>796</unitOkei>"),
    IssueCode("unit_text_overruled", Severity.WARNING, "O5", "Код ОКЕИ и текст «{sent}» не согласуются; опубликовано по коду: «{published}».", "Исправьте код или текст, чтобы они называли одну единицу: <unitOkei>796</unitOkei><units>шт</units>"),
    IssueCode("unit_recognized", Severity.INFO, "N1", "Единица «{sent}» показана как «{published}».", "Чтобы не зависеть от написания, передавайте код: <unitOkei>796</unitOkei>"),
    IssueCode("unit_not_in_okei", Severity.INFO, "N1", "Единицы «{sent}» нет в ОКЕИ; показана как есть.", "Если подходит единица из ОКЕИ, передайте её код: <unitOkei>796</unitOkei>"),
    IssueCode("units_differ", Severity.WARNING, "O5", "Переданы две разные единицы; «{sent}» не учтена, опубликовано «{published}».", "Оставьте одну единицу: <units>шт</units>"),
)

_OFFER_PRICE: tuple[IssueCode, ...] = (
    IssueCode("price_missing", Severity.ERROR, "O6", "Не указана цена.", "Добавьте цену с НДС или без: <price>1200.50</price> или <price_without_nds>1000.42</price_without_nds>"),
    IssueCode("price_invalid", Severity.ERROR, "O6", "Цена «{sent}» не читается.", "Передавайте одно число без слов и диапазонов: <price>1200.50</price>"),
    IssueCode("price_ambiguous", Severity.ERROR, "O6", "Цена «{sent}» читается двояко: с тысячами или с дробной частью.", "Отделяйте копейки точкой и не разделяйте тысячи запятой: <price>1200.50</price>"),
    IssueCode("price_not_positive", Severity.ERROR, "O6", "Цена «{sent}» не больше нуля.", "Укажите действительную цену: <price>1200.50</price>. Если товара нет в продаже, передайте available=\"finished\" и прежнюю цену."),
    IssueCode("price_too_large", Severity.ERROR, "O6", "Цена «{sent}» больше наибольшей возможной: 9 999 999 999 999,99.", "Проверьте цену и валюту: <price>1200.50</price>"),
    IssueCode("price_rounded", Severity.WARNING, "O6", "Цена «{sent}» округлена до копеек: {published}.", "Передавайте цену с двумя знаками после точки: <price>{published}</price>"),
    IssueCode("prices_differ", Severity.WARNING, "O6", "Цена с НДС и цена без НДС «{sent}» не согласуются со ставкой; опубликованы обе, как присланы.", "Проверьте обе цены и ставку или передавайте одну цену: вторая рассчитывается по ставке."),
    IssueCode("vat_missing", Severity.ERROR, "O7", "Не указана ставка НДС, а в этом магазине она обязательна.", "Добавьте ставку: <vat>22</vat>, а если НДС не облагается: <vat>NO_VAT</vat>"),
    IssueCode("vat_defaulted", Severity.WARNING, "O7", "Ставка НДС не передана; по настройке ссылки опубликовано: {published}.", "Передавайте ставку у каждого товара: <vat>22</vat> или <vat>NO_VAT</vat>"),
    IssueCode("vat_unknown", Severity.WARNING, "O7", "Ставка НДС «{sent}» не принимается; опубликовано «НДС не облагается».", "Передайте принимаемую ставку, например <vat>22</vat>, а если НДС не облагается: <vat>NO_VAT</vat>"),
    IssueCode("vat_and_nds_differ", Severity.WARNING, "O7", "Переданы две разные ставки НДС; «{sent}» не учтено, опубликовано: {published}.", "Оставьте одну ставку: <vat>22</vat>"),
    IssueCode("vat_unknown_share", Severity.ERROR, "O7", "Ставка НДС не распознана больше чем у 5 % товаров ({sent}); они показаны как «НДС не облагается».", "Если в файле коды Яндекса (7 = 20 %), сообщите об этом оператору; иначе передавайте проценты: <vat>22</vat>", "load"),
    IssueCode("currency_unknown", Severity.ERROR, "O8", "Валюта «{sent}» не принимается.", "Передавайте цену в рублях: <currencyId>RUB</currencyId>; принимаются также USD, EUR, UAH, KZT, KGS, TRY."),
    IssueCode("currency_read_as", Severity.INFO, "O8", "Валюта «{sent}» показана как {published}.", "", "load"),
)

_OFFER_STOCK: tuple[IssueCode, ...] = (
    IssueCode("availability_missing", Severity.WARNING, "O9", "Не указано ни наличие, ни количество; опубликовано «много».", 'Передайте наличие: available="count" и <quantity>36</quantity>, или available="many", "few", "order", "finished".'),
    IssueCode("availability_unknown", Severity.WARNING, "O9", "Значение наличия «{sent}» неизвестно; опубликовано «много».", 'Передайте одно из значений: available="count", "many", "few", "order", "finished".'),
    IssueCode("availability_contradicted", Severity.WARNING, "O9", "Наличие и количество противоречат друг другу ({sent}); опубликовано меньшее.", 'Передавайте точное количество: available="count" и <quantity>36</quantity>; если товара нет: available="finished".'),
    IssueCode("available_false_read_as", Severity.INFO, "O9", "Наличие false показано так, как задано для ссылки: {published}.", 'Чтобы сказать точно, передайте available="order" (под заказ) или available="finished" (закончился).', "load"),
    IssueCode("quantity_missing", Severity.WARNING, "O9", "К точному наличию нужно количество; опубликовано «много».", "Добавьте количество: <quantity>36</quantity>"),
    IssueCode("quantity_unreadable", Severity.WARNING, "O10", "Количество «{sent}» не читается и не опубликовано.", "Передавайте число: <quantity>36</quantity>"),
    IssueCode("quantity_negative", Severity.WARNING, "O10", "Количество «{sent}» отрицательное; принято за ноль.", "Проверьте остатки: <quantity>0</quantity>"),
    IssueCode("quantity_rounded", Severity.WARNING, "O10", "Количество «{sent}» округлено: {published}.", "Передавайте не больше шести знаков после точки."),
    IssueCode("delivery_dropped", Severity.WARNING, "O11", "Срок поставки «{sent}» не опубликован.", "Передавайте целое число дней от 0 до 3650: <delivery_time>14</delivery_time>"),
)

_OFFER_DETAILS: tuple[IssueCode, ...] = (
    IssueCode("params_joined", Severity.INFO, "O13", "Характеристика «{sent}» передана несколько раз; значения объединены: «{published}».", ""),
    IssueCode("params_dropped", Severity.INFO, "O13", "Характеристики без значения не опубликованы: {sent}.", "Не передавайте пустые характеристики."),
    IssueCode("param_name_guessed", Severity.WARNING, "N3", "Характеристика «{sent}» похожа на опечатку и опубликована как «{published}».", 'Исправьте название: <param name="{published}">', "load"),
    IssueCode("param_name_recognized", Severity.INFO, "N3", "Характеристика «{sent}» опубликована под базовым названием «{published}».", "", "load"),
    IssueCode("param_converted", Severity.INFO, "N3", "Значения характеристики пересчитаны в базовую единицу: «{sent}» → «{published}».", "", "load"),
    IssueCode("param_remarks_more", Severity.INFO, "N3", "Других названий и единиц характеристик, опубликованных в базовом виде: {sent}; здесь они не перечислены.", "", "load"),
    IssueCode("picture_invalid", Severity.WARNING, "O14", "Адрес изображения «{sent}» не опубликован.", "Передавайте полный адрес: <picture>https://example.com/1.jpg</picture>"),
    IssueCode("pictures_over_limit", Severity.WARNING, "O14", "Опубликованы первые три изображения; не опубликованы: {sent}.", "Оставьте не больше трёх изображений."),
    IssueCode("weight_dropped", Severity.WARNING, "O15", "Вес «{sent}» не опубликован.", "Передавайте положительное число килограммов, не длиннее 10 символов: <weight>1.5</weight>"),
    IssueCode("dimensions_dropped", Severity.WARNING, "O15", "Размеры «{sent}» не опубликованы.", "Передавайте длину, ширину и высоту в сантиметрах: <dimensions>10.5/20/30</dimensions>"),
    IssueCode("category_unknown", Severity.WARNING, "O16", "Категории «{sent}» нет в рубрикаторе; товар опубликован без категории.", "Укажите категорию третьего уровня из рубрикатора: <b2b_category_id>…</b2b_category_id> или исправьте соответствие категорий."),
    IssueCode("category_not_leaf", Severity.WARNING, "O16", "Категория «{sent}» не третьего уровня; товар опубликован без категории.", "Выберите в рубрикаторе категорию третьего уровня внутри этой: <b2b_category_id>…</b2b_category_id>"),
    IssueCode("bindings_kept", Severity.INFO, "O17", "Коды позиций закупщика или аналогов у части товаров не переданы; сохранены прежние, товаров: {sent}.", "", "load"),
    IssueCode("position_codes_repeated", Severity.WARNING, "O17", "Код позиции закупщика передан несколько раз; «{sent}» не учтён, учтён последний: {published}.", "Перечислите коды через запятую, один раз: <idToImport>100200,100201</idToImport>"),
    IssueCode("value_repeated", Severity.WARNING, "O17", "Поле «{field}» передано несколько раз; «{sent}» не учтено, учтено первое значение.", "Оставьте одно значение поля «{field}»."),
)

_REGION: tuple[IssueCode, ...] = (
    IssueCode("region_unknown", Severity.WARNING, "N2", "Регион «{sent}» не найден и не загружен.", 'Укажите сокращение федерального округа или 8 цифр ОКТМО: <region id="11508000">'),
    IssueCode("region_rolled_up", Severity.INFO, "N2", "Код региона «{sent}» подробнее справочника; данные показаны для {published}.", ""),
    IssueCode("region_replaced", Severity.INFO, "N2", "Код региона «{sent}» заменён; данные показаны для {published}.", "Обновите код региона."),
    IssueCode("region_zero_restored", Severity.INFO, "N2", "В коде региона «{sent}» восстановлен начальный ноль: {published}.", "Храните код региона как текст: он начинается с нуля."),
    IssueCode("region_repeated", Severity.WARNING, "O18", "Регион «{sent}» ({published}) передан ещё раз; повтор не загружен.", "Оставьте одну запись на регион."),
    IssueCode("region_price_dropped", Severity.WARNING, "O18", "Регион не загружен, цена не читается: «{sent}».", "Передавайте одно положительное число: <price>1200.50</price>"),
    IssueCode("region_price_rounded", Severity.WARNING, "O18", "Цена региона «{sent}» округлена до копеек: {published}.", "Передавайте цену с двумя знаками после точки: <price>{published}</price>"),
    IssueCode("region_prices_differ", Severity.WARNING, "O18", "Цены региона с НДС и без НДС не согласуются со ставкой («{sent}»); опубликованы обе, как присланы.", "Проверьте обе цены региона или передавайте одну."),
    IssueCode("region_stock_guessed", Severity.WARNING, "O18", "Наличие в регионе «{sent}» не читается точно; опубликовано: {published}.", "Передайте <available>count</available><quantity>36</quantity> или одно из значений many, few, order, finished."),
    IssueCode("region_delivery_dropped", Severity.WARNING, "O18", "Срок поставки в регион «{sent}» не читается; взят срок товара.", "Передавайте целое число дней от 0 до 3650: <delivery_time>14</delivery_time>"),
)

_STOCK_CLASS: tuple[IssueCode, ...] = (
    IssueCode("stock_class_unknown", Severity.WARNING, "S2", "Класс остатка «{sent}» неизвестен; товар опубликован с классом по настройке ссылки: {published}.", "Передайте один из классов: <stock_class>marketplace</stock_class> (для маркетплейсов), online_store (для интернет-магазинов) или on_request (цена по запросу)."),
    IssueCode("price_not_published", Severity.INFO, "S4", "Цена «{sent}» не опубликована: товар класса on_request показан как «цена по запросу».", "Чтобы показать цену, передайте другой класс остатка: <stock_class>online_store</stock_class>"),
    IssueCode("price_on_request_unclassed", Severity.ERROR, "S4", "Вместо цены передано «{sent}», а без цены показывают только товары класса «по запросу».", "Передайте у товара <stock_class>on_request</stock_class> или укажите цену числом: <price>1200.50</price>"),
    IssueCode("rrp_dropped", Severity.WARNING, "O19", "Рекомендованная розничная цена «{sent}» не читается и не опубликована.", "Передавайте одно положительное число: <rrp>1500.00</rrp>, а если её нет, не передавайте ничего или 0."),
    IssueCode("rrp_rounded", Severity.WARNING, "O19", "Рекомендованная розничная цена «{sent}» округлена до копеек: {published}.", "Передавайте цену с двумя знаками после точки: <rrp>{published}</rrp>"),
    IssueCode("price_below_rrp", Severity.ERROR, "S3", "Цена ниже рекомендованной розничной: {sent}.", "Поднимите цену до рекомендованной, исправьте рекомендованную или передайте класс остатка без её контроля: <stock_class>marketplace</stock_class>"),
    IssueCode("price_below_rrp_published", Severity.WARNING, "S3", "Цена ниже рекомендованной розничной ({sent}); опубликовано: {published}.", "Поднимите цену до рекомендованной или исправьте рекомендованную."),
    IssueCode("region_below_rrp_dropped", Severity.WARNING, "S3", "Регион не загружен, цена ниже рекомендованной розничной: «{sent}».", "Поднимите цену в регионе до рекомендованной или исправьте рекомендованную."),
    IssueCode("region_below_rrp_published", Severity.WARNING, "S3", "Цена региона ниже рекомендованной розничной («{sent}»); опубликовано: {published}.", "Поднимите цену в регионе до рекомендованной или исправьте рекомендованную."),
)

_PUBLISHING: tuple[IssueCode, ...] = (
    IssueCode("price_jump_held", Severity.WARNING, "P7", "Цена «{sent}» слишком отличается от прежней и ждёт подтверждения; показана прежняя: {published}.", "Проверьте цену и единицу измерения. Если цена верна, назовите оператору каталога номер загрузки: он подтвердит её."),
)

_TABLE: tuple[IssueCode, ...] = (
    IssueCode("table_encoding_invalid", Severity.ERROR, "F5", "Кодировка таблицы не определяется однозначно: {sent}.", "Сохраните файл в Excel как «CSV UTF-8 (разделитель — запятая)».", "load"),
    IssueCode("table_column_missing", Severity.ERROR, "F5", "В таблице нет столбца «{sent}».", "Первая строка таблицы — названия столбцов; возьмите их из шаблона: «Идентификатор продукта», «Наименование», «Цена» и другие.", "load"),
    IssueCode("table_header_changed", Severity.ERROR, "F5", "Посреди таблицы стоит другая строка названий столбцов: {sent}.", "Оставьте одну строку названий столбцов в начале таблицы; таблицы с разными столбцами загружайте отдельными файлами.", "load"),
    IssueCode("table_truncated", Severity.ERROR, "F5", "Таблица обрывается посреди строки: «{sent}».", "Дождитесь окончания выгрузки и загрузите файл целиком.", "load"),
    IssueCode("table_limit", Severity.ERROR, "F5", "Превышены пределы таблицы: {sent}.", "Проверьте выгрузку: одна строка не больше 4 МБ, не больше 16 384 столбцов. Большую книгу Excel сохраните как «CSV UTF-8».", "load"),
    IssueCode("workbook_invalid", Severity.ERROR, "F5", "Книга Excel не читается: {sent}.", "Откройте книгу в Excel и сохраните её заново как «Книга Excel (*.xlsx)» или как «CSV UTF-8».", "load"),
    IssueCode("workbook_old", Severity.ERROR, "F1", "Книга Excel старого формата (XLS) или защищена паролем; такие файлы не загружаются.", "Снимите пароль и сохраните книгу как «Книга Excel (*.xlsx)» или как «CSV UTF-8».", "load"),
    IssueCode("table_row_too_long", Severity.ERROR, "F5", "В строке таблицы больше ячеек, чем столбцов ({sent}); неизвестно, какие лишние, и товар не загружен.", "Если в тексте есть разделитель столбцов, заключите весь текст в кавычки: \"Кабель; медный\"."),
    IssueCode("table_row_too_short", Severity.ERROR, "F5", "Строка таблицы короче, чем нужно ({sent}); товар не загружен.", "Проверьте, не разорвана ли строка: текст с переводом строки заключается в кавычки."),
    IssueCode("table_quote_unbalanced", Severity.ERROR, "F5", "В строке таблицы открыта и не закрыта кавычка: «{sent}»; товар не загружен, строки после него прочитаны отдельно.", "Заключите весь текст в кавычки, а кавычки внутри него удвойте: \"Труба 1/2\"\" стальная\"."),
    IssueCode("table_cell_too_long", Severity.ERROR, "F5", "В ячейке больше 100 000 знаков ({sent}); товар не загружен.", "Проверьте кавычки в этой строке: не закрытая кавычка соединяет ячейки."),
    IssueCode("table_quotes_kept", Severity.WARNING, "F6", "Кавычки внутри текста не удвоены (строк: {sent}), впервые: «{field}»; текст прочитан как есть, вместе с кавычками.", "Заключайте такой текст в кавычки целиком, а кавычки внутри него удваивайте.", "load"),
    IssueCode("table_errors_dropped", Severity.WARNING, "F6", "Ошибки вычисления Excel вместо значений ({sent} шт.), впервые: {field}; эти ячейки прочитаны как пустые.", "Исправьте формулы в таблице или вставьте значения.", "load"),
    IssueCode("table_rows_skipped", Severity.INFO, "F6", "Над строкой названий столбцов стоят другие строки ({sent}); они пропущены.", "", "load"),
    IssueCode("unknown_columns", Severity.INFO, "O19", "Незнакомый столбец «{field}», заполнен в строках: {sent}; его содержимое не загружено.", "Характеристику товара передавайте в столбцах «Название характеристики 1» и «Значение характеристики 1».", "load"),
    IssueCode("unknown_columns_more", Severity.INFO, "O19", "Других незнакомых столбцов: {sent}; их содержимое не загружено.", "", "load"),
    IssueCode("sku_exponent", Severity.ERROR, "O1", "Артикул «{sent}» испорчен Excel: длинное число показано со степенью, часть цифр потеряна.", "Задайте столбцу артикулов формат «Текстовый» и впишите артикулы заново."),
    IssueCode("sku_date", Severity.ERROR, "O1", "Артикул «{sent}» испорчен Excel: он превращён в дату.", "Задайте столбцу артикулов формат «Текстовый» и впишите артикулы заново."),
)

_SOURCE: tuple[IssueCode, ...] = (
    IssueCode("login_refused", Severity.ERROR, "S1", "Сервер поставщика не пустил загрузчик по логину ссылки: {sent}.", "Проверьте, что логин действует и соглашения на портале приняты. Если пароль или токен сменился, передайте новый оператору каталога.", "load"),
    IssueCode("answer_is_error", Severity.ERROR, "S1", "Вместо прайс-листа сервер ответил ошибкой: «{sent}».", "Проверьте выгрузку на своём сервере: по ссылке должен отдаваться прайс-лист, а об ошибке должен говорить код HTTP.", "load"),
    IssueCode("json_malformed", Severity.ERROR, "F5", "JSON построен неверно: {sent}.", "Проверьте файл в любом редакторе JSON: кавычки и запятые на месте, строки без переводов строки внутри.", "load"),
    IssueCode("json_truncated", Severity.ERROR, "F5", "Файл JSON обрывается: {sent}.", "Дождитесь окончания выгрузки перед публикацией файла.", "load"),
    IssueCode("json_limit", Severity.ERROR, "F5", "Превышены пределы разбора JSON: {sent}.", "Сократите указанное: один товар не больше 4 МБ и 100 000 значений, вложенность не глубже 64.", "load"),
    IssueCode("json_items_missing", Severity.ERROR, "F5", "В JSON не найден список товаров: {sent}.", "Отдавайте список товаров под прежним именем или попросите оператора каталога изменить настройку json_items.", "load"),
)

_BY_HAND: tuple[IssueCode, ...] = (
    IssueCode("edit_overwritten", Severity.WARNING, "P9", "Правка, сделанная в каталоге вручную, заменена данными загрузки. По правке: {sent}. Теперь: {published}.", "Чтобы правка осталась, внесите её и в прайс-лист."),
)

_GATE: tuple[IssueCode, ...] = (
    IssueCode("prices_all_equal", Severity.WARNING, "O6", "У всех товаров одна и та же цена: {sent}.", "Проверьте выгрузку цен: вместо цены мог попасть другой столбец или значение по умолчанию.", "load"),
    IssueCode("names_all_equal", Severity.WARNING, "O3", "Больше чем у половины товаров одно наименование: «{sent}».", "Добавьте в наименование то, чем товары различаются: размер, цвет, артикул.", "load"),
    IssueCode("region_prices_far", Severity.WARNING, "O18", "Цены регионов отличаются от цены товара в 10 раз и больше ({sent}).", "Проверьте цены регионов: возможно, они в копейках или за другую единицу измерения.", "load"),
    IssueCode("load_fewer_offers", Severity.WARNING, "R2", "Товаров в файле намного меньше: {sent}.", "Проверьте, все ли товары попали в выгрузку.", "load"),
    IssueCode("load_more_offers", Severity.WARNING, "R2", "Товаров в файле намного больше: {sent}.", "Проверьте, нет ли в выгрузке лишних товаров.", "load"),
    IssueCode("load_more_rejected", Severity.WARNING, "R2", "Доля непринятых товаров намного больше: {sent}.", "Начните с самых частых ошибок: вероятно, в выгрузке изменилось одно поле.", "load"),
    IssueCode("load_prices_moved", Severity.WARNING, "P7", "Цены в целом сдвинулись; цена посередине списка: {sent}.", "Проверьте валюту, копейки и единицу измерения; если цены верны, ничего не делайте.", "load"),
    IssueCode("load_more_sold_out", Severity.WARNING, "R2", "Закончившихся товаров намного больше: {sent}.", "Проверьте выгрузку остатков.", "load"),
    IssueCode("load_field_emptied", Severity.WARNING, "R2", "Поле «{field}» заполнено намного реже: {sent}.", "Проверьте, не пропало ли это поле из выгрузки: непереданные значения в каталоге становятся пустыми.", "load"),
    IssueCode("load_more_remarks", Severity.WARNING, "R2", "Замечание {field} встречается намного чаще: {sent}.", "Найдите это замечание ниже: там сказано, что исправить.", "load"),
)

_COMMERCEML: tuple[IssueCode, ...] = (
    IssueCode("price_type_not_chosen", Severity.ERROR, "O6", "В обмене несколько видов цен, а какой из них загружать, не задано: {sent}.", "Сообщите оператору, какой вид цен загружать (настройка ссылки price_type, по названию или Ид), или выгружайте один вид цен.", "load"),
    IssueCode("price_type_unknown", Severity.ERROR, "O6", "Вида цен, заданного для ссылки, в обмене нет: {sent}.", "Верните этот вид цен в выгрузку или сообщите оператору, какой из имеющихся загружать (настройки ссылки price_type и rrp_price_type).", "load"),
    IssueCode("delta_file", Severity.INFO, "P6", "Выгружены только изменения (<{field}>: {sent}); товары, которых нет в файле, не скрываются, непереданные поля не меняются.", "", "load"),
    IssueCode("offers_without_goods", Severity.INFO, "O3", "Предложений без карточки товара в каталоге обмена: {sent}; первое с Ид {published}.", "Выгружайте товары и предложения вместе: Ид предложения до знака # равен Ид товара.", "load"),
    IssueCode("goods_without_offers", Severity.INFO, "O6", "Товаров без предложения с ценой: {sent}; первый с Ид {published}. Они не загружены.", "Выгрузите для них предложения с ценами и остатками.", "load"),
    IssueCode("goods_repeated", Severity.WARNING, "O2", "Товаров, переданных в каталоге обмена несколько раз: {sent}; первый с Ид {published}. Учтены значения, переданные первыми.", "Передавайте каждый товар один раз.", "load"),
    IssueCode("goods_deleted", Severity.INFO, "P5", "Помечены на удаление и не загружены: {sent}; первый с Ид {published}.", "", "load"),
    IssueCode("prices_converted", Severity.WARNING, "O6", "Цены, указанные не за базовую единицу, пересчитаны на неё, товаров: {sent}; например, {published}.", "Выгружайте цены за базовую единицу: <Коэффициент>1</Коэффициент>", "load"),
    IssueCode("property_values_unresolved", Severity.INFO, "O13", "Значений свойств, для которых в обмене нет названия свойства или его справочника: {sent}; например, {published}. Они не загружены.", "Выгружайте вместе с товарами классификатор: свойства и варианты их значений.", "load"),
    IssueCode("pictures_without_address", Severity.INFO, "O14", "Изображений, переданных именем файла без адреса: {sent}; например, {published}. Они не опубликованы.", "Сообщите оператору адрес папки с изображениями (настройка ссылки picture_base_url) или передавайте полные адреса в <Картинка>.", "load"),
    IssueCode("warehouse_unknown", Severity.WARNING, "O10", "Складов, остатки которых не должны учитываться, в обмене нет: {sent}; есть: {published}.", "Сообщите оператору, как теперь называются эти склады (настройка ссылки exclude_warehouses).", "load"),
)

_CHANGES: tuple[IssueCode, ...] = (
    IssueCode("changes_without_base", Severity.WARNING, "P6", "Файл содержит только изменения, а полной выгрузки по этой ссылке ещё не было; из товаров файла ({sent}) загружены только те, у которых переданы все поля.", "Передайте один раз полную выгрузку: СодержитТолькоИзменения=\"false\".", "load"),
    IssueCode("changes_of_unknown", Severity.INFO, "P6", "В файле изменений есть товары, которых не было в полной выгрузке: {sent}, впервые «{published}»; загружены те, у которых переданы все поля.", "", "load"),
)

ISSUE_CODES: dict[str, IssueCode] = {
    c.code: c
    for c in (*_FILE, *_OFFER_IDENTITY, *_OFFER_TEXT, *_OFFER_UNIT, *_OFFER_PRICE, *_OFFER_STOCK, *_OFFER_DETAILS, *_REGION, *_COMMERCEML, *_STOCK_CLASS, *_CHANGES, *_PUBLISHING, *_BY_HAND, *_TABLE, *_SOURCE, *_GATE)
}
