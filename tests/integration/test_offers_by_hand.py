"""Work by hand on goods (P9): values and statuses, with history; what the next load makes of them."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines import steps
from pipelines.cli import main
from pipelines.errors import OperatorError
from pipelines.model import OfferStatus
from pipelines.publish import Assignments

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<yml_catalog date="2026-11-22 05:00"><shop><offers>\n'
TAIL = "\n</offers></shop></yml_catalog>"
PLAIN = {
    "name": "Кабель",
    "description": "Медный",
    "vendor": "Завод",
    "price": "120.00",
    "vat": "20",
    "unitOkei": "796",
    "available": "many",
}


@pytest.fixture
def send(load, tmp_path):
    """Load a YML of offers (SKU -> tags beside the plain ones) for supplier `a`."""

    def run(offers: dict[str, dict[str, str]], *, extra: str = "", **settings: object) -> steps.Outcome:
        rows = "".join(
            f'<offer id="{sku}">{"".join(f"<{t}>{v}</{t}>" for t, v in (PLAIN | tags).items())}{extra}</offer>\n'
            for sku, tags in offers.items()
        )
        path = tmp_path / "feed.xml"
        path.write_text(HEAD + rows + TAIL, encoding="utf-8")
        return load(path, **settings)

    return run


@pytest.fixture
def card(house):
    return lambda sku: steps.offer(house, shop="main", supplier="a", sku=sku)


@pytest.fixture
def change(house):
    """Set FIELD=VALUE on SKUs of supplier `a`."""

    def run(sku: str | list[str], *pairs: str, **filters: object):
        skus = [sku] if isinstance(sku, str) else sku
        selection = steps.select("main", "a", skus=skus, **filters)
        return steps.set_offers(house, selection, Assignments.parse(pairs), who="Иванов", why="звонок")

    return run


@pytest.fixture
def mark(house):
    def run(command: str, *skus: str, **filters: object):
        return steps.mark_offers(house, steps.select("main", "a", skus=skus, **filters), command, who="Иванов")

    return run


@pytest.fixture
def issues(house):
    """The issues of a load with a code, as (sku, sent, published)."""

    def read(outcome: steps.Outcome, code: str = "edit_overwritten") -> list[tuple[str, str, str]]:
        report = json.loads("".join(steps.report_json(house, outcome.load_id)))
        found = [i for i in report["issues"] if i["code"] == code]
        assert len(found) == report["counts"]["warnings"] or code != "edit_overwritten"
        return [(i["sku"], i["sent"], i["published"]) for i in found]

    return read


def values(card: dict, *names: str) -> list:
    return [card[name] for name in names]


def test_P9_a_field_is_set_with_history_and_by_whom(send, change, card, house):
    send({"A-1": {}})
    edited = change("a-1", "vendor=Другой завод", "name=Кабель медный")
    assert edited.offers == 1
    now = card("A-1")
    assert values(now, "vendor", "name", "price", "status") == ["Другой завод", "Кабель медный", "120.00", "published"]
    newest = now["history"][0]
    assert values(newest, "kind", "fields", "load", "edit", "who", "why") == [
        "edited",
        ["name", "vendor"],
        None,
        edited.edit,
        "Иванов",
        "звонок",
    ]
    assert newest["before"] == {"name": "Кабель", "vendor": "Завод"}
    assert newest["after"] == {"name": "Кабель медный", "vendor": "Другой завод"}
    with house.database.connect() as conn:
        (row,) = conn.execute('SELECT command, "values", selection, offers, who, why FROM edits').fetchall()
    assert row == (
        "set",
        {"name": "Кабель медный", "vendor": "Другой завод"},
        {"sku_keys": ["a-1"]},
        1,
        "Иванов",
        "звонок",
    )
