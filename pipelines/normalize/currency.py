"""O8 the currency of an offer. An unknown one rejects it: a price in yuan must not become roubles."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Lookup, Rule, about

ROUBLE = "RUB"

CURRENCY = Rule(
    ids=("O8",),
    steps=(
        Columns({"currency_key": "folded(sent_currency)"}),
        Lookup("currencies", "currency_key", "spelling", {"currency_known": "code"}),
        Columns(
            {"currency": f"CASE WHEN trimmed(sent_currency) IS NULL THEN '{ROUBLE}' ELSE currency_known END"},
        ),
    ),
    remarks=(
        about("currency_unknown", "currency", "currency IS NULL"),
        about(
            "currency_read_as", "currency", "upper(trimmed(sent_currency)) <> currency", published="currency", once=True
        ),
    ),
)
