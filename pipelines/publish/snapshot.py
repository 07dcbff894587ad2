"""The analyst's snapshot: the catalog in one DuckDB file that documents itself (R4).

Rows leave PostgreSQL as CSV in one repeatable-read transaction, so that all tables are of one moment; DuckDB types
them.
The file is built aside by the caller and moved into place when it is whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from psycopg import sql

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import OFFER_FIELDS
from pipelines.publish.places import all_places
from pipelines.reference import Reference

SCHEMA_VERSION = 1
MEMORY_LIMIT = "512MB"
# The longest row: an offer of 4 MiB as sent, its characteristics twice (sent and normalised), each quote doubled.
MAX_ROW_BYTES = 32 << 20


@dataclass(frozen=True)
class LoadFiles:
    """The Parquet files of one load, readable here; `rejected` is missing when a file was rejected whole."""

    load_id: int
    issues: Path
    rejected: Path | None


@dataclass(frozen=True)
class Column:
    """One column of a snapshot table.

    Attributes:
        name: in the snapshot.
        source: SQL over the PostgreSQL query of the table, giving text or a scalar.
        type: DuckDB type.
        comment: what it is, in Russian.
    """

    name: str
    source: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """One table of the snapshot and the PostgreSQL query behind it."""

    name: str
    comment: str
    source: str
    columns: tuple[Column, ...]


_TYPES = {
    "string": "VARCHAR",
    "int32": "INTEGER",
    "decimal128(15, 2)": "DECIMAL(15,2)",
    "decimal128(18, 6)": "DECIMAL(18,6)",
    "decimal128(18, 8)": "DECIMAL(18,8)",
}
_NESTED = ("params", "regions")


def _offer_columns() -> Iterable[Column]:
    for field in OFFER_FIELDS:
        if field.name in _NESTED:
            continue
        kind = str(field.type)
        if kind.startswith("list<"):
            element = _TYPES[str(field.type.value_type)]
            yield Column(field.name, f"to_json(o.{field.name})", f"{element}[]", field.label)
        else:
            yield Column(field.name, f"o.{field.name}", _TYPES[kind], field.label)


_WHO = (
    Column("shop", "o.shop_id", "VARCHAR", "Магазин"),
    Column("supplier", "o.supplier_id", "VARCHAR", "Поставщик"),
)
_OFFER_KEY = (*_WHO, Column("sku_key", "o.sku_key", "VARCHAR", "Ключ товара: артикул без учёта регистра и пробелов"))

TABLES: tuple[Table, ...] = (
    Table(
        "offers",
        "Товары каталога, один товар — одна строка",
        "offers o JOIN loads l ON l.id = o.load_id LEFT JOIN visible_offers v"
        " ON (v.shop_id, v.supplier_id, v.sku_key) = (o.shop_id, o.supplier_id, o.sku_key)"
        " WHERE o.status <> 'deleted'",
        (
            *_OFFER_KEY,
            *_offer_columns(),
            Column("status", "o.status", "VARCHAR", "published — опубликован, hidden — скрыт, draft — черновик"),
            Column("visible", "v.sku_key IS NOT NULL", "BOOLEAN", "Видят ли товар покупатели"),
            Column(
                "orderable", "coalesce(v.orderable, false)", "BOOLEAN", "Можно ли его заказать: есть цена и наличие"
            ),
            Column("load", "o.load_id", "BIGINT", "Загрузка, записавшая эту версию"),
            Column("sha256", "l.sha256", "VARCHAR", "SHA-256 файла этой загрузки"),
            Column("part", "o.part", "VARCHAR", "Файл набора (CommerceML); пусто, если файл один"),
            Column("line", "o.line", "BIGINT", "Строка файла, с которой начинается товар"),
            Column("external_id", "o.external_id", "VARCHAR", "Ключ товара в системе поставщика (Ид в CommerceML)"),
            Column("first_seen_at", "o.first_seen_at", "TIMESTAMPTZ", "Когда товар появился"),
            Column("changed_at", "o.changed_at", "TIMESTAMPTZ", "Когда товар изменился в последний раз"),
        ),
    ),
    Table(
        "offer_params",
        "Характеристики товаров, одна характеристика — одна строка",
        "offers o CROSS JOIN LATERAL jsonb_array_elements(o.params) WITH ORDINALITY AS p (value, position)"
        " WHERE o.status <> 'deleted'",
        (
            *_OFFER_KEY,
            Column("position", "p.position", "INTEGER", "Порядок в файле, с 1"),
            *(
                Column(name, f"p.value ->> '{name}'", "VARCHAR", comment)
                for name, comment in (
                    ("sent_name", "Название, как прислано"),
                    ("sent_value", "Значение, как прислано"),
                    ("sent_unit", "Единица, как прислана"),
                    ("name", "Название нормализованное"),
                    ("value", "Значение нормализованное"),
                    ("unit", "Единица нормализованная"),
                    ("unit_okei", "Код единицы по ОКЕИ"),
                )
            ),
        ),
    ),
    Table(
        "offer_regions",
        "Цены и наличие по регионам, один регион товара — одна строка",
        "offers o CROSS JOIN LATERAL jsonb_array_elements(o.regions) AS r (value) WHERE o.status <> 'deleted'",
        (
            *_OFFER_KEY,
            *(
                Column(name, f"r.value ->> '{name}'", kind, comment)
                for name, kind, comment in (
                    ("code", "VARCHAR", "Код ОКТМО или округ"),
                    ("level", "VARCHAR", "district, subject или municipality"),
                    ("name", "VARCHAR", "Название региона"),
                    ("price", "DECIMAL(15,2)", "Цена с НДС"),
                    ("price_without_vat", "DECIMAL(15,2)", "Цена без НДС"),
                    ("availability", "VARCHAR", "Наличие"),
                    ("quantity", "DECIMAL(18,6)", "Количество"),
                    ("delivery_days", "INTEGER", "Срок поставки, дней"),
                )
            ),
        ),
    ),
    Table(
        "changes",
        "История товаров: одно изменение — одна строка",
        "changes o",
        (
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
            Column("before", "o.before", "JSON", "Прежние значения этих полей"),
            Column("after", "o.after", "JSON", "Новые значения этих полей"),
            Column("at", "o.at", "TIMESTAMPTZ", "Когда"),
        ),
    ),
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
        "loads o JOIN links k ON k.id = o.link_id WHERE NOT o.dry_run",
        (
            Column("id", "o.id", "BIGINT", "Номер загрузки"),
            Column("link", "k.code", "VARCHAR", "Ссылка или канал загрузки файлов"),
            *_WHO,
            Column("status", "o.status", "VARCHAR", "Статус"),
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
)


def last_loads(conn: psycopg.Connection[Any]) -> list[int]:
    """The latest finished load of each link: those whose issues and rejected offers the snapshot shows."""
    rows = conn.execute(
        "SELECT DISTINCT ON (link_id) id FROM loads WHERE status IN ('processed', 'held', 'rejected') AND NOT dry_run"
        " ORDER BY link_id, id DESC"
    ).fetchall()
    return sorted(row[0] for row in rows)


def write_snapshot(
    conn: psycopg.Connection[Any],
    loads: Iterable[LoadFiles],
    out: Path,
    *,
    reference: Reference,
    scratch: Path,
    taken_at: datetime,
) -> dict[str, int]:
    """Write the catalog into a new DuckDB file.

    Args:
        conn: the catalog; a transaction of its own is used and ended.
        loads: files of the loads whose issues and rejected offers are shown (`last_loads`).
        out: the file to write; must not exist.
        reference: the tables in force, for the places buyers are in.
        scratch: a folder for the rows on their way.
        taken_at: the moment the snapshot stands for.

    Returns:
        table -> rows.

    Raises:
        InternalError: the snapshot does not hold what the catalog holds.
    """
    conn.commit()
    rows: dict[str, int] = {}
    with duckdb.connect(str(out)) as snapshot:
        snapshot.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        snapshot.execute("SET preserve_insertion_order = false")
        with conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for table in TABLES:
                rows[table.name] = _copy(conn, snapshot, table, scratch / f"{table.name}.csv")
        rows |= _load_tables(snapshot, loads)
        _codes(snapshot)
        rows[_REGIONS.name] = _regions(snapshot, reference)
        _meta(snapshot, rows, taken_at)
        snapshot.execute("CHECKPOINT")
    return rows


def _copy(conn: psycopg.Connection[Any], snapshot: duckdb.DuckDBPyConnection, table: Table, path: Path) -> int:
    select = ", ".join(f"({c.source})" for c in table.columns)
    # FORCE_QUOTE tells an empty text ("") from NULL (nothing between commas); DuckDB keeps the difference below.
    copy = f"COPY (SELECT {select} FROM {table.source}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, ENCODING 'UTF8')"
    with path.open("wb") as file, conn.cursor().copy(sql.SQL(copy)) as rows:
        for block in rows:
            file.write(block)
    columns = ", ".join(f"{_cast(c)} AS {_name(c.name)}" for c in table.columns)
    shape = ", ".join(f"'{c.name}': 'VARCHAR'" for c in table.columns)
    snapshot.execute(
        f"CREATE TABLE {table.name} AS SELECT {columns} FROM read_csv(?, header = false, auto_detect = false,"
        f" columns = {{{shape}}}, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false,"
        f" new_line = '\\n', max_line_size = {MAX_ROW_BYTES}, buffer_size = {MAX_ROW_BYTES}, parallel = false)",
        [str(path)],
    )
    path.unlink()
    _comment(snapshot, table)
    return _count(snapshot, table.name)


def _cast(column: Column) -> str:
    name = _name(column.name)
    if column.type == "VARCHAR":
        return name
    if column.type.endswith("[]"):
        return f"CAST({name}::JSON AS {column.type})"
    return f"CAST({name} AS {column.type})"


def _name(name: str) -> str:
    return f'"{name}"'


def _comment(snapshot: duckdb.DuckDBPyConnection, table: Table) -> None:
    snapshot.execute(f"COMMENT ON TABLE {table.name} IS '{table.comment}'")
    for column in table.columns:
        snapshot.execute(f"COMMENT ON COLUMN {table.name}.{_name(column.name)} IS '{column.comment}'")


def _count(snapshot: duckdb.DuckDBPyConnection, table: str) -> int:
    row = snapshot.execute(f"SELECT count(*) FROM {table}").fetchone()
    if row is None:
        msg = f"cannot count {table}"
        raise InternalError(msg)
    return int(row[0])


_ISSUES = Table(
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
_REJECTED = Table(
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


def _load_tables(snapshot: duckdb.DuckDBPyConnection, loads: Iterable[LoadFiles]) -> dict[str, int]:
    for table in (_ISSUES, _REJECTED):
        columns = ", ".join(f"{_name(c.name)} {c.type}" for c in table.columns)
        snapshot.execute(f"CREATE TABLE {table.name} ({columns})")
        _comment(snapshot, table)
    for load in loads:
        for table, path in ((_ISSUES, load.issues), (_REJECTED, load.rejected)):
            if path is not None:
                names = ", ".join(_name(c.name) for c in table.columns[1:])
                snapshot.execute(
                    f"INSERT INTO {table.name} SELECT ?, {names} FROM read_parquet(?)", [load.load_id, str(path)]
                )
    return {table.name: _count(snapshot, table.name) for table in (_ISSUES, _REJECTED)}


_REGIONS = Table(
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
# The same as the catalog's function `effective_terms`: a region's values stand together, the most specific first (N2).
_PRICE_IN = """
CREATE MACRO price_in(region_code) AS TABLE
WITH here AS (
    SELECT unnest(chain) AS code, unnest(range(len(chain))) AS rank FROM regions
    WHERE code = CASE WHEN regexp_full_match(region_code, '[0-9]{11}') THEN left(region_code, 8) ELSE region_code END
),
terms AS (
    SELECT r.shop, r.supplier, r.sku_key, arg_min(r, here.rank) AS best
    FROM offer_regions r JOIN here USING (code) GROUP BY ALL
)
SELECT o.shop, o.supplier, o.sku, o.name, best.code AS region,
    CASE WHEN best IS NULL THEN o.price ELSE best.price END AS price,
    CASE WHEN best IS NULL THEN o.price_without_vat ELSE best.price_without_vat END AS price_without_vat,
    o.currency,
    CASE WHEN best IS NULL THEN o.availability ELSE best.availability END AS availability,
    CASE WHEN best IS NULL THEN o.quantity ELSE best.quantity END AS quantity,
    CASE WHEN best IS NULL THEN o.delivery_days ELSE best.delivery_days END AS delivery_days
