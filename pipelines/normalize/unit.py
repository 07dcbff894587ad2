"""O5 the unit of an offer, N1 units by OKEI."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Lookup, Remark, Rule, about

# A clean text of a unit as it is looked up: superscript digits are digits.
# `padded_code` restores leading zeros lost in a table.
MACROS = r"""
CREATE MACRO unit_text(s) AS translate(s, '⁰¹²³⁴⁵⁶⁷⁸⁹', '0123456789');
CREATE MACRO unit_folded(s) AS nullif(rtrim(lower(unit_text(s)), '. '), '');
CREATE MACRO padded_code(s) AS CASE WHEN regexp_full_match(clean(s), '\d{1,4}')
    THEN lpad(clean(s), CAST(greatest(3, length(clean(s))) AS INTEGER), '0') END;
"""

# Units in force by code, and two ways to spell one: as written, and folded where folding leaves one meaning.
# Spellings from feeds come before OKEI's own names and symbols; a spelling without a code is known and has none.
TABLES = """
CREATE TABLE units AS
    SELECT code, coalesce(trim(split_part(symbol_ru, ';', 1)), lower(name_ru)) AS shown
    FROM okei WHERE status = 'active';
CREATE TABLE unit_spellings AS
    WITH official AS (
        SELECT code, trim(unnest(split(
            concat_ws(';', name_ru, symbol_ru, symbol_intl, code_letter_ru, code_letter_intl), ';'))) AS spelling
        FROM okei WHERE status = 'active'
    ), spellings AS (
        SELECT unit_text(clean(alias)) AS spelling, code, 0 AS rank FROM okei_aliases
        UNION ALL SELECT unit_text(clean(spelling)), code, 1 FROM official
    ), best AS (
        SELECT spelling, code, rank FROM spellings WHERE spelling IS NOT NULL
        QUALIFY rank = min(rank) OVER (PARTITION BY spelling)
    )
    SELECT spelling, any_value(code) AS code FROM best
    GROUP BY spelling HAVING count(DISTINCT coalesce(code, '')) = 1;
CREATE TABLE unit_foldings AS
    SELECT unit_folded(spelling) AS spelling, any_value(code) AS code FROM unit_spellings
    WHERE unit_folded(spelling) IS NOT NULL
    GROUP BY ALL HAVING count(DISTINCT coalesce(code, '')) = 1;
"""


def resolve(text: str, code: str) -> tuple[Columns | Lookup, ...]:
    """Steps that find the OKEI code of a unit's clean text into the column `code`; NULL when it has none or is unknown.

    `{code}_known` tells these two apart.
    """
    return (
        Columns({f"{code}_exact": f"unit_text({text})", f"{code}_folded": f"unit_folded({text})"}),
        Lookup(
            "unit_spellings", f"{code}_exact", "spelling", {f"{code}_by_exact": "code", f"{code}_is_exact": "spelling"}
        ),
        Lookup(
            "unit_foldings",
            f"{code}_folded",
            "spelling",
            {f"{code}_by_folded": "code", f"{code}_is_folded": "spelling"},
        ),
        Columns(
            {
                code: f"CASE WHEN {code}_is_exact IS NOT NULL THEN {code}_by_exact ELSE {code}_by_folded END",
                f"{code}_known": f"coalesce({code}_is_exact, {code}_is_folded) IS NOT NULL",
            }
        ),
    )


UNIT = Rule(
    ids=("O5", "N1"),
    steps=(
        Columns(
            {
                "unit_sent": "coalesce(clean(sent_units), clean(sent_unit_name))",
                "unit_column": "CASE WHEN clean(sent_units) IS NOT NULL THEN 'units' ELSE 'unit_name' END",
                "unit_at": "CASE WHEN clean(sent_units) IS NOT NULL THEN units_line ELSE unit_name_line END",
                "unit_code": "padded_code(sent_unit_okei)",
                "unit_code_sent": "clean(sent_unit_okei)",
                "unit_second": "CASE WHEN clean(sent_units) IS NOT NULL THEN clean(sent_unit_name) END",
            }
        ),
        *resolve("unit_sent", "unit_resolved"),
        *resolve("unit_second", "unit_second_resolved"),
        Lookup("units", "unit_code", "code", {"unit_of_code": "code"}),
        # 1C lets people number their units as they like, so there the name must say the same (N1).
        Columns(
            {
                "unit_code_disagrees": (
                    "option_format = 'commerceml' AND unit_of_code IS NOT NULL AND unit_sent IS NOT NULL"
                    " AND unit_resolved IS DISTINCT FROM unit_of_code"
                )
            }
        ),
        Columns({"unit_by_code": "CASE WHEN NOT unit_code_disagrees THEN unit_of_code END"}),
        Columns(
            {
                "unit_okei": (
                    "CASE WHEN unit_by_code IS NOT NULL THEN unit_by_code WHEN unit_sent IS NOT NULL THEN unit_resolved"
                    " ELSE option_default_unit END"
                )
            }
        ),
        Lookup("units", "unit_okei", "code", {"unit_shown": "shown"}),
        Columns(
            {
                "unit_name": (
                    "CASE WHEN unit_by_code IS NULL AND unit_sent IS NOT NULL"
                    " AND (unit_code_sent IS NOT NULL OR unit_okei IS NULL) THEN unit_sent ELSE unit_shown END"
                ),
            }
        ),
    ),
    remarks=(
        about(
            "unit_code_unknown",
            "unit_okei",
            "unit_code_sent IS NOT NULL AND unit_of_code IS NULL AND unit_name IS NOT NULL",
            published="coalesce(unit_okei, unit_name)",
        ),
        about("unit_code_disagrees", "unit_okei", "unit_code_disagrees", published="unit_name"),
        Remark(
            "unit_missing",
            "unit_name IS NULL",
            "CASE WHEN unit_code_sent IS NULL THEN 'units' ELSE 'unit_okei' END",
            "coalesce(unit_okei_line, units_line, unit_name_line)",
            "coalesce(sent_unit_okei, sent_units, sent_unit_name)",
        ),
        about(
            "unit_defaulted",
            "units",
            "unit_by_code IS NULL AND unit_sent IS NULL AND unit_name IS NOT NULL",
            published="unit_name",
        ),
        Remark(
            "unit_text_overruled",
            "unit_by_code IS NOT NULL AND unit_resolved IS DISTINCT FROM unit_by_code AND unit_sent <> unit_name",
            "unit_column",
            "unit_at",
            "unit_sent",
            "unit_name",
        ),
        Remark(
            "unit_recognized",
            "unit_code_sent IS NULL AND unit_sent <> unit_name",
            "unit_column",
            "unit_at",
            "unit_sent",
            "unit_name",
        ),
        Remark(
            "unit_not_in_okei",
            "unit_sent IS NOT NULL AND unit_okei IS NULL AND unit_code_sent IS NULL",
            "unit_column",
            "unit_at",
            "unit_sent",
            "unit_name",
        ),
        about(
            "units_differ",
            "unit_name",
            "unit_second IS NOT NULL AND unit_folded(unit_second) <> unit_folded(unit_sent)"
            " AND (unit_second_resolved IS NULL OR unit_resolved IS DISTINCT FROM unit_second_resolved)",
            published="unit_name",
        ),
    ),
)
