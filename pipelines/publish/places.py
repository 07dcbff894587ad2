"""N2: a buyer's place, and the regions that hold there, from the most specific one to its federal district."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.errors import OperatorError
from pipelines.reference import Reference
from pipelines.reference.oktmo import subject_of
from pipelines.reference.tables import Row, Rows, keyed

# Digits of a code -> how many of code, district and subject it may lead to. A restored zero is a guess, and a guess is
# not built upon: such a code must exist itself, or be of a settlement whose district exists.
_STEPS_UP = {7: 1, 8: 3, 10: 2, 11: 3}


@dataclass(frozen=True)
class Place:
    """Where a buyer is.

    Attributes:
        code: OKTMO code of 8 digits in force, or the abbreviation of a federal district.
        level: `municipality`, `subject` or `district`.
        name: in Russian.
        chain: codes of the regions whose prices hold here, the most specific first, each with its level.
    """

    code: str
    level: str
    name: str
    chain: dict[str, str]


def find_place(reference: Reference, sent: str) -> Place:
    """The place of a code as people write it.

    Digits are an OKTMO code: 11 lead to their first 8; one that is not known leads to its district (the first 5 and
    000), then to its subject; one that was replaced, to its successor; a lost leading zero is restored where the result
    exists. Anything else is a federal district by its abbreviation or name.

    Raises:
        OperatorError: no such place; the message says what fits.
    """
    oktmo = keyed(reference.path("oktmo"), "code8")
    districts = keyed(reference.path("federal_districts"), "abbr")
    code = "".join(sent.split())
    if code.isascii() and code.isdigit():
        found = _by_digits(oktmo, code)
        if found:
            return _place(oktmo, found)
    else:
        for row in districts.values():
            if " ".join(sent.split()).casefold() in _spellings(row):
                return Place(row["abbr"], "district", row["name"], {row["abbr"]: "district"})
    msg = (
        f"no region {sent!r}: give an OKTMO code of 8 or 11 digits (45000000 is Moscow),"
        f" or a federal district: {', '.join(districts)}; `catalog-feeds reference export regions` lists all codes"
    )
    raise OperatorError(msg)


def all_places(reference: Reference) -> Iterator[Place]:
    """Every place in force: federal districts, then OKTMO codes in order."""
    oktmo = keyed(reference.path("oktmo"), "code8")
    for row in keyed(reference.path("federal_districts"), "abbr").values():
        yield Place(row["abbr"], "district", row["name"], {row["abbr"]: "district"})
    for row in oktmo.values():
        if not row["valid_to"]:
            yield _place(oktmo, row)


def _place(oktmo: Rows, row: Row) -> Place:
    chain = {above["code8"]: above["level"] for above in _upwards(oktmo, row)}
    return Place(row["code8"], row["level"], row["name_ru"], chain | _district(row))


def _by_digits(oktmo: Rows, code: str) -> Row | None:
    steps = _STEPS_UP.get(len(code), 0)
    code = code.zfill(8 if len(code) < 9 else 11)[:8]
    guesses = (code, f"{code[:5]}000", subject_of(code))[:steps]
    return next((row for row in (_in_force(oktmo, guess) for guess in guesses) if row), None)


def _in_force(oktmo: Rows, code: str) -> Row | None:
    """The row of a code, or that of its last successor; None when it ended without one."""
    passed: set[str] = set()
    while code in oktmo and code not in passed:
        row = oktmo[code]
        if not row["valid_to"]:
            return row
        passed.add(code)
        code = row["replaced_by"]
    return None


def _upwards(oktmo: Rows, row: Row) -> Iterator[Row]:
    """A row and everything above it, up to its subject."""
    passed: set[str] = set()
    while row["code8"] not in passed:
        yield row
        passed.add(row["code8"])
        row = oktmo.get(row["parent_code8"], row)


def _district(row: Row) -> dict[str, str]:
    return {row["federal_district"]: "district"} if row["federal_district"] else {}


def _spellings(row: Row) -> set[str]:
    return {spelling.casefold() for spelling in (row["abbr"], row["name"], *row["aliases"].split("|"))}
