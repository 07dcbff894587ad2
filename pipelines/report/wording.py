"""Text of a report from our templates and the supplier's values, which are data and never markup.

A supplier's value may hold braces, tags, line breaks or marks that turn the reading direction. Templates are filled in
one pass, so that braces in a value mean nothing; whatever does not print is shown by its code point.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES, IssueCode

# Stands for a value that is not there, and for values that differ from offer to offer.
ABSENT = "—"
VARIOUS = "…"

PLACEHOLDERS = frozenset({"field", "sent", "published", "sku", "line"})

# Rules whose published values are words of ours, and these words as buyers read them.
_STOCK = {
    "exact": "точное количество",
    "many": "много",
    "few": "мало",
    "on_order": "под заказ",
    "out_of_stock": "закончился",
}
_IN_WORDS = {"O7": {"NO_VAT": "НДС не облагается"}, "O9": _STOCK, "O10": _STOCK, "O18": _STOCK}

# Where a sentence about many offers can do without a value that differs among them: a quotation after a word, and a
# last clause.
_IN_PASSING = re.compile(rf"(?<=\w) «{VARIOUS}»(?= \w)")
_LAST_CLAUSE = re.compile(rf";[^;.]*{VARIOUS}[^;.]*\.$")

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_SEPARATORS = {"Zl", "Zp"}


def plain(text: str) -> str:
    """The text on one line, with every character that would act instead of print shown as `[U+202E]`."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in "\t\n\r\v\f":
        return " "
    category = unicodedata.category(character)
    if category in _SEPARATORS:
        return " "
    return f"[U+{ord(character):04X}]" if category in _UNPRINTABLE else character


def quote(value: str, limit: int = 80) -> str:
    """A value as it may be shown: plain, at most `limit` characters, cut in the middle.

    What differs between long values, and where a cut one ends, is at their end as often as at their beginning.
    """
    shown = plain(value)
    if len(shown) <= limit:
        return shown
    tail = limit // 3
    return f"{shown[: limit - tail - len(VARIOUS)]}{VARIOUS}{shown[-tail:]}"


def issue_code(code: str) -> IssueCode:
    """The entry of the closed list.

    Raises:
        InternalError: a code that nobody declared.
    """
    try:
        return ISSUE_CODES[code]
    except KeyError as error:
        msg = f"issue code {code!r} is not in the closed list"
        raise InternalError(msg) from error


def fill(template: str, values: dict[str, str | None]) -> str:
    """A message or a remedy with an issue's values in it; an absent value shows as a dash.

    Raises:
        InternalError: the template names something that an issue does not have.
    """
    pieces = list(_pieces(template))
    for index in range(1, len(pieces), 2):
        found = values.get(pieces[index])
        pieces[index] = ABSENT if found is None else found
    return "".join(pieces)


def fill_common(template: str, values: dict[str, str | None], various: Collection[str]) -> str:
    """A message about many offers: with the values they share, and without those in which they differ.

    What cannot be left out is shown as an ellipsis, which ends a sentence by itself.

    Args:
        template: of a message.
        values: of one of them.
        various: names of values that are not the same in all of them.
    """
    for name in various:
        template = template.replace(f"{{{name}}}", VARIOUS)
    template = _LAST_CLAUSE.sub(".", _IN_PASSING.sub("", template))
    return fill(template.replace(f"{VARIOUS}.", VARIOUS), values)


def in_words(code: IssueCode, published: str | None) -> str | None:
    """What was published as buyers read it: `out_of_stock` is «закончился»."""
    return None if published is None else _IN_WORDS.get(code.rule, {}).get(published, published)


@functools.cache
def _pieces(template: str) -> tuple[str, ...]:
    """Words and names of values in turn, words first; taken apart once, since a load may fill it a million times."""
    pieces = tuple(_PLACEHOLDER.split(template))
    if unknown := set(pieces[1::2]) - PLACEHOLDERS:
        msg = f"unknown placeholder {{{min(unknown)}}} in {template!r}"
        raise InternalError(msg)
    return pieces
