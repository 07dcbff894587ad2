"""O16 categories and O17 codes of the buyer's positions, carried as sent."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Remark, Rule

# Codes in one field, separated by commas; each once, in order.
MACROS = """
CREATE MACRO codes(s) AS coalesce(
    list_filter(list_transform(split(s, ','), lambda c: clean(c)), lambda c: c IS NOT NULL), CAST([] AS VARCHAR[]));
CREATE MACRO each_once(l) AS list_filter(l, lambda c, i: list_position(l, c) = i);
"""

CATEGORY = Rule(
    ids=("O16", "O17"),
    steps=(
        Columns(
            {
                "category_id": "clean(sent_b2b_category_id)",
                "supplier_category_id": "clean(sent_category_id)",
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
