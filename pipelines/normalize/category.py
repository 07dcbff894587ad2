"""O16 the category of the rubricator that goods are bound to; O17 codes of the buyer's positions, carried as sent."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Lookup, Remark, Rule

# Codes in one field, separated by commas; each once, in order.
MACROS = """
CREATE MACRO codes(s) AS coalesce(
    list_filter(list_transform(split(s, ','), lambda c: clean(c)), lambda c: c IS NOT NULL), CAST([] AS VARCHAR[]));
CREATE MACRO each_once(l) AS list_filter(l, lambda c, i: list_position(l, c) = i);
"""

# Tables that an installation may lack, with the columns that are read: without them they are empty.
OPTIONAL_TABLES = {"rubricator": ("id", "level"), "category_mapping": ("code", "category_id")}
# Goods are bound to the leaves of the rubricator.
LEAF_LEVEL = "3"

CATEGORY = Rule(
    ids=("O16",),
    steps=(
        Columns(
            {
                "category_given": "clean(sent_b2b_category_id)",
                "supplier_category_id": "clean(sent_category_id)",
            }
        ),
        Lookup("category_mapping", "supplier_category_id", "code", {"category_mapped": "category_id"}),
        Columns({"category_asked": "coalesce(category_given, category_mapped)"}),
        Lookup("rubricator", "category_asked", "id", {"category_found": "id", "category_level": "level"}),
        Columns(
            {
                # Without a rubricator there is nothing to compare with: the id is carried as sent.
                "category_id": (
                    f"CASE WHEN NOT option_has_rubricator OR category_level = '{LEAF_LEVEL}' THEN category_asked END"
                ),
                "category_column": "CASE WHEN category_given IS NULL THEN 'category_id' ELSE 'b2b_category_id' END",
                "category_line": "CASE WHEN category_given IS NULL THEN category_id_line ELSE b2b_category_id_line END",
                "category_sent": (
                    "CASE WHEN category_given IS NULL THEN concat(supplier_category_id, ' → ', category_asked)"
                    " ELSE category_given END"
                ),
            }
        ),
    ),
    remarks=(
        Remark(
            "category_unknown",
            "option_has_rubricator AND category_asked IS NOT NULL AND category_found IS NULL",
            "category_column",
            "category_line",
            "category_sent",
        ),
        Remark(
            "category_not_leaf",
            f"category_found IS NOT NULL AND category_level <> '{LEAF_LEVEL}'",
            "category_column",
            "category_line",
            "category_sent",
        ),
    ),
)

POSITIONS = Rule(
    ids=("O17",),
    steps=(
        Columns(
            {
                "position_list": "codes(sent_position_codes)",
                "analog_list": "list_concat(codes(sent_analog_gid), codes(sent_gid))",
            }
        ),
        Columns(
            {
                "position_codes": "each_once(position_list)",
                "analog_codes": "each_once(analog_list)",
            }
        ),
    ),
)

# A tag that may stand once and stood again: one value is used, and this is said of each of the others.
REPEATED = Rule(
    ids=("O17",),
    steps=(
        Columns(
            {
                "repeated_positions": "list_filter(sent_repeated, lambda r: r.field = option_position_codes_tag)",
                "repeated_others": "list_filter(sent_repeated, lambda r: r.field <> option_position_codes_tag)",
            }
        ),
    ),
    remarks=(
        Remark(
            "position_codes_repeated",
            "len(repeated_positions) > 0",
            "entry.field",
            "entry.line",
            "entry.value",
            "sent_position_codes",
            each="repeated_positions",
        ),
        Remark(
            "value_repeated",
            "len(repeated_others) > 0",
            "entry.field",
            "entry.line",
            "entry.value",
            each="repeated_others",
        ),
    ),
)
