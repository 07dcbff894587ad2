"""The same hundred products, whatever format their supplier has: the same cards, field by field (F1)."""

import pytest

from examples.price_list import FORMS, NUMBER
from pipelines.model import OFFER_FIELDS


@pytest.fixture
def cards(house, load, tmp_path):
    """SKU -> every published field of it, after loading one form of the price list for a supplier of its own."""

    def run(form):
        write, settings = FORMS[form]
        outcome = load(write(tmp_path / form), supplier=f"s-{form}", **settings)
        assert (outcome.status, outcome.reason) == ("processed", None)
        assert (outcome.counts["read"], outcome.counts["accepted"], outcome.counts["created"]) == (NUMBER,) * 3
        fields = ", ".join(f.name for f in OFFER_FIELDS)
        with house.database.connect() as conn:
            rows = conn.execute(
                f"SELECT sku_key, {fields} FROM offers WHERE supplier_id = %s AND status = 'published'", [f"s-{form}"]
            ).fetchall()
        return {key: dict(zip((f.name for f in OFFER_FIELDS), values, strict=True)) for key, *values in rows}

    return run


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"yml"}))
def test_F1_every_format_gives_the_same_cards(cards, form):
    expected, found = cards("yml"), cards(form)
    assert len(expected) == NUMBER
    assert found.keys() == expected.keys()
    differences = {
        (sku, name): (found[sku][name], value)
        for sku, card in expected.items()
        for name, value in card.items()
        if found[sku][name] != value
    }
    assert differences == {}
