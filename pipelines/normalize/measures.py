"""O15 weight in kilograms, dimensions in centimetres."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Rule, about

LENGTH_LIMIT = 10  # characters of each number, as sent

MACROS = f"""
CREATE MACRO measure(s) AS CASE
    WHEN length(trimmed(s)) <= {LENGTH_LIMIT} AND measure_number(s) > 0 THEN measure_number(s) END;
"""

MEASURES = Rule(
    ids=("O15",),
    steps=(
        Columns(
            {
                "weight_kg": "measure(sent_weight)",
                "dimensions_read": "list_transform(split(trimmed(sent_dimensions), '/'), lambda d: measure(d))",
            }
        ),
        Columns(
            {
                "dimensions_cm": (
                    "CASE WHEN len(dimensions_read) = 3 AND len(list_filter(dimensions_read, lambda d: d IS NULL)) = 0"
                    " THEN dimensions_read END"
                )
            }
        ),
    ),
    remarks=(
        about("weight_dropped", "weight", "trimmed(sent_weight) IS NOT NULL AND weight_kg IS NULL"),
        about("dimensions_dropped", "dimensions", "trimmed(sent_dimensions) IS NOT NULL AND dimensions_cm IS NULL"),
    ),
)
