"""The store of an exchange -> raw offers, some megabytes of them at a time, in the order the exchange names them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.errors import SupplierError
from pipelines.model import Issue
from pipelines.options import LinkOptions
from pipelines.parse.commerceml.offers import raw_offers
from pipelines.parse.commerceml.plan import batches, plan_offers
from pipelines.parse.commerceml.remarks import Remark, Remarks, about_batch
from pipelines.parse.commerceml.sections import Sections
from pipelines.parse.commerceml.store import Items, Store
from pipelines.parse.writer import RawWriter

MEMORY_LIMIT = "128MB"
THREADS = 2
_WAREHOUSES_SHOWN = 20
_LIST_LENGTH = 500

Made = tuple[pa.Table, list[Remark]]  # offers, and what is said of them

# Texts are compared without the spaces around them, NBSP included; a reference is a GUID. Where a function does what a
# regular expression would, it is used: an expression is compiled anew by every statement that has it.
_SPACES = "chr(32) || chr(9) || chr(10) || chr(12) || chr(13) || chr(160)"
_MACROS = rf"""
CREATE MACRO filled(s) AS nullif(trim(s, {_SPACES}), '');
CREATE MACRO key_folded(s) AS lower(regexp_replace(filled(s), '[\s\x{{A0}}]+', ' ', 'g'));
CREATE MACRO is_reference(s) AS regexp_full_match(trim(s), '(?i)[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}');
CREATE MACRO plain(n) AS rtrim(rtrim(CAST(n AS VARCHAR), '0'), '.');
CREATE MACRO amount(s) AS TRY_CAST(translate(s, ',' || {_SPACES}, '.') AS DECIMAL(24, 6));
"""
_TABLES = """
CREATE TABLE properties AS
    SELECT *, key_folded(name) AS folded FROM (
        SELECT id, arg_min(name, number) FILTER (filled(name) IS NOT NULL) AS name
        FROM declared_properties GROUP BY id);
-- Values by property, and by themselves where their keys are unique in the world.
CREATE TABLE dictionary AS
    SELECT property, id, arg_min(value, number) AS value FROM (
        SELECT p.id AS property, v.* FROM declared_values AS v JOIN declared_properties AS p USING (number)
        UNION ALL SELECT '', v.* FROM declared_values AS v WHERE is_reference(v.id))
    GROUP BY property, id;
CREATE TABLE unit_names (key VARCHAR, name VARCHAR);
CREATE TABLE excluded (key VARCHAR);
CREATE TABLE given (external_id VARCHAR);
CREATE TABLE choices (
    price_type VARCHAR, type_taxed BOOLEAN, type_currency VARCHAR, type_currency_line BIGINT, rrp_type VARCHAR,
    delta BOOLEAN);
"""


def join(
    store: Store, sections: Sections, out: Path, *, options: LinkOptions, given_keys: Path | None, scratch: Path
) -> tuple[int, tuple[Issue, ...]]:
    """Write the offers of an exchange that was read to its end to `out`; their number and what is said of it all.

    Raises:
        SupplierError: `price_type_unknown`, `price_type_not_chosen`; `no_offers` when all of them are deleted;
            `xml_limit` when variants make too much of large cards.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 1,
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": False,
        "allocator_flush_threshold": "1MB",
        "allocator_bulk_deallocation_flush_threshold": "1MB",
    }
    remarks = Remarks()
    with duckdb.connect(scratch / "join.duckdb", config=config) as connection:
        _load(connection, store, sections, options, given_keys)
        plan_offers(connection)
        with RawWriter(out) as writer, Items(store.items_path) as items:
            for made, found in _made(connection, items):
                for batch in made.combine_chunks().to_batches():
                    writer.add_batch(batch)
                for remark in found:
                    remarks.add(*remark)
            if not writer.rows:
                raise SupplierError("no_offers", detail="все предложения помечены на удаление")
        remarks.of_exchange(connection)
        remarks.add("pictures_without_address", "Картинка", *sections.facts.pictures_skipped)
        issues = [*sections.issues(), *_about_warehouses(connection, sections, options), *remarks.issues()]
    return writer.rows, tuple(issues)


