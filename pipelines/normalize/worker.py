"""One batch through all rules: what a thread does from raw offers to accepted ones, rejected ones and issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.model import ISSUE_SCHEMA, OFFER_SCHEMA, REJECTED_SCHEMA, Part
from pipelines.normalize import characteristics, entries, notes, queries, regions
from pipelines.normalize.batches import read_batch
from pipelines.normalize.glossary import Glossary, distinct, least, with_facts
from pipelines.normalize.parts import in_parts
from pipelines.normalize.stopwatch import Stopwatch
from pipelines.normalize.workbench import Workbench

_PLACE = ("ordinal", "position")
_WAY_OF_NAMING = ("sent_name", "sent_unit")


@dataclass(frozen=True)
class Results:
    """What one batch came to, each table in the order of the file."""

    offers: pa.Table
    rejected: pa.Table
    issues: pa.Table
    codes: Counter[str]
    watch: Stopwatch


class Worker:
    """Takes batches one after the other. A context manager: leaving it lets go of tables and statements."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, raw: Path, parts: Sequence[Part]) -> None:
        self._bench = Workbench(connection)
        self._names = Glossary(_WAY_OF_NAMING, self._look_up_names)
        self._codes = Glossary(("code",), self._look_up_codes)
        self._raw, self._parts = raw, parts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bench.close()

    def results(self, groups: Sequence[int]) -> Results:
        """What the batch in these row groups comes to."""
        watch = Stopwatch()
        with watch("read"):
            offers, raw_params, raw_regions = read_batch(self._raw, groups)
            self._bench.put("raw_offers", offers)
            del offers  # half of a batch: the rules of offers read it, and then nothing does
        columns: dict[str, pa.Array | pa.ChunkedArray] = {}
        for part in queries.OFFER_PARTS:
            with watch(part):
                rows = self._rows(part, "ordinal")
                columns |= _columns(rows)
        self._bench.clear("raw_offers")
        with watch("regions"):
            columns |= self._lists("regions", self._regions(raw_regions), columns["ordinal"])
        with watch("params"):
            columns |= self._lists("params", self._params(raw_params), columns["ordinal"])
        with watch("issues"):
            self._rows("card", "ordinal")
            issues, verdicts = self._issues()
        with watch("results"):
            cards = pa.table(columns).rename_columns({"offer_line": "line"})
            refused = np.isin(cards["ordinal"].to_numpy(), verdicts["ordinal"].to_numpy())
            rejected = cards.filter(pa.array(refused)).append_column("codes", verdicts["codes"])
            offers = cards.filter(pa.array(~refused)) if refused.any() else cards
            self._bench.put("cards", offers)
            offers = offers.append_column("content_hash", self._bench.run("fingerprints", queries.FINGERPRINTS)[0])
            self._bench.clear()
            return Results(
                offers=in_parts(offers, self._parts, OFFER_SCHEMA),
                rejected=in_parts(rejected, self._parts, REJECTED_SCHEMA),
                issues=in_parts(issues, self._parts, ISSUE_SCHEMA),
                codes=Counter(issues["code"].to_pylist()),
                watch=watch,
            )

    def _rows(self, name: str, *order: str) -> pa.Table:
        """The rows that a set of rules makes, in order; those that are remarked upon get a table of their own."""
        rows = self._bench.run(f"{name}_rows", queries.ROWS[f"{name}_rows"])
        rows = entries.in_order(rows, *order)
        if "remarked" in rows.column_names:
            self._bench.put(f"{name}_remarked", rows.filter(rows["remarked"]))
            rows = rows.drop_columns("remarked")
        self._bench.put(f"{name}_rows", rows)
        return rows

    def _regions(self, raw: pa.Table) -> pa.Table:
        """The regions to publish, in order."""
        codes, numbers = distinct(raw, "code")
        known = with_facts(self._codes.facts(codes.select(["code"])), numbers, prefix="known_")
        self._bench.put("raw_regions", pa.table({**_columns(raw), **known}))
        rows = self._rows("region", *_PLACE)
        published = self._bench.make("regions_published", regions.PUBLISHED_ROWS, of=rows)
        self._bench.make("regions_by_offer", regions.BY_OFFER, of=published)
        return entries.in_order(published, *_PLACE)

    def _look_up_codes(self, codes: pa.Table) -> pa.Table:
        """What the rules know of codes of regions."""
        self._bench.put("raw_codes", _numbered(codes.rename_columns({"code": "sent_code"})))
        return self._rows("code", "number").select(list(regions.OF_CODE))

    def _params(self, raw: pa.Table) -> pa.Table:
        """The characteristics to publish, in order."""
        bench = self._bench
        remarkable = self._remarkable(raw["ordinal"])
        rows = self._param_rows(raw, remarkable)
        bench.put("param_rows", rows)
        bench.make("params_dropped", characteristics.DROPPED_NAMES, of=rows.filter(pc.invert(rows["param_kept"])))
        converted = rows.filter(pc.and_(pc.is_valid(rows["unit_before"]), remarkable))
        bench.put("params_converted_rows", converted)
        bench.make("params_converted", characteristics.CONVERTED_UNITS, of=converted)
        pairs = bench.make("params_repeated", characteristics.REPEATED, of=rows)
        repeated = bench.make("params_repeated_rows", characteristics.REPEATED_ROWS, of=pairs)
        joined = bench.make("params_joined", characteristics.JOINED_ROWS, of=repeated)
        single = rows["param_kept"].to_numpy().copy()
        single[repeated["number"].to_numpy()] = False
        columns = [*_PLACE, *characteristics.PUBLISHED.values()]
        published = rows.select(columns).filter(pa.array(single))
        if joined.num_rows:
            published = pa.concat_tables(
                [entries.plain(published), joined.select(columns).cast(entries.plain(published).schema)]
            )
        fields = [*_PLACE, *characteristics.PUBLISHED]
        return entries.in_order(published.rename_columns(fields), *_PLACE)

    def _param_rows(self, raw: pa.Table, remarkable: pa.Array) -> pa.Table:
        """What the rules make of each characteristic, beside it; they look at it with what is known of its name."""
        ways, numbers = distinct(raw, *_WAY_OF_NAMING)
        names = self._names.facts(ways)
        self._bench.put("name_remarked", _bearers(raw, names, numbers, remarkable))
        facts = with_facts(names.select(list(characteristics.OF_NAME)), numbers)
        rows = _numbered(pa.table({**_columns(raw), **facts}))
        self._bench.put("raw_params", rows)
        made = entries.in_order(self._bench.run("param_rows", queries.ROWS["param_rows"]), "number")
        return pa.table({**_columns(rows), **_columns(made)})

    def _look_up_names(self, ways: pa.Table) -> pa.Table:
        """What the rules know of ways of naming characteristics, and have to say of them."""
        self._bench.put("raw_names", _numbered(ways.select(list(_WAY_OF_NAMING))))
        return entries.in_order(self._bench.run("name_rows", queries.ROWS["name_rows"]), "number")

    def _remarkable(self, ordinals: pa.ChunkedArray) -> pa.Array:
        """Of which of these offers more may be said than that they are repeats, or no rows (`queries.ISSUE_ROWS`)."""
        offers = self._bench.rows("identity_rows")
        repeats = pc.fill_null(pc.equal(offers["duplicate"], "identical"), False)
        passed_over = offers["ordinal"].filter(pc.or_(repeats, pc.is_valid(offers["row_fault"])))
        return pc.invert(pc.is_in(ordinals, value_set=passed_over.combine_chunks()))

    def _lists(self, name: str, rows: pa.Table, ordinals: pa.ChunkedArray) -> dict[str, pa.Array]:
        """A list of an offer from the rows of its entries, with their number and their canonical texts."""
        self._bench.put(f"{name}_published", entries.plain(rows))
        texts = self._bench.run(f"{name}_texts", queries.TEXTS_OF_ENTRIES[name])["text"]
        ends = entries.ends(ordinals, rows["ordinal"])
        return {
            name: entries.lists(rows, queries.LISTS[name], ends),
            f"{name}_number": pa.array(np.diff(ends)),
            f"{name}_texts": entries.texts(texts, ends),
        }

    def _issues(self) -> tuple[pa.Table, pa.Table]:
        """The issues in order, and the codes for which offers are rejected; what is said once per load is noted."""
        bench = self._bench
        remarks = [
            bench.run(f"remarks_of_{table}", queries.REMARKS[table])
            for table in queries.REMARKED
            if bench.rows(table).num_rows
        ]
        if not remarks:
            return ISSUE_SCHEMA.empty_table().drop_columns("part"), queries.VERDICT_SCHEMA.empty_table()
        bench.put("remarks", pa.concat_tables(remarks))
        bench.make("issue_rows", queries.ISSUE_ROWS)
        bench.run("note", notes.NOTE)
        return bench.run("issues", queries.ISSUES), bench.run("verdicts", queries.VERDICTS)


def _numbered(rows: pa.Table) -> pa.Table:
    return rows.append_column("number", pa.array(np.arange(rows.num_rows)))


def _bearers(
    params: pa.Table, names: pa.Table, numbers: npt.NDArray[np.int64], remarkable: pa.ChunkedArray
) -> pa.Table:
    """What is known of names that get a remark, for the first offer of each section that bears them.

    Args:
        params: characteristics of offers.
        names: what is known of each way of naming.
        numbers: which of these each characteristic has.
        remarkable: whether anything may be said of its offer.
    """
    remarked = pc.and_(names["remarked"].take(pa.array(numbers)), remarkable)
    rows = pa.table(
        {
            "number": numbers,
            "section": pc.divide(params["ordinal"], notes.SECTION),
            "ordinal": params["ordinal"],
            "param_line": params["param_line"],
        }
    ).filter(remarked)
    bearers, groups = distinct(rows, "number", "section")
    said = names.take(bearers["number"]).drop_columns(["number", "remarked"])
    lines = least(rows["param_line"], groups, bearers.num_rows)
    return pa.table({**_columns(said), "ordinal": bearers["ordinal"], "param_line": lines})


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))
