"""P1-P10 together: random lives of a supplier against a model of the catalog in a few lines of Python.

A life is a row of loads of several links that create, change, drop, return, reject and hide goods, jump in price, are
held, approved, rejected, and rolled back. After every step the real PostgreSQL holds what the model holds, and every
load has told the numbers that the model gives. The steps are those of production from the comparison on.
"""

import copy
import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import publish, registry
from pipelines.errors import OperatorError
from pipelines.model import ISSUE_SCHEMA, OFFER_FIELDS, OFFER_SCHEMA, REJECTED_SCHEMA, Counts, HoldReason
from pipelines.options import parse_options
from pipelines.publish import Publication
from pipelines.registry import Decider
from pipelines.steps.house import Clock, load_key, stored
from pipelines.steps.publishing import approve_load, publish_load, require_waiting

LIVES = int(os.environ.get("CATALOG_FEEDS_TEST_LIVES", "1000"))
GROUPS = 10
STEPS = 5
ANNA = Decider("anna", "because")
SKUS = [f"s{n}" for n in range(8)]
LINKS = ("one", "two")
OPTIONS = {
    "hold_hidden_share": "0.3",
    "hold_hidden_count": 1,
    "hold_price_share": "0.5",
    "hold_price_count": 2,
}
JUMP, RATIO = 10, 3
MOMENT = datetime(2026, 11, 22, tzinfo=UTC)
KINDS = ("created", "changed", "restored", "hidden")


@dataclass
class Load:
    """A load as the model knows it; `event` is the number of the last change before its end."""

    id: int
    link: str
    file: dict[str, tuple[str, int]]
    rejected: set[str]
    hides: bool = False
    waits: bool = False
    published: bool = False
    rollback: bool = False
    event: int = 0
    undoes: set[int] = field(default_factory=set)


class Model:
    """What the rules say of one supplier in one shop."""

    def __init__(self):
        self.goods: dict[str, tuple[str, int, bool]] = {}  # SKU -> name, price, published
        self.loads: dict[int, Load] = {}
        self.events: list[tuple[int, set[str], dict]] = []  # load, SKUs it touched, goods before

    def standing(self, load_id):
        return not any(load_id in other.undoes and self.standing(other.id) for other in self.loads.values())

    def good(self, link):
        ids = [x.id for x in self.loads.values() if x.link == link and x.published and self.standing(x.id)]
        return self.loads[max(ids)] if ids else None

    def write(self, load, cards, hide):
        """Bring cards into the goods and hide others; gives the counts."""
        before, counts, touched = copy.deepcopy(self.goods), dict.fromkeys(KINDS, 0), set()
        for sku, card in cards.items():
            was = self.goods.get(sku)
            if was == (*card, True):
                continue
            counts["created" if was is None else "changed" if was[2] else "restored"] += 1
            self.goods[sku] = (*card, True)
            touched.add(sku)
        for sku in hide:
            self.goods[sku] = (*self.goods[sku][:2], False)
            counts["hidden"] += 1
            touched.add(sku)
        if touched:
            self.events.append((load.id, touched, before))
        return counts

    def missing(self, load):
        others = [self.good(link) for link in LINKS if link != load.link]
        kept = load.file.keys() | load.rejected | {sku for other in others if other for sku in other.file}
        return {sku for sku, (_, _, seen) in self.goods.items() if seen and sku not in kept}

    def load(self, load, actualize):
        times = {
            sku: max(price / self.goods[sku][1], self.goods[sku][1] / price)
            for sku, (_, price) in load.file.items()
            if sku in self.goods
        }
        jumped = sum(t >= RATIO for t in times.values())
        missing = self.missing(load)
        may_hide = actualize and 2 * len(load.rejected) <= len(load.rejected) + len(load.file)
        seen = sum(s for _, _, s in self.goods.values())
        for other in self.loads.values():
            if other.link == load.link:
                other.waits = False
        self.loads[load.id] = load
        if jumped > 2 and 2 * jumped > len(times):
            load.waits, load.hides = True, may_hide
            load.event = len(self.events)
            return "held", dict.fromkeys(KINDS, 0)
        far = {sku for sku, t in times.items() if t >= JUMP}
        cards = {sku: (name, self.goods[sku][1] if sku in far else p) for sku, (name, p) in load.file.items()}
        held = may_hide and len(missing) > 1 and len(missing) > 0.3 * seen
        counts = self.write(load, cards, missing if may_hide and not held else set())
        load.published, load.waits, load.hides, load.event = True, held or bool(far), held, len(self.events)
        return ("held" if held else "processed"), counts

    def approve(self, load):
        since = set().union(*(touched for _, touched, _ in self.events[load.event :]))
        cards = {sku: card for sku, card in load.file.items() if sku not in since}
        hide = self.missing(load) - since if load.hides else set()
        load.waits, load.published = False, True
        return self.write(load, cards, hide)

    def roll_back(self, new_id, load_id):
        first = next(n for n, (who, _, _) in enumerate(self.events) if who == load_id)
        before = copy.deepcopy(self.goods)
        touched = set().union(*(t for _, t, _ in self.events[first:]))
        empty = {
            x.id
            for x in self.loads.values()
            if x.id > load_id and x.published and self.standing(x.id) and not any(w == x.id for w, _, _ in self.events)
        }
        undoes = {who for who, _, _ in self.events[first:]} | empty | {load_id}
        self.goods = copy.deepcopy(self.events[first][2])
        for undone in undoes:
            self.loads[undone].waits = False
        link = self.loads[load_id].link
        self.loads[new_id] = Load(new_id, link, {}, set(), rollback=True, undoes=undoes)
        self.events.append((new_id, touched, before))

    def refuses(self, load_id, through):
        """Why a load cannot be rolled back, or None."""
        events = [n for n, (who, _, _) in enumerate(self.events) if who == load_id]
        if not self.standing(load_id):
            return "undone already"
        if not events:
            return "changed nothing"
        later = {who for who, _, _ in self.events[events[0] :]} - {load_id}
        if not through and any(self.standing(n) and not self.loads[n].rollback for n in later):
            return "others came after"
        return None


