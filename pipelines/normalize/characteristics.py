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

_STRUCT = """{'sent_name': sent_name, 'sent_value': sent_value, 'sent_unit': sent_unit,
    'name': param_name, 'value': param_value, 'unit': param_unit, 'unit_okei': param_okei}"""

# One row per offer: its kept characteristics in order. A name repeated with the same unit is one characteristic whose
# distinct values are joined; the first of them gives the place. Few are repeated: only those take the way of grouping.
_JOINED = f"""
    WITH kept AS MATERIALIZED (
        SELECT *, count(*) OVER (PARTITION BY ordinal, param_key, coalesce(param_unit, '')) AS times
        FROM param_rows WHERE param_kept
    ), repeated AS (
        SELECT ordinal, min(position) AS position, arg_min(param_line, position) AS param_line,
            arg_min(sent_name, position) AS sent_name,
            array_to_string(list(sent_value ORDER BY position), '; ') AS sent_value,
            arg_min(sent_unit, position) AS sent_unit,
            arg_min(param_name, position) AS param_name,
            array_to_string(each_once(list(param_value ORDER BY position)), '; ') AS param_value,
            arg_min(param_unit, position) AS param_unit,
            arg_min(param_okei, position) AS param_okei
        FROM kept WHERE times > 1 GROUP BY ordinal, param_key, coalesce(param_unit, '')
    ), single AS (
        SELECT ordinal, position, param_line, false AS joined, {_STRUCT} AS param FROM kept WHERE times = 1
        UNION ALL SELECT ordinal, position, param_line, true, {_STRUCT} FROM repeated
    )
    SELECT ordinal, list(param ORDER BY position) AS params,
        count(*) FILTER (joined) AS params_joined,
        arg_min(param.name, position) FILTER (joined) AS params_joined_name,
        arg_min(param.value, position) FILTER (joined) AS params_joined_value,
        arg_min(param_line, position) FILTER (joined) AS params_joined_line
    FROM single GROUP BY ordinal
"""
_DROPPED = """
    SELECT ordinal, min(param_line) AS params_dropped_line,
        array_to_string(list(left(coalesce(trimmed(sent_name), '?'), 60) ORDER BY position)[1:10], '; ')
            AS params_dropped_names
    FROM param_rows WHERE NOT param_kept GROUP BY ordinal
"""

COLLECTED = {"params_by_offer": _JOINED, "params_dropped_by_offer": _DROPPED}
# Columns of the source that these read.
READ = ("ordinal", "position", "param_line", "sent_name", "sent_value", "sent_unit")

JOINED = Rule(
    ids=("O13",),
    steps=(),
    remarks=(
        Remark(
            "params_joined",
            "params_joined > 0",
            "'params'",
            "params_joined_line",
            "params_joined_name",
            "params_joined_value",
        ),
    ),
)
DROPPED = Rule(
    ids=("O13",),
    steps=(),
    remarks=(Remark("params_dropped", "true", "'params'", "params_dropped_line", "params_dropped_names"),),
)
