"""P10: files of the archive with today's rules, published anew or only compared."""

import pytest

from pipelines import normalize, registry, steps
from pipelines.errors import OperatorError
from pipelines.model import LoadKind
from pipelines.registry import Decider

ANNA = Decider("anna", "it was wrong")


def test_P10_a_replay_is_a_new_load_of_the_same_file(house, load, feed, catalog_dump):
    first = load(feed({"a": 1, "b": 0}))
    before = catalog_dump()
    again = steps.replay(house, first.load_id)
    assert catalog_dump() == before
    assert (again.status, again.counts["unchanged"], again.counts["rejected"]) == ("processed", 1, 1)
    with house.database.connect() as conn:
        facts = registry.get_load(conn, again.load_id)
    assert (facts.kind, facts.origin, facts.source) == (LoadKind.REPLAY, first.load_id, "feed.xml")


def test_P10_a_replay_uses_the_settings_of_today(house, load, feed):
    path = feed({"a": 1})
    path.write_text(path.read_text().replace("<unitOkei>796</unitOkei>", ""), encoding="utf-8")
    rejected = load(path)
    assert rejected.status == "rejected"
    with house.database.connect() as conn:
        registry.set_link_options(conn, registry.upload_link(conn, "a", "main").id, {"default_unit": "796"})
    assert steps.replay(house, rejected.load_id).counts["created"] == 1


def test_P1_an_older_file_is_not_replayed_over_a_newer_one(house, load, feed, catalog_dump):
    first, second = load(feed({"a": 1})), load(feed({"a": 2}))
    with pytest.raises(OperatorError, match=f"load {second.load_id} of .* is newer"):
        steps.replay(house, first.load_id)
    before = catalog_dump()
    shown = steps.replay(house, first.load_id, dry_run=True)
    assert shown.counts["changed"] == 1
    assert catalog_dump() == before
    steps.rollback(house, second.load_id, ANNA)
    assert steps.replay(house, first.load_id).counts["unchanged"] == 1


def test_P10_a_load_whose_file_never_came_has_nothing_to_replay(house, load, feed):
    load(feed({"a": 1}))
    with house.database.connect() as conn:
        empty = registry.create_load(conn, registry.upload_link(conn, "a", "main").id, source="nothing")
    with pytest.raises(OperatorError, match="the archive has no file"):
        steps.replay(house, empty)


def test_P10_unchanged_rules_flip_nothing(house, load, feed, catalog_dump):
    load(feed({f"s{n}": n for n in range(30)}))
    load(feed({"x": 1, "y": 0}), supplier="b")
    load(feed({"z": 1}, tail=""), supplier="c")
    objects = sorted(str(p) for p in (house.settings.home_path / "objects").rglob("*"))
    before = catalog_dump()
    flips = list(steps.backtest(house, last=10))
    assert [(f.supplier, f.compared, f.offers) for f in flips] == [
        ("b", 2, {"now_rejected": 0, "now_accepted": 0, "changed": 0}),
        ("a", 30, {"now_rejected": 0, "now_accepted": 0, "changed": 0}),
    ]
    assert catalog_dump() == before
    assert sorted(str(p) for p in (house.settings.home_path / "objects").rglob("*")) == objects
    with house.database.connect() as conn:
        assert len(registry.list_loads(conn)) == 3


def test_P10_a_changed_rule_says_whom_it_would_flip(house, load, feed, monkeypatch):
    """The rule that changes is stood in for by the shop's setting, which is part of what normalising is given."""
    path = feed({f"s{n}": 100 for n in range(5)})
    text = path.read_text().replace("<vendor>Завод</vendor>", "", 2)
    path.write_text(text, encoding="utf-8")
    accepted = load(path)
    assert accepted.counts["rejected"] == 2
    real = normalize.normalize

    def tomorrow(raw, out, *, options, **rest):
        return real(raw, out, options=options.with_settings({"required_fields": "vat"}), **rest)

    monkeypatch.setattr(normalize, "normalize", tomorrow)
    (flips,) = steps.backtest(house, last=1)
    monkeypatch.undo()
    assert (flips.now_accepted, flips.now_rejected) == ({"vendor_missing": 2}, {})
    assert flips.offers == {"now_rejected": 0, "now_accepted": 2, "changed": 0}
    assert [e["sku"] for e in flips.examples] == ["s0", "s1"]


def test_P10_a_changed_value_is_named_by_its_field(house, load, feed, monkeypatch):
    path = feed({"a": 100, "b": 200})
    path.write_text(path.read_text().replace('available="true"', 'available="false"', 1), encoding="utf-8")
    load(path)
    real = normalize.normalize

    def tomorrow(raw, out, *, options, **rest):
        return real(raw, out, options=options.with_settings({"available_false": "out_of_stock"}), **rest)

    monkeypatch.setattr(normalize, "normalize", tomorrow)
    (flips,) = steps.backtest(house, last=1)
    assert (flips.changed, flips.offers["changed"]) == ({"availability": 1}, 1)
    assert flips.examples == [
        {"sku": "a", "line": 3, "what": "availability", "before": "on_order", "after": "out_of_stock"}
    ]


def test_P10_a_stricter_rule_says_whom_it_would_reject(house, load, feed, monkeypatch):
    path = feed({"a": 100, "b": 200})
    path.write_text(path.read_text().replace("<vendor>Завод</vendor>", "", 1), encoding="utf-8")
    load(path, required_fields="vat")
    real = normalize.normalize

    def tomorrow(raw, out, *, options, **rest):
        return real(raw, out, options=options.with_settings({"required_fields": "vat,vendor"}), **rest)

    monkeypatch.setattr(normalize, "normalize", tomorrow)
    (flips,) = steps.backtest(house, last=1)
    assert (flips.now_rejected, flips.now_accepted, flips.changed) == ({"vendor_missing": 1}, {}, {})
    assert flips.examples == [{"sku": "a", "line": 3, "what": "now_rejected", "codes": ["vendor_missing"]}]
