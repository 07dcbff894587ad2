"""One item ahead: what comes next is made by another thread while the caller has the last."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order; an error comes in the place of the item that was not made."""
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(next, items, None)
        while (item := under_way.result()) is not None:
            under_way = pool.submit(next, items, None)
            yield item
