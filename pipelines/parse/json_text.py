"""A JSON document read value by value from a stream, in memory that does not depend on its length (F5).

Each value that is asked for is decoded at once by the standard library's scanner; what lies around the list of goods
is walked through. Numbers keep the text they were sent as.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

from pipelines.errors import SupplierError
from pipelines.parse.sniff import quote

# The longest value that is decoded whole, characters, and how many values there may be in it, how deep.
VALUE_LENGTH = 4 << 20
VALUES_LIMIT = 100_000
DEPTH_LIMIT = 64

_SPACE = " \t\r\n"
# A literal, an escape or a number that the end of a block cut off is no longer than this, numbers aside, which are
# read again with more behind them.
_CUT = 16


class Repeating(dict[str, Any]):
    """An object in which a name stands more than once: the first of each counts, `repeats` are the others."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        self.repeats: list[tuple[str, Any]] = []
        for name, value in pairs:
            if name in self:
                self.repeats.append((name, value))
            else:
                self[name] = value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeating(pairs)


_decode = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object).raw_decode


class JsonText:
    """A document that is read from its beginning to its end.

    Every method raises `SupplierError`: `json_malformed`, `json_truncated` or `json_limit`, with the line.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        """Read `blocks` of valid UTF-8, whose first line is line 1."""
        self._blocks = blocks
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._dropped = 0
        self._line = 1
        self._counted = 0
        self._ended = False

    @property
    def line(self) -> int:
        """The line of the next character that is not white space."""
        self.peek()
        return self._line_at(self._at)

    @property
    def passed(self) -> int:
        """How many characters were passed."""
        return self._dropped + self._at

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if (character := self._text[self._at]) not in _SPACE:
                    return character
                self._at += 1
            if not self._more():
                return ""

    def take(self, expected: str) -> str:
        """The next character that is not white space, which must be one of `expected`."""
        character = self.peek()
        if character == "":
            raise self._truncated()
        if character not in expected:
            raise self._malformed("вместо", f"{' или '.join(expected)} стоит {character}")
        self._at += 1
        return character

    def value(self) -> Any:  # noqa: ANN401 - JSON is anything
        """The next value, decoded: text for numbers, too."""
        found = self._next()
        if found is None:
            raise self._limit("значение длиннее, МБ", VALUE_LENGTH >> 20)
        value, end = found
        openings = self._text.count("[", self._at, end) + self._text.count("{", self._at, end)
        if openings + self._text.count(",", self._at, end) > VALUES_LIMIT:
            raise self._limit("значений больше", VALUES_LIMIT)
        if openings > DEPTH_LIMIT and _deeper(value, DEPTH_LIMIT):
            raise self._limit("вложенность больше", DEPTH_LIMIT)
        self._at = end
        return value

    def skip(self, depth: int = 0) -> None:
        """Pass over the next value, however long it is."""
        found = self._next()
        if found is not None:
            self._at = found[1]
            return
        if depth == DEPTH_LIMIT:
            raise self._limit("вложенность больше", DEPTH_LIMIT)
        for _ in self.members() if self.peek() == "{" else self.elements():
            self.skip(depth + 1)

    def elements(self) -> Iterator[None]:
        """Stop before each element of the array that comes next; it must be read before going on."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield
            if self.take(",]") == "]":
                return

    def members(self) -> Iterator[str]:
        """The names of the object that comes next, each before its value; that must be read before going on."""
        self.take("{")
        if self.peek() == "}":
            self.take("}")
            return
        while True:
            if self.peek() not in {'"', ""}:
                raise self._malformed("имя поля не в кавычках")
            name = str(self.value())
            self.take(":")
            yield name
            if self.take(",}") == "}":
                return

    def end(self) -> None:
        """Nothing may come any more."""
        if self.peek():
            raise self._malformed("после конца документа есть ещё что-то")

    def _next(self) -> tuple[Any, int] | None:
        """The next value and where it ends; None for one that is longer than it may be. It is not passed yet."""
        if self.peek() == "":
            raise self._truncated()
        while True:
            try:
                found = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._cut_off(error):
                    raise self._malformed(_WORDS.get(error.msg, error.msg), at=error.pos) from error
                if self._ended:
                    raise self._truncated() from error
            except RecursionError as error:
                raise self._limit("вложенность больше", DEPTH_LIMIT) from error
            else:
                if found[1] < len(self._text) or self._ended:
                    return found if found[1] - self._at <= VALUE_LENGTH else None
            if len(self._text) - self._at > VALUE_LENGTH:
                return None
            self._more()

    def _cut_off(self, error: json.JSONDecodeError) -> bool:
        """Whether the scanner stopped because there was no more, rather than at something wrong."""
        if error.msg.startswith("Unterminated string"):
            return True
        return error.pos >= len(self._text) if self._ended else error.pos >= len(self._text) - _CUT

    def _more(self) -> bool:
        """Read on; what was passed is forgotten. False at the end."""
        if self._ended:
            return False
        block = next(self._blocks, None)
        self._line = self._line_at(self._at)
        self._text = self._text[self._at :] + self._decoder.decode(block or b"", final=block is None)
        self._dropped += self._at
        self._at = self._counted = 0
        self._ended = block is None
        return not self._ended

    def _line_at(self, position: int) -> int:
        if position >= self._counted:
            self._line += self._text.count("\n", self._counted, position)
            self._counted = position
            return self._line
        return self._line - self._text.count("\n", position, self._counted)

    def _malformed(self, what: str, evidence: str = "", *, at: int | None = None) -> SupplierError:
        line = self._line_at(self._at if at is None else at)
        return SupplierError("json_malformed", line=line, detail=quote(f"{what} {evidence}".encode()))

    def _truncated(self) -> SupplierError:
        return SupplierError("json_truncated", line=self._line_at(len(self._text)), detail="документ не закрыт")

    def _limit(self, what: str, limit: int) -> SupplierError:
        return SupplierError("json_limit", line=self.line, detail=f"{what} {limit}")


# The scanner's complaints in the supplier's language.
_WORDS = {
    "Expecting value": "нет значения",
    "Expecting ',' delimiter": "между значениями нет запятой",
    "Expecting ':' delimiter": "после имени поля нет двоеточия",
    "Expecting property name enclosed in double quotes": "имя поля не в двойных кавычках",
    "Invalid control character at": "управляющий знак или перевод строки внутри строки в кавычках",
    "Invalid \\escape": "после \\ стоит не то",
    "Invalid \\uXXXX escape": "после \\u нет четырёх цифр",
    "Illegal trailing comma before end of object": "лишняя запятая перед }",
    "Illegal trailing comma before end of array": "лишняя запятая перед ]",
}


def _deeper(value: Any, limit: int) -> bool:  # noqa: ANN401 - JSON is anything
    """Whether arrays and objects stand in each other more than `limit` deep."""
    level = [value]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return any(isinstance(outer, dict | list) for outer in level)


def _inside(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is anything
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
