"""A table by КИМ's columns -> raw rows, whatever the table is made of: the header understood, each row put in place.

Cells are text as sent. An empty cell is a value that is there and empty; a cell that a short row does not have, or that
holds one of Excel's errors, is a value that was not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from operator import itemgetter
from typing import Any

from pipelines.columns import COLUMNS_LIMIT, HEADERS, Found, Headers, Need, folded
from pipelines.errors import SupplierError
from pipelines.model import RAW_REGION_SCALARS, RAW_SCALARS, Issue
from pipelines.parse.rows import COLUMN_INDEX, ROW_WIDTH
from pipelines.parse.writer import RawWriter

# Columns that must be recognised before a row is believed to be the header of a table.
HEADERS_NEEDED = 2
CELL_LIMIT = 100_000  # characters; a description that is too long is cut later, a swallowed table is not (O4)
UNKNOWN_COLUMNS_LISTED = 50
_HEADER_SHOWN = 100
_FAULT_SHOWN = 200

_EXCEL_ERRORS = frozenset(
    {
        *("#Н/Д", "#ССЫЛКА!", "#ЗНАЧ!", "#ДЕЛ/0!", "#ИМЯ?", "#ПУСТО!", "#ЧИСЛО!", "#ПЕРЕНОС!", "#ВЫЧИСЛ!"),
        *("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"),
    }
)
_PARAM_PARTS = ("name", "value", "unit")
_LINE, _SKU, _POSITIONS = COLUMN_INDEX["line"], COLUMN_INDEX["sku"], COLUMN_INDEX["position_codes"]
_FAULT, _FAULT_SENT = COLUMN_INDEX["row_fault"], COLUMN_INDEX["row_fault_sent"]

Cell = str | None
Row = list[Any]


@dataclass(frozen=True)
class Layout:
    """Where the columns of one table are; places are counted from 0.

    Attributes:
        cells: the header as written, without empty cells at its end.
        known: number of columns that were recognised.
        scalars: raw column -> its place.
        again: places of columns under the same header as one before, with the raw column they repeat.
        positions: places of all columns with codes of the buyer's positions, in order (O17).
        pictures: places of pictures.
        params: places of name, value and unit of each characteristic, in the order of their numbers.
        regions: places of the fields of each region, in the order of `RAW_REGION_SCALARS` and of their numbers.
        unknown: places of columns that nobody knows.
        shortest: number of cells that a row must have: up to the last of those that every table must fill in.
    """

    cells: tuple[str, ...]
    known: int
    scalars: dict[str, int]
    again: tuple[tuple[int, str], ...]
    positions: tuple[int, ...]
    pictures: tuple[int, ...]
    params: tuple[tuple[int | None, ...], ...]
    regions: tuple[tuple[int | None, ...], ...]
    unknown: tuple[int, ...]
    shortest: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.cells)

    @property
    def sku(self) -> int:
        """Where the article is."""
        return self.scalars["sku"]


def understand(cells: Sequence[str], headers: Headers) -> Layout | None:
    """The layout that a header row gives; None when the row is no header: too few columns of it are known.

    Raises:
        SupplierError: `table_limit`.
    """
    end = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
    cells = tuple(cells[:end])
    if len(cells) > COLUMNS_LIMIT:
        raise SupplierError("table_limit", detail=f"столбцов больше {COLUMNS_LIMIT}")
    found = [headers.find(cell) for cell in cells]
    if len({f.column.raw for f in found if f is not None}) < HEADERS_NEEDED:
        return None
    found = _without_rivals(cells, found)
    scalars: dict[str, int] = {}
    again: list[tuple[int, str]] = []
    for place, meaning in enumerate(found):
        if meaning is None or meaning.column.group is not None or meaning.column.raw == "position_codes":
            continue
        raw = meaning.column.raw
        if raw in scalars:
            again.append((place, raw))
        scalars.setdefault(raw, place)
    return Layout(
        cells=cells,
        known=sum(f is not None for f in found),
        scalars=scalars,
        again=tuple(again),
        positions=_places(found, "position_codes"),
        pictures=_places(found, "pictures.value"),
        params=_members(found, "params", _PARAM_PARTS),
        regions=_members(found, "regions", tuple(RAW_REGION_SCALARS)),
        unknown=tuple(place for place, f in enumerate(found) if f is None and cells[place].strip()),
        shortest=_shortest(found),
    )


def _without_rivals(cells: Sequence[str], found: list[Found | None]) -> list[Found | None]:
    """Of several headers that mean one plain column, ours counts before an alias, and the first before the others.

    The others are unknown columns, unless they are written just like the one that counts.
    """
    chosen: dict[str, tuple[bool, str]] = {}
    for cell, meaning in zip(cells, found, strict=True):
        if meaning is not None:
            best = chosen.get(meaning.column.raw)
            if best is None or (meaning.own and not best[0]):
                chosen[meaning.column.raw] = (meaning.own, folded(cell))
    return [
        f if f is None or f.column.several or chosen[f.column.raw][1] == folded(cell) else None
        for cell, f in zip(cells, found, strict=True)
    ]


def _shortest(found: Sequence[Found | None]) -> int:
    """Up to the first place of each need; what a shop requires besides is for the rules to say."""
    first: dict[object, int] = {}
    for place, meaning in enumerate(found):
        if meaning is not None and meaning.column.need in {Need.ALWAYS, Need.PRICE, Need.UNIT}:
            need = meaning.column.raw if meaning.column.need is Need.ALWAYS else meaning.column.need
            first.setdefault(need, place)
    return 1 + max(first.values(), default=0)


def _places(found: Sequence[Found | None], raw: str) -> tuple[int, ...]:
    return tuple(place for place, f in enumerate(found) if f is not None and f.column.raw == raw)


def _members(found: Sequence[Found | None], group: str, parts: tuple[str, ...]) -> tuple[tuple[int | None, ...], ...]:
    """The places of each member of a group by number; what has no number, or one that is taken, gets the next free."""
    numbers: dict[str, dict[int, int]] = {part: {} for part in parts}
    rest: list[tuple[str, int]] = []
    for place, meaning in enumerate(found):
        if meaning is None or meaning.column.group != group:
            continue
        taken = numbers[meaning.column.part]
        if meaning.number is None or meaning.number in taken:
            rest.append((meaning.column.part, place))
        else:
            taken[meaning.number] = place
    for part, place in rest:
        numbers[part][next(n for n in count(1) if n not in numbers[part])] = place
    members = sorted(set().union(*numbers.values()))
    return tuple(tuple(numbers[part].get(number) for part in parts) for number in members)


class TableReader:
    """Reads the rows of one table, one after another, into a writer.

    Raises:
        SupplierError: `table_column_missing` when the table has no column for articles.
    """

    def __init__(self, layout: Layout, writer: RawWriter, *, header_line: int) -> None:
        if "sku" not in layout.scalars:
            raise SupplierError("table_column_missing", line=header_line, detail=HEADERS["sku"])
        self._layout = layout
        self._writer = writer
        self._header_line = header_line
        self._scalars = [(place, COLUMN_INDEX[raw]) for raw, place in layout.scalars.items()]
        self._plain_row = _picker(self._scalars, layout.width)
        # Of each region the places of its fields, and of those that have a column.
        self._regions = [(places, tuple(p for p in places if p is not None)) for places in layout.regions]
        # Of each characteristic the places of name, value and unit, a column that is not there being past the last one,
        # and the place that tells the line.
        self._params = [
            (*(layout.width if p is None else p for p in places), next(p for p in places if p is not None))
            for places in layout.params
        ]
        self._sku_header = layout.cells[layout.sku].strip().casefold()
        self.spellings = _spellings(layout)  # raw column -> the header as the supplier wrote it; complete
        self._unknown: dict[int, list[int]] = {}  # place -> [filled cells, first line]
        self._errors = 0
        self._first_error: tuple[int, str] | None = None

    def read(self, cells: Sequence[Cell], line: int, lines: Sequence[int] | None = None) -> None:
        """Take one row that starts at `line`; `lines` says where each cell starts if it is not there.

        Blank rows and repetitions of the header are passed over.

        Raises:
            SupplierError: `table_header_changed`.
        """
        text = "".join(filter(None, cells))
        if not text or text.isspace() or self._is_header(cells, line):
            return
        layout = self._layout
        if "#" in text:
            cells = [self._checked(cell, line) for cell in cells]
        if len(text) > CELL_LIMIT and (longest := max(len(cell or "") for cell in cells)) > CELL_LIMIT:
            self.reject(cells, line, "table_cell_too_long", f"{longest} знаков")
            return
        if len(cells) != layout.width:
            if any(cell and not cell.isspace() for cell in cells[layout.width :]):
                self.reject(cells, line, "table_row_too_long", f"{len(cells)} вместо {layout.width}")
                return
            if len(cells) < layout.shortest:
                self.reject(cells, line, "table_row_too_short", f"{len(cells)} вместо {layout.width}")
                return
            cells = [*cells[: layout.width], *([None] * (layout.width - len(cells)))]
        if lines is None and None not in cells:
            row = [*self._plain_row((*cells, None, line, self._writer.rows))]
        else:
            row = self._row(cells, line, lines or [line] * layout.width)
        self._write(row, cells, lines or [line] * layout.width)

    def reject(self, cells: Sequence[Cell], line: int, code: str, evidence: str) -> None:
        """Take a row that cannot be trusted: it is read, and rejected under the article that it seems to have."""
        row = self._new_row(line)
        sku = self._layout.sku
        if sku < len(cells) and cells[sku] is not None:
            row[_SKU], row[_SKU + 1] = cells[sku], line
        row[_FAULT], row[_FAULT_SENT] = code, evidence[:_FAULT_SHOWN]
        self._writer.add(row)

    def _new_row(self, line: int) -> Row:
        row: Row = [None] * ROW_WIDTH
        row[0], row[_LINE] = self._writer.rows, line
        return row

    def _row(self, cells: Sequence[Cell], line: int, lines: Sequence[int]) -> Row:
        row = self._new_row(line)
        for place, index in self._scalars:
            value = cells[place]
            if value is not None:
                row[index] = value
                row[index + 1] = lines[place]
        return row

    def _write(self, row: Row, cells: Sequence[Cell], lines: Sequence[int]) -> None:
        layout, lists = self._layout, self._writer.lists
        for again, raw in layout.again:
            self._again(row, raw, cells[again], lines[again])
        for codes in layout.positions:
            self._position(row, cells[codes], lines[codes])
        for picture in layout.pictures:
            if cells[picture]:
                lists["pictures"].append((cells[picture], lines[picture]))
        add_param = lists["params"].append
        padded = [*cells, None]
        for name_at, content_at, unit_at, line_at in self._params:
            name, content = padded[name_at], padded[content_at]
            if name or content:
                add_param((name, content, padded[unit_at] or None, lines[line_at]))
        for places, filled in self._regions:
            if any(map(cells.__getitem__, filled)):
                lists["regions"].append(_region(cells, lines, places))
        for nobodys in layout.unknown:
            if cells[nobodys]:
                self._unknown.setdefault(nobodys, [0, row[_LINE]])[0] += 1
        self._writer.add(row)

    def _again(self, row: Row, raw: str, value: Cell, line: int) -> None:
        """A column that stands twice: the first value counts, another one is said."""
        index = COLUMN_INDEX[raw]
        first = row[index]
        if not value or value == first:
            return
        if first:
            self._writer.lists["repeated"].append((self.spellings[raw], value, line))
        else:
            row[index], row[index + 1] = value, line

    def _position(self, row: Row, value: Cell, line: int) -> None:
        """Codes of the buyer's positions: of several columns the last one that is filled in counts (O17)."""
        earlier, at = row[_POSITIONS], row[_POSITIONS + 1]
        if value or not earlier:
            if earlier and earlier != value:
                self._writer.lists["repeated"].append((self.spellings["position_codes"], earlier, at))
            row[_POSITIONS], row[_POSITIONS + 1] = value, None if value is None else line

    def _is_header(self, cells: Sequence[Cell], line: int) -> bool:
        sku = self._layout.sku
        if sku >= len(cells) or (cells[sku] or "").strip().casefold() != self._sku_header:
            return False
        header = self._layout.cells
        if [folded(cell or "") for cell in cells[: len(header)]] != [folded(cell) for cell in header]:
            shown = ", ".join(cell for cell in cells if cell)
            raise SupplierError("table_header_changed", line=line, detail=shown[:_FAULT_SHOWN])
        return True

    def _checked(self, cell: Cell, line: int) -> Cell:
        """A cell, or nothing where it holds one of Excel's errors."""
        if cell is None or cell.strip().upper() not in _EXCEL_ERRORS:
            return cell
        self._errors += 1
        self._first_error = self._first_error or (line, cell.strip())
        return None

    def issues(self) -> Iterator[Issue]:
        """What is said of the whole table."""
        if self._first_error is not None:
            line, example = self._first_error
            yield Issue("table_errors_dropped", line=line, field=example, sent=str(self._errors))
        header = self._layout.cells
        for place in self._layout.unknown[:UNKNOWN_COLUMNS_LISTED]:
            filled, line = self._unknown.get(place, (0, self._header_line))
            yield Issue("unknown_columns", line=line, field=_shown(header[place]), sent=str(filled))
        more = len(self._layout.unknown) - UNKNOWN_COLUMNS_LISTED
        if more > 0:
            yield Issue("unknown_columns_more", sent=str(more))


