"""A YML file cut between its offers, by bytes alone: what is around them, and the offers in runs of neighbours.

A cut is a guess that costs next to nothing: the bytes are searched for `</offer>` with `<offer` after it, wherever
those stand. What is wrong with it (an offer in a comment, in CDATA, `</offer >`) shows when the parts are read:
`frame.prove_frame` proves that the offers begin where the children of `offers` are listed and end there too,
`slice_reader.SliceReader` that each slice is exactly one offer. One follows from the other that the file is the frame
with those offers in it, in that order. What cannot be proven is read the plain way.

The goods and the offers of CommerceML are cut by the same code (`commerceml.cut`).

Encodings in which ASCII is ASCII are cut as they are, so that a slice that did not change costs no conversion.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import xxhash

from pipelines.parse.decode import read_exactly

# A run is one task for one process: a few of its rows' columns in memory at a time, and hundreds of tasks in a file.
RUN_BYTES = 4 << 20
# What is larger is left to the plain path, whose own limits lie beyond.
HEADER_LIMIT = TAIL_LIMIT = 2 << 20
SLICE_LIMIT = 1 << 20

_SPACE = b" \t\r\n"


class Unproven(Exception):  # noqa: N818 - nothing is wrong with the file yet
    """The file is not, or not provably, a frame with offers in it; the plain path has to read it."""


class Mark(NamedTuple):
    """How records look from outside.

    Attributes:
        begin: finds the beginning of one.
        end: its end tag.
        between: matches after an end tag that is followed by another record.
    """

    begin: re.Pattern[bytes]
    end: bytes
    between: re.Pattern[bytes]


def mark_of(name: str, encoding: str) -> Mark:
    """The mark of elements of a name, in an encoding in which ASCII is ASCII."""
    tag = re.escape(name.encode(encoding))
    start = rb"<%s(?=[ \t\r\n>])" % tag
    return Mark(re.compile(start), f"</{name}>".encode(encoding), re.compile(rb"[ \t\r\n]*(?=%s)" % start))


OFFER = mark_of("offer", "ascii")


class Run(NamedTuple):
    """Neighbouring slices.

    Attributes:
        data: the slices, each with the white space that follows it, in the encoding of the file.
        line: the line of its first byte.
    """

    data: bytes
    line: int


class Slice(NamedTuple):
    """What should be one offer.

    Attributes:
        begin, end: where it is in the data of its run, without the white space after it.
        line: the line of its first byte.
        lines: how many lines further the next slice begins.
        digest: of its bytes, and of all else that its raw row is made of but its line and its place in the file.
    """

    begin: int
    end: int
    line: int
    lines: int
    digest: bytes


class Cut:
    """A source cut into header, runs of the records that `mark` shows, and tail.

    Attributes:
        beginning: what was read of the file to find the first offer.
        lead: what stands before the root element.
        header: from the root element to the first offer.
        tail: what follows the last offer; there when the runs are exhausted.
        tail_line: the line of its first byte.

    Raises:
        Unproven: no offers were found, or something is larger than its limit.
    """

    def __init__(
        self, source: BinaryIO, *, offset: int, line: int, mark: Mark = OFFER, header_limit: int = HEADER_LIMIT
    ) -> None:
        self._source = source
        self._mark = mark
        self.lead = read_exactly(source, offset)
        data = read_exactly(source, header_limit)
        self.beginning = self.lead + data
        first = mark.begin.search(data)
        if first is None:
            raise Unproven("no offer in the header's reach")
        self.header = data[: first.start()]
        self._rest = data[first.start() :]
        self.tail = b""
        self.tail_line = line + self.header.count(b"\n")

    def runs(self, run_bytes: int = RUN_BYTES) -> Iterator[Run]:
        """The offers, in runs of about `run_bytes` that depend on the bytes of the file only.

        Raises:
            Unproven: a slice or the tail is too large.
        """
        begun = b""  # of the next run
        while len(block := self._take(run_bytes)) == run_bytes:
            end = last_boundary(block, 0, run_bytes, self._mark)
            if end:
                yield self._run(b"".join((begun, memoryview(block)[:end])))
                begun = block[end:]
            else:
                begun += block
                if len(begun) > max(run_bytes, SLICE_LIMIT + TAIL_LIMIT):
                    raise Unproven("too far from one offer to the next")
        begun += block
        end = begun.rfind(self._mark.end) + len(self._mark.end)
        if end < len(self._mark.end):
            raise Unproven("the last offer does not end")
        yield self._run(begun[:end])
        self.tail = begun[end:]
        if len(self.tail) > TAIL_LIMIT:
            raise Unproven("the tail is too long")

    def _take(self, size: int) -> bytes:
        """The bytes that follow, fewer only at the end of the file."""
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken + read_exactly(self._source, size - len(taken)) if len(taken) < size else taken

    def _run(self, data: bytes) -> Run:
        run = Run(data, self.tail_line)
        self.tail_line += data.count(b"\n")
        return run


def last_boundary(data: bytes, begin: int, reach: int, mark: Mark = OFFER) -> int:
    """Where the slice begins that follows the last one to end between two offsets; 0 when there is none."""
    at = reach
    while (at := data.rfind(mark.end, begin, at)) >= 0:
        between = mark.between.match(data, at + len(mark.end))
        if between is not None:
            return between.end()
    return 0


def slice_ends(data: bytes) -> list[int]:
    """Where each slice of a run ends, the white space after it included."""
    ends = []
    find, match = data.find, OFFER.between.match
    at, step = 0, len(OFFER.end)
    while (found := find(OFFER.end, at)) >= 0:
        between = match(data, found + step)
        at = found + step if between is None else between.end()
        if between is not None:
            ends.append(at)
    ends.append(len(data))
    return ends


def slices_of(run: Run, seed: int) -> Iterator[Slice]:
    """The slices of a run, with digests under a seed from `digest_seed`."""
    digest = xxhash.xxh3_128_digest
    begin, line = 0, run.line
    for end in slice_ends(run.data):
        part = run.data[begin:end]
        body = part.rstrip(_SPACE)
        lines = part.count(b"\n")
        yield Slice(begin, begin + len(body), line, lines, digest(body, seed))
        begin = end
        line += lines


def digest_seed(context: str) -> int:
    """A seed for the digests of slices: equal ones mean equal raw rows, read by this very code in this `context`.

    The code is all of this folder, so nobody has to remember to count a version up.
    """
    salt = hashlib.sha256(context.encode())
    for module in sorted(Path(__file__).parent.rglob("*.py")):
        salt.update(hashlib.sha256(module.read_bytes()).digest())
    return int.from_bytes(salt.digest()[:8], "big")
