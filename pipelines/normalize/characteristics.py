"""O13 characteristics: order kept, empties and sentinels dropped, a repeated name joined; the sent form always beside.

The row here is one characteristic of one offer, with its place `position`.
"""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Lookup, Remark, Rule
from pipelines.normalize.unit import resolve

# What accounting systems write for "not set".
SENTINELS = ("-999 999 999,9", "-999999999.9", "-999999999,9")

_SENTINEL_LIST = ", ".join(f"'{s}'" for s in SENTINELS)

CHARACTERISTIC = Rule(
    ids=("O13", "N1", "N4"),
    steps=(
        Columns(
            {
                "param_name": "clean(sent_name)",
                "param_value": f"CASE WHEN clean(sent_value) NOT IN ({_SENTINEL_LIST}) THEN clean(sent_value) END",
                "unit_sent": "clean(sent_unit)",
                "unit_code": "padded_code(sent_unit)",
            }
        ),
        *resolve("unit_sent", "unit_resolved"),
        Lookup("units", "unit_code", "code", {"unit_by_code": "code"}),
        Columns({"param_okei": "coalesce(unit_by_code, unit_resolved)"}),
        Lookup("units", "param_okei", "code", {"unit_shown": "shown"}),
        Columns(
            {
                "param_unit": "coalesce(unit_shown, unit_sent)",
                "param_kept": "param_name IS NOT NULL AND param_value IS NOT NULL",
                "param_key": "lower(param_name)",
            }
        ),
    ),
)

# A name repeated with the same unit is one characteristic whose distinct values are joined; the first gives the place.
_SAME = "ordinal, param_key, coalesce(param_unit, '')"
_STRUCT = """{'sent_name': sent_name, 'sent_value': sent_value, 'sent_unit': sent_unit,
    'name': param_name, 'value': param_value, 'unit': param_unit, 'unit_okei': param_okei}"""

# Made from `param_rows` in this order. Few names are repeated: only those take the way of grouping.
TABLES_OF_BATCH = {
    "params_repeated": """
        SELECT ordinal, param_key, coalesce(param_unit, '') AS param_unit
        FROM param_rows WHERE param_kept GROUP BY ALL HAVING count(*) > 1""",
    "params_joined": f"""
        SELECT ordinal, min(position) AS position, arg_min(param_line, position) AS param_line,
            arg_min(sent_name, position) AS sent_name,
            array_to_string(list(sent_value ORDER BY position), '; ') AS sent_value,
            arg_min(sent_unit, position) AS sent_unit,
            arg_min(param_name, position) AS param_name,
            array_to_string(each_once(list(param_value ORDER BY position)), '; ') AS param_value,
            arg_min(param_unit, position) AS param_unit,
            arg_min(param_okei, position) AS param_okei
        FROM param_rows WHERE param_kept AND ({_SAME}) IN (FROM params_repeated) GROUP BY {_SAME}""",
    "params_dropped": """
        SELECT ordinal, min(param_line) AS param_line,
            array_to_string(list(left(coalesce(trimmed(sent_name), '?'), 60) ORDER BY position)[1:10], '; ')
                AS dropped_names
        FROM param_rows WHERE NOT param_kept GROUP BY ordinal""",
}
# The characteristics of all offers of a batch, offer by offer in order.
ORDERED = f"""
    SELECT ordinal, entry FROM (
        SELECT ordinal, position, {_STRUCT} AS entry
        FROM param_rows WHERE param_kept AND ({_SAME}) NOT IN (FROM params_repeated)
        UNION ALL SELECT ordinal, position, {_STRUCT} FROM params_joined)
    ORDER BY ordinal, position"""
# Columns of the source that these read.
READ = ("position", "param_line", "sent_name", "sent_value", "sent_unit")

JOINED = Rule(
    ids=("O13",),
    steps=(),
    remarks=(Remark("params_joined", "true", "'params'", "param_line", "param_name", "param_value"),),
)
DROPPED = Rule(
    ids=("O13",),
    steps=(),
    remarks=(Remark("params_dropped", "true", "'params'", "param_line", "dropped_names"),),
)
