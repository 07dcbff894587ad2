"""O3 the name of an offer."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Remark, Rule, about

NAME_LIMIT = 255  # characters; over it the name is cut at a word

NAME = Rule(
    ids=("O3", "N4"),
    steps=(
        Columns(
            {
                "name_sent": "clean(sent_name)",
                "name_composed": (
                    "CASE WHEN clean(sent_model) IS NOT NULL"
                    " THEN concat_ws(' ', clean(sent_type_prefix), clean(sent_vendor), clean(sent_model)) END"
                ),
            }
        ),
        Columns(
            {
                "name_source": (
                    "CASE WHEN name_sent IS NOT NULL THEN 'name' WHEN name_composed IS NOT NULL THEN 'parts'"
                    " WHEN option_name_fallback = 'sku' AND sku IS NOT NULL THEN 'sku' ELSE 'none' END"
                ),
                "name_whole": (
                    "coalesce(name_sent, name_composed, CASE WHEN option_name_fallback = 'sku' THEN clean(sku) END)"
                ),
            }
        ),
        Columns(
            {
                "name": (
                    f"CASE WHEN length(name_whole) <= {NAME_LIMIT} THEN name_whole"
                    rf" ELSE coalesce(nullif(regexp_extract(name_whole, '^(.{{1,{NAME_LIMIT}}}) ', 1), ''),"
                    f" left(name_whole, {NAME_LIMIT})) END"
                ),
            }
        ),
    ),
    remarks=(
        about("name_missing", "name", "name_source = 'none'"),
        about("name_from_sku", "name", "name_source = 'sku'", published="name"),
        Remark("name_composed", "name_source = 'parts'", "'model'", "model_line", "sent_model", "name"),
        about("name_cut", "name", "name <> name_whole", published="name"),
        about(
            "text_cleaned",
            "name",
            "name_source = 'name' AND name_sent <> trimmed(sent_name)",
            published="name",
        ),
        about(
            "type_prefix_ignored",
            "type_prefix",
            "name_source = 'name' AND trimmed(sent_type_prefix) IS NOT NULL",
            once=True,
        ),
    ),
)
