"""O12 vendor, its article, model."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Rule, about

_COLUMNS = ("vendor", "vendor_code", "model")

VENDOR = Rule(
    ids=("O12", "N4"),
    steps=(Columns({column: f"clean(sent_{column})" for column in _COLUMNS}),),
    remarks=(
        about("vendor_missing", "vendor", "vendor IS NULL AND option_vendor_required"),
        *(
            about("text_cleaned", column, f"{column} <> trimmed(sent_{column})", published=column)
            for column in _COLUMNS
        ),
    ),
)
