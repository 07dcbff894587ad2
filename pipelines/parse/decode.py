"""The body of a document as blocks of UTF-8, whatever it was sent in.

Transcoding here, before the XML parser, is cheaper than libxml2's own conversion and makes every later stage see one
encoding. The encoding was proven on the whole body before, so decoding is strict.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.errors import InternalError

# Larger blocks fall out of the processor's cache while they are a tree, smaller ones cost calls.
BLOCK_BYTES = 256 << 10


def utf8_blocks(source: BinaryIO, *, offset: int, encoding: str, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The bytes of `source` from `offset` on as UTF-8, in blocks cut at fixed offsets of the file.

    Raises:
        InternalError: the bytes are not in `encoding`, though the whole body was proven to be.
    """
    lead = read_exactly(source, offset)
    if encoding == "utf-8":
        yield from _raw_blocks(source, block_bytes)
        return
    name = encoding
    if encoding == "utf-16":
        name = "utf-16-le" if lead.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for block in _raw_blocks(source, block_bytes):
            yield decoder.decode(block).encode()
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        msg = f"bytes are not {encoding}, though the whole body was proven to be"
        raise InternalError(msg) from error


def _raw_blocks(source: BinaryIO, block_bytes: int) -> Iterator[bytes]:
    while block := read_exactly(source, block_bytes):
        yield block


def read_exactly(source: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes, fewer only at the end: block boundaries must not depend on how a source delivers."""
    parts = []
    while size > 0 and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
