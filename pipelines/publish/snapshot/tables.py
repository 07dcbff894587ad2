"""What the analyst's snapshot holds: tables, their columns, and where they come from (R4).

Names and comments are what analysts hold on to; they may grow, not change. The comments of published fields are the
model's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from pipelines.model import OFFER_FIELDS

# The schema that the tables stand in is named after it; the views that analysts use keep their names.
SCHEMA_VERSION = 2
SCHEMA = f"v{SCHEMA_VERSION}"


@dataclass(frozen=True)
class Column:
    """One column of a snapshot table.

    Attributes:
        name: in the snapshot.
        source: SQL over the PostgreSQL query of the table, giving text or a scalar; empty where rows come from
            elsewhere.
        type: DuckDB type.
        comment: what it is, in Russian.
    """

    name: str
    source: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """One table of the snapshot.

    Attributes:
        source: what its rows are taken from: tables of PostgreSQL or the name of a reference table; empty where they
            come from elsewhere.
        where: which of them.
    """

    name: str
    comment: str
    source: str
    columns: tuple[Column, ...]
    where: str = "true"

    @property
    def place(self) -> str:
        """The table itself; its plain name is a view."""
        return f"{SCHEMA}.{self.name}"

    @property
    def shape(self) -> str:
        """Its columns as SQL creates them."""
        return ", ".join(f"{quoted(c.name)} {c.type}" for c in self.columns)


_TYPES = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.decimal128(15, 2): "DECIMAL(15,2)",
    pa.decimal128(18, 6): "DECIMAL(18,6)",
    pa.decimal128(18, 8): "DECIMAL(18,8)",
}


def duckdb_type(kind: pa.DataType) -> str:
    """The DuckDB type of a published field."""
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return "STRUCT({})".format(", ".join(f'"{field.name}" {duckdb_type(field.type)}' for field in kind))
    return _TYPES[kind]


def quoted(name: str) -> str:
    """A name of ours as SQL takes it, whatever words it is."""
    return f'"{name}"'


def text_literal(text: str) -> str:
    """A text of ours as SQL takes it."""
    return "'" + text.replace("'", "''") + "'"


def _offer_fields() -> Iterator[Column]:
    for field in OFFER_FIELDS:
        source = f"to_json(o.{field.name})" if pa.types.is_list(field.type) else f"o.{field.name}"
        yield Column(field.name, source, duckdb_type(field.type), field.label)


_WHO = (
    Column("shop", "o.shop_id", "VARCHAR", "Магазин"),
    Column("supplier", "o.supplier_id", "VARCHAR", "Поставщик"),
)
_OFFER_KEY = (*_WHO, Column("sku_key", "o.sku_key", "VARCHAR", "Ключ товара: артикул без учёта регистра и пробелов"))
KEY = tuple(column.name for column in _OFFER_KEY)
# What an offer has besides its card, as it was remembered with each change (P10).
ORIGIN = (
    Column("load", "o.load_id", "BIGINT", "Загрузка, записавшая эту версию"),
    Column("part", "o.part", "VARCHAR", "Файл набора (CommerceML); пусто, если файл один"),
    Column("line", "o.line", "BIGINT", "Строка файла, с которой начинается товар"),
    Column("external_id", "o.external_id", "VARCHAR", "Ключ товара в системе поставщика (Ид в CommerceML)"),
    Column("first_seen_at", "o.first_seen_at", "TIMESTAMPTZ", "Когда товар появился"),
    Column("changed_at", "o.changed_at", "TIMESTAMPTZ", "Когда товар изменился в последний раз"),
)

# One row for every offer the catalog knows, deleted ones too: the past of those may be asked for.
OFFERS = Table(
    "offers",
    "Товары каталога с характеристиками и регионами внутри",
    "offers o",
    (
        *_OFFER_KEY,
        *_offer_fields(),
        Column("status", "o.status", "VARCHAR", "published — опубликован, hidden — скрыт, draft — черновик"),
        *ORIGIN,
    ),
)

_EXACT = ", ".join(f"'{f.name}', {{row}} ->> '{f.name}'" for f in OFFER_FIELDS if pa.types.is_decimal(f.type))


def _exact(row: str) -> str:
    """Values of a card with exact numbers: JSON's own would be read as binary fractions."""
    return f"{row} || jsonb_strip_nulls(jsonb_build_object({_EXACT.format(row=row)}))"


