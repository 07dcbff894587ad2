"""The values of an offer from all records it is made of, for a batch of offers: SQL over columns.

The records of an offer come before those of its goods; of each value the first that is not empty counts, which is
found without SQL where a value stands once (`plain`).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.model import RAW_SCALARS, RAW_SCHEMA
from pipelines.parse.commerceml.item import VENDOR_NAMES
from pipelines.parse.commerceml.plain import PLAIN, plain_values

# How the supplier writes each raw column.
SPELLINGS: dict[str, str] = {
    **RAW_SCALARS,
    "sku": "Артикул",
    "name": "Наименование",
    "vendor": "ТорговаяМарка",
    "vendor_code": "Артикул",
    "model": "Модель",
    "description": "Описание",
    "unit_okei": "БазоваяЕдиница",
    "units": "БазоваяЕдиница",
    "unit_name": "БазоваяЕдиница",
    "price": "ЦенаЗаЕдиницу",
    "price_without_nds": "ЦенаЗаЕдиницу",
    "rrp": "ЦенаЗаЕдиницу",
    "vat": "Ставка",
    "nds": "Ставка",
    "currency": "Валюта",
    "available": "Количество",
    "quantity": "Количество",
    "weight": "Вес",
    "dimensions": "Длина",
    "category_id": "Группы",
    "pictures": "Картинка",
    "outlets": "Склад",
    "params": "ЗначенияСвойств",
    "regions": "region",
}

# Prices of a type may be given in several sections, or for several amounts: the first counts, others are said.
_PRICES = """
CREATE OR REPLACE TEMP TABLE price_rows AS
    SELECT ordinal, place, generate_subscripts(prices, 1) AS position, unnest(prices) AS entry FROM records;
CREATE OR REPLACE TEMP TABLE ranked_prices AS
    SELECT ordinal, entry.*, row_number() OVER (
        PARTITION BY ordinal, entry.type ORDER BY filled(entry.value) IS NULL, place, position) AS rank
    FROM price_rows;
CREATE OR REPLACE TEMP TABLE chosen_prices AS
    SELECT ordinal, value, packed, line, unit, coalesce(taxed, type_taxed, true) AS taxed,
        coalesce(filled(currency), type_currency) AS currency,
        CASE WHEN filled(currency) IS NULL THEN type_currency_line ELSE currency_line END AS currency_line
    FROM ranked_prices JOIN choices ON type = price_type WHERE rank = 1;
CREATE OR REPLACE TEMP TABLE other_prices AS
    SELECT ordinal, list({'field': 'ЦенаЗаЕдиницу', 'value': other.value, 'line': other.line} ORDER BY other.rank)
        AS repeated
    FROM ranked_prices AS other JOIN choices ON type = price_type JOIN chosen_prices AS chosen USING (ordinal)
    WHERE other.rank > 1 AND filled(other.value) <> filled(chosen.value)
    GROUP BY ordinal;
CREATE OR REPLACE TEMP TABLE rrp_prices AS
    SELECT ordinal, value AS rrp, line AS rrp_line FROM ranked_prices JOIN choices ON type = rrp_type WHERE rank = 1;
"""

# Amounts of one warehouse within a record add up; the same warehouse in another record is said again.
_STOCKS = """
CREATE OR REPLACE TEMP TABLE stock_rows AS
    SELECT ordinal, place, entry.warehouse AS warehouse, filled(entry.value) AS value, entry.line AS line
    FROM (SELECT ordinal, place, unnest(stocks) AS entry FROM records);
CREATE OR REPLACE TEMP TABLE stocks AS
    WITH counted AS (
        SELECT *, min(place) OVER (PARTITION BY ordinal, warehouse) AS first_place,
            warehouse IS NOT NULL AND key_folded(warehouse) IN (FROM excluded) AS left_out
        FROM stock_rows WHERE value IS NOT NULL
    )
    SELECT ordinal, coalesce(
            min(value) FILTER (amount(value) IS NULL AND NOT left_out),
            plain(coalesce(sum(amount(value)) FILTER (NOT left_out), 0))) AS stock,
        min(line) AS stock_line, bool_or(left_out) AS partial
    FROM counted WHERE place = first_place GROUP BY ordinal;
"""

# A characteristic of the offer itself takes the place of one of its goods; the same value is said once. What refers
# to a property or to a dictionary that was not sent has no name or no meaning to publish.
_PARAMS = f"""
CREATE OR REPLACE TEMP TABLE param_rows AS
    SELECT ordinal, place, generate_subscripts(params, 1) AS position, unnest(params) AS entry FROM records;
CREATE OR REPLACE TEMP TABLE named_params AS
    SELECT ordinal, place, position, entry.shown AS shown, entry.line AS line,
        coalesce(filled(entry.name), properties.name) AS name,
        CASE WHEN filled(entry.name) IS NULL THEN properties.folded ELSE key_folded(entry.name) END AS folded,
        coalesce(dictionary.value, anywhere.value, CASE WHEN NOT is_reference(entry.value) THEN entry.value END)
            AS value,
        entry.value AS sent
    FROM param_rows
    LEFT JOIN properties ON properties.id = entry.property
    LEFT JOIN dictionary ON dictionary.id = trim(entry.value) AND dictionary.property = entry.property
    LEFT JOIN dictionary AS anywhere ON anywhere.id = trim(entry.value) AND anywhere.property = '';
