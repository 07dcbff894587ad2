"""What an exchange says, as tables on disk: goods and offers in the order they were read, properties, dictionaries.

Sections come in any order and in any file of a set, so nothing can be joined while it is read. Each record becomes one
row with the lines of its values; a Parquet file of small row groups is the store, read back by place.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.model import RAW_VALUE
from pipelines.parse.rows import scalar_fields
from pipelines.parse.writer import TableWriter

# Values of an item that stand once, each with its line; the rest of their way is by column of the raw schema.
ITEM_VALUES = (
    "article",  # Артикул
    "vendor_code",  # requisite Артикул производителя
    "code",  # requisite Код
    "name",
    "description",
    "unit_code",
    "unit_name",
    "vat",
    "category",
    "vendor",  # ТорговаяМарка
    "maker",  # Изготовитель
    "model",
    "weight",
    "dimensions",
    "quantity",
)
OFFER, GOODS = 0, 1
RECORDS = {"Предложение": OFFER, "Товар": GOODS}  # elements that become items
_TEXT, _LINE = pa.string(), pa.int64()
PROPERTY_VALUE = pa.struct(
    [
        ("property", _TEXT),  # Ид of the property; null when `name` is given in place
        ("name", _TEXT),
        ("value", _TEXT),
        ("shown", pa.bool_()),  # false: only the vendor may be read from it
        ("line", _LINE),
    ]
)
PRICE = pa.struct(
    [
        ("type", _TEXT),
        ("value", _TEXT),  # for the base unit
        ("packed", _TEXT),  # as sent, where it was for another unit
        ("currency", _TEXT),
        ("currency_line", _LINE),
        ("taxed", pa.bool_()),
        ("unit", _TEXT),
        ("line", _LINE),
    ]
)
STOCK = pa.struct([("warehouse", _TEXT), ("value", _TEXT), ("line", _LINE)])
REPEATED = pa.struct([("field", _TEXT), ("value", _TEXT), ("line", _LINE)])
ITEM_SCHEMA = pa.schema(
    [
        pa.field("seq", pa.int64()),  # place in the exchange, from 0
        pa.field("kind", pa.int8()),  # OFFER or GOODS
        pa.field("section", pa.int64()),  # number of the catalogue or package it stands in
        pa.field("line", _LINE),
        pa.field("key", _TEXT),  # '' when none was sent
        pa.field("goods", _TEXT),
        pa.field("short_key", _TEXT),
        pa.field("deleted", pa.bool_()),
        pa.field("size", pa.int64()),  # characters of text in the record
        *(f for v in ITEM_VALUES for f in (pa.field(v, _TEXT), pa.field(f"{v}_line", _LINE))),
        pa.field("pictures", pa.list_(RAW_VALUE)),
        pa.field("params", pa.list_(PROPERTY_VALUE)),
        pa.field("prices", pa.list_(PRICE)),
        pa.field("stocks", pa.list_(STOCK)),
        pa.field("repeated", pa.list_(REPEATED)),
    ]
)
ITEM_INDEX = {field.name: i for i, field in enumerate(scalar_fields(ITEM_SCHEMA))}
# A property may be declared in several parts, and its Ид may come after its values: they share a number.
PROPERTY_SCHEMA = pa.schema([("number", pa.int64()), ("id", _TEXT), ("name", _TEXT)])
DICTIONARY_SCHEMA = pa.schema([("number", pa.int64()), ("id", _TEXT), ("value", _TEXT)])

# Where offers are in another order than goods, each batch of them reads every row group: there must not be many.
ITEM_GROUP_ROWS = 16_384
# Row groups that stay decoded: goods and offers are mostly in one order, so the next batch needs the same ones.
_CACHED_GROUPS = 3


class Store:
    """The tables of one exchange under construction, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.items_path = folder / "items.parquet"
        self.properties_path = folder / "properties.parquet"
        self.dictionary_path = folder / "dictionary.parquet"
        self.items = TableWriter(self.items_path, ITEM_SCHEMA, group_rows=ITEM_GROUP_ROWS)
        self.properties = TableWriter(self.properties_path, PROPERTY_SCHEMA)
        self.dictionary = TableWriter(self.dictionary_path, DICTIONARY_SCHEMA)

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for writer in self._writers():
                opened.enter_context(writer)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def account(self, size: int) -> None:
        """Say that the rows added since the last call came from `size` bytes of the exchange."""
        for writer in self._writers():
            writer.account(size)

    def _writers(self) -> tuple[TableWriter, ...]:
        return self.items, self.properties, self.dictionary


class Items:
    """The items of a finished store, by place."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        groups = range(self._file.metadata.num_row_groups)
        self._ends = np.cumsum([self._file.metadata.row_group(i).num_rows for i in groups], dtype=np.int64)
        self._decoded: OrderedDict[int, pa.Table] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, places: npt.NDArray[np.int64]) -> pa.Table:
        """The items at `places`, which ascend."""
        groups = np.searchsorted(self._ends, places, side="right")
        parts = []
        for group in np.unique(groups).tolist():
            here = places[groups == group]
            first = int(self._ends[group - 1]) if group else 0
            parts.append(self._group(group).take(pa.array(here - first)))
        return pa.concat_tables(parts) if parts else ITEM_SCHEMA.empty_table()

    def _group(self, number: int) -> pa.Table:
        if number not in self._decoded:
            if len(self._decoded) >= _CACHED_GROUPS:
                self._decoded.popitem(last=False)
            self._decoded[number] = self._file.read_row_group(number)
        self._decoded.move_to_end(number)
        return self._decoded[number]