# Long texts of new offers stand in the offers themselves and in the history; they would stand here a second time.
LEFT_OUT_OF_CREATED = ("description", "pictures", "params", "regions")
_SHORT = "o.after - '{" + ",".join(LEFT_OUT_OF_CREATED) + "}'::text[]"
_CHANGE = (
    Column("id", "o.id", "BIGINT", "Порядок изменений"),
    *_OFFER_KEY,
    Column("load", "o.load_id", "BIGINT", "Загрузка; пусто, если изменено вручную"),
    Column("edit", "o.edit_id", "BIGINT", "Правка вручную; пусто, если изменила загрузка"),
    Column(
        "kind",
        "o.kind",
        "VARCHAR",
        "created, changed, restored, hidden, withdrawn; вручную: edited, restored, hidden, drafted, deleted",
    ),
    Column("fields", "to_json(o.fields)", "VARCHAR[]", "Какие поля изменились"),
    Column("before", _exact("o.before"), "JSON", "Прежние значения этих полей"),
)
_AT = Column("at", "o.at", "TIMESTAMPTZ", "Когда")
_ORIGIN_BEFORE = Column(
    "origin", "o.origin", "JSON", "Что было у товара кроме карточки до изменения: загрузка, строка, времена"
)
CHANGES = Table(
    "changes",
    "История товаров: одно изменение — одна строка",
    "changes o",
    (
        *_CHANGE,
        Column(
            "after",
            f"CASE WHEN o.kind = 'created' THEN {_exact(f'({_SHORT})')} ELSE {_exact('o.after')} END",
            "JSON",
            "Новые значения этих полей; у нового товара — карточка без длинного:"
            f" {', '.join(LEFT_OUT_OF_CREATED)} есть в history(путь)",
        ),
        _AT,
        _ORIGIN_BEFORE,
    ),
)
# The same as it is kept in the object store, with nothing left out.
HISTORY = Table(
    "history",
    "История товаров за всё время",
    "changes o",
    (*_CHANGE, Column("after", _exact("o.after"), "JSON", "Новые значения этих полей"), _AT, _ORIGIN_BEFORE),
)

ACCREDITATIONS = Table(
    "accreditations",
    "Аккредитация поставщиков в магазинах; видны товары только тех, у кого granted",
    "accreditations o JOIN shops s ON s.id = o.shop_id",
    (
        *_WHO,
        Column("status", "o.status", "VARCHAR", "none, applied, granted, refused или revoked"),
        Column(
            "shows_unbound",
            "(s.options ->> 'show_unbound') IS DISTINCT FROM 'false'",
            "BOOLEAN",
            "Показывает ли магазин товары без категории",
        ),
    ),
)

