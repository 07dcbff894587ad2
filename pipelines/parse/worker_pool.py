"""Processes that read runs of slices side by side, and their answers in the order of the file."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import BufferedReader
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, Self, cast

import pyarrow as pa

from pipelines.errors import InternalError
from pipelines.model import RAW_SCHEMA
from pipelines.parse.slices import Run, Unproven
from pipelines.parse.worker import ANSWER, TASK
from pipelines.parse.wrapping import Context

_PIPE_BYTES = 1 << 20
# All that a worker gets of our environment: where shared libraries are. Secrets stay here.
_ENVIRONMENT = ("LD_LIBRARY_PATH",)

# One thread is enough for either; Arrow's own allocator keeps more than it needs.
_LIBRARIES = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}

Answer = tuple[pa.RecordBatch, dict[str, Any]]  # rows, and the facts as JSON has them


class WorkerPool:
    """Some workers, as a context manager; none of them is left when it ends."""

    def __init__(self, context: Context, *, workers: int, schema: pa.Schema = RAW_SCHEMA) -> None:
        self._workers = [_Worker(context, schema) for _ in range(workers)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(workers, "parse-worker")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def read(self, runs: Iterable[Run]) -> Iterator[Answer]:
        """Read runs; a few of them are under way at a time.

        Raises:
            Unproven: by a run, or while the runs were cut.
            InternalError: a worker died, unless of a limit that this process has as well.
        """
        under_way: deque[Future[Answer]] = deque()
        for run in runs:
            under_way.append(self._threads.submit(self._ask, run))
            if len(under_way) > len(self._workers) + 1:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def _ask(self, run: Run) -> Answer:
        worker = self._idle.get()
        try:
            return worker.ask(run)
        finally:
            self._idle.put(worker)


class _Worker:
    def __init__(self, context: Context, schema: pa.Schema) -> None:
        self._schema = schema
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment |= _LIBRARIES | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipelines.parse.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._tasks = _pipe(self._process.stdin)
        self._answers = cast("BufferedReader", _pipe(self._process.stdout))
        told = context.as_json().encode()
        with suppress(BrokenPipeError):  # whoever asks this worker is told
            self._tasks.write(TASK.pack(len(told), 0) + told)
            self._tasks.flush()

    def ask(self, run: Run) -> Answer:
        """Have a run read."""
        try:
            self._tasks.write(TASK.pack(len(run.data), run.line))
            self._tasks.write(run.data)
            self._tasks.flush()
        except BrokenPipeError as error:
            raise self._death() from error
        columns, learned = ANSWER.unpack(self._take(ANSWER.size))
        if not columns:
            raise Unproven("a run of slices")
        batch = pa.ipc.read_record_batch(self._take(columns), self._schema)
        batch.validate()
        return batch, json.loads(self._take(learned).to_pybytes())

    def _take(self, size: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(size)
        if self._answers.readinto(memoryview(buffer)) < size:
            raise self._death()
        return buffer

    def _death(self) -> InternalError | Unproven:
        code = self._process.wait()
        if (
            code == -signal.SIGXCPU
        ):  # it has the limits of this process, which meets them too if they are the file's fault
            return Unproven("out of time")
        return InternalError(f"a process that parses ended with {code}")

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """Forget it, when nobody asks it any more."""
        with suppress(BrokenPipeError):
            self._tasks.close()
        self._answers.close()
        self._process.wait()


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise InternalError("a process was started without a pipe")
    with suppress(OSError):  # the system may allow less
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return end
