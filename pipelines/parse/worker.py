"""A process that reads runs of slices for another one, over its standard input and output.

It is told a context once, then runs; for each it answers with a record batch and facts, or that it cannot prove them.
It gets bytes of a supplier and nothing else: no files, no secrets, not even the environment; what it answers is data
(Arrow, JSON) and never code. It ends when its input ends, so it cannot outlive who started it.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pipelines.parse.commerceml.item_slices import ItemSliceReader
    from pipelines.parse.slice_reader import SliceReader

# Sizes of what follows. A task: the bytes of a run, and its line. An answer: the batch and the facts; both 0: unproven.
TASK = struct.Struct("<QQ")
ANSWER = struct.Struct("<QQ")


class WithoutPandas:
    """Arrow asks pandas whether a list is a series, and to import it takes longer than to read a run."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main() -> None:
    """Answer tasks until there are no more."""
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """Read a context, then answer each task."""
    sys.meta_path.insert(0, WithoutPandas())
    from pipelines.parse.slices import Unproven

    size, _ = TASK.unpack(tasks.read(TASK.size))
    reader = _reader_of(tasks.read(size).decode())
    while head := tasks.read(TASK.size):
        size, line = TASK.unpack(head)
        try:
            batch, facts = reader.read_run(tasks.read(size), line)
        except Unproven:
            answers.write(ANSWER.pack(0, 0))
            answers.flush()
            return
        columns, learned = batch.serialize(), json.dumps(facts.as_json()).encode()
        answers.write(ANSWER.pack(columns.size, len(learned)))
        answers.write(columns)
        answers.write(learned)
        answers.flush()


def _reader_of(told: str) -> SliceReader | ItemSliceReader:
    """What reads the records of a context; what reads others is not even imported."""
    from pipelines.parse.wrapping import Context

    context = Context.from_json(told)
    if context.record == "offer":
        from pipelines.parse.slice_reader import SliceReader

        return SliceReader(context)
    from pipelines.parse.commerceml.item_slices import ItemSliceReader

    return ItemSliceReader(context)


if __name__ == "__main__":
    main()