# Small enough to be copied whole into every snapshot.
COPIED: tuple[Table, ...] = (
    Table(
        "edits",
        "Правки вручную, одна команда — одна строка",
        "edits o",
        (
            Column("id", "o.id", "BIGINT", "Номер правки"),
            *_WHO,
            Column("command", "o.command", "VARCHAR", "set, hide, publish, draft или delete"),
            Column("values", 'o."values"', "JSON", "Что задано полям, как введено"),
            Column("selection", "o.selection", "JSON", "Как выбраны товары"),
            Column("offers", "o.offers", "BIGINT", "Сколько товаров изменилось"),
            Column("who", "o.who", "VARCHAR", "Кто"),
            Column("why", "o.why", "VARCHAR", "Почему"),
            Column("at", "o.at", "TIMESTAMPTZ", "Когда"),
        ),
    ),
    Table(
        "loads",
        "Загрузки, одна обработка файла — одна строка",
        "loads o JOIN links k ON k.id = o.link_id",
        (
            Column("id", "o.id", "BIGINT", "Номер загрузки"),
            Column("link", "k.code", "VARCHAR", "Ссылка или канал загрузки файлов"),
            *_WHO,
            Column(
                "kind", "o.kind", "VARCHAR", "file — файл, replay — файл из архива ещё раз, rollback — отмена других"
            ),
            Column("status", "o.status", "VARCHAR", "Статус"),
            Column("published", "o.published", "BOOLEAN", "Попали ли её товары в каталог"),
            Column("undone_by", "o.undone_by", "BIGINT", "Загрузка, которая отменила эту"),
            Column("score", "o.score", "INTEGER", "Оценка прайс-листа, 0–100"),
            Column("reason", "o.reason", "VARCHAR", "Причина, если не обработана"),
            Column("format", "o.format", "VARCHAR", "Формат файла"),
            Column("encoding", "o.encoding", "VARCHAR", "Кодировка файла"),
            Column("delta", "o.delta", "BOOLEAN", "Файл содержит только изменения"),
            Column("source", "o.source", "VARCHAR", "Откуда файл"),
            Column("sha256", "o.sha256", "VARCHAR", "SHA-256 файла"),
            Column("bytes", "o.bytes", "BIGINT", "Размер файла, байт"),
            Column("started_at", "o.started_at", "TIMESTAMPTZ", "Начало обработки"),
            Column("finished_at", "o.finished_at", "TIMESTAMPTZ", "Конец обработки"),
            *(
                Column(name, f'o."{name}"', "BIGINT", comment)
                for name, comment in (
                    ("read", "Товаров в файле"),
                    ("accepted", "Принято"),
                    ("rejected", "Отклонено"),
                    ("created", "Новых"),
                    ("changed", "Изменённых"),
                    ("restored", "Снова показанных"),
                    ("unchanged", "Без изменений"),
                    ("hidden", "Скрыто"),
                    ("bindings_kept", "Сохранили прежние коды позиций или аналогов, которых нет в файле"),
                    ("errors", "Ошибок"),
                    ("warnings", "Предупреждений"),
                    ("infos", "Замечаний"),
                )
            ),
        ),
        "NOT o.dry_run",
    ),
    Table(
        "suppliers",
        "Поставщики",
        "suppliers o",
        (
            Column("supplier", "o.id", "VARCHAR", "Код поставщика"),
            Column("name", "o.name", "VARCHAR", "Название"),
        ),
    ),
    Table(
        "links",
        "Ссылки на прайс-листы и каналы загрузки файлов; адреса не выгружаются: в них бывают пароли",
        "links o",
        (
            Column("link", "o.code", "VARCHAR", "Код ссылки"),
            *_WHO,
            Column("kind", "o.kind", "VARCHAR", "link — ссылка, upload — файлы"),
            Column("enabled", "o.enabled", "BOOLEAN", "Включена ли"),
            Column("checked_at", "o.checked_at", "TIMESTAMPTZ", "Когда проверяли"),
            Column("changed_at", "o.changed_at", "TIMESTAMPTZ", "Когда файл менялся"),
            Column("failing_since", "o.failing_since", "TIMESTAMPTZ", "С каких пор файл не отдаётся"),
            Column("last_load", "o.last_load_id", "BIGINT", "Последняя загрузка"),
        ),
    ),
    ACCREDITATIONS,
)

ISSUES = Table(
    "issues",
    "Замечания последней загрузки каждой ссылки",
    "",
    (
        Column("load", "", "BIGINT", "Загрузка"),
        Column("ordinal", "", "BIGINT", "Номер товара в файле, с 0; пусто у замечаний ко всему файлу"),
        Column("code", "", "VARCHAR", "Код замечания, расшифровка в issue_codes"),
        Column("severity", "", "VARCHAR", "error — не опубликован, warning — изменено, info — к сведению"),
        Column("sku", "", "VARCHAR", "Артикул"),
        Column("part", "", "VARCHAR", "Файл набора (CommerceML); пусто, если файл один"),
        Column("line", "", "BIGINT", "Строка файла"),
        Column("field", "", "VARCHAR", "Метка или колонка, как у поставщика"),
        Column("sent", "", "VARCHAR", "Что прислано"),
        Column("published", "", "VARCHAR", "Что опубликовано"),
    ),
)
REJECTED = Table(
    "rejected_offers",
    "Непринятые товары последней загрузки каждой ссылки",
    "",
    (
        Column("load", "", "BIGINT", "Загрузка"),
        Column("ordinal", "", "BIGINT", "Номер товара в файле, с 0"),
        Column("part", "", "VARCHAR", "Файл набора (CommerceML); пусто, если файл один"),
        Column("line", "", "BIGINT", "Строка файла"),
        Column("sku_key", "", "VARCHAR", "Ключ товара"),
        Column("sku", "", "VARCHAR", "Артикул"),
        Column("name", "", "VARCHAR", "Наименование"),
        Column("codes", "", "VARCHAR[]", "Коды причин"),
    ),
)
LOAD_FILL = Table(
    "load_fill",
    "Заполненность полей в последней загрузке каждой ссылки, одно поле — одна строка",
    "",
    (
        Column("load", "", "BIGINT", "Загрузка"),
        Column("field", "", "VARCHAR", "Поле товара"),
        Column("share", "", "DOUBLE", "Доля принятых товаров, у которых оно есть"),
    ),
)
# What of these tables was taken from which state of which load.
LOAD_SOURCES = Table(
    "load_sources",
    "Загрузки, из файлов которых взяты issues, rejected_offers и load_fill",
    "",
    (
        Column("load", "", "BIGINT", "Загрузка"),
        Column("stamp", "", "VARCHAR", "Состояние её файлов"),
    ),
)

