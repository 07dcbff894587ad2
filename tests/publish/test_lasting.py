"""O17: buyer's positions and analogs that a later file does not send stay, and that is no change (P3)."""

from decimal import Decimal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.model import OFFER_FIELDS
from pipelines.publish.difference import LASTING


@pytest.fixture
def send(conn, link, write_files, publish):
    """Publish one offer "1" and give what became of it: counts, fields of its change, its codes, how many kept some."""

    def run(position_codes=None, analog_codes=None, price="10.00", *, hide=False, offers=None, **more):
        card = {"sku": "1", "position_codes": position_codes, "analog_codes": analog_codes, "price": Decimal(price)}
        load = publish(link(), write_files([card] if offers is None else offers), hide=hide, **more)
        c = load.counts
        fields = conn.execute("SELECT kind, fields FROM changes WHERE load_id = %s", [load.id]).fetchall()
        codes = conn.execute("SELECT position_codes, analog_codes FROM offers WHERE sku_key = '1'").fetchone()
        kept = conn.execute("SELECT bindings_kept FROM loads WHERE id = %s", [load.id]).fetchone()[0]
        conn.commit()
        return (c.created, c.changed, c.restored, c.unchanged), fields, codes, kept

    return run


CREATED, CHANGED, RESTORED, UNCHANGED = (tuple(int(n == m) for m in range(4)) for n in range(4))
NOTHING = []


def test_O17_dropping_the_codes_from_the_file_is_no_change_and_keeps_them(send):
    bound = (["100", "200"], ["GID"])
    assert send(*bound) == (CREATED, [("created", [])], bound, 0)
    assert send() == (UNCHANGED, NOTHING, bound, 1)
    assert send() == (UNCHANGED, NOTHING, bound, 1)
    assert send([], []) == (UNCHANGED, NOTHING, bound, 1)  # an empty tag says as little
    assert send(*bound) == (UNCHANGED, NOTHING, bound, 0)


def test_O17_other_codes_replace_the_earlier_ones(send):
    send(["100"])
    assert send(["100", "200"]) == (CHANGED, [("changed", ["position_codes"])], (["100", "200"], None), 0)
    assert send(["300"]) == (CHANGED, [("changed", ["position_codes"])], (["300"], None), 0)
    assert send() == (UNCHANGED, NOTHING, (["300"], None), 1)
    assert send(["300"]) == (UNCHANGED, NOTHING, (["300"], None), 0)


def test_O17_other_fields_change_while_the_codes_stay(send):
    send(["100"], ["GID"])
    assert send(price="11.00") == (CHANGED, [("changed", ["price"])], (["100"], ["GID"]), 1)
    assert send(price="11.00") == (UNCHANGED, NOTHING, (["100"], ["GID"]), 1)
    assert send(["100"], price="11.00") == (UNCHANGED, NOTHING, (["100"], ["GID"]), 1)
    assert send(["100"], price="10.00") == (CHANGED, [("changed", ["price"])], (["100"], ["GID"]), 1)


def test_O17_each_of_the_two_stays_by_itself(send):
    send(["100"], ["GID"])
    assert send(None, ["OTHER"]) == (CHANGED, [("changed", ["analog_codes"])], (["100"], ["OTHER"]), 1)
    assert send(["200"], None) == (CHANGED, [("changed", ["position_codes"])], (["200"], ["OTHER"]), 1)


def test_O17_first_codes_of_a_known_offer_are_a_change(send):
    send()
    assert send(["100"]) == (CHANGED, [("changed", ["position_codes"])], (["100"], None), 0)


def test_O17_a_hidden_offer_that_returns_keeps_its_codes(send):
    send(["100"])
    send(offers=["2"], hide=True)
    assert send() == (RESTORED, [("restored", ["status"])], (["100"], None), 1)
    assert send() == (UNCHANGED, NOTHING, (["100"], None), 1)


def test_O17_a_dry_run_counts_what_would_be_kept_and_changes_nothing(send):
    send(["100"])
    assert send(["200"], dry_run=True) == (CHANGED, NOTHING, (["100"], None), 0)
    assert send(dry_run=True) == (UNCHANGED, NOTHING, (["100"], None), 1)


