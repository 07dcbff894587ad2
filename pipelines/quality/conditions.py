"""What a check asks and what was found, in Russian words and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from babel import Locale
from babel.numbers import format_decimal

from pipelines.quality.suites import Check, Unit

_RU = Locale("ru")
_SET_SHOWN = 8


# The middle of two whole numbers ends in a half, which says nothing of hundreds.
_WHOLE = 100


def amount(value: float, unit: Unit) -> str:
    """A number as people read it: `9 459`, `12,5 %`, `1 200,50`."""
    if unit is Unit.SHARE:
        return f"{format_decimal(100 * min(max(value, 0), 1), format='#,##0.#', locale=_RU)} %"
    if unit is Unit.MONEY:
        return format_decimal(value, format="#,##0.00", locale=_RU)
    return format_decimal(value, format="#,##0.########", locale=_RU)


def instead(now: float, usual: float, unit: Unit) -> str:
    """A number beside the usual one: `12 % вместо обычных 96 %`, `96 %, как обычно`."""
    if unit is Unit.NUMBER and abs(usual) >= _WHOLE:
        usual = round(usual)
    shown, expected = amount(now, unit), amount(usual, unit)
    return f"{shown}, как обычно" if shown == expected else f"{shown} вместо обычных {expected}"


def condition(check: Check, kwargs: dict[str, Any] | None = None) -> str:
    """The condition of a check in words.

    Args:
        kwargs: the arguments with parameters filled in; without them, parameters are named.
    """
    given = check.kwargs if kwargs is None else kwargs
    ask = _CONDITIONS.get(check.type)
    return "ни одного исключения" if ask is None else ask(given, check.unit)


def _between(kwargs: dict[str, Any], unit: Unit) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None and low == high:
        return f"ровно {_bound(low, unit)}"
    bounds = (("не меньше", low), ("не больше", high))
    return ", ".join(f"{word} {_bound(bound, unit)}" for word, bound in bounds if bound is not None)


def _bound(value: Any, unit: Unit) -> str:  # noqa: ANN401 - a number or a parameter
    return value["$PARAMETER"] if isinstance(value, dict) else amount(value, unit)


def _one_of(values: Any) -> str:  # noqa: ANN401 - a list or a parameter
    if isinstance(values, dict):
        return f"одно из {values['$PARAMETER']}"
    rest = len(values) - _SET_SHOWN
    return f"одно из: {', '.join(values[:_SET_SHOWN])}" + (f" и ещё {rest}" if rest > 0 else "")


# What each type of expectation asks; the others are queries that must find nothing.
_CONDITIONS: dict[str, Callable[[dict[str, Any], Unit], str]] = {
    "expect_column_values_to_not_be_null": lambda _kwargs, _unit: "заполнено",
    "expect_column_values_to_be_unique": lambda _kwargs, _unit: "без повторов",
    "expect_column_values_to_be_in_set": lambda kwargs, _unit: _one_of(kwargs["value_set"]),
    "expect_column_value_lengths_to_be_between": lambda kwargs, _unit: f"знаков {_between(kwargs, Unit.NUMBER)}",
    "expect_column_mean_to_be_between": lambda kwargs, unit: f"в среднем {_between(kwargs, unit)}",
    "expect_column_proportion_of_non_null_values_to_be_between": lambda kwargs, _unit: (
        f"заполнено {_between(kwargs, Unit.SHARE)}"
    ),
    "expect_column_values_to_be_between": _between,
    "expect_column_max_to_be_between": _between,  # of the one row that a profile has
}
