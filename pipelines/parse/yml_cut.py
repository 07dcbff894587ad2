"""A YML file opened by cutting: its offers as slices, nothing parsed yet, and what has to be proven of the rest.

The edge for whoever reads only some of the offers:

    with open_cut(open_source, sniffed, tags) as cut:
        seed = digest_seed(cut.context.as_json())
        reader = SliceReader(cut.context)
        for run in cut.runs():
            for part in slices_of(run, seed):
                if part.digest not in known:
                    reader.read(run.data[part.begin : part.end], part.line)
        batch, facts = reader.take()
        frame = cut.prove()

`Unproven`, raised by any of these, means: read the whole file the plain way (`yml.read_yml`), which decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from pipelines.errors import SupplierError
from pipelines.parse.body import about_body
from pipelines.parse.encoding import UTF_16, Proof, presume_encoding, prove_encoding
from pipelines.parse.frame import Frame, namespaces_at, prove_frame
from pipelines.parse.slices import Cut, Run, Unproven
from pipelines.parse.sniff import Sniffed
from pipelines.parse.wrapping import Context


class YmlCut:
    """One YML file, cut.

    Attributes:
        context: what its slices are to be read in.
        remarks: what was found before the document and about its encoding.
    """

    def __init__(self, cut: Cut, proof: Proof, sniffed: Sniffed, tags: Mapping[str, str]) -> None:
        self._cut = cut
        self._encoding = proof.encoding
        self._line = sniffed.root_line
        self._utf8(cut.lead)  # the encoding is that of the whole file
        bound = namespaces_at("offer", self._utf8(cut.header))
        self.context = Context(proof.encoding, bound, dict(tags))
        self.remarks = about_body(sniffed, proof)

    def runs(self) -> Iterator[Run]:
        """The offers, in runs; can be read once.

        Raises:
            Unproven: as `Cut.runs`.
        """
        return self._cut.runs()

    def prove(self) -> Frame:
        """Prove what is around the offers, when all runs were taken.

        Raises:
            Unproven: as `prove_frame`.
        """
        cut = self._cut
        header, tail = self._utf8(cut.header), self._utf8(cut.tail)
        frame = prove_frame(header, tail, line=self._line, tail_line=cut.tail_line)
        if frame.namespaces != self.context.namespaces:
            raise Unproven("the slices were read with other namespaces")
        return frame

    def _utf8(self, data: bytes) -> bytes:
        try:
            return data.decode(self._encoding).encode()
        except UnicodeDecodeError as error:
            raise Unproven("bytes are not", self._encoding) from error


@contextmanager
def open_cut(open_source: Callable[[], BinaryIO], sniffed: Sniffed, tags: Mapping[str, str]) -> Iterator[YmlCut]:
    """Open a file that was recognised as YML; the file is open meanwhile.

    The encoding is the one that `prove_encoding` finds. What the whole body has to prove for that, its slices prove
    when they are read: nothing but a slice that was read, or is equal to one that was, counts.

    Raises:
        Unproven: the file cannot be cut.
    """
    with open_source() as source:
        cut = Cut(source, offset=sniffed.root_offset, line=sniffed.root_line)
        proof = presume_encoding(cut.beginning, bom=sniffed.bom, declared=sniffed.declared)
        if proof is None:
            try:
                proof = prove_encoding(open_source, bom=sniffed.bom, declared=sniffed.declared)
            except SupplierError as error:
                raise Unproven(error.code) from error
        if proof.encoding == UTF_16:
            raise Unproven("ASCII is not ASCII in this encoding")
        yield YmlCut(cut, proof, sniffed, tags)