FROM offers o LEFT JOIN terms USING (shop, supplier, sku_key)
WHERE o.visible AND EXISTS (SELECT 1 FROM here)
"""


def _regions(snapshot: duckdb.DuckDBPyConnection, reference: Reference) -> int:
    columns = ", ".join(f"{_name(c.name)} {c.type}" for c in _REGIONS.columns)
    snapshot.execute(f"CREATE TABLE {_REGIONS.name} ({columns})")
    _comment(snapshot, _REGIONS)
    places = pa.Table.from_pylist(
        [{"code": p.code, "level": p.level, "name": p.name, "chain": list(p.chain)} for p in all_places(reference)]
    )
    snapshot.register("places", places)
    snapshot.execute(f"INSERT INTO {_REGIONS.name} SELECT code, level, name, chain FROM places")
    snapshot.unregister("places")
    snapshot.execute(_PRICE_IN)
    snapshot.execute(
        "COMMENT ON MACRO TABLE price_in IS"
        " 'Цена и наличие каждого видимого товара для места: price_in(код ОКТМО или округ)'"
    )
    return _count(snapshot, _REGIONS.name)


def _codes(snapshot: duckdb.DuckDBPyConnection) -> None:
    snapshot.execute(
        "CREATE TABLE issue_codes (code VARCHAR, severity VARCHAR, rule VARCHAR, message VARCHAR, remedy VARCHAR)"
    )
    snapshot.execute("COMMENT ON TABLE issue_codes IS 'Все коды замечаний: важность, правило, текст и что делать'")
    snapshot.executemany(
        "INSERT INTO issue_codes VALUES (?, ?, ?, ?, ?)",
        [[c.code, c.severity.value, c.rule, c.message, c.remedy] for c in ISSUE_CODES.values()],
    )


def _meta(snapshot: duckdb.DuckDBPyConnection, rows: dict[str, int], taken_at: datetime) -> None:
    snapshot.execute("CREATE TABLE meta (taken_at TIMESTAMPTZ, schema_version INTEGER, rows MAP(VARCHAR, BIGINT))")
    snapshot.execute("COMMENT ON TABLE meta IS 'На какой момент снимок, версия схемы, число строк по таблицам'")
    snapshot.execute(
        "INSERT INTO meta VALUES (?, ?, map(?, ?))", [taken_at, SCHEMA_VERSION, list(rows), list(rows.values())]
    )
