"""P1: whatever writes to the catalog may die before any of its statements; nothing of it is seen then."""

from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest

from pipelines import registry
from pipelines.database import Database
from pipelines.errors import InternalError
from pipelines.model import Actualization, LoadStatus, WhyNot
from pipelines.publish import Publication, roll_back, rollback
from pipelines.registry import Decider

ANNA = Decider("anna", "because")


class Killed(BaseException):
    """The end of a process, as far as the database can tell."""


@pytest.fixture
def deaths(catalog: Database, monkeypatch) -> Callable[..., int]:
    """Runs work again and again, each time dying before its next statement, until it comes to its end."""

    def run(work: Callable[[psycopg.Connection], None], unchanged: Callable[[], None]) -> int:
        nth = 0
        while True:
            nth += 1
            left = nth

            def dying(real):
                def call(*args, **kwargs):
                    nonlocal left
                    left -= 1
                    if left == 0:
                        raise Killed
                    return real(*args, **kwargs)

                return call

            worker = catalog.connect()
            with monkeypatch.context() as patched:
                for owner, name in ((psycopg.Cursor, "execute"), (psycopg.Cursor, "copy"), (worker, "commit")):
                    patched.setattr(owner, name, dying(getattr(owner, name)))
                # A process that is gone sends no ROLLBACK either.
                patched.setattr(worker, "rollback", lambda: None)
                try:
                    work(worker)
                except Killed:
                    worker.close()
                    unchanged()
                    continue
            worker.close()
            return nth

    return run


def priced(prices):
    return [{"sku": sku, "price": Decimal(price), "currency": "RUB"} for sku, price in prices.items()]


@pytest.fixture
def dump(catalog: Database):
    """Everything but the clock."""

    def everything():
        with catalog.connect() as conn:
            return [
                conn.execute(query).fetchall()
                for query in (
                    "SELECT to_jsonb(o) - 'changed_at' FROM offers o ORDER BY sku_key",
                    "SELECT load_id, sku_key, kind, fields, before, after FROM changes ORDER BY load_id, sku_key, kind",
                    "SELECT id, status, reason, published, undone_by, held, hidden FROM loads ORDER BY id",
                    "SELECT load_id, verdict, by_load, effect FROM decisions ORDER BY id",
                    "SELECT code, processed_sha256, last_good_load_id FROM links ORDER BY code",
                )
            ]

    return everything


BEFORE = {str(n): 100 for n in range(12)}
AFTER = {str(n): 101 for n in range(6)} | {"5": 5000, "new": 1}


@pytest.fixture
def loads(conn, link, write_files, publish, new_load):
    """A first load, and the files and the row of a second one."""
    a = link()
    publish(a, write_files(priced(BEFORE)))
    files = write_files(priced(AFTER))
    load = new_load(a, files)
    conn.commit()
    return files, load


def staged(publication, files, scratch):
    publication.stage(files.offers, files.rejected, [], scratch)
    publication.compare_prices(ratio=Decimal(3))
    publication.keep_prices(scratch / "kept.csv", limit=Decimal(10))


def publish_second(files, load_id, scratch, *, held=None):
    def work(conn):
        load = registry.get_load(conn, load_id)
        load.counts.read = load.counts.accepted = files.accepted
        conn.commit()
        with Publication(conn, load) as publication:
            staged(publication, files, scratch)
            why_not = WhyNot.HELD if held else None
            actualization = Actualization(requested=True, applied=not held, why_not=why_not)
            publication.apply(hide=not held, actualization=actualization, held=held)

    return work


def hold_second(files, load_id, scratch):
    def work(conn):
        load = registry.get_load(conn, load_id)
        load.counts.read = load.counts.accepted = files.accepted
        conn.commit()
        with Publication(conn, load) as publication:
            publication.stage(files.offers, files.rejected, [], scratch)
            publication.hold({"reason": "price_jumps"}, Actualization(requested=True, why_not=WhyNot.HELD))

    return work


def decide(files, load_id, scratch, *, approve):
    def work(conn):
        load = registry.get_load(conn, load_id)
        conn.commit()
        with Publication(conn, load) as publication:
            if approve:
                publication.stage(files.offers, files.rejected, [], scratch)
                publication.apply(hide=True, decider=ANNA)
            else:
                publication.refuse(ANNA)

    return work


@pytest.mark.parametrize(
    ("name", "prepare"),
    [
        ("publish", []),
        ("publish held", []),
        ("hold", []),
        ("approve", ["publish held"]),
        ("approve", ["hold"]),
        ("refuse", ["hold"]),
        ("roll back", ["publish held", "approve"]),
    ],
)
def test_P1_nothing_of_what_died_before_its_end_is_seen(catalog, loads, tmp_path, deaths, dump, name, prepare):
    files, load = loads

    def undo(conn):
        roll_back(conn, load.id, ANNA, through=False)
        conn.commit()

    works = {
        "publish": publish_second(files, load.id, tmp_path),
        "publish held": publish_second(files, load.id, tmp_path, held={"reason": "too_many_hidden"}),
        "hold": hold_second(files, load.id, tmp_path),
        "approve": decide(files, load.id, tmp_path, approve=True),
        "refuse": decide(files, load.id, tmp_path, approve=False),
        "roll back": undo,
    }
    for earlier in prepare:
        with catalog.connect() as conn:
            works[earlier](conn)
    before = dump()

    def unchanged():
        assert dump() == before

    assert deaths(works[name], unchanged) > 8
    after = dump()
    assert after != before
    if name == "roll back":
        # Ids that a rollback gives are those of attempts too; what it restored is what was before both loads.
        assert {row[0]["sku_key"]: row[0]["price"] for row in after[0]} == dict.fromkeys(BEFORE, 100)


def test_P10_a_rollback_that_does_not_add_up_is_our_failure(conn, link, write_files, publish, monkeypatch):
    a = link()
    publish(a, write_files(priced(BEFORE)))
    second = publish(a, write_files(priced(AFTER)))
    real = rollback._visible
    seen = []

    def miscounted(*args):
        seen.append(real(*args))
        return seen[-1] + len(seen)

    monkeypatch.setattr(rollback, "_visible", miscounted)
    with pytest.raises(InternalError, match="visible after"):
        roll_back(conn, second.id, ANNA, through=False)
    conn.rollback()
    assert registry.get_load(conn, second.id).status is LoadStatus.PROCESSED
