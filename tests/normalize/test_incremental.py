"""The next file of a link, of which only what is new goes through the rules: to the byte what all of it comes to."""

import itertools
import json
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.model import RAW_SCHEMA, FeedFormat, Part
from pipelines.normalize import Earlier, batches, characteristics, engine, incremental, is_comparable, notes, pairs
from pipelines.normalize.ahead import ahead
from pipelines.normalize.comparison import same
from pipelines.normalize.in_turn import InTurn
from pipelines.options import Options
from pipelines.parse import parse
from pipelines.reference import load_reference
from pipelines.steps.same_offers import RESULTS, digests

TODAY = date(2026, 11, 28)


@dataclass(frozen=True)
class Feed:
    """A YML feed: its offers, each a pair of a SKU and of what is in it, and what stands around them."""

    offers: tuple[tuple[str, str], ...]
    encoding: str = "utf-8"
    header: str = '<currencies><currency id="RUR" rate="1"/></currencies>\n'
    spelt: tuple[str, str] = ("", "")

    def bytes(self) -> bytes:
        rows = "".join(f'<offer id="{sku}" available="true">\n{inner}\n</offer>\n' for sku, inner in self.offers)
        head = f'<?xml version="1.0" encoding="{self.encoding}"?>\n<yml_catalog date="2026-11-28 05:00"><shop>\n'
        text = f"{head}{self.header}<offers>\n{rows.replace(*self.spelt)}</offers></shop></yml_catalog>\n"
        return text.encode(self.encoding)

    def with_offers(self, offers) -> "Feed":
        return replace(self, offers=tuple(offers))


def tags(**values: str) -> str:
    return "\n".join(f"<{name}>{value}</{name}>" for name, value in values.items())


def param(name: str, value: str, unit: str = "") -> str:
    measured = f' unit="{unit}"' if unit else ""
    return f'<param name="{name}"{measured}>{value}</param>'


# Remarks made once per load are earned here by some offers of each section, and last of all by one alone.
REMARKABLE = [
    param("Ширрина", "5", "см"),
    param("Длина", "70", "мм"),
    param("Длина", "7 см"),
    param("ДЛИНА:", "7", "м"),
    "<typePrefix>Кабель</typePrefix>",
    "<currencyId>RUR</currencyId>",
    param("Цвет изделия", "белый"),
    '<regions><region id="ЦФО"><price>90</price></region></regions>',
    "<weight>0</weight>",
    "<vat>23</vat>",
]


def offer(number: int) -> tuple[str, str]:
    price = "0" if number % 11 == 7 else f"{100 + number}.50"
    plain = tags(name=f"Кабель {number}", vendor="Завод", price=price, description="Медный", unitOkei="796")
    more = [entry for place, entry in enumerate(REMARKABLE) if number % (place + 3) == 1]
    return f"S{number}", "\n".join([plain, *more])


OFFERS = 30
FEED = Feed(tuple(offer(n) for n in range(OFFERS)))
FEED = FEED.with_offers([*FEED.offers, ("s3", FEED.offers[3][1]), FEED.offers[5], (" ", "<name>x</name>")])