class Life:
    """One supplier in the real catalog beside its model, and the dice."""

    def __init__(self, house, conn, seed):
        self.house, self.conn, self.dice = house, conn, random.Random(seed)  # noqa: S311 - dice
        self.supplier, self.model = f"s{seed}", Model()
        registry.ensure_shop(conn, "main")
        registry.ensure_supplier(conn, self.supplier)
        registry.ensure_accreditation(conn, self.supplier, "main")
        self.links = {
            name: registry.upsert_link(
                conn, code=f"{seed}-{name}", supplier=self.supplier, shop="main", url="https://a.example/"
            )
            for name in LINKS
        }
        conn.commit()

    def step(self):
        waiting = [load for load in self.model.loads.values() if load.waits]
        undoable = [n for n in self.model.loads if self.model.refuses(n, False) != "changed nothing"]
        choice = self.dice.random()
        if waiting and choice < 0.35:
            self.decide(self.dice.choice(waiting), approve=choice < 0.25)
        elif undoable and choice > 0.8:
            self.roll_back(self.dice.choice(undoable), through=self.dice.random() < 0.5)
        else:
            self.load(self.dice.choice(LINKS))
        self.compare()

    def load(self, link):
        dice = self.dice
        usual = self.model.good(link)
        file = dict(usual.file) if usual and dice.random() < 0.6 else {}
        for sku in dice.sample(SKUS, dice.randint(1, 5)):
            file[sku] = (dice.choice("xyz"), dice.choice((10, 11, 12)))
        for sku in dice.sample(sorted(file), dice.choice((0, 0, 1, len(file) - 1))):
            file[sku] = (file[sku][0], file[sku][1] * dice.choice((4, 20, 100)))
        for sku in dice.sample(sorted(file), dice.choice((0, 0, len(file) // 2))):
            del file[sku]
        rejected = {sku for sku in dice.sample(SKUS, dice.choice((0, 0, 1, 4))) if sku not in file}
        actualize = dice.random() < 0.7
        options = stored(parse_options({**OPTIONS, "actualize": actualize}, {}))
        load_id = registry.create_load(self.conn, self.links[link].id, source="model", sha256="0", options=options)
        facts = registry.start_load(self.conn, load_id, at=MOMENT, worker="model")
        self.conn.commit()
        facts.counts = Counts(read=len(file) + len(rejected), accepted=len(file), rejected=len(rejected))
        self.put(load_id, file, rejected)
        status, counts = self.model.load(Load(load_id, link, file, rejected), actualize)
        publish_load(self.house, self.conn, facts, Clock(), spellings={})
        told = registry.get_load(self.conn, load_id)
        assert (str(told.status), {k: getattr(told.counts, k) for k in KINDS}) == (status, counts)

    def put(self, load_id, file, rejected):
        empty = {f.name: None for f in OFFER_FIELDS}
        rows = [
            {
                **empty,
                "ordinal": n,
                "line": n + 1,
                "sku_key": sku,
                "sku": sku,
                "name": name,
                "price": Decimal(price),
                "content_hash": f"{sku} {name} {price}",
            }
            for n, (sku, (name, price)) in enumerate(sorted(file.items()))
        ]
        bad = [{"ordinal": 100 + n, "line": 1, "sku_key": sku, "sku": sku} for n, sku in enumerate(sorted(rejected))]
        for name, table in (
            ("offers", pa.Table.from_pylist(rows, OFFER_SCHEMA)),
            ("rejected", pa.Table.from_pylist(bad, REJECTED_SCHEMA)),
            ("issues", ISSUE_SCHEMA.empty_table()),
        ):
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink)
            self.house.store.put_bytes(load_key(load_id, f"{name}.parquet"), sink.getvalue().to_pybytes())

    def decide(self, load, *, approve):
        facts = registry.get_load(self.conn, load.id)
        assert facts.waits
        if approve:
            counts = self.model.approve(load)
            approve_load(self.house, self.conn, facts, ANNA)
            told = registry.get_load(self.conn, load.id)
            assert (str(told.status), told.decision["effect"]) == ("processed", counts)
            return
        load.waits = False
        self.conn.commit()
        with Publication(self.conn, facts) as publication:
            require_waiting(publication)
            publication.refuse(ANNA)
        told = registry.get_load(self.conn, load.id)
        assert str(told.status) == ("processed" if load.published else "rejected")

    def roll_back(self, load_id, *, through):
        if reason := self.model.refuses(load_id, through):
            with pytest.raises(OperatorError, match=reason):
                publish.roll_back(self.conn, load_id, ANNA, through=through)
            self.conn.rollback()
            return
        done = publish.roll_back(self.conn, load_id, ANNA, through=through)
        self.conn.commit()
        self.model.roll_back(done.load.id, load_id)
        assert set(done.undone) == self.model.loads[done.load.id].undoes

    def compare(self):
        model = self.model
        goods = self.conn.execute(
            "SELECT sku_key, name, price::int, status = 'published' FROM offers WHERE supplier_id = %s", [self.supplier]
        ).fetchall()
        assert {sku: tuple(card) for sku, *card in goods} == model.goods
        loads = self.conn.execute(
            "SELECT id, undone_by IS NULL FROM loads WHERE supplier_id = %s", [self.supplier]
        ).fetchall()
        assert dict(loads) == {n: model.standing(n) for n in model.loads}
        assert {n for n in model.loads if registry.get_load(self.conn, n).waits} == {
            load.id for load in model.loads.values() if load.waits
        }
        for name, link in self.links.items():
            good = model.good(name)
            assert registry.get_link(self.conn, link.id).last_good_load_id == (good.id if good else None)
        self.conn.commit()


@pytest.mark.parametrize("group", range(GROUPS))
def test_P1_to_P10_random_lives_hold_what_the_model_holds(house, conn, group):
    seen = dict.fromkeys(("held", "kept", "approved", "rolled back", "restored"), 0)
    for seed in range(group, LIVES, GROUPS):
        life = Life(house, conn, seed)
        for number in range(STEPS):
            try:
                life.step()
            except Exception as error:
                error.add_note(f"life {seed}, step {number}")
                raise
        rows = conn.execute(
            "SELECT held ->> 'reason', kind, restored FROM loads WHERE supplier_id = %s", [life.supplier]
        ).fetchall()
        conn.commit()
        seen["held"] += any(r[0] == HoldReason.TOO_MANY_HIDDEN for r in rows)
        seen["kept"] += any(r[0] == HoldReason.PRICES_KEPT for r in rows)
        seen["rolled back"] += any(r[1] == "rollback" for r in rows)
        seen["restored"] += any(r[2] for r in rows)
        approved = conn.execute("SELECT count(*) FROM decisions WHERE verdict = 'approved'").fetchone()
        seen["approved"] = approved[0]
    assert all(seen.values()), seen