REGIONS = Table(
    "regions",
    "Места покупателей: округа, субъекты и муниципалитеты, действующие сейчас",
    "",
    (
        Column("code", "", "VARCHAR", "Код ОКТМО из 8 цифр или аббревиатура округа"),
        Column("level", "", "VARCHAR", "district, subject или municipality"),
        Column("name", "", "VARCHAR", "Название"),
        Column("chain", "", "VARCHAR[]", "Коды, цены которых здесь действуют, от самого точного"),
    ),
)
OKEI = Table(
    "okei",
    "Единицы измерения ОКЕИ",
    "okei",
    (
        Column("code", "code", "VARCHAR", "Код ОКЕИ"),
        Column("name", "name_ru", "VARCHAR", "Наименование"),
        Column("symbol", "symbol_ru", "VARCHAR", "Условное обозначение"),
        Column("section", "section", "VARCHAR", "Раздел"),
        Column("group", '"group"', "VARCHAR", "Группа величин"),
        Column("status", "status", "VARCHAR", "Действует ли код"),
    ),
)
CHARACTERISTICS = Table(
    "characteristics",
    "Базовые характеристики, к которым сводятся присланные названия",
    "characteristics",
    (
        Column("name", "name", "VARCHAR", "Название"),
        Column("unit_okei", "base_unit_okei", "VARCHAR", "Базовая единица по ОКЕИ"),
        Column("unit", "base_unit", "VARCHAR", "Базовая единица"),
        Column("value_type", "value_type", "VARCHAR", "Вид значения"),
        Column("synonyms", "string_split(synonyms, '|')", "VARCHAR[]", "Известные написания"),
    ),
)
CATEGORIES = Table(
    "categories",
    "Рубрикатор: три уровня, товары привязаны к третьему; пусто, если рубрикатор не загружен",
    "rubricator",
    (
        Column("id", "id", "VARCHAR", "Категория"),
        Column("parent", "parent_id", "VARCHAR", "Вышестоящая категория"),
        Column("level", "level::INTEGER", "INTEGER", "Уровень, 1–3"),
        Column("name", "name", "VARCHAR", "Название"),
    ),
)
ISSUE_CODES_TABLE = Table(
    "issue_codes",
    "Все коды замечаний",
    "",
    (
        Column("code", "", "VARCHAR", "Код"),
        Column("severity", "", "VARCHAR", "Важность"),
        Column("rule", "", "VARCHAR", "Правило загрузки"),
        Column("message", "", "VARCHAR", "Текст для поставщика"),
        Column("remedy", "", "VARCHAR", "Что делать"),
    ),
)
META = Table(
    "meta",
    "О самом снимке, одна строка",
    "",
    (
        Column("taken_at", "", "TIMESTAMPTZ", "На какой момент снимок"),
        Column("schema_version", "", "INTEGER", "Версия устройства снимка"),
        Column("rows", "", "MAP(VARCHAR, BIGINT)", "Число строк по таблицам"),
        Column("loads", "", "BIGINT[]", "Загрузки, из файлов которых взяты замечания: последняя каждой ссылки"),
        Column("last_change", "", "BIGINT", "До какого изменения включительно история есть в хранилище"),
        Column("changes_since", "", "TIMESTAMPTZ", "С какого момента история в снимке полна; пусто — с самого начала"),
        Column("history", "", "VARCHAR", "Где история за всё время: путь для history(путь)"),
        Column("reference", "", "VARCHAR", "Версия справочников"),
        Column("rebuilt_at", "", "TIMESTAMPTZ", "Когда снимок строился заново, а не из прошлого"),
        Column("rebuilt_bytes", "", "BIGINT", "Сколько байт он тогда занял"),
    ),
)
