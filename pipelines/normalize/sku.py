"""O1 the identity of an offer."""

from __future__ import annotations

import unicodedata

from pipelines.normalize.rule import Columns, Rule, about

SKU_LIMIT = 20  # characters, after trimming; longer is rejected, never cut

# `sku_key` is the identity in the catalog: the two channels, XML and CSV, meet in it.
MACROS = """
CREATE MACRO sku_key(s) AS lower(clean(s));
"""

# What Excel makes of an article in a cell that is not text: a long number, a date. Nobody knows what it was.
_EXPONENT = r"\d+([.,]\d+)?e\+\d+|\d+[.,]\d+e\d+"
_MONTH = "(янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[а-яa-z]*"
_DATE = (
    rf"\d{{1,2}}[. -]{_MONTH}([. -]\d{{2,4}})?|{_MONTH}[. -]\d{{2,4}}"
    r"|\d{1,2}([./])\d{1,2}[./]\d{4}|\d{4}-\d\d-\d\d([ t]\d\d:\d\d(:\d\d)?)?"
)

SKU = Rule(
    ids=("O1",),
    steps=(
        Columns(
            {
                "sku": "CASE WHEN option_format = 'csv' THEN lower(trimmed(sent_sku)) ELSE trimmed(sent_sku) END",
                "sku_key": "sku_key(sent_sku)",
            }
        ),
        Columns(
            {
                "sku_damage": (
                    "CASE WHEN option_format <> 'csv' THEN NULL"
                    f" WHEN regexp_full_match(sku, '{_EXPONENT}') THEN 'exponent'"
                    f" WHEN regexp_full_match(sku, '{_DATE}') THEN 'date' END"
                )
            }
        ),
    ),
    remarks=(
        about("sku_missing", "sku", "sku IS NULL"),
        about("sku_too_long", "sku", f"length(sku) > {SKU_LIMIT}"),
        about(
            "sku_characters",
            "sku",
            f"option_format = 'csv' AND length(sku) <= {SKU_LIMIT} AND NOT regexp_full_match(sku, '[a-z0-9]+')"
            " AND sku_damage IS NULL",
        ),
        about("sku_exponent", "sku", f"length(sku) <= {SKU_LIMIT} AND sku_damage = 'exponent'"),
        about("sku_date", "sku", f"length(sku) <= {SKU_LIMIT} AND sku_damage = 'date'"),
    ),
)


def identity(sku: str) -> str:
    """The identity of an offer as the catalog keys it, for looking one up: what the macro `sku_key` gives (O1)."""
    collapsed = " ".join(unicodedata.normalize("NFC", sku).split())
    return "".join(c.lower()[0] for c in collapsed)  # letter by letter, as the engine does
