"""A JSON file -> its offers: an array of objects, wherever it stands in the answer, or an object a line (S1).

Which field of an object goes into which column is the link's to say (`tags`, paths with dots); what it does not say is
looked for under the names of the raw columns and of YML's tags, in any case. Values are taken as sent: numbers as they
were written, true and false as words, null as if it were absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.errors import SupplierError
from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS, Issue, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse.decode import utf8_blocks
from pipelines.parse.encoding import prove_encoding
from pipelines.parse.json_text import JsonText, Repeating
from pipelines.parse.rows import COLUMN_INDEX, ROW_WIDTH
from pipelines.parse.sniff import Sniffed, quote
from pipelines.parse.tags import DISTINCT_TAGS_LIMIT, UnknownTags
from pipelines.parse.writer import RawWriter
from pipelines.parse.yml_offer import IGNORED_TAGS

# Where an answer says what went wrong.
_ERROR_KEYS = ("error", "errors", "error_description", "error_message")
_NAMES_SHOWN = 10
# Characters that XML forbids, for the same reasons: no database and no page takes them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_LIST_NAMES = {"pictures": "picture", "params": "param", "regions": "region", "outlets": "outlet"}
_USUAL = {**RAW_SCALARS, **_LIST_NAMES}
_COLUMNS = {name.casefold(): column for column, tag in _USUAL.items() for name in (tag, column)}
_CODES = frozenset({"position_codes", "analog_gid", "gid"})  # several in one field, divided by commas (O17)
_REGION_PLACES = {
    name.casefold(): 2 * i for i, (column, tag) in enumerate(RAW_REGION_SCALARS.items()) for name in (tag, column)
}
_LINE, _SKU = COLUMN_INDEX["line"], COLUMN_INDEX["sku"]
_EMPTY_ROW = [None] * ROW_WIDTH

Item = dict[str, Any]


def read_json(open_source: Callable[[], BinaryIO], sniffed: Sniffed, out: Path, options: LinkOptions) -> ParseResult:
    """Read a JSON file into raw offers at `out`.

    Raises:
        SupplierError: `encoding_invalid`, `json_malformed`, `json_truncated`, `json_limit`, `json_items_missing`,
            `answer_is_error`, `no_offers`.
    """
    proof = prove_encoding(open_source, bom=sniffed.bom, declared=None)
    with open_source() as source, RawWriter(out) as writer:
        text = JsonText(utf8_blocks(source, offset=sniffed.root_offset, encoding=proof.encoding))
        offers = ItemReader(writer, options.tags)
        accounted = 0
        for line, item in _items(text, [name for name in options.json_items.split(".") if name]):
            if not isinstance(item, dict):
                raise SupplierError("json_malformed", line=line, detail=f"вместо товара стоит {_shown(item)}")
            if not writer.rows:
                offers.require_known_fields(item, line)
            offers.read(item, line)
            writer.account(text.passed - accounted)
            accounted = text.passed
        text.end()
        if not writer.rows:
            raise SupplierError("no_offers")
    return ParseResult(
        format=sniffed.format,
        encoding=proof.encoding,
        read=writer.rows,
        issues=tuple(issue for issue in (proof.issue, *offers.issues()) if issue is not None),
        spellings=offers.spellings(),
    )


def _items(text: JsonText, path: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """The elements of the list at `path`, or the objects of a file without one, each with the line it starts at."""
    if path:
        yield from _list_at(text, path, "")
    elif text.peek() == "[":
        for _ in text.elements():
            yield text.line, text.value()
    else:
        while text.peek():
            yield text.line, text.value()


def _list_at(text: JsonText, path: Sequence[str], above: str) -> Iterator[tuple[int, Any]]:
    """The elements of the list at `path` of the value that comes next; the rest of that value is passed over."""
    line = text.line
    if not path:
        if text.peek() != "[":
            raise SupplierError("json_items_missing", line=line, detail=f"{above} есть, но это не список")
        for _ in text.elements():
            yield text.line, text.value()
        return
    if text.peek() != "{":
        raise SupplierError("json_items_missing", line=line, detail=f"поля {path[0]} нет: вместо объекта другое")
    names: list[str] = []
    said: Any = None
    found = False
    for name in text.members():
        if name == path[0] and not found:
            found = True
            yield from _list_at(text, path[1:], f"{above}.{name}".strip("."))
        elif name in _ERROR_KEYS and not said:
            said = text.value()
        else:
            text.skip()
        names.append(name) if len(names) < _NAMES_SHOWN else None
    if not found:
        raise _missing(line, names, said, f"поля {path[0]} нет")


def _missing(line: int, names: Sequence[str], said: Any, what: str) -> SupplierError:  # noqa: ANN401 - JSON is anything
    if said:
        return SupplierError("answer_is_error", line=line, detail=_shown(said))
    shown = ", ".join(quote(name.encode("utf-8", "replace"), 40) for name in names[:_NAMES_SHOWN])
    return SupplierError("json_items_missing", line=line, detail=f"{what}; есть: {shown}")


class ItemReader:
    """Reads the objects of one file, one after another, into a writer."""

    def __init__(self, writer: RawWriter, fields: Mapping[str, str]) -> None:
        """Read `fields` (column -> path with dots) from where they say, and other columns from their usual names."""
        self._writer = writer
        self._roots = {root for path in fields.values() for root in (path, path.partition(".")[0])}
        self._columns = {name: column for name, column in _COLUMNS.items() if column not in fields}
        self._fields = dict(fields)
        self._spellings: dict[str, str] = {}
        self._learned: dict[str, str | None] = {}  # name as it comes -> its column
        self._unknown = UnknownTags()
        self._removed = 0
        self._first_removed: tuple[int, str] | None = None

    def require_known_fields(self, item: Item, line: int) -> None:
        """Refuse a file whose first object has nothing of an offer: it is an error, or the list is elsewhere.

        Raises:
            SupplierError: `answer_is_error`, `json_items_missing`.
        """
        if any(name in self._roots or name.casefold() in self._columns for name in item):
            return
        said = next((item[name] for name in _ERROR_KEYS if item.get(name)), None)
        raise _missing(line, list(item), said, "у первого объекта нет ни одного знакомого поля")

    def read(self, item: Item, line: int) -> None:
        """Write one object that starts at `line` as an offer.

        Raises:
            SupplierError: `json_limit`, too many different names.
        """
        row: list[Any] = _EMPTY_ROW.copy()
        row[0] = self._writer.rows
        row[_LINE] = line
        for mapped, path in self._fields.items():
            self._put(mapped, path, item[path] if path in item else _at(item, path.split(".")), row, line)
        key: tuple[str, Any] | None = None  # the object's own id is the article only where there is no article
        for name, value in item.items():
            if name in self._roots or value is None:
                continue
            column = self._learned[name] if name in self._learned else self._learn(name, line)
            if column is None:
                continue
            if column == "sku" and name.casefold() != "sku":
                key = name, value
            else:
                self._put(column, name, value, row, line)
        if key is not None and row[_SKU] is None:
            self._put("sku", key[0], key[1], row, line)
        for name, value in item.repeats if isinstance(item, Repeating) else ():
            self._repeat(name, value, line)
        self._writer.add(row)

    def _learn(self, name: str, line: int) -> str | None:
        """The column of a name that was not met before in this file."""
        folded = name.casefold()
        column = self._columns.get(folded)
        if column is None and folded not in IGNORED_TAGS and folded not in _COLUMNS:
            self._unknown.meet(_FORBIDDEN.sub("", name), line)
            return None  # not remembered: it is counted each time
        self._learned[name] = column
        if len(self._learned) > DISTINCT_TAGS_LIMIT:
            raise SupplierError("json_limit", line=line, detail=f"больше {DISTINCT_TAGS_LIMIT} разных полей")
        return column

    def _put(self, column: str, name: str, value: Any, row: list[Any], line: int) -> None:  # noqa: ANN401 - JSON
        if value is None:
            return
        self._spellings.setdefault(column, name)
        if column in _LIST_NAMES:
            _LISTS[column](self, value, line)
            return
        index = COLUMN_INDEX[column]
        if row[index] is not None:
            self._repeat(name, value, line)
            return
        if column in _CODES and isinstance(value, list) and all(isinstance(code, str) for code in value):
            value = ",".join(value)
        row[index], row[index + 1] = self._text(value, line), line

    def _pictures(self, value: Any, line: int) -> None:  # noqa: ANN401 - JSON is anything
        for picture in value if isinstance(value, list) else [value]:
            address = _named(picture, "url") if isinstance(picture, dict) else picture
            if address is not None:
                self._writer.lists["pictures"].append((self._text(address, line), line))

    def _params(self, value: Any, line: int) -> None:  # noqa: ANN401 - JSON is anything
        """Characteristics: a list of {name, value, unit}, or an object name -> value."""
        pairs = value.items() if isinstance(value, dict) else [(None, each) for each in _listed(value)]
        for key, described in pairs:
            name, content, unit = key, described, None
            if isinstance(described, dict):
                name, content, unit = (
                    _named(described, "name") if key is None else key,
                    _named(described, "value"),
                    _named(described, "unit"),
                )
            for each in _listed(content):
                cells = [
                    None if cell is None else self._text(cell, line)
                    for cell in (name, "" if each is None else each, unit)
                ]
                self._writer.lists["params"].append((*cells, line))

    def _regions(self, value: Any, line: int) -> None:  # noqa: ANN401 - JSON is anything
        """Regions: a list of objects with the fields of a region, or an object code -> fields."""
        pairs = value.items() if isinstance(value, dict) else [(None, each) for each in _listed(value)]
        for code, fields in pairs:
            cells: list[str | int | None] = [None] * (2 * len(RAW_REGION_SCALARS))
            if code is not None:
                cells[:2] = self._text(code, line), line
            for name, each in fields.items() if isinstance(fields, dict) else ():
                place = _REGION_PLACES.get(name.casefold())
                if place is None:
                    self._unknown.meet(_FORBIDDEN.sub("", name), line)
                elif each is not None and cells[place] is None:
                    cells[place : place + 2] = self._text(each, line), line
            self._writer.lists["regions"].append(cells)

    def _outlets(self, value: Any, line: int) -> None:  # noqa: ANN401 - JSON is anything
        """Stocks of warehouses: a list or an object of numbers, or of objects with `instock`."""
        for outlet in value.values() if isinstance(value, dict) else _listed(value):
            stock = _named(outlet, "instock") if isinstance(outlet, dict) else outlet
            if stock is not None:
                self._writer.lists["outlets"].append((self._text(stock, line), line))

    def _repeat(self, name: str, value: Any, line: int) -> None:  # noqa: ANN401 - JSON is anything
        self._writer.lists["repeated"].append((self._text(name, line), self._text(value, line), line))

    def _text(self, value: Any, line: int) -> str:  # noqa: ANN401 - JSON is anything
        """A value as text; what is neither text, number nor word is shown as the JSON it is."""
        if isinstance(value, bool):
            return "true" if value else "false"
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if forbidden := _FORBIDDEN.findall(text):
            self._removed += len(forbidden)
            self._first_removed = self._first_removed or (line, f"U+{ord(forbidden[0]):04X}")
            text = _FORBIDDEN.sub("", text)
        return text

    def spellings(self) -> dict[str, str]:
        """Raw column -> the field as the supplier wrote it first, or as the link names it; complete."""
        return {**_USUAL, **self._spellings, **self._fields}

    def issues(self) -> Iterator[Issue]:
        """What was removed from texts, and fields nobody knows."""
        if self._first_removed is not None:
            line, example = self._first_removed
            yield Issue("control_characters_removed", line=line, field=example, sent=str(self._removed))
        yield from self._unknown.issues()


_LISTS: dict[str, Callable[[ItemReader, Any, int], None]] = {
    "pictures": ItemReader._pictures,
    "params": ItemReader._params,
    "regions": ItemReader._regions,
    "outlets": ItemReader._outlets,
}


def _at(item: Item, path: Sequence[str]) -> Any:  # noqa: ANN401 - JSON is anything
    """The value at a path of names and, in lists, numbers from 0; None where it leads nowhere."""
    value: Any = item
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _named(fields: Item, name: str) -> Any:  # noqa: ANN401 - JSON is anything
    return next((value for key, value in fields.items() if key.casefold() == name), None)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is anything
    return value if isinstance(value, list) else [value]


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON is anything
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return quote(text.encode("utf-8", "replace"))
