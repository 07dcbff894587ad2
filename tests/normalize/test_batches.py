"""The engine under the rules: batches as tables, statements planned once, values looked up once, rows into lists."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.model import RAW_SCHEMA
from pipelines.normalize import entries, glossary
from pipelines.normalize.batches import read_batch
from pipelines.normalize.workbench import Workbench


@pytest.fixture
def bench():
    with duckdb.connect() as connection:
        bench = Workbench(connection)
        yield bench
        bench.close()


def test_a_statement_reads_what_stands_in_the_table_at_the_moment(bench):
    for numbers in ([1, 2], [], [7]):
        bench.put("rows", pa.table({"n": pa.array(numbers, pa.int64())}))
        assert bench.run("doubled", "SELECT n * 2 AS n FROM rows")["n"].to_pylist() == [2 * n for n in numbers]
    bench.clear()
    assert bench.run("doubled", "SELECT n * 2 AS n FROM rows").num_rows == 0


def test_of_no_rows_nothing_is_asked_once_the_columns_are_known(bench):
    none, one = (pa.table({"n": pa.array(numbers, pa.int64())}) for numbers in ([], [1]))
    bench.put("rows", one)
    assert bench.make("found", "SELECT n FROM rows", of=none)["n"].to_pylist() == [1]
    assert bench.make("found", "SELECT n FROM rows", of=none)["n"].to_pylist() == []
    assert bench.make("found", "SELECT n FROM rows", of=one)["n"].to_pylist() == [1]


def test_entries_of_any_offers_become_rows_with_their_offer_and_place(tmp_path, raw_rows):
    offers = raw_rows([{"params": [("a", "1"), ("b", "2")]}, {}, {"params": [("c", "3")]}, {"params": [("d", "4")]}])
    offers = [{**offer, "ordinal": ordinal} for offer, ordinal in zip(offers, (3, 5, 8, 9), strict=True)]
    offers[1] |= {"params": None, "regions": None}
    path = tmp_path / "raw.parquet"
    pq.write_table(pa.Table.from_pylist(offers, RAW_SCHEMA), path, row_group_size=3)
    batch = read_batch(path, [0, 1])
    columns = ("ordinal", "position", "sent_name")
    assert [tuple(row[c] for c in columns) for row in batch.params.to_pylist()] == [
        (3, 1, "a"),
        (3, 2, "b"),
        (8, 1, "c"),
        (9, 1, "d"),
    ]
    assert batch.regions.num_rows == 0
    assert read_batch(path, [1]).offers["ordinal"].to_pylist() == [9]


TEXTS = st.none() | st.text(st.sampled_from("аб\0"), max_size=3)


@given(st.lists(st.tuples(TEXTS, TEXTS, st.none() | st.integers(1, 9)), max_size=12))
def test_every_row_leads_back_to_its_value_and_the_least_of_its_lines(rows):
    names, units, lines = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table({"n": pa.array(names, pa.string()), "u": pa.array(units, pa.string())})
    values, numbers = glossary.distinct(table, "n", "u")
    pairs = list(zip(values["n"].to_pylist(), values["u"].to_pylist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert [pairs[number] for number in numbers] == [(name, unit) for name, unit, _ in rows]
    least = glossary.least(pa.chunked_array([pa.array(lines, pa.int64())]), numbers, len(pairs)).to_pylist()
    told = [[line for name, unit, line in rows if (name, unit) == pair and line] for pair in pairs]
    assert least == [min(known, default=None) for known in told]


def test_a_value_is_looked_up_once_and_forgotten_when_there_are_too_many(monkeypatch):
    asked = []

    def look_up(values):
        asked.append(values["word"].to_pylist())
        return pa.table({"length": pa.array([len(word or "") for word in asked[-1]], pa.int64())})

    book = glossary.Glossary(("word",), look_up)
    monkeypatch.setattr(glossary, "REMEMBERED", 3)
    for words in (["a", "bb", None], ["bb", "cccc", "a"], ["a", "dd"]):
        facts = book.facts(pa.table({"word": pa.array(words, pa.string())}))
        assert facts["length"].to_pylist() == [len(word or "") for word in words]
    assert asked == [["a", "bb", None], ["cccc"], ["a", "dd"]]


@given(st.lists(st.lists(st.text(max_size=3), max_size=3), max_size=6))
def test_neighbouring_rows_become_lists_and_joined_texts(lists):
    ordinals = pa.chunked_array([pa.array([10 * n for n in range(len(lists))], pa.int64())])
    rows = pa.table(
        {
            "ordinal": pa.array([10 * n for n, texts in enumerate(lists) for _ in texts], pa.int64()),
            "word": pa.array([text for texts in lists for text in texts], pa.string()),
        }
    )
    ends = entries.ends(ordinals, rows["ordinal"])
    found = entries.lists(rows, pa.struct([("word", pa.string())]), ends).to_pylist()
    assert found == [[{"word": text} for text in texts] for texts in lists]
    assert entries.texts(rows["word"], ends).to_pylist() == ["".join(texts) for texts in lists]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=9, unique=True))
def test_rows_come_in_order(keys):
    rows = pa.table({name: pa.array([key[n] for key in keys], pa.int64()) for n, name in enumerate("ab")})
    ordered = entries.in_order(rows, "a", "b")
    assert list(zip(ordered["a"].to_pylist(), ordered["b"].to_pylist(), strict=True)) == sorted(keys)
    assert (
        entries.plain(pa.table({"d": pa.array(["x", "x"]).dictionary_encode()})).schema.field("d").type == pa.string()
    )
