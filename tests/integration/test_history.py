"""The differences that a load made, as operators save them."""

from __future__ import annotations

import pytest

from pipelines import steps
from pipelines.errors import OperatorError


def test_P10_each_changed_field_is_a_line_and_each_new_offer_one(house, load, feed):
    first = load(feed({"s1": 100, "=cmd": 5}))
    second = load(feed({"s1": 150, "s3": 7}), actualize=True)
    assert "".join(steps.changes_csv(house, first.load_id)).splitlines() == [
        "sku;change;field;before;after",
        "'=cmd;created;name;;Товар =cmd",
        "s1;created;name;;Товар s1",
    ]
    lines = "".join(steps.changes_csv(house, second.load_id)).splitlines()
    assert "'=cmd;hidden;status;published;hidden" in lines
    assert "s3;created;name;;Товар s3" in lines
    assert [line for line in lines if line.startswith("s1;changed;price;")] == ["s1;changed;price;100.00;150.00"]


def test_an_unknown_load_is_said_so(house):
    with pytest.raises(OperatorError, match="unknown load 7"):
        next(steps.changes_csv(house, 7))
