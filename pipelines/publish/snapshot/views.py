"""What analysts see of a snapshot: views under stable names, and macros for the past and for a buyer's place (R4).

The tables behind them may be arranged anew under another schema version; these names, columns and meanings stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import duckdb
import pyarrow as pa

from pipelines.model import OFFER_FIELDS, PARAM, REGION
from pipelines.publish.snapshot.tables import (
    ACCREDITATIONS,
    CATEGORIES,
    CHANGES,
    CHARACTERISTICS,
    COPIED,
    HISTORY,
    ISSUE_CODES_TABLE,
    ISSUES,
    KEY,
    LOAD_FILL,
    LOAD_SOURCES,
    META,
    OFFERS,
    OKEI,
    ORIGIN,
    REGIONS,
    REJECTED,
    Table,
    duckdb_type,
    quoted,
    text_literal,
)

# Everything that is stored; views of the same name show it, but for offers, which are shown flat.
STORED: tuple[Table, ...] = (
    OFFERS,
    CHANGES,
    *COPIED,
    ISSUES,
    REJECTED,
    LOAD_FILL,
    LOAD_SOURCES,
    REGIONS,
    OKEI,
    CHARACTERISTICS,
    CATEGORIES,
    ISSUE_CODES_TABLE,
    META,
)
_NESTED = ("params", "regions")
_FLAT = tuple(f for f in OFFER_FIELDS if f.name not in _NESTED)
_JOINED = ", ".join(KEY)
_OF_OFFERS = {column.name: column.comment for column in OFFERS.columns}


@dataclass(frozen=True)
class View:
    """A view: its query gives exactly these columns, each with its comment.

    Attributes:
        counted: a query for the number of its rows, where there is a cheaper one than to count them.
    """

    name: str
    comment: str
    query: str
    columns: dict[str, str]
    counted: str = ""


@dataclass(frozen=True)
class Macro:
    """A macro that gives a table.

    Attributes:
        bodies: parameters -> query; one for each way to call it.
    """

    name: str
    comment: str
    bodies: dict[str, str]


def create_views(snapshot: duckdb.DuckDBPyConnection) -> None:
    """Lay the views and macros over the tables, replacing those that are there, with comments on all."""
    for table in STORED:
        _comment(snapshot, "TABLE", table.place, table.comment, {c.name: c.comment for c in table.columns})
    for view in views():
        snapshot.execute(f"CREATE OR REPLACE VIEW {view.name} AS {view.query}")
        _comment(snapshot, "VIEW", f"main.{view.name}", view.comment, view.columns)
    for macro in macros():
        bodies = ", ".join(f"({parameters}) AS TABLE ({query})" for parameters, query in macro.bodies.items())
        snapshot.execute(f"CREATE OR REPLACE MACRO {macro.name} {bodies}")
        snapshot.execute(f"COMMENT ON MACRO TABLE {macro.name} IS {text_literal(macro.comment)}")


def _comment(snapshot: duckdb.DuckDBPyConnection, kind: str, place: str, comment: str, columns: dict[str, str]) -> None:
    snapshot.execute(f"COMMENT ON {kind} {place} IS {text_literal(comment)}")
    for name, words in columns.items():
        snapshot.execute(f"COMMENT ON COLUMN {place}.{quoted(name)} IS {text_literal(words)}")


@cache
def views() -> tuple[View, ...]:
    """All views; those that use others come after them."""
    shown_as_stored = (table for table in STORED if table is not OFFERS)
    return (
        *(
            View(t.name, t.comment, f"SELECT * FROM {t.place}", {c.name: c.comment for c in t.columns})
            for t in shown_as_stored
        ),
        _offers(),
        _offer_params(),
        _offer_regions(),
        _quality(),
        _load_quality(),
    )


def _offers() -> View:
    here = {name: f"o.{quoted(name)}" for name in (*KEY, *(f.name for f in _FLAT), "status")}
    visible = (
        "coalesce(o.status = 'published' AND a.status = 'granted'"
        " AND (o.category_id IS NOT NULL OR a.shows_unbound), false)"
    )
    somewhere = f"len(list_filter(o.regions, lambda r: {_orderable('r')})) > 0"
    orderable = f"{visible} AND ({_orderable('o')} OR coalesce({somewhere}, false))"
    columns = (
        here
        | {"visible": visible, "orderable": orderable, "load": "o.load", "sha256": "l.sha256"}
        | {c.name: f"o.{c.name}" for c in ORIGIN if c.name != "load"}
    )
    return View(
        "offers",
        "Товары каталога, один товар — одна строка; пусто — не прислано",
        f"SELECT {', '.join(f'{source} AS {quoted(name)}' for name, source in columns.items())}"
        f" FROM {OFFERS.place} o LEFT JOIN {ACCREDITATIONS.place} a USING (shop, supplier)"
        f" LEFT JOIN main.loads l ON l.id = o.load WHERE o.status <> 'deleted'",
        {name: _OF_OFFERS.get(name, "") for name in columns}
        | {
            "visible": "Видят ли товар покупатели",
            "orderable": "Можно ли его заказать хотя бы где-нибудь: есть цена и наличие",
            "sha256": "SHA-256 файла этой загрузки",
        },
    )


def _orderable(terms: str) -> str:
    """SQL for whether something can be ordered on these terms (O9, S4)."""
    priced = f"({terms}.price IS NOT NULL OR {terms}.price_without_vat IS NOT NULL)"
    return f"({priced} AND {terms}.availability IS DISTINCT FROM 'out_of_stock')"


_PARAM_LABELS = {
    "sent_name": "Название, как прислано",
    "sent_value": "Значение, как прислано",
    "sent_unit": "Единица, как прислана",
    "name": "Название нормализованное",
    "value": "Значение нормализованное",
    "unit": "Единица нормализованная",
    "unit_okei": "Код единицы по ОКЕИ",
}
_REGION_LABELS = {
    "code": "Код ОКТМО или округ",
    "level": "district, subject или municipality",
    "name": "Название региона",
    "price": "Цена с НДС",
    "price_without_vat": "Цена без НДС",
    "availability": "Наличие",
    "quantity": "Количество",
    "delivery_days": "Срок поставки, дней",
}


def _offer_params() -> View:
    fields = ", ".join(f"p.{quoted(f.name)}" for f in PARAM)
    return View(
        "offer_params",
        "Характеристики товаров, одна характеристика — одна строка",
        f"SELECT {_JOINED}, position, {fields} FROM (SELECT {_JOINED}, unnest(params) AS p,"
        f" generate_subscripts(params, 1)::INTEGER AS position FROM {OFFERS.place} WHERE status <> 'deleted')",
        {name: _OF_OFFERS[name] for name in KEY} | {"position": "Порядок в файле, с 1"} | _PARAM_LABELS,
        _length_of("params"),
    )


def _offer_regions() -> View:
    fields = ", ".join(f"r.{quoted(f.name)}" for f in REGION)
    return View(
        "offer_regions",
        "Цены и наличие по регионам, один регион товара — одна строка",
        f"SELECT {_JOINED}, {fields} FROM (SELECT {_JOINED}, unnest(regions) AS r"
        f" FROM {OFFERS.place} WHERE status <> 'deleted')",
        {name: _OF_OFFERS[name] for name in KEY} | _REGION_LABELS,
        _length_of("regions"),
    )


def _length_of(lists: str) -> str:
    """SQL for how many entries the lists of all offers have together; nothing is unfolded for it."""
    return f"SELECT coalesce(sum(len({lists})), 0)::BIGINT FROM {OFFERS.place} WHERE status <> 'deleted'"


# What every offer has needs no share.
_ALWAYS = {"sku", "name", "currency", "unit_name", "availability", "price_derived"}
_MEASURED = tuple(f for f in OFFER_FIELDS if f.name not in _ALWAYS)


def _quality() -> View:
    filled = {
        f"fill_{f.name}": (
            f"avg((coalesce(len(o.{f.name}), 0) > 0)::INTEGER)"
            if pa.types.is_list(f.type)
            else f"avg((o.{f.name} IS NOT NULL)::INTEGER)"
        )
        for f in _MEASURED
    }
    shares = ", ".join(f"round({source}, 4) AS {name}" for name, source in filled.items())
    known = f"(SELECT list(name) FROM {CHARACTERISTICS.place})"
    return View(
        "quality",
        "Качество данных поставщика: доли опубликованных товаров, у которых поле есть, и возраст данных",
        f"""
        WITH moment AS (SELECT taken_at FROM {META.place}), known AS (SELECT {known} AS names)
        SELECT o.shop, o.supplier, count(*) AS offers, {shares},
            round(sum(len(list_filter(o.params, lambda p: list_contains(known.names, p.name))))
                / nullif(sum(len(o.params)), 0), 4) AS params_recognized,
            round(sum(len(list_filter(o.params, lambda p: p.unit_okei IS NOT NULL)))
                / nullif(sum(len(list_filter(o.params, lambda p: p.unit IS NOT NULL))), 0), 4)
                AS param_units_recognized,
            round(median(epoch(moment.taken_at) - epoch(o.changed_at)) / 86400, 2) AS median_age_days,
            round(max(epoch(moment.taken_at) - epoch(o.changed_at)) / 86400, 2) AS oldest_days,
            round(min(epoch(moment.taken_at) - epoch(o.changed_at)) / 3600, 2) AS changed_hours_ago
        FROM {OFFERS.place} o, moment, known WHERE o.status = 'published'
        GROUP BY o.shop, o.supplier
        """,
        {"shop": "Магазин", "supplier": "Поставщик", "offers": "Опубликованных товаров"}
        | {f"fill_{f.name}": f"Доля товаров, у которых есть: {f.label}" for f in _MEASURED}
        | {
            "params_recognized": "Доля характеристик, чьё название — базовое",
            "param_units_recognized": "Доля единиц характеристик, узнанных по ОКЕИ",
            "median_age_days": "Сколько дней назад изменилась половина товаров",
            "oldest_days": "Сколько дней не менялся самый старый",
            "changed_hours_ago": "Сколько часов назад изменился последний",
        },
    )


def _load_quality() -> View:
    counted = ("rejected", "errors", "warnings", "infos")
    shares = ", ".join(f"round(l.{name} / nullif(l.read, 0), 4) AS {name}_share" for name in counted)
    return View(
        "load_quality",
        "Качество каждой загрузки файла: доли отклонённых и замечаний, заполненность полей последней",
        f"""
        SELECT l.id AS load, l.shop, l.supplier, l.link, l.finished_at, l.status, l.score, l.read, {shares}, f.fill,
            round((epoch(m.taken_at) - epoch(l.finished_at)) / 3600, 2) AS age_hours
        FROM main.loads l CROSS JOIN {META.place} m LEFT JOIN (
            SELECT load, map(list(field ORDER BY field), list(share ORDER BY field)) AS fill
            FROM {LOAD_FILL.place} GROUP BY load
        ) f ON f.load = l.id
        WHERE l.kind <> 'rollback'
        """,
        {
            "load": "Загрузка",
            "shop": "Магазин",
            "supplier": "Поставщик",
            "link": "Ссылка или канал загрузки файлов",
            "finished_at": "Конец обработки",
            "status": "Статус",
            "score": "Оценка прайс-листа, 0–100",
            "read": "Товаров в файле",
            "rejected_share": "Доля отклонённых товаров",
            "errors_share": "Ошибок на товар",
            "warnings_share": "Предупреждений на товар",
            "infos_share": "Замечаний к сведению на товар",
            "fill": "Поле -> доля принятых товаров, у которых оно есть; у последней загрузки каждой ссылки",
            "age_hours": "Сколько часов назад закончилась",
        },
    )


@cache
def macros() -> tuple[Macro, ...]:
    """All macros; those that use others come after them."""
    return (
        Macro(
            "price_in",
            "Цена и наличие каждого видимого товара для места: price_in(код ОКТМО или округ)",
            {"region_code": _PRICE_IN},
        ),
        Macro(
            "history",
            "Изменения за всё время из хранилища: history(путь), путь — в meta.history, папка или s3://…",
            {"path": _HISTORY},
        ),
        Macro(
            "catalog_as_of",
            "Каталог на момент: catalog_as_of(момент), дальше meta.changes_since — catalog_as_of(момент, путь)",
            {
                "moment": _as_of(f"SELECT * FROM {CHANGES.place} WHERE {_WITHIN}"),
                "moment, path": _as_of("SELECT * FROM main.history(path)"),
            },
        ),
        Macro(
            "price_history",
            "Как менялись цены товара: price_history(поставщик, артикул), за всё время — ещё и путь к истории",
            {
                "supplier, sku": _price_history(CHANGES.place),
                "supplier, sku, path": _price_history("main.history(path)"),
            },
        ),
    )


# The same as the catalog's function `effective_terms`: a region's values stand together, the most specific first (N2).
_TERMS = ("price", "price_without_vat", "availability", "quantity", "delivery_days")
_EFFECTIVE = {name: f"CASE WHEN best IS NULL THEN o.{name} ELSE best.{name} END AS {name}" for name in _TERMS}
_PRICE_IN = f"""
    WITH here AS (
        SELECT unnest(chain) AS code, unnest(range(len(chain))) AS rank FROM {REGIONS.place}
        WHERE code = CASE WHEN regexp_full_match(region_code, '[0-9]{{11}}') THEN left(region_code, 8)
            ELSE region_code END
    ),
    terms AS (
        SELECT r.shop, r.supplier, r.sku_key, arg_min(r, here.rank) AS best
        FROM main.offer_regions r JOIN here USING (code) GROUP BY ALL
    )
    SELECT o.shop, o.supplier, o.sku, o.name, best.code AS region, {_EFFECTIVE["price"]},
        {_EFFECTIVE["price_without_vat"]}, o.currency, {_EFFECTIVE["availability"]}, {_EFFECTIVE["quantity"]},
        {_EFFECTIVE["delivery_days"]}
    FROM main.offers o LEFT JOIN terms USING (shop, supplier, sku_key)
    WHERE o.visible AND EXISTS (SELECT 1 FROM here)