def _picker(scalars: Sequence[tuple[int, int]], width: int) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Picks a row out of what is known of one on one line: as many cells as columns, nothing, its line, its ordinal."""
    nothing, line, ordinal = width, width + 1, width + 2
    picked = [nothing] * ROW_WIDTH
    picked[0], picked[_LINE] = ordinal, line
    for place, index in scalars:
        picked[index], picked[index + 1] = place, line
    return itemgetter(*picked)


def _at(cells: Sequence[Cell], place: int | None) -> Cell:
    return None if place is None else cells[place]


def _region(cells: Sequence[Cell], lines: Sequence[int], places: tuple[int | None, ...]) -> list[str | int | None]:
    values: list[str | int | None] = []
    for place in places:
        value = _at(cells, place) or None
        values += [value, lines[place] if place is not None and value is not None else None]
    return values


def _spellings(layout: Layout) -> dict[str, str]:
    spellings = {**RAW_SCALARS, **HEADERS}
    spellings |= {raw: _shown(layout.cells[place]) for raw, place in layout.scalars.items()}
    if layout.positions:
        spellings["position_codes"] = _shown(layout.cells[layout.positions[-1]])
    if layout.pictures:
        spellings["pictures"] = _shown(layout.cells[layout.pictures[0]])
    return spellings


def _shown(header: str) -> str:
    return " ".join(header.split())[:_HEADER_SHOWN]
