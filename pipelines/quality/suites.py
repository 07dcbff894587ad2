"""The expectations as their files tell them: `expectations/*.json`, suites of Great Expectations.

Everything a check is stands in its file, once: what is asked (`type`, `kwargs`), how grave a failure is (`severity`)
and, under `meta`, what people read. `docs/quality.md` and the page of a load are made from it.
"""

from __future__ import annotations

import enum
import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXPECTATIONS = Path(__file__).resolve().parent.parent.parent / "expectations"


class Suite(enum.StrEnum):
    """The suites; the value is the name of the file."""

    OFFERS = "offers"
    DETAILS = "details"
    LOAD = "load"

    @property
    def label(self) -> str:
        """What is checked, in Russian."""
        return _SUITE_LABELS[self]


_SUITE_LABELS = {
    Suite.OFFERS: "Товары",
    Suite.DETAILS: "Характеристики и регионы",
    Suite.LOAD: "Сравнение с прошлыми загрузками",
}


class Table(enum.StrEnum):
    """What a check looks at: a view over the files of the load."""

    OFFERS = "offers"  # a row of `OFFER_SCHEMA`, its lists as numbers of entries
    PARAMS = "params"  # a characteristic of an offer
    REGIONS = "regions"  # a region of an offer
    PROFILE = "profile"  # one row: the numbers of the load
    SHARES = "shares"  # a code of remarks: the share of offers that have it, now and usually

    @property
    def of_offers(self) -> bool:
        """Whether each row belongs to an offer, so that a bad one can be shown by its SKU and line."""
        return self not in (Table.PROFILE, Table.SHARES)


class Gravity(enum.StrEnum):
    """What follows when a check fails; the values are severities of Great Expectations."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def label(self) -> str:
        """The word for people, in Russian."""
        return _GRAVITY_LABELS[self]


_GRAVITY_LABELS = {
    Gravity.CRITICAL: "критично",
    Gravity.WARNING: "предупреждение",
    Gravity.INFO: "к сведению",
}


class Unit(enum.StrEnum):
    """What the number of a check counts, which decides how people are shown it."""

    NUMBER = "number"
    SHARE = "share"
    MONEY = "money"


_MEASURING = {"expect_column_mean_to_be_between", "expect_column_proportion_of_non_null_values_to_be_between"}


@dataclass(frozen=True)
class Check:
    """One expectation of a suite.

    Attributes:
        id: stable name, unique over all suites.
        suite: the suite it stands in.
        table: what it looks at.
        type: type of the expectation, as Great Expectations names it.
        kwargs: its arguments; `{"$PARAMETER": …}` is filled at run time.
        gravity: what follows when it fails.
        title: what is expected, in Russian.
        unit: what the number counts, where the check is about one number.
        code: the issue of the report for a failed warning; None for others.
        sent_as: raw column of the field that a remark names; None when no field is meant.
    """

    id: str
    suite: Suite
    table: Table
    type: str
    kwargs: dict[str, Any] = field(hash=False)
    gravity: Gravity
    title: str
    unit: Unit = Unit.NUMBER
    code: str | None = None
    sent_as: str | None = None

    @property
    def column(self) -> str | None:
        """The column that is asked about; None where the question is a query of its own."""
        return self.kwargs.get("column")

    @property
    def measuring(self) -> bool:
        """Whether it is about one number of the table, which is worth telling when it is as expected, too."""
        return self.type in _MEASURING

    @property
    def query(self) -> str | None:
        """The query whose rows break the check, the table written `{batch}`; None for the other types."""
        return self.kwargs.get("unexpected_rows_query")


@functools.cache
def read_checks(folder: Path = EXPECTATIONS) -> tuple[Check, ...]:
    """All checks of all suites, in the order of the files."""
    return tuple(check for suite in Suite for check in _read(folder / f"{suite.value}.json", suite))


def _read(path: Path, suite: Suite) -> list[Check]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return [_check(entry, suite) for entry in document["expectations"]]


def _check(entry: dict[str, Any], suite: Suite) -> Check:
    meta = entry["meta"]
    return Check(
        id=meta["id"],
        suite=suite,
        table=Table(meta["table"]),
        type=entry["type"],
        kwargs=entry["kwargs"],
        gravity=Gravity(entry["severity"]),
        title=meta["title"],
        unit=Unit(meta.get("unit", Unit.NUMBER)),
        code=meta.get("code"),
        sent_as=meta.get("sent_as"),
    )
