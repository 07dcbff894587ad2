"""The door: results, accounting, order, determinism, bounded quotes, safety of what is sent."""

import itertools
import re
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import model
from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import (
    ISSUE_SCHEMA,
    OFFER_FIELDS,
    OFFER_SCHEMA,
    QUOTE_LIMIT,
    REJECTED_SCHEMA,
    FeedFormat,
    Issue,
    ParseResult,
)
from pipelines.normalize import batches, engine, queries
from pipelines.normalize.rule import made_by
from pipelines.options import Options
from pipelines.reference import load_reference

SCHEMAS = {"offers": OFFER_SCHEMA, "rejected": REJECTED_SCHEMA, "issues": ISSUE_SCHEMA}


def test_a_plain_offer_passes_without_a_remark(normalised):
    result = normalised({})
    assert result.issues == []
    assert result.rejected == []
    assert (result.totals.read, result.totals.accepted) == (1, 1)


def test_results_have_exactly_their_schemas(normalised):
    result = normalised({}, {"sku": None})
    for name, schema in SCHEMAS.items():
        assert pq.read_schema(result.folder / f"{name}.parquet").equals(schema)
    assert sorted(p.name for p in result.folder.iterdir()) == sorted(f"{name}.parquet" for name in SCHEMAS)


def test_a_file_without_offers_gives_empty_results(normalised):
    result = normalised()
    assert (result.totals.read, result.offers, result.rejected, result.issues) == (0, [], [], [])


def test_P2_offers_and_issues_are_accounted_for(normalised):
    result = normalised({}, {"price": "x", "vat": "23"}, {"weight": "0"}, {"price": "0"}, {"type_prefix": "x"})
    totals = result.totals
    assert (totals.read, totals.accepted, totals.rejected) == (5, len(result.offers), len(result.rejected))
    by_severity = {s: sum(i["severity"] == s for i in result.issues) for s in ("error", "warning", "info")}
    assert by_severity == {"error": totals.errors, "warning": totals.warnings, "info": totals.infos}
    wrong = {i["ordinal"] for i in result.issues if i["severity"] == "error" and i["ordinal"] is not None}
    assert wrong == {offer["ordinal"] for offer in result.rejected}


def test_P2_a_count_that_differs_from_parsing_is_our_bug(normalised, monkeypatch):
    monkeypatch.setattr(engine, "groups_of_batches", lambda metadata: iter([range(1)]))
    with pytest.raises(InternalError, match="2 offers were read, but 1 accepted"):
        normalised({}, {}, row_group=1)


def test_F8_when_every_offer_is_rejected_the_load_says_so_and_lists_all(normalised):
    result = normalised({"price": "0"}, {"vendor": None})
    assert result.codes == ["all_offers_rejected", "price_not_positive", "vendor_missing"]
    assert "all_offers_rejected" not in normalised({"price": "0"}, {"sku": "B"}).codes


def test_remarks_of_parsing_come_first(normalised):
    found = Issue("encoding_overridden", line=1, sent="utf-8", published="windows-1251")
    result = normalised({"weight": "0"}, issues=[found])
    assert [(i["ordinal"], i["code"], i["severity"]) for i in result.issues] == [
        (None, "encoding_overridden", "warning"),
        (0, "weight_dropped", "warning"),
    ]


def test_issues_stand_in_file_order_with_the_line_of_the_value(normalised):
    bad = {"weight": "0", "vat": "23", "pictures": ["x", "y"], "regions": [{"code": "?"}], "quantity": "z"}
    result = normalised(bad, bad)
    places = [(i["ordinal"], i["line"]) for i in result.issues if i["ordinal"] is not None]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert min(line for _, line in places) > 10  # a line of a value, not of its offer


def test_the_supplier_reads_the_tag_as_written(normalised, monkeypatch):
    monkeypatch.setitem(__import__("pipelines.model", fromlist=["x"]).RAW_SCALARS, "weight", "WEIGHT")
    assert normalised({"weight": "0"}).issues[0]["field"] == "WEIGHT"


def test_quotes_are_cut(normalised):
    result = normalised({"price": "x" * 5000, "name": "я" * 5000})
    assert len(result.issue("price_invalid")["sent"]) == QUOTE_LIMIT
    assert len(result.issue("name_cut")["sent"]) == QUOTE_LIMIT


