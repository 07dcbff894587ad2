"""A large file is read by other processes: the same as in this one, and none of them outlives or hangs the reading."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from benchmarks.generate import feed as generate
from pipelines.errors import InternalError, SupplierError
from pipelines.model import ParseResult
from pipelines.parse import body, parse, yml
from pipelines.parse.slices import RUN_BYTES, Run, Unproven
from pipelines.parse.worker_pool import WorkerPool
from pipelines.parse.wrapping import Context

OFFER = b"<offer id='1'><name>x</name></offer>"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large."""
    monkeypatch.setattr(body, "LARGE_BYTES", 0)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


def told(data: bytes, out: Path) -> tuple[ParseResult, list[dict[str, Any]]]:
    result = parse(lambda: io.BytesIO(data), out)
    return result, pq.read_table(out).to_pylist()


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_two_processes_say_what_one_says(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header, *offers, tail = generate(3, encoding=encoding, bytes_wanted=None, offers_wanted=200)
    strange = "<offer id='&'><странно/><name>№&nbsp;1 & 2</name></offer>".encode(encoding, "xmlcharrefreplace")
    data = header + b"".join(offers) * (RUN_BYTES // sum(map(len, offers))) + strange + tail
    plain = told(data, tmp_path / "plain.parquet")
    monkeypatch.setattr(body, "LARGE_BYTES", 0)
    monkeypatch.delattr(yml, "read_plainly")
    assert told(data, tmp_path / "cut.parquet") == plain
    groups = pq.read_metadata(tmp_path / "cut.parquet")
    assert groups.num_row_groups <= pq.read_metadata(tmp_path / "plain.parquet").num_row_groups + 1
    assert [issue.code for issue in plain[0].issues] == ["ampersand_escaped", "html_entity_replaced", "unknown_tags"]


@pytest.mark.usefixtures("large")
def test_what_cannot_be_proven_is_read_in_this_process(tmp_path: Path) -> None:
    data = b"<yml_catalog><shop><offers>" + OFFER + b"<!-- </offer><offer id='2'> --></offers></shop></yml_catalog>"
    assert [row["sku"] for row in told(data, tmp_path / "raw.parquet")[1]] == ["1"]


@pytest.mark.usefixtures("large")
def test_what_is_refused_is_refused_as_ever(tmp_path: Path) -> None:
    data = b"<yml_catalog><shop><offers>\n" + OFFER + b"\n<offer id='2'><b></offer></offers></shop></yml_catalog>"
    with pytest.raises(SupplierError) as caught:
        told(data, tmp_path / "raw.parquet")
    assert (caught.value.code, caught.value.line) == ("xml_malformed", 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("death", "error"), [(signal.SIGKILL, InternalError), (signal.SIGXCPU, Unproven)])
def test_a_worker_that_is_killed_is_our_error_unless_its_time_was_up(
    death: signal.Signals, error: type[Exception]
) -> None:
    with WorkerPool(Context("utf-8"), workers=2) as pool:
        answers = pool.read(repeat(Run(OFFER, 1)))
        assert next(answers)[0].num_rows == 1
        os.kill(pool._workers[0]._process.pid, death)
        with pytest.raises(error, match=r"-9|time"):
            for _ in answers:
                pass


def test_a_run_that_is_not_proven_ends_the_reading() -> None:
    with WorkerPool(Context("utf-8"), workers=2) as pool, pytest.raises(Unproven):
        list(pool.read([Run(OFFER, 1), Run(b"<offer>", 1), Run(OFFER, 1)]))


def test_answers_come_in_order() -> None:
    runs = [Run(OFFER * (1 + number % 7 * 100), 1 + number) for number in range(20)]
    with WorkerPool(Context("utf-8"), workers=2) as pool:
        batches = [batch for batch, _ in pool.read(runs)]
    assert [batch["line"][0].as_py() for batch in batches] == list(range(1, 21))
    assert [batch.num_rows for batch in batches] == [1 + number % 7 * 100 for number in range(20)]


def test_a_worker_ends_with_whoever_started_it() -> None:
    code = """
from pipelines.parse.wrapping import Context
from pipelines.parse.worker_pool import WorkerPool
pool = WorkerPool(Context("utf-8"), workers=2)
print(*(worker._process.pid for worker in pool._workers), flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        process.kill()
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive


def test_a_worker_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_FEEDS_SECRET", "x")
    with WorkerPool(Context("utf-8"), workers=1) as pool:
        environment = psutil.Process(pool._workers[0]._process.pid).environ()
    assert "CATALOG_FEEDS_SECRET" not in environment