def test_O17_an_offer_from_before_the_hash_of_the_rest_is_written_once_more_and_keeps_its_codes(conn, send):
    send(["100"])
    conn.execute("UPDATE offers SET rest_hash = NULL")
    conn.commit()
    assert send() == (CHANGED, [("changed", [])], (["100"], None), 1)
    assert send(["100"]) == (UNCHANGED, NOTHING, (["100"], None), 0)
    assert send() == (UNCHANGED, NOTHING, (["100"], None), 1)


def test_O17_the_rest_has_a_fingerprint_where_something_lasts_and_only_there(conn, send):
    def fingerprinted():
        found = conn.execute("SELECT rest_hash IS NOT NULL FROM offers").fetchone()[0]
        conn.commit()
        return found

    send()
    assert not fingerprinted()
    assert send(["100"])[0] == CHANGED
    assert fingerprinted()
    assert send() == (UNCHANGED, NOTHING, (["100"], None), 1)
    assert send(price="11.00")[0] == CHANGED  # without the codes, which stay
    assert fingerprinted()
    assert send(["100"], price="11.00") == (UNCHANGED, NOTHING, (["100"], None), 0)


def test_O17_P3_a_file_without_the_codes_writes_no_offer(conn, send):
    def versions():
        return conn.execute("SELECT sku_key, ctid, xmin FROM offers ORDER BY sku_key").fetchall()

    offers = [{"sku": str(n), "position_codes": [f"P{n}"], "name": f"Товар {n}"} for n in range(50)]
    send(offers=offers)
    before = versions()
    bare = [{key: value for key, value in offer.items() if key != "position_codes"} for offer in offers]
    counts, fields, _, kept = send(offers=bare)
    assert (counts, fields, kept) == ((0, 0, 0, 50), NOTHING, 50)
    assert versions() == before


@pytest.mark.parametrize("field", [f for f in OFFER_FIELDS if f.name not in {*LASTING, "sku"}], ids=lambda f: f.name)
def test_O17_no_other_field_stays(conn, send, field):
    """A difference of any other field is seen behind the codes that are kept, and null replaces a value."""
    values = {
        "string": "x",
        "int32": 1,
        "list<item: string>": ["x"],
        "list<item: decimal128(18, 8)>": [Decimal(1)],
    }
    kind = str(field.type)
    value = [{}] if kind.startswith("list<item: struct") else values.get(kind, Decimal(1))
    send(offers=[{"sku": "1", "position_codes": ["100"], field.name: value}])
    assert send(offers=[{"sku": "1"}])[:3] == (CHANGED, [("changed", [field.name])], (["100"], None))
    assert conn.execute(f"SELECT {field.name} FROM offers").fetchone() == (None,)
    conn.commit()


CODES = st.none() | st.lists(st.sampled_from(["1", '"', "\\", "NULL", "{}", "ё,"]), max_size=2)


@settings(max_examples=25)
@given(files=st.lists(st.tuples(CODES, CODES, st.sampled_from(["10.00", "11.00"])), min_size=2, max_size=5))
def test_O17_any_life_of_an_offer_follows_the_simplest_account_of_it(conn: psycopg.Connection, send, files):
    conn.execute("TRUNCATE offers, changes, loads CASCADE")
    conn.commit()
    card: dict = {}
    for step, (positions, analogs, price) in enumerate(files):
        before = card
        card = {
            "position_codes": positions or before.get("position_codes"),
            "analog_codes": analogs or before.get("analog_codes"),
            "price": price,
        }
        fields = sorted(name for name in card if step and card[name] != before[name])
        counts, changes, codes, _ = send(positions or None, analogs or None, price)
        assert codes == (card["position_codes"], card["analog_codes"])
        if not step:
            assert counts == CREATED
        else:
            assert (counts, changes) == ((CHANGED, [("changed", fields)]) if fields else (UNCHANGED, NOTHING))
