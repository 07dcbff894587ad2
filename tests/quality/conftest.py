"""Batches for the gate: offers as Parquet, one call of Great Expectations for many assertions."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.model import ISSUE_SCHEMA, OFFER_SCHEMA
from pipelines.quality import Batch, GateResult, Profile, examine
from pipelines.reference import load_reference

PARAM = {
    "sent_name": "Вес",
    "sent_value": "5",
    "sent_unit": "кг",
    "name": "Вес",
    "value": "5",
    "unit": "кг",
    "unit_okei": "166",
}
REGION = {
    "code": "01000000",
    "level": "subject",
    "name": "Алтайский край",
    "price": Decimal("110.00"),
    "price_without_vat": Decimal("91.67"),
    "availability": "exact",
    "quantity": Decimal(5),
    "delivery_days": 3,
}


def offer(number: int, **values: Any) -> dict[str, Any]:
    """A good offer with all fields, different from every other; `param` and `region` change the one it has."""
    param, region = PARAM | values.pop("param", {}), REGION | values.pop("region", {})
    return {
        "ordinal": number,
        "line": 1000 + number,
        "sku_key": f"a{number}",
        "sku": f"A{number}",
        "name": f"Товар {number}",
        "description": f"Описание {number}",
        "vendor": "Завод",
        "vendor_code": f"Z-{number}",
        "model": "М",
        "price": Decimal(100 + number),
        "price_without_vat": Decimal(80 + number),
        "price_derived": "price_without_vat",
        "vat_rate": "20",
        "currency": "RUB",
        "unit_okei": "796",
        "unit_name": "шт",
        "availability": "exact",
        "quantity": Decimal(5),
        "delivery_days": 3,
        "category_id": "31",
        "supplier_category_id": "7",
        "position_codes": ["100200"],
        "analog_codes": ["5"],
        "pictures": [f"https://example.com/{number}.jpg"],
        "weight_kg": Decimal("1.5"),
        "dimensions_cm": [Decimal(1), Decimal(2), Decimal(3)],
        "stock_class": "online_store",
        "rrp": Decimal(90),
        "params": [param],
        "regions": [region],
        "content_hash": f"{number:032x}",
        **values,
    }


def issue(number: int, code: str = "text_cleaned", severity: str = "info") -> dict[str, Any]:
    """A remark on an offer."""
    return {"ordinal": number, "code": code, "severity": severity, "sku": f"A{number}", "line": 1000 + number}


@pytest.fixture(scope="session")
def gate(tmp_path_factory) -> Callable[..., GateResult]:
    """Run the gate over offers and issues."""

    def run(
        offers: Sequence[dict[str, Any]],
        issues: Sequence[dict[str, Any]] = (),
        *,
        past: Sequence[Profile] = (),
        rejected: int = 0,
        delta: bool = False,
    ) -> GateResult:
        folder: Path = tmp_path_factory.mktemp("it's a load")
        pq.write_table(pa.Table.from_pylist(list(offers), OFFER_SCHEMA), folder / "offers.parquet")
        pq.write_table(pa.Table.from_pylist(list(issues), ISSUE_SCHEMA), folder / "issues.parquet")
        batch = Batch(
            folder / "offers.parquet",
            folder / "issues.parquet",
            read=len(offers) + rejected,
            rejected=rejected,
            delta=delta,
        )
        return examine(batch, past=past, reference=load_reference(), scratch=folder)

    return run


@pytest.fixture(scope="session")
def offers() -> Callable[..., list[dict[str, Any]]]:
    """So many good offers, with the same changes to each."""
    return lambda number, **values: [offer(i, **values) for i in range(number)]


@pytest.fixture(scope="session")
def make_offer() -> Callable[..., dict[str, Any]]:
    """One good offer with changes."""
    return offer


@pytest.fixture(scope="session")
def make_issue() -> Callable[..., dict[str, Any]]:
    """One remark on an offer."""
    return issue


@pytest.fixture(scope="session")
def good(gate, offers) -> GateResult:
    """What the gate says of forty good offers of a link without a past."""
    return gate(offers(40))
