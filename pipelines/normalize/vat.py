"""O7 the VAT rate of an offer."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Lookup, Remark, Rule

NOT_TAXED = "NO_VAT"
UNKNOWN_SHARE = 0.05  # of the offers read; above it the load itself is remarked upon

# Rates accepted on the day of the load, and the words of the link's dialect for them.
TABLES = f"""
CREATE TABLE accepted_rates AS
    SELECT rate, CAST(rate AS INTEGER) AS percent FROM vat_rates, options
    WHERE enabled = 'yes'
      AND option_today BETWEEN coalesce(accepted_from, '0001-01-01') AND coalesce(accepted_to, '9999-12-31')
    UNION ALL SELECT '{NOT_TAXED}', 0;
CREATE TABLE rate_spellings AS
    SELECT spelling, vat_spellings.rate FROM vat_spellings JOIN accepted_rates USING (rate), options
    WHERE dialect = option_vat_dialect
    UNION ALL
    SELECT rate, rate FROM accepted_rates, options WHERE option_vat_dialect = 'percent' AND rate <> '{NOT_TAXED}';
"""

VAT = Rule(
    ids=("O7",),
    steps=(
        Columns(
            {
                "vat_sent": "coalesce(trimmed(sent_vat), trimmed(sent_nds))",
                "vat_column": "CASE WHEN trimmed(sent_vat) IS NOT NULL THEN 'vat' ELSE 'nds' END",
                "vat_at": "CASE WHEN trimmed(sent_vat) IS NOT NULL THEN vat_line ELSE nds_line END",
                "vat_key": "rtrim(folded(coalesce(trimmed(sent_vat), trimmed(sent_nds))), '% ')",
                "vat_second": "CASE WHEN trimmed(sent_vat) IS NOT NULL THEN rtrim(folded(sent_nds), '% ') END",
            }
        ),
        Lookup("rate_spellings", "vat_key", "spelling", {"vat_known": "rate"}),
        Columns(
            {
                "vat_rate": (
                    f"CASE WHEN vat_sent IS NULL THEN option_default_vat ELSE coalesce(vat_known, '{NOT_TAXED}') END"
                )
            }
        ),
        Lookup("accepted_rates", "vat_rate", "rate", {"vat_percent": "percent"}),
    ),
    remarks=(
        Remark(
            "vat_unknown",
            "vat_sent IS NOT NULL AND vat_known IS NULL",
            "vat_column",
            "vat_at",
            "vat_sent",
            "vat_rate",
        ),
        Remark("vat_missing", "vat_rate IS NULL AND option_vat_required", "'vat'", "vat_line"),
        Remark("vat_defaulted", "vat_sent IS NULL AND vat_rate IS NOT NULL", "'vat'", "vat_line", "NULL", "vat_rate"),
        Remark("vat_and_nds_differ", "vat_second <> vat_key", "'nds'", "nds_line", "sent_nds", "vat_rate"),
    ),
)
