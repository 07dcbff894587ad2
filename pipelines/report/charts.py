"""Small bar charts as PNG pictures: mail clients draw neither SVG nor scripts, and load nothing from elsewhere.

A chart has no letters in it: what it shows is said beside it, in its alternative text.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Pixels. Twice the size at which a page shows the picture, for dense screens.
WIDTH, HEIGHT = 640, 128
_GAP = 6
_BASE = 4

Colour = tuple[int, int, int]
PAPER: Colour = (255, 255, 255)
AXIS: Colour = (201, 206, 213)
GREEN: Colour = (26, 127, 55)
AMBER: Colour = (191, 135, 0)
RED: Colour = (180, 35, 24)
BLUE: Colour = (11, 87, 208)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_PALETTE = bytes((8, 3, 0, 0, 0))


def bars(values: Sequence[float], colours: Sequence[Colour], *, top: float, slots: int | None = None) -> bytes:
    """A PNG with one bar for each value, from the left.

    Args:
        values: not negative; one that is not zero is always seen.
        colours: of each bar.
        top: the value of a bar of full height.
        slots: room for that many bars, if more than there are values.
    """
    palette = [PAPER, AXIS, *dict.fromkeys(colours)]
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    canvas[HEIGHT - _BASE :, :] = palette.index(AXIS)
    step = WIDTH // max(slots or 0, len(values), 1)
    for index, (value, colour) in enumerate(zip(values, colours, strict=True)):
        if value > 0:
            height = max(_BASE, round((HEIGHT - _BASE) * min(value / top, 1)))
            left = index * step
            canvas[HEIGHT - _BASE - height : HEIGHT - _BASE, left + _GAP : left + step - _GAP] = palette.index(colour)
    return _png(canvas, palette)


def _png(pixels: npt.NDArray[np.uint8], palette: Sequence[Colour]) -> bytes:
    height, width = pixels.shape
    # Each row of the format begins with its filter; 0 is none.
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = pixels
    return _PNG_SIGNATURE + b"".join(
        [
            _chunk(b"IHDR", struct.pack(">II", width, height) + _EIGHT_BIT_PALETTE),
            _chunk(b"PLTE", bytes(channel for colour in palette for channel in colour)),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