@dataclass(frozen=True)
class Made:
    """What a feed came to: its raw offers with what is known of them, and the folder of results."""

    raw: object
    parsed: object
    folder: object
    totals: object
    parts: frozenset

    def bytes(self):
        return [(self.folder / name).read_bytes() for name in RESULTS]

    def rows(self, name):
        return pq.read_table(self.folder / name).to_pylist()

    @property
    def incremental(self):
        return "merge" in self.parts

    @property
    def earlier(self):
        return Earlier(
            self.raw, *(self.folder / f"{name}.parquet" for name in ("offers", "rejected", "issues", "notes"))
        )


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Batches, sections and files as small as the feeds; one worker, as planning takes most of the time."""
    monkeypatch.setattr(batches, "BATCH_ROWS", 10)
    monkeypatch.setattr(notes, "SECTION", 4)
    monkeypatch.setattr(incremental, "LEAST", 1)
    monkeypatch.setattr(incremental, "NEW_SHARE", 1)
    monkeypatch.setattr(engine, "WORKERS", 1)


@pytest.fixture(scope="module")
def known():
    """What feeds came to that were normalised whole."""
    return {}


@pytest.fixture
def made(known, tmp_path_factory):
    """Parse and normalise a feed, if there is an earlier one with that; whole, each feed once for all tests."""

    def make(feed: Feed, earlier: Made | None = None) -> Made:
        if earlier is not None:
            return normalise(feed, earlier)
        key = (feed, engine.WORKERS, characteristics.NAME_LIMIT)
        if key not in known:
            known[key] = normalise(feed)
        return known[key]

    def normalise(feed: Feed, earlier: Made | None = None) -> Made:
        folder = tmp_path_factory.mktemp("made")
        options, reference = Options().with_settings({"required_fields": ""}), load_reference()
        data, raw = feed.bytes(), folder / "raw_offers.parquet"
        parsed = parse(lambda: BytesIO(data), raw, options=options.link)
        pq.write_table(pq.read_table(raw), raw, row_group_size=5)
        parts = []
        totals = engine.normalize(
            raw,
            folder,
            parsed=parsed,
            options=options,
            reference=reference,
            today=TODAY,
            earlier=earlier and earlier.earlier,
            timed=lambda part, _: parts.append(part),
        )
        return Made(raw, parsed, folder, totals, frozenset(parts))

    return make


@pytest.fixture
def kept(monkeypatch):
    """How many offers each incremental run has kept."""
    numbers = []

    def find_kept(*args):
        found = find(*args)
        numbers.append(np.count_nonzero(found.ordinals >= 0))
        return found

    find = incremental.find_kept
    monkeypatch.setattr(incremental, "find_kept", find_kept)
    return numbers


def assert_same(found: Made, whole: Made) -> None:
    for name in RESULTS:
        assert found.rows(name) == whole.rows(name)
    assert found.bytes() == whole.bytes()
    assert found.totals == whole.totals
    assert (found.incremental, whole.incremental) == (True, False)


def under(made: Made) -> str:
    made_of = digests(made.raw, parsed=made.parsed, options=Options(), reference=load_reference(), today=TODAY)
    return made_of.made_under


PLACES = st.integers(0, len(FEED.offers) - 1)
NEW = st.sampled_from(
    [
        tags(name="Новый", price="7", unitOkei="796", typePrefix="x"),
        tags(name="Новый", price="-", vat="23"),
        param("Ширрина", "9", "см") + param("Вес", "1", "кг"),
        param("Длина", "700", "мм") + tags(name="Y", price="7"),
        "",
    ]
)


def changed(offers, place, inner):
    sku, before = offers[place % len(offers)]
    return [*offers[: place % len(offers)], (sku, inner(before)), *offers[place % len(offers) + 1 :]]


EDITS = st.one_of(
    st.builds(lambda n: lambda o: changed(o, n, lambda x: x.replace("<price>", "<price>1")), PLACES),
    st.builds(lambda n: lambda o: changed(o, n, lambda x: x.replace("Медный", "Медный\nи новый")), PLACES),
    st.builds(lambda n, x: lambda o: changed(o, n, lambda _: x), PLACES, NEW),
    st.builds(lambda n: lambda o: changed(o, n, lambda x: "\n" + x), PLACES),  # lines move within an offer
    st.builds(lambda n: lambda o: changed(o, n, lambda x: x.split("<param")[0]), PLACES),
    st.builds(lambda n, x: lambda o: [*o[:n], ("new", x), *o[n:]], PLACES, NEW),
    st.builds(lambda n, m: lambda o: o[:n] + o[n + m :] or o, PLACES, st.integers(1, 9)),
    st.builds(lambda n, m: lambda o: [*o[:n], *o[n + 1 : m], *o[n : n + 1], *o[m:]], PLACES, PLACES),
    st.builds(lambda n, m: lambda o: [*o[:n], o[m % len(o)], *o[n:]], PLACES, PLACES),
)


def test_a_file_with_any_edits_comes_to_the_same_bytes_as_if_all_of_it_were_normalised(made, kept):
    base = made(FEED)
    assert base.rows("rejected.parquet")
    assert len({row["code"] for row in base.rows("issues.parquet") if row["ordinal"] is None}) > 4
    gentle = []

    @settings(max_examples=12)
    @given(
        edits=st.lists(EDITS, max_size=4),
        encoding=st.sampled_from(["utf-8", "utf-8", "windows-1251"]),
        header=st.sampled_from([FEED.header, "", '<categories>\n<category id="1">Кабель</category>\n</categories>\n']),
        order=st.none() | st.randoms(use_true_random=False),
    )
    def edited(edits, encoding, header, order):
        offers = list(FEED.offers)
        for edit in edits:
            offers = edit(offers)
        if order is not None:
            order.shuffle(offers)
        feed = replace(FEED, offers=tuple(offers), encoding=encoding, header=header)
        whole = made(feed)
        assert under(whole) == under(base)
        assert_same(made(feed, base), whole)
        if order is None and len(edits) < 2:
            gentle.append(kept[-1])

    edited()
    assert gentle
    assert min(gentle) > OFFERS / 4


def test_what_is_kept_follows_the_change(made, kept, monkeypatch):
    monkeypatch.setattr(engine, "WORKERS", 2)
    base = made(FEED)
    assert_same(made(FEED, base), base)
    moved = replace(FEED, header="\n\n\n")
    assert_same(made(moved, base), made(moved))
    price = FEED.with_offers(changed(list(FEED.offers), 20, lambda x: x.replace("<price>", "<price>1")))
    assert_same(made(price, base), made(price))
    alone = len(FEED.offers) - 5  # two pairs that share their SKUs, and one that has none
    assert kept == [alone, alone, alone - 1]


def test_the_first_to_earn_a_remark_may_be_lost_or_come_anew(made, kept):
    base = made(FEED)
    first = {issue["code"]: issue for issue in base.rows("issues.parquet") if issue["ordinal"] is None}
    assert {"type_prefix_ignored", "currency_read_as", "param_name_guessed", "param_converted"} <= first.keys()
    lost = FEED.with_offers(FEED.offers[2:])
    early = FEED.with_offers([("new", REMARKABLE[6] + REMARKABLE[0]), *FEED.offers])
    nowhere = FEED.with_offers((sku, inner.replace(REMARKABLE[4], "")) for sku, inner in FEED.offers)
    for feed in (lost, early, nowhere):
        whole = made(feed)
        assert_same(made(feed, base), whole)
        again = {issue["code"]: issue for issue in whole.rows("issues.parquet") if issue["ordinal"] is None}
        assert again != first
    assert min(kept) > OFFERS / 3


def test_a_repeat_does_not_hide_who_earns_a_remark_after_it(made, kept):
    plain = [(f"P{n}", tags(name=f"Кабель {n}", price="7", unitOkei="796")) for n in range(7)]
    earning = "\n".join([tags(name="Труба", price="9", unitOkei="796"), REMARKABLE[2], REMARKABLE[6]])
    first, repeat, other = ("A", earning), ("A", earning), ("B", earning)
    before = FEED.with_offers([first, *plain[:4], repeat, other, *plain[4:]])
    after = FEED.with_offers([*plain[:4], other, *plain[4:]])
    whole = made(after)
    once = {issue["code"] for issue in whole.rows("issues.parquet") if issue["ordinal"] is None}
    assert once == {"param_converted", "param_name_recognized"}
    assert_same(made(after, made(before)), whole)
    assert kept == [5]  # all but the rest of the first section: the other one was noted


@dataclass(frozen=True)
class Plain:
    """A file of another format: what comes before its records, and the records, a line each."""

    head: str
    records: tuple[str, ...]
    between: str = "\n"
    end: str = ""

    def bytes(self) -> bytes:
        return f"{self.head}{self.between.join(self.records)}{self.end}".encode()


HEAD = "Идентификатор продукта;Наименование;Описание;Цена;Код ОКЕИ;Производитель;НДС;Наличие товара;ДЛИНА: (мм)\n"
TABLE = Plain(HEAD, tuple(f"A{n};Труба {n};Медная;{n};796;Завод;20;много;7{';' * (n == 4)}" for n in range(12)))
JSON = Plain(
    "[\n",
    tuple(
        json.dumps({"id": f"A{n}", "name": f"Труба {n}", "price": n, "unitOkei": "796", "typePrefix": "x"})
        for n in range(12)
    ),
    between=",\n",
    end="]",
)


@pytest.mark.parametrize("before", [TABLE, JSON])
def test_other_formats_whose_records_stand_in_a_row(made, kept, before):
    base = made(before)
    assert 0 < base.totals.rejected < 5
    records = list(before.records)
    after = replace(before, records=(*records[2:9], records[9].replace("Труба", "Трубка"), *records[10:]))
    assert_same(made(after, base), made(after))
    assert kept[-1] >= 6


def test_tags_spelt_otherwise_are_other_rules(made):
    spelt = replace(FEED, spelt=("typePrefix", "TYPEPREFIX"))
    assert under(made(spelt)) != under(made(FEED))


def lines_that_stay(monkeypatch):
    find = incremental.find_kept
    monkeypatch.setattr(incremental, "find_kept", lambda *args: replace(f := find(*args), moved=np.zeros_like(f.moved)))


def all_the_same(monkeypatch):
    monkeypatch.setattr(incremental, "same", lambda offers, _: np.ones(offers.num_rows, bool))


def nothing_lost(monkeypatch):
    lost = notes.lost
    monkeypatch.setattr(notes, "lost", lambda *args: np.maximum(lost(*args), np.iinfo(np.int64).max))


def no_notes(monkeypatch):
    monkeypatch.setattr(notes, "_TAKE_UP", notes._TAKE_UP.replace("WHERE", "WHERE false AND"))


def shared_skus_paired(monkeypatch):
    monkeypatch.setattr(pairs, "_PAIRS", pairs._PAIRS.replace("HAVING count(*) = 1", ""))


TWO_IN_A_SECTION = FEED.with_offers(changed(list(FEED.offers), 2, lambda x: x + REMARKABLE[4]))
SHARED_SKU = FEED.with_offers([*FEED.offers, ("S4", "<name>x</name>")])


@pytest.mark.parametrize(
    ("fault", "before", "after"),
    [
        (lines_that_stay, FEED, replace(FEED, header="\n\n")),
        (all_the_same, FEED, FEED.with_offers(changed(list(FEED.offers), 2, lambda x: x.replace("Медный", "-")))),
        (nothing_lost, TWO_IN_A_SECTION, TWO_IN_A_SECTION.with_offers(TWO_IN_A_SECTION.offers[2:])),
        (no_notes, FEED, FEED),
        (shared_skus_paired, SHARED_SKU, FEED),
    ],
)
def test_each_safeguard_is_needed(made, monkeypatch, fault, before, after):
    base, whole = made(before), made(after)
    assert_same(made(after, base), whole)
    fault(monkeypatch)
    assert made(after, base).bytes() != whole.bytes()


def test_where_most_is_new_or_names_are_too_many_all_of_the_file_is_normalised(made, monkeypatch):
    base = made(FEED)
    assert (base.folder / "notes.parquet").exists()
    monkeypatch.setattr(incremental, "NEW_SHARE", 0.5)
    half = FEED.with_offers([*FEED.offers[:14], *((f"n{n}", FEED.offers[n][1]) for n in range(14, 33))])
    found = made(half, base)
    assert not found.incremental
    assert (found.folder / "notes.parquet").exists()
    assert found.bytes() == made(half).bytes()
    # as many names as were looked at are one too many, and so are those of both files together
    named = FEED.with_offers([*FEED.offers, ("n", param("Неизвестное", "1"))])
    monkeypatch.setattr(characteristics, "NAME_LIMIT", notes.unknown_names(base.folder / "notes.parquet") + 1)
    assert (made(FEED).folder / "notes.parquet").exists()
    for earlier in (None, base):
        found = made(named, earlier)
        assert not found.incremental
        assert not (found.folder / "notes.parquet").exists()


def test_which_files_are_compared(monkeypatch):
    monkeypatch.setattr(incremental, "LEAST", 5)
    parsed = SimpleNamespace(read=5, format=FeedFormat.YML, parts=(), delta=False)
    assert is_comparable(parsed)
    for other in ({"read": 4}, {"read": incremental.MOST + 1}, {"format": FeedFormat.COMMERCEML}, {"delta": True}):
        assert not is_comparable(SimpleNamespace(**{**vars(parsed), **other}))
    assert not is_comparable(SimpleNamespace(**{**vars(parsed), "parts": (Part("a.xml", 1),)}))


@pytest.fixture
def raw_table(raw_rows):
    return lambda *offers: pa.Table.from_pylist(raw_rows([{"sku": "A", **offer} for offer in offers]), RAW_SCHEMA)


FULL = {
    "name": "x",
    "pictures": ["a", "b"],
    "outlets": ["1"],
    "params": [("A", "1"), ("B", "2", "кг")],
    "regions": [{"code": "ЦФО", "price": "7"}],
    "repeated": [("name", "y")],
}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "X"},
        {"name": None},
        {"name": ""},
        {"vendor": ""},
        {"external_id": "1"},
        {"pictures": ["b", "a"]},
        {"pictures": ["a"]},
        {"params": [("A", "1"), ("B", "2")]},
        {"params": []},
        {"outlets": [""]},
        {"regions": [{"code": "ЦФО", "price": "7", "quantity": "1"}]},
        {"repeated": [("name", "z")]},
    ],
)
def test_any_other_value_is_another_offer(raw_table, change):
    offers = raw_table(FULL, {**FULL, **change}, FULL)
    assert same(offers, raw_table(FULL, FULL, FULL)).tolist() == [True, False, True]
    assert same(raw_table(FULL, FULL, FULL), offers).tolist() == [True, False, True]


def test_lines_must_move_together(raw_table):
    before, after = raw_table(FULL, FULL), raw_table({**FULL, "line": 7}, {**FULL, "line": 700})
    assert same(before, after).tolist() == [True, True]
    rows = after.to_pylist()
    for name in ("pictures", "outlets", "params", "repeated"):
        other = [rows[0], {**rows[1], name: [*rows[1][name][:-1], {**rows[1][name][-1], "line": 1}]}]
        assert same(before, pa.Table.from_pylist(other, RAW_SCHEMA)).tolist() == [True, False]
    for place in ({"name_line": 1}, {"name_line": None}, {"regions": [{**rows[1]["regions"][0], "price_line": 1}]}):
        other = pa.Table.from_pylist([rows[0], {**rows[1], **place}], RAW_SCHEMA)
        assert same(before, other).tolist() == [True, False]


def test_an_empty_list_is_not_an_absent_one(raw_table):
    rows = raw_table({}, {}).to_pylist()
    absent = pa.Table.from_pylist([{**rows[0], "params": None}, rows[1]], RAW_SCHEMA)
    assert same(absent, raw_table({}, {})).tolist() == [False, True]
    assert same(absent, absent).tolist() == [True, True]


@given(st.permutations(range(9)))
def test_pairs_that_are_left_out_are_as_few_as_can_be(order):
    found = pairs.longest_rising(np.array(order))
    assert (np.diff(found) > 0).all()
    assert (np.diff(np.array(order)[found]) > 0).all()
    longest = max(
        len(some) for size in range(1, 10) for some in itertools.combinations(order, size) if list(some) == sorted(some)
    )
    assert len(found) == longest


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 11)), st.integers(1, 3))
def test_rows_are_given_out_once_and_in_turn(tmp_path, ordinals, ends, group):
    path = tmp_path / "rows.parquet"
    rows = [None, None, *sorted(ordinals)]
    pq.write_table(pa.table({"ordinal": pa.array(rows, pa.int64())}), path, row_group_size=group)
    passed = 0
    with InTurn(path) as file:
        for end in sorted(ends):
            assert file.until(end)["ordinal"].to_pylist() == [n for n in sorted(ordinals) if passed <= n < end]
            passed = end


def test_an_error_of_what_is_made_ahead_is_told_in_its_place():
    items = ahead(1 // n for n in (1, 1, 0, 1))
    assert [next(items), next(items)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)
    assert list(ahead(iter("abc"))) == ["a", "b", "c"]
