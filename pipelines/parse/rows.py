"""Rows under construction: added one by one, taken as columns; raw offers are rows of exactly `model.RAW_SCHEMA`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from pipelines.model import RAW_SCHEMA


def scalar_fields(schema: pa.Schema) -> tuple[pa.Field, ...]:
    """The columns a row holds: those that are not lists, in the order of the schema."""
    return tuple(field for field in schema if not pa.types.is_list(field.type))


COLUMN_INDEX = {field.name: i for i, field in enumerate(scalar_fields(RAW_SCHEMA))}
ROW_WIDTH = len(COLUMN_INDEX)


class ListColumn:
    """A column of lists of structs under construction."""

    def __init__(self, field: pa.Field) -> None:
        self._type = field.type
        self._fields = list(field.type.value_type)
        self._width = len(self._fields)
        self._cells: list[Any] = []  # structs one after another
        self._offsets = [0]  # in cells
        # Adds one struct, a value per field, to the list of the current row. It is called for every characteristic.
        self.append: Callable[[Sequence[str | int | None]], None] = self._cells.extend

    def end_row(self) -> None:
        """What is appended from now on belongs to the next row."""
        self._offsets.append(len(self._cells))

    def take(self) -> pa.Array:
        """The finished rows; the column is empty afterwards."""
        arrays = [pa.array(self._cells[i :: self._width], field.type) for i, field in enumerate(self._fields)]
        structs = pa.StructArray.from_arrays(arrays, fields=self._fields)
        offsets = pa.array([cells // self._width for cells in self._offsets], pa.int32())
        result = pa.ListArray.from_arrays(offsets, structs, type=self._type)
        self._cells.clear()
        self._offsets = [0]
        return result


class Rows:
    """Rows of `schema` under construction, taken as columns."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._scalars = scalar_fields(schema)
        self._width = len(self._scalars)
        self._cells: list[Any] = []  # rows one after another
        self.lists = {field.name: ListColumn(field) for field in schema if pa.types.is_list(field.type)}
        self.rows = 0

    def add(self, row: list[Any]) -> None:
        """Add one row: the values that are not lists, and what was appended to `lists` since the last one."""
        self._cells += row
        for column in self.lists.values():
            column.end_row()
        self.rows += 1

    def take(self) -> pa.RecordBatch:
        """The rows added since the last call."""
        arrays = {f.name: pa.array(self._cells[i :: self._width], f.type) for i, f in enumerate(self._scalars)}
        arrays |= {name: column.take() for name, column in self.lists.items()}
        self._cells = []
        return pa.RecordBatch.from_arrays([arrays[name] for name in self._schema.names], schema=self._schema)
