"""What golden cases expect of normalising breaks no promise: the suites and the cases say the same rules."""

import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.model import ISSUE_SCHEMA, OFFER_SCHEMA
from pipelines.quality import Batch, examine
from pipelines.reference import load_reference

CASES = sorted(Path(__file__).parents[1].joinpath("golden").glob("*/expected.json"))
EMPTY_LISTS = ("pictures", "params", "regions", "position_codes", "analog_codes")  # left out of the files


def typed(value, kind):
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [typed(entry, kind.value_type) for entry in value]
    if pa.types.is_struct(kind):
        return {field.name: typed(value.get(field.name), field.type) for field in kind}
    return Decimal(value) if pa.types.is_decimal(kind) else value


def test_offers_of_golden_cases_keep_every_promise(tmp_path):
    rows = []
    for case in CASES:
        for offer in json.loads(case.read_text(encoding="utf-8")).get("offers", []):
            row = {name: [] for name in EMPTY_LISTS} | offer
            row = {field.name: typed(row.get(field.name), field.type) for field in OFFER_SCHEMA}
            # The cases are one file here: places, keys and hashes would meet.
            row |= {"ordinal": len(rows), "sku_key": f"{case.parent.name} {row['sku_key']}", "content_hash": "0" * 32}
            rows.append(row)
    assert len(rows) > 100
    pq.write_table(pa.Table.from_pylist(rows, OFFER_SCHEMA), tmp_path / "offers.parquet")
    pq.write_table(pa.Table.from_pylist([], ISSUE_SCHEMA), tmp_path / "issues.parquet")
    batch = Batch(tmp_path / "offers.parquet", tmp_path / "issues.parquet", read=len(rows), rejected=0)
    result = examine(batch, past=(), reference=load_reference(), scratch=tmp_path)
    assert {f.check.id: f.examples for f in result.broken_promises} == {}
