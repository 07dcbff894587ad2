"""What publishing does to the catalog, on a real PostgreSQL."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import registry
from pipelines.database import Database
from pipelines.errors import InternalError
from pipelines.model import OFFER_FIELDS, Accreditation, LoadStatus
from pipelines.publish import Publication, Standing


def result(load) -> tuple[int, int, int, int, int]:
    c = load.counts
    return (c.created, c.changed, c.restored, c.unchanged, c.hidden)


def statuses(conn: psycopg.Connection, supplier: str = "a", shop: str = "main") -> dict[str, str]:
    return dict(
        conn.execute(
            "SELECT sku_key, status FROM offers WHERE supplier_id = %s AND shop_id = %s ORDER BY sku_key",
            [supplier, shop],
        )
    )


def history(conn: psycopg.Connection, load_id: int) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT sku_key, kind, fields, before, after FROM changes WHERE load_id = %s ORDER BY sku_key", [load_id]
    ).fetchall()


def test_P2_created_changed_restored_unchanged_hidden(conn, link, write_files, publish):
    a = link()
    first = publish(a, write_files(["1", "2", "3", "4"]))
    assert result(first) == (4, 0, 0, 0, 0)
    second = publish(a, write_files(["1", {"sku": "2", "name": "Болт"}, "5"]), hide=True)
    assert result(second) == (1, 1, 0, 1, 2)
    assert statuses(conn) == {
        "1": "published",
        "2": "published",
        "3": "hidden",
        "4": "hidden",
        "5": "published",
    }
    third = publish(a, write_files(["1", {"sku": "2", "name": "Болт"}, {"sku": "3", "name": "Гайка"}, "4"]))
    assert result(third) == (0, 0, 2, 2, 0)
    assert set(statuses(conn).values()) == {"published"}
    stored = registry.get_load(conn, third.id)
    assert stored.status is LoadStatus.PROCESSED
    assert stored.counts == third.counts
    assert stored.finished_at is not None


def test_P5_hidden_is_not_deleted_and_a_returning_offer_keeps_its_first_day(conn, link, write_files, publish):
    a = link()
    publish(a, write_files([{"sku": "1", "name": "Болт"}, "2"]))
    seen = conn.execute("SELECT first_seen_at FROM offers WHERE sku_key = '1'").fetchone()
    conn.commit()
    publish(a, write_files(["2"]), hide=True)
    row = conn.execute(
        "SELECT name, status, hidden_at = changed_at, first_seen_at FROM offers WHERE sku_key = '1'"
    ).fetchone()
    conn.commit()
    assert row == ("Болт", "hidden", True, *seen)
    publish(a, write_files([{"sku": "1", "name": "Болт"}, "2"]), hide=True)
    row = conn.execute("SELECT status, hidden_at, first_seen_at FROM offers WHERE sku_key = '1'").fetchone()
    assert row == ("published", None, *seen)


def test_P5_an_offer_that_is_hidden_already_is_not_hidden_again(conn, link, write_files, publish):
    a = link()
    publish(a, write_files(["1", "2"]))
    publish(a, write_files(["2"]), hide=True)
    conn.commit()
    again = publish(a, write_files(["2"]), hide=True)
    assert result(again) == (0, 0, 0, 1, 0)
    assert history(conn, again.id) == []


def test_P5_offers_of_other_links_are_protected(conn, link, write_files, publish):
    a, b = link("a-main"), link("a-other")
    mine, theirs = write_files(["1", "2"]), write_files(["2", "3"])
    publish(a, mine)
    publish(b, theirs)
    load = publish(a, write_files(["4"]), hide=True, protected=[theirs])
    assert result(load) == (1, 0, 0, 0, 1)
    assert statuses(conn) == {"1": "hidden", "2": "published", "3": "published", "4": "published"}


def test_P4_an_offer_that_is_in_the_file_but_rejected_keeps_its_last_good_version(conn, link, write_files, publish):
    a = link()
    publish(a, write_files(["1", "2", "3"]))
    load = publish(a, write_files(["1"], rejected=["2", None, "new"]), hide=True)
    assert result(load) == (0, 0, 0, 1, 1)
    assert statuses(conn) == {"1": "published", "2": "published", "3": "hidden"}


def test_P4_a_hidden_offer_that_is_rejected_stays_hidden(conn, link, write_files, publish):
    a = link()
    publish(a, write_files(["1", "2"]))
    publish(a, write_files(["1"]), hide=True)
    publish(a, write_files(["1"], rejected=["2"]), hide=True)
    assert statuses(conn) == {"1": "published", "2": "hidden"}


def test_P6_a_held_load_publishes_and_does_not_hide(conn, link, write_files, publish):
    a = link()
    publish(a, write_files(["1", "2"]))
    held = {"reason": "too_many_hidden", "would_hide": 1}
    load = publish(a, write_files(["1", "3"]), held=held)
    assert result(load) == (1, 0, 0, 1, 0)
    stored = registry.get_load(conn, load.id)
    assert stored.status is LoadStatus.HELD
    assert stored.waits
    assert stored.held == held | {
        "published": {"created": 1, "changed": 0, "restored": 0, "hidden": 0},
        "withheld": {"created": 0, "changed": 0, "restored": 0, "hidden": 1, "prices": 0},
        "on_approval": {"visible": 2},
        "on_rejection": {"visible": 3},
        "as_of": 3,
    }
    assert statuses(conn) == {"1": "published", "2": "published", "3": "published"}


def test_the_difference_is_known_before_anything_is_written(conn, link, write_files, publish, begin):
    a = link()
    publish(a, write_files(["1", "2", "3"]))
    publish(a, write_files(["1", "2"]), hide=True)
    files = write_files([{"sku": "1", "name": "x"}, "3", "4"])
    with begin(a, files) as (_, difference):
        pass
    assert asdict(difference) == {
        "created": 1,
        "changed": 1,
        "restored": 1,
        "unchanged": 0,
        "missing": 1,
        "visible_before": 2,
        "bindings_kept": 0,
    }
    assert statuses(conn) == {"1": "published", "2": "published", "3": "hidden"}


def test_two_suppliers_and_two_shops_do_not_touch_each_other(conn, link, write_files, publish):
    parties = [("a", "main"), ("a", "other"), ("b", "main")]
    links = {party: link(f"{party[0]}-{party[1]}", supplier=party[0], shop=party[1]) for party in parties}
    for party in parties:
        assert result(publish(links[party], write_files(["1", "2"]))) == (2, 0, 0, 0, 0)
    load = publish(links["a", "main"], write_files([{"sku": "1", "name": "x"}]), hide=True)
    assert result(load) == (0, 1, 0, 0, 1)
    assert statuses(conn, "a", "main") == {"1": "published", "2": "hidden"}
    assert statuses(conn, "a", "other") == statuses(conn, "b", "main") == {"1": "published", "2": "published"}


FULL = {
    "sku": "ГОСТ-7798",
    "name": "Болт М8×30",
    "description": "<p>Сталь; «оцинк.»</p>",
    "vendor": "",
    "vendor_code": None,
    "model": "A\\B",
    "price": Decimal("1200.50"),
    "price_without_vat": Decimal("1000.42"),
    "vat_rate": "20",
    "currency": "RUB",
    "unit_okei": "796",
    "unit_name": "шт",
    "availability": "exact",
    "quantity": Decimal("12.500000"),
    "delivery_days": 3,
    "position_codes": [],
    "analog_codes": None,
    "pictures": ["https://a.example/1,2.jpg", 'https://a.example/"x".png'],
    "weight_kg": Decimal("1234567890.12345678"),
    "dimensions_cm": [Decimal("1.00000001"), Decimal(2), Decimal("3.50000000")],
    "params": [
        {"sent_name": "Длина, м", "sent_value": "", "sent_unit": None, "name": "Длина", "value": "1.20", "unit": "м"}
    ],
    "regions": [
        {
            "code": "45000000",
            "level": "subject",
            "name": "Москва",
            "price": Decimal("1100.10"),
            "price_without_vat": None,
            "availability": "many",
            "quantity": Decimal("0.5"),
            "delivery_days": 1,
        }
    ],
}


def test_every_kind_of_value_arrives_as_it_was(conn, link, write_files, publish):
    publish(link(), write_files([FULL]))
    fields = [field.name for field in OFFER_FIELDS]
    row = conn.execute(f"SELECT {', '.join(fields)} FROM offers").fetchone()
    stored = dict(zip(fields, row, strict=True))
    params, regions = stored.pop("params"), stored.pop("regions")
    expected = {name: FULL.get(name) for name in stored}
    assert stored == expected
    assert params == [{**FULL["params"][0], "unit_okei": None}]
    # Money and quantities keep their digits and scale: JSON numbers would not.
    assert regions == [{**FULL["regions"][0], "price": "1100.10", "quantity": "0.500000"}]
    line, load_id = conn.execute("SELECT line, load_id FROM offers").fetchone()
    assert (line, load_id) == (1, conn.execute("SELECT max(id) FROM loads").fetchone()[0])


TEXTS = st.one_of(
    st.sampled_from(
        ["", "NULL", "null", "\\N", "\\.", '"', '""', "{}", "{a,b}", "\\", "'; DROP TABLE offers; --", "%s"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60),
)
LISTS = st.none() | st.lists(TEXTS | st.none(), max_size=4)


@settings(max_examples=25)
@given(cards=st.lists(st.tuples(TEXTS, TEXTS | st.none(), LISTS, TEXTS | st.none()), min_size=1, max_size=8))
def test_hostile_text_round_trips(cards, conn, link, write_files, publish):
    """Keys, texts, lists and JSON: what comes out is what went in, and the same again is unchanged."""
    conn.execute("TRUNCATE offers, changes, links, loads CASCADE")
    conn.commit()
    offers = [
        {
            "sku": f"{n}{key}",
            "sku_key": f"{n}{key}",
            "name": name,
            "pictures": pictures,
            "params": [{"sent_name": sent, "value": key}],
        }
        for n, (key, name, pictures, sent) in enumerate(cards)
    ]
    a = link()
    publish(a, write_files(offers))
    rows = conn.execute("SELECT sku_key, sku, name, pictures, params FROM offers ORDER BY line").fetchall()
    conn.commit()
    nothing = dict.fromkeys(("sent_value", "sent_unit", "name", "unit", "unit_okei"))
    assert rows == [(o["sku"], o["sku"], o["name"], o["pictures"], [{**nothing, **o["params"][0]}]) for o in offers]
    assert result(publish(a, write_files(offers), hide=True)) == (0, 0, 0, len(offers), 0)


def test_P10_history_tells_what_differs_before_and_after(conn, link, write_files, publish):
    a = link()
    first = publish(a, write_files([{"sku": "1", "name": "Болт", "price": Decimal("10.50")}, "2"]))
    ((_, kind, fields, before, after), _) = history(conn, first.id)
    conn.commit()
    assert (kind, fields, before) == ("created", [], {})
    assert after.keys() == {"status", *(field.name for field in OFFER_FIELDS)}
    assert (after["name"], after["price"], after["vendor"]) == ("Болт", 10.5, None)

    second = publish(a, write_files([{"sku": "1", "name": "Болт", "price": Decimal("11.00"), "vendor": ""}]), hide=True)
    assert history(conn, second.id) == [
        ("1", "changed", ["price", "vendor"], {"price": 10.5, "vendor": None}, {"price": 11, "vendor": ""}),
        ("2", "hidden", ["status"], {"status": "published"}, {"status": "hidden"}),
    ]
    conn.commit()
    third = publish(a, write_files([{"sku": "2", "name": "Гайка"}]))
    assert history(conn, third.id) == [
        (
            "2",
            "restored",
            ["name", "status"],
            {"name": None, "status": "hidden"},
            {"name": "Гайка", "status": "published"},
        )
    ]


def test_P3_an_unchanged_load_writes_no_offer(conn, catalog: Database, link, write_files, publish):
    def writes() -> int:
        with catalog.connect(autocommit=True) as watcher:
            conn.execute("SELECT pg_stat_force_next_flush()")
            conn.commit()
            (count,) = watcher.execute(
                "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::int FROM pg_stat_user_tables"
                " WHERE relname IN ('offers', 'changes')"
            ).fetchone()
        return count

    a = link()
    offers = [{"sku": str(n), "name": f"Товар {n}"} for n in range(500)]
    publish(a, write_files(offers))
    before = writes()
    assert before == 1000  # 500 offers and their history
    assert result(publish(a, write_files(offers), hide=True)) == (0, 0, 0, 500, 0)
    assert writes() == before
    offers[7] = {"sku": "7", "name": "другой"}
    assert result(publish(a, write_files(offers), hide=True)) == (0, 1, 0, 499, 0)
    assert writes() == before + 2


def test_P1_the_end_of_a_load_and_the_state_of_its_link_come_with_it(conn, link, write_files, publish):
    a = link()
    load = publish(a, write_files(["1"]))
    now = registry.get_link(conn, a.id)
    assert now.last_good_load_id == load.id
    assert now.processed_sha256 == load.sha256
    assert now.processed_options == registry.options_hash(load.options)


def test_P1_a_published_load_is_not_published_again(conn, link, write_files, publish):
    a = link()
    files = write_files(["1"])
    load = publish(a, files)
    with Publication(conn, load) as publication:
        assert publication.standing is Standing.PUBLISHED
        with pytest.raises(InternalError, match="not open"):
            publication.stage(files.offers, files.rejected, [], files.folder)
    assert registry.get_load(conn, load.id).counts.created == 1


def test_P1_an_older_load_never_overwrites_a_newer_one(conn, link, write_files, publish, new_load):
    a = link()
    older = new_load(a, write_files(["1"]))
    publish(a, write_files(["2"]))
    with Publication(conn, older) as publication:
        assert publication.standing is Standing.SUPERSEDED
    other = new_load(link("a-other"), write_files(["3"]))
    with Publication(conn, other) as publication:
        assert publication.standing is Standing.OPEN  # order is a matter of one link


def test_a_failed_load_may_be_published_by_another_try(conn, link, write_files, new_load):
    load = new_load(link(), write_files(["1"]))
    registry.fail_load(conn, load.id, at=conn.execute("SELECT now()").fetchone()[0], reason="disk full")
    conn.commit()
    with Publication(conn, load) as publication:
        assert publication.standing is Standing.OPEN


def test_a_dry_run_counts_everything_and_changes_only_its_own_row(conn, link, write_files, publish):
    a = link()
    good = publish(a, write_files(["1", "2"]))
    dry = publish(a, write_files([{"sku": "1", "name": "x"}, "3"]), hide=True, dry_run=True)
    assert result(dry) == (1, 1, 0, 0, 1)
    assert statuses(conn) == {"1": "published", "2": "published"}
    assert history(conn, dry.id) == []
    assert registry.get_load(conn, dry.id).counts == dry.counts
    assert registry.get_link(conn, a.id).last_good_load_id == good.id


@pytest.mark.parametrize("broken", ["read", "accepted"])
def test_P2_counts_that_do_not_add_up_roll_everything_back(conn, link, write_files, begin, broken):
    with begin(link(), write_files(["1", "2"], rejected=["3"])) as (publication, _):
        load = publication.load
        setattr(load.counts, broken, getattr(load.counts, broken) + 1)
        if broken == "accepted":
            load.counts.read += 1
        with pytest.raises(InternalError, match=f"{broken} = "):
            publication.apply(hide=False)
    assert statuses(conn) == {}
    assert registry.get_load(conn, load.id).status is LoadStatus.QUEUED


def test_P2_offers_that_appear_beside_the_publication_break_the_identity(conn, link, write_files, begin):
    with begin(link(), write_files(["1"])) as (publication, _):
        conn.execute(
            "INSERT INTO offers (shop_id, supplier_id, sku_key, sku, status, content_hash, load_id, first_seen_at,"
            " changed_at) VALUES ('main', 'a', 'x', 'x', 'published', '', %s, now(), now())",
            [publication.load.id],
        )
        with pytest.raises(InternalError, match="visible after"):
            publication.apply(hide=False)
    assert statuses(conn) == {}


def test_O2_a_sku_twice_in_the_parquet_is_our_bug(conn, link, write_files, publish):
    with pytest.raises(InternalError, match="twice"):
        publish(link(), write_files(["1", "1"]))


def test_stage_comes_before_apply(conn, link, write_files, new_load):
    load = new_load(link(), write_files(["1"]))
    with pytest.raises(InternalError, match="stage"), Publication(conn, load) as publication:
        publication.apply(hide=False)


def test_an_open_transaction_is_refused(conn, link, write_files, new_load):
    load = new_load(link(), write_files(["1"]))
    conn.execute("SELECT 1")
    with pytest.raises(InternalError, match="without an open transaction"), Publication(conn, load):
        pass


def test_P8_visible_goods_follow_the_accreditation(conn, link, write_files, publish):
    publish(link(), write_files(["1"]))
    for status, visible in ((Accreditation.REVOKED, 0), (Accreditation.GRANTED, 1)):
        registry.set_accreditation(conn, "a", "main", status, who="test")
        assert conn.execute("SELECT count(*) FROM visible_offers").fetchone() == (visible,)
        assert conn.execute("SELECT count(*) FROM offers").fetchone() == (1,)


@pytest.mark.parametrize(
    ("options", "visible"), [({}, ["1", "2"]), ({"show_unbound": True}, ["1", "2"]), ({"show_unbound": False}, ["1"])]
)
def test_O16_unbound_goods_are_stored_and_shown_only_where_the_shop_shows_them(
    conn, link, write_files, publish, options, visible
):
    load = publish(link(), write_files([{"sku": "1", "category_id": "12345"}, "2"]))
    registry.set_shop_options(conn, "main", options)
    assert result(load) == (2, 0, 0, 0, 0)
    assert statuses(conn) == {"1": "published", "2": "published"}
    assert [sku for (sku,) in conn.execute("SELECT sku_key FROM visible_offers ORDER BY sku_key")] == visible
    for status in (Accreditation.REVOKED, Accreditation.GRANTED):  # P8 holds beside it
        registry.set_accreditation(conn, "a", "main", status, who="test")
        seen = [sku for (sku,) in conn.execute("SELECT sku_key FROM visible_offers ORDER BY sku_key")]
        assert seen == (visible if status is Accreditation.GRANTED else [])


def test_P3_only_differences_are_written_as_the_server_counts_them(conn, link, write_files, publish):
    def counted():
        conn.execute("SELECT pg_stat_force_next_flush()")
        conn.commit()
        conn.execute("SELECT pg_stat_clear_snapshot()")
        rows = conn.execute(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables"
            " WHERE relname IN ('offers', 'changes') ORDER BY relname DESC"
        ).fetchall()
        conn.commit()
        return {name: counters for name, *counters in rows}

    offers = [{"sku": str(n), "name": "Болт", "price": Decimal(100)} for n in range(1000)]
    publish(link(), write_files(offers))
    assert counted() == {"offers": [1000, 0, 0], "changes": [1000, 0, 0]}
    moved = [offer | ({"price": Decimal(101)} if n % 100 == 0 else {}) for n, offer in enumerate(offers)]
    publish(link(), write_files([*moved[:990], {"sku": "new"}]), hide=True)
    assert counted() == {"offers": [1001, 20, 0], "changes": [1021, 0, 0]}


def test_P3_the_planner_knows_of_a_new_supplier_among_many_offers(conn, link, write_files, publish):
    publish(link("b-main", supplier="b"), write_files(f"B-{n}" for n in range(12_000)))
    publish(link(), write_files(f"A-{n}" for n in range(1_001)))
    (plan,) = conn.execute(
        "EXPLAIN (FORMAT json) SELECT FROM offers WHERE shop_id = 'main' AND supplier_id = 'a'"
    ).fetchone()
    assert 500 < plan[0]["Plan"]["Plan Rows"] < 2_000