def test_results_do_not_depend_on_batches_and_are_the_same_bytes_every_time(normalised, monkeypatch):
    offers = [
        {"sku": f"S{n % 40}", "price": str(n or 1), "params": [("A", str(n)), ("B", "x"), ("A", "y")],
         "regions": [{"code": "ЦФО", "price": "5"}, {"code": "11508000001"}]}
        for n in range(60)
    ]  # fmt: skip
    first, second = normalised(*offers), normalised(*offers)
    for name in SCHEMAS:
        files = [(result.folder / f"{name}.parquet").read_bytes() for result in (first, second)]
        assert files[0] == files[1]
    monkeypatch.setattr(batches, "BATCH_ROWS", 7)
    third = normalised(*offers, row_group=5)
    assert (third.offers, third.rejected, third.issues) == (first.offers, first.rejected, first.issues)


def test_any_choice_of_the_offers_comes_to_the_same_alone(normalised, tmp_path):
    whole = normalised(
        *[{"price": str(n), "params": [("ширрина", f"{n} см")], "regions": [{"code": "ЦФО"}]} for n in range(9)],
        row_group=2,
    )
    chosen = [1, 4, 5, 0]  # the price of the first is not accepted
    raw = pq.read_table(whole.folder.parent / "raw_offers.parquet").take(sorted(chosen))
    pq.write_table(raw, tmp_path / "some.parquet", row_group_size=3)
    parsed = ParseResult(FeedFormat.YML, "utf-8", len(chosen), (), dict(model.RAW_SCALARS))
    options, reference = Options(), load_reference()
    engine.normalize(
        tmp_path / "some.parquet",
        tmp_path / "some",
        parsed=parsed,
        options=options,
        reference=reference,
        today=date(2026, 11, 22),
    )
    for name, rows in (("offers", whole.offers), ("rejected", whole.rejected), ("issues", whole.issues)):
        found = pq.read_table(tmp_path / "some" / f"{name}.parquet").to_pylist()
        expected = [row for row in rows if row["ordinal"] in chosen]
        assert [row for row in found if row["ordinal"] is not None] == expected
        assert expected


def test_every_part_of_the_work_is_timed_once(normalised):
    seconds = []
    normalised({}, {"sku": "B"}, row_group=1, timed=lambda part, spent: seconds.append((part, spent)))
    assert {part for part, _ in seconds} == {
        *("duplicates", "misspelt", "read", *queries.OFFER_PARTS, "regions", "params", "issues", "results", "write"),
    }
    assert len({part for part, _ in seconds}) == len(seconds)
    assert all(spent >= 0 for _, spent in seconds)


@pytest.mark.parametrize(
    ("groups", "size", "expected"),
    [
        ([], 10**9, []),
        ([4, 4, 4], 10**9, [[0, 1], [2]]),
        ([9, 1], 10**9, [[0], [1]]),
        ([4, 4], 1, [[0], [1]]),
    ],
)
def test_batches_are_whole_row_groups_up_to_rows_or_bytes(tmp_path, monkeypatch, groups, size, expected):
    monkeypatch.setattr(batches, "BATCH_ROWS", 8)
    monkeypatch.setattr(batches, "BATCH_BYTES", size)
    schema = pa.schema([("a", pa.int64())])
    with pq.ParquetWriter(tmp_path / "t.parquet", schema) as writer:
        for number in groups:
            writer.write_table(pa.table({"a": range(number)}, schema))
    metadata = pq.read_metadata(tmp_path / "t.parquet")
    assert [list(groups) for groups in batches.groups_of_batches(metadata)] == expected


def test_P3_the_fingerprint_is_stable_over_versions(normalised):
    """A changed value here means that every offer of every catalog is written again: think twice."""
    offer = {
        "sku": "A-1",
        "name": "Кабель",
        "quantity": "5.5",
        "available": "count",
        "weight": "1.5",
        "dimensions": "1/2/3",
        "params": [("Цвет", "белый"), ("Вес", "1", "кг")],
        "regions": [{"code": "ЦФО", "price": "7"}],
        "pictures": ["https://a.ru/1.jpg"],
        "position_codes": "1,2",
        "delivery_time": "3",
    }
    assert normalised(offer).offer["content_hash"] == "2ff908bfbef768d48ab53e993c349869"


CHANGES = [
    {"sku": "s0"},
    {"name": "x"},
    {"description": "x"},
    {"vendor": "x"},
    {"vendor_code": "x"},
    {"model": "x"},
    {"price": "1"},
    {"price_without_nds": "100"},
    {"vat": "10"},
    {"currency": "USD"},
    {"unit_okei": "166"},
    {"unit_okei": None, "units": "мешок"},
    {"available": "few"},
    {"quantity": "1"},
    {"delivery_time": "1"},
    {"b2b_category_id": "1"},
    {"category_id": "1"},
    {"position_codes": "1"},
    {"gid": "1"},
    {"pictures": ["https://a.ru"]},
    {"weight": "1"},
    {"dimensions": "1/1/1"},
    {"params": [("A", "c")]},
    {"params": [("A", "b", "кг")]},
    {"params": [(" A", "b")]},
    {"params": []},
    {"regions": [{"code": "ЦФО"}]},
]


