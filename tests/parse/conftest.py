"""Parsing bytes in tests, and a feed around what a test is about."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.errors import SupplierError
from pipelines.model import RAW_SCHEMA, ParseResult
from pipelines.parse import parse

Parsed = tuple[ParseResult, list[dict[str, Any]]]


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], Parsed]:
    """Parse a file; the result and its rows."""

    def run(data: bytes) -> Parsed:
        out = tmp_path / "raw_offers.parquet"
        result = parse(lambda: io.BytesIO(data), out)
        table = pq.read_table(out)
        assert table.schema.equals(RAW_SCHEMA)
        rows = table.to_pylist()
        assert result.read == len(rows)
        assert [r["ordinal"] for r in rows] == list(range(len(rows)))
        assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [out.name]
        return result, rows

    return run


@pytest.fixture
def refuse(tmp_path: Path) -> Callable[[bytes], SupplierError]:
    """Parse a file that must be rejected whole; the error. Nothing may be left behind."""

    folder = tmp_path / "refused"
    folder.mkdir()

    def run(data: bytes) -> SupplierError:
        with pytest.raises(SupplierError) as caught:
            parse(lambda: io.BytesIO(data), folder / "raw_offers.parquet")
        assert list(folder.iterdir()) == []
        return caught.value

    return run


@pytest.fixture
def feed() -> Callable[..., bytes]:
    """A feed around offers: the declaration is on line 1, the first offer on line 3."""

    def build(offers: str, *, encoding: str = "utf-8", declared: str | None = "utf-8", doctype: str = "") -> bytes:
        declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        text = f"{declaration}{doctype}\n<yml_catalog><shop><offers>\n{offers}\n</offers></shop></yml_catalog>\n"
        return text.encode(encoding)

    return build
