"""What is asked of each batch: the rules as queries over its tables, in the order in which they are run.

A query of *rows* makes the columns that are published or read by later queries; those that only remarks read are there
where a remark is made (`remarked`), and NULL elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate

import pyarrow as pa

from pipelines import model
from pipelines.model import OFFER_FIELDS, QUOTE_LIMIT
from pipelines.normalize import (
    availability,
    category,
    characteristics,
    currency,
    delivery,
    description,
    duplicates,
    measures,
    name,
    pictures,
    price,
    regions,
    sku,
    stock_class,
    table_row,
    unit,
    vat,
    vendor,
)
from pipelines.normalize.fingerprint import canonical, fingerprint
from pipelines.normalize.rule import Columns, Remark, Rule, made_by, rows_sql
from pipelines.normalize.session import OPTIONS

# Rules of an offer, in parts: rules that read each other's columns stand together, and each part is one narrow query.
OFFER_PARTS: dict[str, tuple[Rule, ...]] = {
    "identity": (table_row.TABLE_ROW, sku.SKU, duplicates.DUPLICATES, name.NAME),
    "description": (description.DESCRIPTION,),
    "unit": (unit.UNIT,),
    "money": (vat.VAT, currency.CURRENCY, stock_class.STOCK_CLASS, price.PRICE, stock_class.RRP),
    "stock": (availability.AVAILABILITY, delivery.DELIVERY),
    "maker": (vendor.VENDOR,),
    "media": (pictures.PICTURES, measures.MEASURES),
    "category": (category.CATEGORY, category.POSITIONS, category.REPEATED),
}
CODE_RULES: tuple[Rule, ...] = (regions.CODE,)
REGION_RULES: tuple[Rule, ...] = (regions.REGION,)
NAME_RULES: tuple[Rule, ...] = (characteristics.NAME,)
PARAM_RULES: tuple[Rule, ...] = (characteristics.CHARACTERISTIC,)
# Of an offer again, once its regions are collected.
CARD_RULES: tuple[Rule, ...] = (regions.PRICED,)
COLLECTED_RULES: tuple[Rule, ...] = (
    characteristics.JOINED,
    characteristics.DROPPED,
    characteristics.CONVERTED,
)

_LISTS = ("pictures", "outlets", "repeated")
OFFER_COLUMNS = {
    "ordinal": "ordinal",
    "offer_line": "line",
    "external_id": "external_id",
    "sent_row_fault": "row_fault",
    "sent_row_fault_sent": "row_fault_sent",
    **{name: column for c in model.RAW_SCALARS for name, column in ((f"sent_{c}", c), (f"{c}_line", f"{c}_line"))},
    **{f"sent_{c}": c for c in _LISTS},
    **{f"option_{name}": f"option_{name}" for name in OPTIONS},
}
REGION_COLUMNS = {
    **{c: c for c in ("ordinal", "position", "vat_percent")},
    **{c: f"options.{c}" for c in ("option_available_false", "option_rrp_policy")},
    **{f"offer_{c}": f"offer.{c}" for c in regions.INHERITED},
    **regions.OF_OFFER,
    **{
        name: f"entry.{column}"
        for c in model.RAW_REGION_SCALARS
        for name, column in ((f"sent_{c}", c), (f"{c}_line", f"{c}_line"))
    },
    **{column: f"known_{column}" for column in regions.OF_CODE},
}
CODE_COLUMNS = {c: c for c in ("number", "sent_code")}
NAME_COLUMNS = {c: c for c in ("number", "sent_name", "sent_unit")}
PARAM_COLUMNS = {
    c: c
    for c in (
        *("number", "ordinal", "position", "param_line", "sent_name", "sent_value", "sent_unit"),
        *characteristics.OF_NAME,
    )
}
CARD_COLUMNS = {
    c: c
    for c in ("ordinal", "on_request", "price_clean", "price_without_vat_clean", "price_line", "price_without_nds_line")
}


def _select(columns: dict[str, str], source: str) -> str:
    return f"(SELECT {', '.join(f'{column} AS {name}' for name, column in columns.items())} FROM {source})"


OFFER_SOURCE = _select(OFFER_COLUMNS, "raw_offers CROSS JOIN options")
REGION_SOURCE = _select(
    REGION_COLUMNS,
    "raw_regions AS entry JOIN (SELECT * FROM money_rows JOIN stock_rows USING (ordinal)) AS offer USING (ordinal),"
    " options",
)
CODE_SOURCE = _select(CODE_COLUMNS, "raw_codes")
NAME_SOURCE = _select(NAME_COLUMNS, "raw_names")
PARAM_SOURCE = _select(PARAM_COLUMNS, "raw_params")
CARD_SOURCE = _select(CARD_COLUMNS, "money_rows")

# Fields that are lists, each entry a row of its own -> the type of an entry.
LISTS = {f.name: f.type.value_type for f in OFFER_FIELDS if f.name in ("params", "regions")}
PUBLISHED_SCALARS = [f.name for f in OFFER_FIELDS if f.name not in LISTS]

# What a batch comes to. Cards are the columns of all parts side by side, with the lists of each offer and their texts.
TEXTS_OF_ENTRIES = {
    name: f"SELECT {canonical({f.name: f.type for f in kind})} AS text FROM {name}_published"
    for name, kind in LISTS.items()
}
_TEXTS_OF_LISTS = {name: (f"{name}_number", f"{name}_texts") for name in LISTS}
FINGERPRINTS = f"""
    SELECT {fingerprint({f.name: f.type for f in OFFER_FIELDS}, _TEXTS_OF_LISTS)} AS content_hash FROM cards"""
VERDICTS = f"""
    SELECT ordinal, list(code ORDER BY rank, code) AS codes
    FROM (
        SELECT ordinal, code, min(rank) AS rank FROM issue_rows
        WHERE severity = 'error' OR code = '{duplicates.IDENTICAL}' GROUP BY ordinal, code)
    GROUP BY ordinal ORDER BY ordinal"""
VERDICT_SCHEMA = pa.schema([("ordinal", pa.int64()), ("codes", pa.list_(pa.string()))])
ISSUES = """
    SELECT ordinal, code, severity, sku, line, field, sent, published
    FROM issue_rows WHERE NOT once ORDER BY ordinal, line, rank, position, field, sent"""


def _remarks(rules: tuple[Rule, ...]) -> list[Remark]:
    return [remark for rule in rules for remark in rule.remarks]


def _words(queries: Iterable[str]) -> set[str]:
    return set(re.findall(r"\w+", " ".join(queries)))


def _rows_sql(source: str, source_columns: dict[str, str], rules: tuple[Rule, ...], later: set[str]) -> str:
    """The rows that rules make; `later` are words of what reads them besides their own remarks."""
    remarks = _remarks(rules)
    own = _words(str(value) for remark in remarks for value in vars(remark).values())
    columns = [*source_columns, *made_by(rules)]
    kept = [column for column in columns if column in later]
    kept += [
        f"CASE WHEN remarked THEN {column} END AS {column}"
        for column in columns
        if column in own and column not in later
    ]
    if not remarks:
        return rows_sql(source, rules, ", ".join(kept))
    remarked = f"coalesce({' OR '.join(f'({remark.when})' for remark in remarks)}, false)"
    noticed = Rule(ids=(), steps=(Columns({"remarked": remarked}),))
    return rows_sql(source, (*rules, noticed), ", ".join([*kept, "remarked"]))


def _remarks_sql(table: str, rules: tuple[Rule, ...], first_rank: int) -> str:
    """All remarks of some rules about the rows of a table, which is read once; in no particular order."""
    position = "position" if table == "region_remarked" else "0"
    selects = [_remark_sql(remark, position, rank) for rank, remark in enumerate(_remarks(rules), first_rank)]
    return f"WITH rows AS MATERIALIZED (SELECT * FROM {table}) {' UNION ALL '.join(selects)}"


def _remark_sql(remark: Remark, position: str, rank: int) -> str:
    source = f"rows WHERE {remark.when}"
    if remark.each is not None:
        source = f"(SELECT *, unnest({remark.each}) AS entry FROM {source})"
    return f"""SELECT ordinal, {rank} AS rank, CAST({position} AS BIGINT) AS position, '{remark.code}' AS code,
        {remark.once} AS once, {remark.each_value} AS each_value,
        CAST({remark.line} AS BIGINT) AS line, CAST({remark.field} AS VARCHAR) AS raw_column,
        left({remark.sent}, {QUOTE_LIMIT}) AS sent, left({remark.published}, {QUOTE_LIMIT}) AS published
        FROM {source}"""


_RESULTS = {*PUBLISHED_SCALARS, "ordinal", "offer_line", "sku_key", "external_id", "duplicate", "row_fault"}
_READ_LATER = _words((REGION_SOURCE, CARD_SOURCE, "stock_column"))
_OF_OFFER = _RESULTS | _READ_LATER
_OF_PARAM = {"number", *({"param_kept", "unit_before", *characteristics.PUBLISHED.values()} - {*PARAM_COLUMNS})}
# The rows of a batch, by the table that is made of them.
ROWS = {
    **{f"{part}_rows": _rows_sql(OFFER_SOURCE, OFFER_COLUMNS, rules, _OF_OFFER) for part, rules in OFFER_PARTS.items()},
    "region_rows": _rows_sql(REGION_SOURCE, REGION_COLUMNS, REGION_RULES, _words((regions.PUBLISHED_ROWS,))),
    "code_rows": _rows_sql(CODE_SOURCE, CODE_COLUMNS, CODE_RULES, {"number", *regions.OF_CODE}),
    "card_rows": _rows_sql(CARD_SOURCE, CARD_COLUMNS, CARD_RULES, {"ordinal"}),
    "name_rows": _rows_sql(NAME_SOURCE, NAME_COLUMNS, NAME_RULES, {"number", *characteristics.OF_NAME}),
    "param_rows": _rows_sql(PARAM_SOURCE, PARAM_COLUMNS, PARAM_RULES, _OF_PARAM),
}
# Tables of rows that are remarked upon -> the rules whose remarks these are.
REMARKED: dict[str, tuple[Rule, ...]] = {
    **{f"{part}_remarked": rules for part, rules in OFFER_PARTS.items()},
    "card_remarked": CARD_RULES,
    "region_remarked": REGION_RULES,
    "name_remarked": NAME_RULES,
    "params_converted": (characteristics.CONVERTED,),
    "params_joined": (characteristics.JOINED,),
    "params_dropped": (characteristics.DROPPED,),
}
_RANKS = accumulate((len(_remarks(rules)) for rules in REMARKED.values()), initial=0)
REMARKS = {
    table: _remarks_sql(table, rules, rank) for (table, rules), rank in zip(REMARKED.items(), _RANKS, strict=False)
}
# An offer repeated word for word is remarked upon for that alone, and so is a row of a table that is no row.
ISSUE_ROWS = f"""
    SELECT issue.* REPLACE (coalesce(issue.line, offer_line) AS line), sku, severity, coalesce(tag, raw_column) AS field
    FROM remarks AS issue
    JOIN identity_rows USING (ordinal) JOIN severities USING (code) LEFT JOIN spellings USING (raw_column)
    WHERE (code = '{duplicates.IDENTICAL}' OR duplicate IS DISTINCT FROM 'identical')
        AND (code = row_fault OR row_fault IS NULL)"""
