"""Files that hold changes only: a missing field is not a cleared one (CommerceML, СодержитТолькоИзменения)."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.model import RAW_SCALARS, RAW_SCHEMA
from pipelines.normalize import complete, completion, supplied


def made_key(external_id):
    return f"key-of-{external_id}"


@pytest.fixture
def completed(tmp_path, raw_rows):
    """Complete offers given as dicts from a base of such; gives the offers, the new base and the issues."""

    def run(changes, base):
        files = {name: tmp_path / f"{name}.parquet" for name in ("changes", "base", "out", "new_base")}
        for name, offers in (("changes", changes), ("base", base)):
            if offers is not None:
                pq.write_table(pa.Table.from_pylist(raw_rows(offers), RAW_SCHEMA), files[name], row_group_size=2)
        issues = complete(
            files["changes"],
            files["base"] if base is not None else None,
            files["out"],
            files["new_base"],
            made_key=made_key,
        )
        assert {path.name for path in tmp_path.iterdir()} <= {path.name for path in files.values()}
        tables = [pq.read_table(files[name]) for name in ("out", "new_base")]
        assert all(table.schema.equals(RAW_SCHEMA) for table in tables)
        return (*(table.to_pylist() for table in tables), issues)

    return run


def values(row):
    """What was sent of an offer, without lines."""
    lists = {name: [e.get("value", e.get("code")) for e in row[name]] for name in ("pictures", "params", "regions")}
    scalars = {c: row[c] for c in ("external_id", *RAW_SCALARS) if row[c] is not None}
    return scalars | {name: found for name, found in lists.items() if found}


BASE = {
    "external_id": "1",
    "sku": "A1",
    "name": "Кабель",
    "description": "Медный",
    "vendor": "Завод",
    "price": "120",
    "vat": "20",
    "unit_okei": "796",
    "units": "шт",
    "quantity": "5",
    "pictures": ["http://a/1.jpg"],
    "params": [("Цвет", "белый")],
    "regions": [{"code": "ЦФО", "price": "90"}],
}
KEPT = {**BASE, "params": ["белый"], "regions": ["ЦФО"]}


def test_what_is_not_sent_is_taken_from_the_base_and_has_no_line(completed):
    offers, _, issues = completed([{"external_id": "1", "price": "130"}], [BASE])
    assert [values(row) for row in offers] == [{**KEPT, "price": "130"}]
    row = offers[0]
    assert (row["ordinal"], row["line"], row["price_line"]) == (0, 10, 20)
    assert [row[f"{c}_line"] for c in ("sku", "name", "vat", "quantity")] == [None] * 4
    assert row["pictures"][0]["line"] is row["params"][0]["line"] is row["regions"][0]["price_line"] is None
    assert issues == ()


def test_what_is_there_and_empty_was_cleared(completed):
    offers, *_ = completed([{"external_id": "1", "description": "", "vendor": " "}], [BASE])
    assert (offers[0]["description"], offers[0]["vendor"]) == ("", " ")


def test_a_list_that_is_sent_replaces_the_whole_list(completed):
    offers, *_ = completed([{"external_id": "1", "params": [("Цвет", "синий"), ("Вес", "1")]}], [BASE])
    assert values(offers[0]) == {**KEPT, "params": ["синий", "1"]}
    assert [param["line"] for param in offers[0]["params"]] == [70, 71]


@pytest.mark.parametrize(
    ("sent", "gone"),
    [
        ({"price_without_nds": "100"}, ["price"]),
        ({"nds": "10"}, ["vat"]),
        ({"units": "кг"}, ["unit_okei"]),
        ({"outlets": ["3"]}, ["quantity"]),
        ({"available": "finished"}, ["quantity"]),
        ({"price_without_nds": ""}, ["price"]),
    ],
)
def test_what_says_one_thing_in_several_ways_is_sent_as_a_whole(completed, sent, gone):
    offers, *_ = completed([{"external_id": "1", **sent}], [BASE])
    expected = {c: v for c, v in KEPT.items() if c not in gone} | {c: v for c, v in sent.items() if c != "outlets"}
    assert values(offers[0]) == expected
    assert [e["value"] for e in offers[0]["outlets"]] == sent.get("outlets", [])


def test_an_offer_that_the_base_does_not_know_stays_as_it_is_and_is_counted(completed):
    changes = [{"external_id": "1", "price": "1"}, {"external_id": "8", "sku": "B", "price": "2"}, {"sku": "C"}]
    offers, base, issues = completed(changes, [BASE])
    assert [values(row) for row in offers[1:]] == [{"external_id": "8", "sku": "B", "price": "2"}, {"sku": "C"}]
    assert [(i.code, i.line, i.sent, i.published) for i in issues] == [("changes_of_unknown", 110, "2", "B")]
    assert [row["sku"] for row in base] == ["A1", "B", "C"]


def test_without_a_base_everything_stays_and_this_is_said(completed):
    offers, base, issues = completed([{"external_id": "1", "price": "1"}], None)
    assert [values(row) for row in offers] == [values(row) for row in base] == [{"external_id": "1", "price": "1"}]
    assert [(i.code, i.sent) for i in issues] == [("changes_without_base", "1")]


# --- which offer of the base ---


def test_O1_a_sku_that_nobody_sent_yields_to_that_of_the_base(completed):
    changes = [{"external_id": "1", "sku": made_key("1")}, {"external_id": "2", "sku": made_key("2")}]
    offers, *_ = completed(changes, [BASE])
    assert [row["sku"] for row in offers] == ["A1", made_key("2")]


def test_O1_a_sku_that_was_sent_is_a_new_one(completed):
    offers, *_ = completed([{"external_id": "1", "sku": "NEW"}], [BASE])
    assert values(offers[0]) == {**KEPT, "sku": "NEW"}


@pytest.mark.parametrize(
    ("change", "base", "found"),
    [
        ({"external_id": "1"}, {"external_id": "1", "sku": "X"}, True),
        ({"external_id": "1", "sku": "A"}, {"external_id": None, "sku": " a"}, True),
        ({"external_id": None, "sku": "A"}, {"external_id": "1", "sku": "a"}, True),
        ({"external_id": "1", "sku": "A"}, {"external_id": "2", "sku": "A"}, False),
        ({"external_id": None, "sku": None}, {"external_id": None, "sku": None}, False),
    ],
)
def test_an_offer_is_known_by_its_key_or_by_its_sku_where_a_side_has_no_key(completed, change, base, found):
    offers, new_base, _ = completed([{**change, "price": "1"}], [{**base, "name": "Имя"}])
    assert offers[0]["name"] == ("Имя" if found else None)
    assert len(new_base) == (1 if found else 2)


def test_a_key_decides_before_a_sku(completed):
    base = [{"sku": "A", "name": "по артикулу"}, {"external_id": "1", "sku": "B", "name": "по ключу"}]
    offers, new_base, _ = completed([{"external_id": "1", "sku": "A"}], base)
    assert (offers[0]["name"], len(new_base)) == ("по ключу", 2)


def test_of_equal_offers_of_the_base_any_will_do_of_different_ones_none(completed):
    offers, new_base, issues = completed([{"external_id": "1", "price": "1"}], [BASE, BASE])
    assert (offers[0]["name"], len(new_base), issues) == ("Кабель", 1, ())
    offers, new_base, issues = completed([{"external_id": "1", "price": "1"}], [BASE, {**BASE, "price": "7"}])
    assert (offers[0]["name"], len(new_base), issues) == (None, 1, ())


# --- the base that comes of it ---


def test_the_new_base_has_every_offer_once_the_untouched_first(completed):
    base = [{"external_id": str(n), "sku": f"A{n}", "price": "1"} for n in range(5)]
    offers, new_base, _ = completed([{"external_id": "3", "price": "2"}, {"external_id": "1", "price": "3"}], base)
    assert [(row["ordinal"], row["sku"], row["price"]) for row in new_base] == [
        (0, "A0", "1"), (1, "A2", "1"), (2, "A4", "1"), (3, "A3", "2"), (4, "A1", "3"),
    ]  # fmt: skip
    assert [row["ordinal"] for row in offers] == [0, 1]


def test_a_base_of_an_earlier_version_has_fewer_columns(tmp_path, raw_rows):
    table = pa.Table.from_pylist(raw_rows([BASE]), RAW_SCHEMA).drop_columns(["row_fault", "rrp", "rrp_line"])
    pq.write_table(table, tmp_path / "base.parquet")
    pq.write_table(pa.Table.from_pylist(raw_rows([{"external_id": "1"}]), RAW_SCHEMA), tmp_path / "changes.parquet")
    complete(*(tmp_path / f"{name}.parquet" for name in ("changes", "base", "out", "new")), made_key=made_key)
    assert values(pq.read_table(tmp_path / "out.parquet").to_pylist()[0]) == KEPT


OFFER = st.fixed_dictionaries(
    {"external_id": st.sampled_from("123456")},
    optional={c: st.sampled_from(["", "1", "2"]) for c in ("name", "description", "rrp", "weight")}
    | {"pictures": st.lists(st.sampled_from(["a", "b"]), max_size=2)},
)
OFFERS = st.lists(OFFER, max_size=6, unique_by=lambda offer: offer["external_id"])


@settings(max_examples=40)
@given(OFFERS, OFFERS)
def test_completing_is_laying_what_was_sent_over_what_was_known(completed, changes, base):
    known = {offer["external_id"]: offer for offer in base}
    offers, new_base, _ = completed(changes, base)
    expected = [known.get(offer["external_id"], {}) | {c: v for c, v in offer.items() if v != []} for offer in changes]
    filled = [{c: v for c, v in offer.items() if v != []} for offer in expected]
    assert [values(row) for row in offers] == filled
    state = {c: {k: v for k, v in o.items() if v != []} for c, o in known.items()}
    state |= {o["external_id"]: o for o in filled}
    assert {row["external_id"]: values(row) for row in new_base} == state
    assert [row["ordinal"] for row in new_base] == list(range(len(state)))


@pytest.mark.parametrize("pieces", [1, 2, 3, 128])
def test_it_does_not_matter_in_how_many_pieces_the_work_is_done(completed, monkeypatch, pieces):
    monkeypatch.setattr(completion, "PIECES", pieces)
    monkeypatch.setattr(completion, "ROW_GROUP_OFFERS", 3)
    base = [{"external_id": str(n), "sku": f"A{n}", "name": f"N{n}"} for n in range(20)]
    changes = [{"external_id": str(n), "price": "1"} for n in (19, 3, 7, 0, 18, 30, 4)]
    offers, new_base, _ = completed(changes, base)
    assert [(row["ordinal"], row["name"]) for row in offers] == list(
        enumerate(["N19", "N3", "N7", "N0", "N18", None, "N4"])
    )
    told = {"19", "3", "7", "0", "18", "4"}
    rest = [str(n) for n in range(20) if str(n) not in told]
    assert [row["external_id"] for row in new_base] == [*rest, *(change["external_id"] for change in changes)]


def test_rows_are_written_in_groups_that_a_batch_can_take(tmp_path, raw_rows):
    offers = raw_rows([{"external_id": str(n), "description": "x" * 9000} for n in range(2500)])
    pq.write_table(pa.Table.from_pylist(offers, RAW_SCHEMA), tmp_path / "changes.parquet")
    complete(tmp_path / "changes.parquet", None, tmp_path / "out.parquet", tmp_path / "base.parquet", made_key=made_key)
    for name in ("out", "base"):
        metadata = pq.read_metadata(tmp_path / f"{name}.parquet")
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        assert sum(group.num_rows for group in groups) == 2500
        assert max(group.num_rows for group in groups) < 1000


# --- what a link supplies (P5) ---


def test_P5_a_link_supplies_its_base_and_what_it_has_just_changed(tmp_path):
    for name, keys in {"offers": ["b", "c", None], "before": ["a", "b"]}.items():
        pq.write_table(pa.table({"sku_key": pa.array(keys, pa.string())}), tmp_path / name)
    for before, expected in ((tmp_path / "before", ["a", "b", "c"]), (None, ["b", "c"])):
        supplied(tmp_path / "offers", before, tmp_path / "supplied")
        assert pq.read_table(tmp_path / "supplied").to_pydict() == {"sku_key": expected}