"""

# Files in the object store grow on after the snapshot; what came after it stands in its own changes.
_HISTORY_COLUMNS = ", ".join(quoted(c.name) for c in HISTORY.columns)
_HISTORY = f"""
    SELECT {_HISTORY_COLUMNS} FROM read_parquet(path || '/changes/year=*/month=*/*.parquet', hive_partitioning = false)
    WHERE id <= (SELECT last_change FROM {META.place})
    UNION ALL
    SELECT {_HISTORY_COLUMNS} FROM {CHANGES.place} WHERE id > (SELECT last_change FROM {META.place})
"""

_WITHIN = f"""
    CASE WHEN CAST(moment AS TIMESTAMPTZ) < (SELECT changes_since FROM {META.place})
    THEN error('Этот снимок помнит изменения с ' || (SELECT changes_since FROM {META.place})
        || '; раньше — catalog_as_of(момент, путь к истории), см. meta.history')
    ELSE true END
"""


def _as_of(changes: str) -> str:
    """The catalog at `moment`: what later changes replaced is put back, the oldest of them telling what was (P10)."""
    fields = (*OFFER_FIELDS, pa.field("status", pa.string()))
    was = ", ".join(f"any_value(value) FILTER (WHERE field = '{f.name}') AS {f.name}" for f in fields)
    card = ", ".join(f"{_put_back(f.name, f.type)} AS {f.name}" for f in fields)
    origin = ", ".join(_origin(c.name, c.type) for c in ORIGIN)
    return f"""
        WITH later AS (
            SELECT * FROM ({changes}) WHERE "at" > CAST(moment AS TIMESTAMPTZ)
        ),
        firsts AS (
            SELECT {_JOINED}, arg_min(kind, id) AS kind, arg_min_null(origin, id) AS origin FROM later GROUP BY ALL
        ),
        replaced AS (
            SELECT {_JOINED}, id, before, unnest(json_keys(before)) AS field FROM later
        ),
        oldest AS (
            SELECT {_JOINED}, field, arg_min(json_extract(before, field), id) AS value FROM replaced GROUP BY ALL
        ),
        was AS (
            SELECT {_JOINED}, {was} FROM oldest GROUP BY ALL
        )
        SELECT {_JOINED}, {card}, {origin}
        FROM {OFFERS.place} o FULL JOIN firsts f USING ({_JOINED}) LEFT JOIN was w USING ({_JOINED})
        WHERE f.kind IS DISTINCT FROM 'created'
            AND CASE WHEN w.status IS NULL THEN o.status ELSE w.status ->> '$' END <> 'deleted'
    """


def _put_back(name: str, kind: pa.DataType) -> str:
    """SQL for a field as it was: JSON null means that it was empty, no JSON that it has not changed since."""
    if pa.types.is_list(kind):
        value = f"CAST(w.{name} AS {duckdb_type(kind)})"
    else:
        value = f"CAST(w.{name} ->> '$' AS {duckdb_type(kind)})"
    return f"CASE WHEN w.{name} IS NULL THEN o.{name} WHEN json_type(w.{name}) = 'NULL' THEN NULL ELSE {value} END"


def _origin(name: str, kind: str) -> str:
    key = "load_id" if name == "load" else name  # as the catalog's own row has it
    return f"CASE WHEN f.origin IS NULL THEN o.{name} ELSE CAST(f.origin ->> '{key}' AS {kind}) END AS {name}"


def _price_history(changes: str) -> str:
    """The prices of one offer, a line for each change of any of them."""

    def running(name: str, kind: str) -> str:
        told = (
            f"CASE WHEN c.kind = 'withdrawn' THEN {{'v': NULL::{kind}}} WHEN json_exists(c.after, '{name}')"
            f" THEN {{'v': CAST(c.after ->> '{name}' AS {kind})}} END"
        )
        return f"(last_value({told} IGNORE NULLS) OVER running).v AS {name}"

    prices = {"price": "DECIMAL(15,2)", "price_without_vat": "DECIMAL(15,2)", "currency": "VARCHAR"}
    return f"""
        SELECT * EXCLUDE (id, told) FROM (
            SELECT c.shop, c."at", c.kind, {", ".join(running(name, kind) for name, kind in prices.items())},
                c.load, c.edit, c.id,
                c.kind IN ('created', 'withdrawn') OR list_has_any(c.fields, {list(prices)}) AS told
            FROM {changes} c
            WHERE c.supplier = supplier AND c.sku_key = lower(regexp_replace(trim(sku), '\\s+', ' ', 'g'))
            WINDOW running AS (PARTITION BY c.shop ORDER BY c.id)
        )
        WHERE told ORDER BY shop, id
    """


def count_rows(snapshot: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows each view gives."""
    return dict(_counted(snapshot))


def _counted(snapshot: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int]]:
    for view in views():
        if view.name not in {"meta", "quality", "load_quality", "load_sources"}:
            (count,) = snapshot.execute(view.counted or f"SELECT count(*) FROM main.{view.name}").fetchall()[0]
            yield view.name, count
