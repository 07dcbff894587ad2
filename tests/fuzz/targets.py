"""What is fuzzed: each reader of `pipelines.parse`, given bytes as a supplier would send them.

A target may refuse its input with a `SupplierError` and nothing else, within `CPU_SECONDS`, and leaves nothing behind
then. What it reads comes out as rows of the schema, each with a line of the file. Large XML has two ways to be read:
`yml-cut` and `commerceml-cut` compare them.
"""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, nullcontext
from functools import cache, partial, partialmethod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import SupplierError
from pipelines.model import RAW_SCHEMA, FeedFormat, ParseResult
from pipelines.options import LinkOptions
from pipelines.parse import body, parse, yml
from pipelines.parse.commerceml import cut, exchange
from pipelines.parse.commerceml.item_slices import ItemSliceReader
from pipelines.parse.commerceml.store import ITEM_SCHEMA
from pipelines.parse.slice_reader import SliceReader
from pipelines.parse.slices import Cut, Run
from pipelines.parse.worker_pool import Answer
from pipelines.parse.wrapping import Context

# Of the processor's time, not of the clock's: a machine may be busy, or stop us for a while.
CPU_SECONDS = 5.0
# Of a run of slices: a few offers, so that small files have several runs.
RUN_BYTES = 256
GOLDEN = Path(__file__).parents[1] / "golden"
_VARYING = re.compile(r"[^а-яё ]", re.IGNORECASE)  # of a detail, what is a quotation of the file
_OPTIONS = LinkOptions(price_type="Розничная")


def fuzz_one(expected: FeedFormat, data: bytes, folder: Path) -> str:
    """Read `data`; what came of it, in words: `read` and its remarks, or `refused` and why."""
    return _read(expected, data, folder)[0]


def fuzz_cut(expected: FeedFormat, data: bytes, folder: Path) -> str:
    """Read `data` the plain way, and as a large file is read, which is cut between its records: the same comes of it.

    What was proven by cutting says `cut` behind the outcome.
    """
    plain = _read(expected, data, folder)
    proven = []
    with ExitStack() as patched:
        patched.enter_context(patch.object(body, "LARGE_BYTES", 0))
        patched.enter_context(patch.object(Cut, "runs", partialmethod(Cut.runs, RUN_BYTES)))
        for module, reader in ((yml, SliceReader), (cut, ItemSliceReader)):
            patched.enter_context(patch.object(module, "WorkerPool", partial(InThisProcess, reader)))
        for module in (yml, exchange):
            patched.enter_context(patch.object(module, "read_cut", _telling(module.read_cut, proven.append)))
        by_parts = _read(expected, data, folder)
    assert by_parts[0] == plain[0], "cut, with another outcome"
    assert (by_parts[1] is None) == (plain[1] is None)
    if by_parts[1] is not None and plain[1] is not None:
        assert by_parts[1][0] == plain[1][0], "cut, with other remarks"
        assert by_parts[1][1].equals(plain[1][1]), "cut, with other rows"
    return f"{plain[0]} cut" if proven and by_parts[1] is not None else plain[0]


def _telling(read: Callable[..., Any], tell: Callable[[bool], None]) -> Callable[..., Any]:
    def reading(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        tell(True)
        return found

    return reading


class InThisProcess(nullcontext[Any]):
    """Stands in for a `WorkerPool`: coverage is not counted in other processes."""

    def __init__(self, reader: Callable[[Context], Any], context: Context, *, workers: int, schema: Any = None) -> None:
        super().__init__(self)
        self._reader = reader(context)
        assert workers > 0
        assert schema in (None, ITEM_SCHEMA)

    def read(self, runs: Iterable[Run]) -> Iterator[Answer]:
        """What the workers would answer, one after another."""
        for run in runs:
            batch, facts = self._reader.read_run(*run)
            yield batch, facts.as_json()


def _read(expected: FeedFormat, data: bytes, folder: Path) -> tuple[str, tuple[ParseResult, pa.Table] | None]:
    out = folder / "raw_offers.parquet"
    read = None
    started = time.process_time()
    try:
        result = parse(lambda: io.BytesIO(data), out, expected=expected, options=_OPTIONS)
    except SupplierError as error:
        told = error.detail if error.code.endswith("_malformed") else None
        line, outcome = error.line, f"refused {error.code} {_VARYING.sub('', told or '')}"
        assert list(folder.iterdir()) == [], "a refused file left something behind"
        assert line is None or 1 <= line <= data.count(b"\n") + data.count(b"\r") + 1, "no such line"
    else:
        table = pq.read_table(out)
        out.unlink()
        assert table.schema.equals(RAW_SCHEMA)
        assert result.read == table.num_rows > 0
        outcome, read = " ".join(["read", *sorted({issue.code for issue in result.issues})]), (result, table)
    spent = time.process_time() - started
    assert spent < CPU_SECONDS, f"{spent:.1f} s of processor time for {len(data)} bytes"
    return outcome, read


def workbook_around(data: bytes) -> bytes:
    """A workbook one of whose parts is `data`: the bytes of a zip themselves would nearly always fail its checksums."""
    parts = _workbook_parts()
    names = sorted(parts)
    name = names[data[0] % len(names)] if data else names[0]
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as package:
        for each, content in parts.items():
            package.writestr(each, data[1:] if each == name else content)
    return whole.getvalue()


@cache
def _workbook_parts() -> dict[str, bytes]:
    with zipfile.ZipFile(GOLDEN / "xlsx-cells" / "feed.xlsx") as package:
        return {name: package.read(name) for name in package.namelist()}


def workbook_seeds() -> list[bytes]:
    """Each part of a workbook, as `workbook_around` puts it back."""
    parts = _workbook_parts()
    return [bytes([number]) + parts[name] for number, name in enumerate(sorted(parts))]


def golden_seeds(suffixes: tuple[str, ...], mark: bytes) -> list[bytes]:
    """The feeds of the golden cases that have one of these suffixes and the mark in them."""
    paths = [path for path in GOLDEN.glob("*/feed*/*") if path.is_file()] + list(GOLDEN.glob("*/feed.*"))
    bodies = [path.read_bytes() for path in sorted(paths) if path.suffix in suffixes]
    return [body for body in bodies if mark in body]


Target = Callable[[bytes, Path], str]
TARGETS: dict[str, Target] = {
    "yml": lambda data, folder: fuzz_one(FeedFormat.YML, data, folder),
    "yml-cut": lambda data, folder: fuzz_cut(FeedFormat.YML, data, folder),
    "commerceml": lambda data, folder: fuzz_one(FeedFormat.COMMERCEML, data, folder),
    "commerceml-cut": lambda data, folder: fuzz_cut(FeedFormat.COMMERCEML, data, folder),
    "csv": lambda data, folder: fuzz_one(FeedFormat.CSV, data, folder),
    "json": lambda data, folder: fuzz_one(FeedFormat.JSON, data, folder),
    "xlsx": lambda data, folder: fuzz_one(FeedFormat.CSV, workbook_around(data), folder),
}
SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "yml": lambda: golden_seeds((".xml",), b"yml_catalog"),
    "yml-cut": lambda: golden_seeds((".xml",), b"yml_catalog"),
    "commerceml": lambda: golden_seeds((".xml",), "КоммерческаяИнформация".encode()),
    "commerceml-cut": lambda: golden_seeds((".xml",), "КоммерческаяИнформация".encode()),
    "csv": lambda: golden_seeds((".csv",), b""),
    "json": lambda: golden_seeds((".json",), b""),
    "xlsx": workbook_seeds,
}