def _load(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    sections: Sections,
    options: LinkOptions,
    given_keys: Path | None,
) -> None:
    """What offers are joined with: the store as views, dictionaries and choices as tables."""
    types = sections.facts.types
    price = types.choose("price_type", options.price_type)
    rrp = types.choose("rrp_price_type", options.rrp_price_type) if options.rrp_price_type else None
    connection.read_parquet(str(store.items_path)).create_view("stored")
    connection.read_parquet(str(store.properties_path)).create_view("declared_properties")
    connection.read_parquet(str(store.dictionary_path)).create_view("declared_values")
    connection.execute(_MACROS)
    connection.execute(_TABLES)
    _fill(connection, "unit_names", list(sections.units), list(sections.units.values()))
    _fill(connection, "excluded", sorted(_excluded(sections, options)))
    if given_keys is not None:
        connection.read_parquet(str(given_keys)).create_view("given_keys")
        connection.execute("INSERT INTO given SELECT DISTINCT external_id FROM given_keys")
    of_type = [price.id, price.taxed, price.currency, price.currency_line] if price else [None] * 4
    connection.execute(
        "INSERT INTO choices VALUES (?, ?, ?, ?, ?, ?)", [*of_type, rrp.id if rrp else None, bool(sections.delta)]
    )


def _fill(connection: duckdb.DuckDBPyConnection, table: str, *columns: list[str]) -> None:
    arriving = pa.table([pa.array(column, pa.string()) for column in columns], [f"c{i}" for i in range(len(columns))])
    connection.register("arriving", arriving)
    connection.execute(f"INSERT INTO {table} FROM arriving")
    connection.unregister("arriving")


def _made(connection: duckdb.DuckDBPyConnection, items: Items) -> Iterator[Made]:
    """All offers, batch by batch in their order; threads put them together, each with tables of its own."""
    idle: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
    for _ in range(THREADS):
        idle.put(connection.cursor())

    def make(records: pa.Table, first: int, last: int) -> Made:
        cursor = idle.get()
        try:
            return raw_offers(cursor, records, first, last), about_batch(cursor)
        finally:
            idle.put(cursor)

    under_way: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(THREADS, "commerceml-join") as threads:
        for first, last in batches(connection):
            if len(under_way) == THREADS:
                yield under_way.popleft().result()
            under_way.append(threads.submit(make, _records(connection, items, first, last), first, last))
        while under_way:
            yield under_way.popleft().result()


def _records(connection: duckdb.DuckDBPyConnection, items: Items, first: int, last: int) -> pa.Table:
    """The records that offers are made of: those of each offer before those of its goods."""
    members = connection.execute(
        "SELECT ordinal, seq FROM members WHERE ordinal BETWEEN ? AND ? ORDER BY ordinal, rank, seq", [first, last]
    ).to_arrow_table()
    distinct, places = np.unique(members["seq"].to_numpy(), return_inverse=True)
    records = items.take(distinct).take(pa.array(places))
    return records.append_column("ordinal", members["ordinal"]).append_column("place", [np.arange(len(places))])


def _excluded(sections: Sections, options: LinkOptions) -> set[str]:
    """Warehouses that do not count, by folded Ид; a name may stand for several."""
    asked = {_folded(each) for each in options.exclude_warehouses}
    return asked | {_folded(key) for key, name in sections.warehouses.items() if _folded(name) in asked}


def _about_warehouses(
    connection: duckdb.DuckDBPyConnection, sections: Sections, options: LinkOptions
) -> Iterator[Issue]:
    """Warehouses that a link leaves out and nobody sends are probably misspelt."""
    if not options.exclude_warehouses:
        return
    used = connection.execute(
        """
        SELECT DISTINCT entry.warehouse AS key FROM (SELECT unnest(stocks) AS entry FROM stored)
        WHERE entry.warehouse IS NOT NULL ORDER BY key LIMIT 1000"""
    ).fetchall()
    shown = {key: sections.warehouses.get(key, "") for (key,) in used} | sections.warehouses
    known = {_folded(text) for pair in shown.items() for text in pair}
    missing = [each for each in options.exclude_warehouses if _folded(each) not in known]
    if shown and missing:
        listed = ", ".join(
            f"«{name}» ({key})" if name else key for key, name in list(shown.items())[:_WAREHOUSES_SHOWN]
        )
        yield Issue("warehouse_unknown", field="Склад", sent=", ".join(missing), published=listed[:_LIST_LENGTH])


def _folded(text: str) -> str:
    return " ".join(text.split()).lower()