def test_P3_the_fingerprint_covers_every_published_field_and_not_the_place(normalised):
    base = [{"sku": f"S{n}", "params": [("A", "b")]} for n in range(len(CHANGES))]
    before, again = normalised(*base), normalised({"sku": "other"}, *base)
    after = normalised(*[{**offer, **change} for offer, change in zip(base, CHANGES, strict=True)])
    hashes = [[offer["content_hash"] for offer in result.offers] for result in (before, again, after)]
    assert hashes[0] == hashes[1][1:]
    assert [change for change, old, new in zip(CHANGES, hashes[0], hashes[2], strict=True) if old == new] == []


def test_every_code_a_rule_may_raise_is_in_the_list_and_every_offer_code_is_raised_by_a_rule():
    rules = [
        *queries.OFFER_PARTS.values(),
        queries.CODE_RULES,
        queries.REGION_RULES,
        queries.NAME_RULES,
        queries.CARD_RULES,
        queries.COLLECTED_RULES,
    ]
    raised = {remark.code for rule in itertools.chain(*rules) for remark in rule.remarks}
    assert raised <= ISSUE_CODES.keys()
    # Codes of section 5 are for publishing to raise: it alone knows the catalog.
    assert {c.code for c in ISSUE_CODES.values() if c.scope == "offer" and not c.rule.startswith("P")} <= raised
    once = {remark.code for rule in itertools.chain(*rules) for remark in rule.remarks if remark.once}
    assert all((ISSUE_CODES[code].scope == "load") is (code in once) for code in raised)


def test_no_rule_makes_a_column_that_is_already_there():
    for source, rules in (
        *((queries.OFFER_COLUMNS, rules) for rules in queries.OFFER_PARTS.values()),
        (queries.CODE_COLUMNS, queries.CODE_RULES),
        (queries.REGION_COLUMNS, queries.REGION_RULES),
        (queries.NAME_COLUMNS, queries.NAME_RULES),
        (queries.PARAM_COLUMNS, queries.PARAM_RULES),
    ):
        names = [*source, *made_by(rules)]
        assert len(set(names)) == len(names)


def test_every_published_field_is_made_by_one_part():
    made = [name for rules in queries.OFFER_PARTS.values() for name in made_by(rules)]
    for field in OFFER_FIELDS:
        assert made.count(field.name) == (field.name not in {"params", "regions"})


def test_no_value_of_a_supplier_or_operator_can_reach_the_text_of_a_query():
    asked = [text for text in vars(queries).values() if isinstance(text, str) and "SELECT" in text]
    asked += [*queries.ROWS.values(), *queries.REMARKS.values(), *queries.TEXTS_OF_ENTRIES.values()]
    assert len(asked) > 30
    assert not [query for query in asked if re.search(r"\$\w", query)]


HOSTILE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40) | st.sampled_from(
    [
        "'; DROP TABLE raw; --",
        "$first",
        "{sent}",
        "\\1",
        "%s",
        '"',
        "<b>",
        "\u202e",
        "1e400",
        "-",
        ",",
        "||",
        "/",
        "NULL",
    ]
)


@settings(max_examples=15)
@given(st.data())
def test_whatever_is_sent_every_offer_is_accounted_for(normalised, data):
    scalars = [c for c in model.RAW_SCALARS if c != "sku"]
    offers = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {"sku": HOSTILE},
                optional={
                    **{c: st.none() | HOSTILE for c in scalars},
                    "params": st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE), max_size=4),
                    "pictures": st.lists(HOSTILE, max_size=4),
                    "outlets": st.lists(HOSTILE, max_size=3),
                    "regions": st.lists(
                        st.fixed_dictionaries({}, optional=dict.fromkeys(model.RAW_REGION_SCALARS, HOSTILE)),
                        max_size=3,
                    ),
                },
            ),
            max_size=6,
        )
    )
    result = normalised(*offers)
    assert result.totals.read == len(offers) == len(result.offers) + len(result.rejected)
    assert all(offer["codes"] for offer in result.rejected)
    assert all(offer["price"] is None or offer["price"] > 0 for offer in result.offers)
    assert len({offer["sku_key"] for offer in result.offers}) == len(result.offers)
