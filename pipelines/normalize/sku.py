"""O1 the identity of an offer."""

from __future__ import annotations

import unicodedata

from pipelines.normalize.rule import Columns, Rule, about

SKU_LIMIT = 20  # characters, after trimming; longer is rejected, never cut

# `sku_key` is the identity in the catalog: the two channels, XML and CSV, meet in it.
MACROS = """
CREATE MACRO sku_key(s) AS lower(clean(s));
"""

SKU = Rule(
    ids=("O1",),
    steps=(
        Columns(
            {
                "sku": "CASE WHEN option_format = 'csv' THEN lower(trimmed(sent_sku)) ELSE trimmed(sent_sku) END",
                "sku_key": "sku_key(sent_sku)",
            }
        ),
    ),
    remarks=(
        about("sku_missing", "sku", "sku IS NULL"),
        about("sku_too_long", "sku", f"length(sku) > {SKU_LIMIT}"),
        about(
            "sku_characters",
            "sku",
            f"option_format = 'csv' AND length(sku) <= {SKU_LIMIT} AND NOT regexp_full_match(sku, '[a-z0-9]+')",
        ),
    ),
)


def identity(sku: str) -> str:
    """The identity of an offer as the catalog keys it, for looking one up: what the macro `sku_key` gives (O1)."""
    collapsed = " ".join(unicodedata.normalize("NFC", sku).split())
    return "".join(c.lower()[0] for c in collapsed)  # letter by letter, as the engine does
