"""Charts are PNG pictures that any mail client draws."""

from __future__ import annotations

import zlib

import pytest

from pipelines.report import charts
from pipelines.report.charts import AMBER, BLUE, GREEN, HEIGHT, WIDTH, bars


def pixels(png: bytes) -> list[bytes]:
    """Rows of palette indexes of a PNG, its checksums verified."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert int.from_bytes(png[at + 8 + size : at + 12 + size]) == zlib.crc32(kind + data)
        found[kind] = data
        at += 12 + size
    assert list(found) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert (int.from_bytes(found[b"IHDR"][:4]), int.from_bytes(found[b"IHDR"][4:8])) == (WIDTH, HEIGHT)
    rows = zlib.decompress(found[b"IDAT"])
    return [rows[start + 1 : start + WIDTH + 1] for start in range(0, len(rows), WIDTH + 1)]


def heights(png: bytes, slots: int) -> list[int]:
    """Height of the bar in the middle of each slot."""
    step = WIDTH // slots
    return [sum(row[slot * step + step // 2] > 1 for row in pixels(png)) for slot in range(slots)]


def test_bars_are_as_high_as_their_values() -> None:
    whole = HEIGHT - charts._BASE
    assert heights(bars([1, 2, 0, 4], [GREEN] * 4, top=4), 4) == [whole // 4, whole // 2, 0, whole]


def test_a_value_that_is_not_zero_is_seen_and_none_leaves_the_picture() -> None:
    assert heights(bars([1, 10**9], [GREEN, AMBER], top=10**6), 2) == [charts._BASE, HEIGHT - charts._BASE]


def test_few_values_leave_room_on_the_right() -> None:
    assert [bool(height) for height in heights(bars([50, 60], [BLUE] * 2, top=100, slots=4), 4)] == [
        *(True, True, False, False)
    ]


@pytest.mark.parametrize("values", [[], [0]])
def test_nothing_to_draw_is_a_picture_too(values: list[int]) -> None:
    assert set(heights(bars(values, [GREEN] * len(values), top=1), 1)) == {0}