CREATE OR REPLACE TEMP TABLE params_by_offer AS
    WITH known AS (
        SELECT * FROM named_params WHERE shown AND name IS NOT NULL AND value IS NOT NULL
    ), chosen AS (
        SELECT ordinal, folded, coalesce(min(place) FILTER (filled(value) IS NOT NULL), min(place)) AS place
        FROM known GROUP BY ordinal, folded
    ), distinct_values AS (
        SELECT ordinal, place, min(position) AS position, value, arg_min(name, position) AS name,
            arg_min(line, position) AS line
        FROM known JOIN chosen USING (ordinal, folded, place) GROUP BY ordinal, folded, place, value
    )
    SELECT ordinal,
        list({{'name': name, 'value': value, 'unit': NULL, 'line': line}} ORDER BY place, position) AS params
    FROM distinct_values GROUP BY ordinal;
CREATE OR REPLACE TEMP TABLE vendors AS
    SELECT ordinal, arg_min(value, (place, position)) AS vendor, arg_min(line, (place, position)) AS vendor_line
    FROM named_params
    WHERE filled(value) IS NOT NULL AND folded IN ({", ".join(f"'{n}'" for n in sorted(VENDOR_NAMES))})
    GROUP BY ordinal;
"""
_VENDOR_SOURCES = ("plain_values.vendor", "vendors.vendor", "plain_values.maker")
_OTHER_ARTICLE = "CASE WHEN filled(article) <> sku THEN article END"
_SAME = [name for name in PLAIN if name not in {"article", "vendor", "vendor_code", "maker", "units", "quantity"}]
# raw column -> expression over the tables above
_RAW: dict[str, str] = {
    "ordinal": "named_offers.ordinal",
    "line": "named_offers.line",
    "external_id": "nullif(named_offers.key, '')",
    "sku": "sku",
    "sku_line": "sku_line",
    **{column: f"plain_values.{column}" for name in _SAME for column in (name, f"{name}_line")},
    # An Артикул that is not what the offer is known by is still worth knowing.
    "vendor_code": f"coalesce(filled(vendor_code), {_OTHER_ARTICLE}, vendor_code)",
    "vendor_code_line": (
        f"CASE WHEN filled(vendor_code) IS NULL AND {_OTHER_ARTICLE} IS NOT NULL THEN article_line"
        " ELSE vendor_code_line END"
    ),
    # The unit of a price is the base unit where nothing else is said.
    "units": (
        "coalesce(filled(units), unit_names.name, CASE WHEN filled(unit_okei) IS NULL AND NOT delta THEN unit END,"
        " units)"
    ),
    "units_line": "coalesce(units_line, unit_okei_line, chosen_prices.line)",
    "vendor": f"coalesce({', '.join(f'filled({s})' for s in _VENDOR_SOURCES)}, plain_values.vendor)",
    "vendor_line": (
        "CASE " + " ".join(f"WHEN filled({s}) IS NOT NULL THEN {s}_line" for s in _VENDOR_SOURCES)
        + " ELSE plain_values.vendor_line END"
    ),
    "price": "CASE WHEN taxed THEN chosen_prices.value END",
    "price_line": "CASE WHEN taxed THEN chosen_prices.line END",
    "price_without_nds": "CASE WHEN NOT taxed THEN chosen_prices.value END",
    "price_without_nds_line": "CASE WHEN NOT taxed THEN chosen_prices.line END",
    "currency": "currency",
    "currency_line": "currency_line",
    "rrp": "rrp",
    "rrp_line": "rrp_line",
    # A total is of all warehouses: it does not count where one of them does not.
    "quantity": "CASE WHEN partial OR filled(quantity) IS NULL THEN coalesce(stock, quantity) ELSE quantity END",
    "quantity_line": (
        "CASE WHEN (partial OR filled(quantity) IS NULL) AND stock IS NOT NULL THEN stock_line ELSE quantity_line END"
    ),
    "pictures": "coalesce(plain_values.pictures, [])",
    "params": "coalesce(params, [])",
    "repeated": "list_concat(plain_values.repeated, coalesce(other_prices.repeated, []))",
}  # fmt: skip


_RAW_OFFERS = f"""
    SELECT {", ".join(f"{value} AS {name}" for name, value in _RAW.items())}
    FROM choices, named_offers
    JOIN plain_values ON plain_values.ordinal = named_offers.ordinal
    LEFT JOIN chosen_prices ON chosen_prices.ordinal = named_offers.ordinal
    LEFT JOIN other_prices ON other_prices.ordinal = named_offers.ordinal
    LEFT JOIN rrp_prices ON rrp_prices.ordinal = named_offers.ordinal
    LEFT JOIN stocks ON stocks.ordinal = named_offers.ordinal
    LEFT JOIN params_by_offer ON params_by_offer.ordinal = named_offers.ordinal
    LEFT JOIN vendors ON vendors.ordinal = named_offers.ordinal
    LEFT JOIN unit_names ON unit_names.key = trim(unit_okei)
    WHERE named_offers.ordinal BETWEEN ? AND ?
    ORDER BY named_offers.ordinal"""


def raw_offers(connection: duckdb.DuckDBPyConnection, records: pa.Table, first: int, last: int) -> pa.Table:
    """The offers of these ordinals from their records, which come with the `ordinal` of the offer and their `place`."""
    connection.register("records", records)
    for statements in (_PRICES, _STOCKS, _PARAMS):
        connection.execute(statements)
    connection.unregister("records")
    connection.register("plain_values", plain_values(records))
    made = connection.execute(_RAW_OFFERS, [first, last]).to_arrow_table()
    connection.unregister("plain_values")
    columns = [made[f.name].cast(f.type) if f.name in _RAW else _absent(f.type, made.num_rows) for f in RAW_SCHEMA]
    return pa.Table.from_arrays(columns, schema=RAW_SCHEMA)


def _absent(kind: pa.DataType, rows: int) -> pa.Array:
    """A column that CommerceML has nothing for."""
    return pa.array([[]] * rows, kind) if pa.types.is_list(kind) else pa.nulls(rows, kind)
