"""How much a fetch may take of anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipelines.errors import SupplierError


@dataclass(frozen=True)
class FetchLimits:
    """Limits of one fetch; the defaults are the rules.

    Attributes:
        max_bytes: longest body after decompression and unwrapping; of a set, all files together (F3).
        max_ratio: most bytes that may come out of one compressed byte (F3) ...
        ratio_free_bytes: ... once more than this came out (F3).
        wrapping_bytes: what compression and archive headers may add to a body that does not compress.
        page_bytes: longest page that lists the parts of a set, and longest answer of a server that logs in.
        parts: files in one set (F3).
        connect_seconds: to reach one address of the host, TLS included.
        read_seconds: of silence from the server.
        slow_bytes: fewest bytes of a body ...
        slow_seconds: ... in any such time: a server that drips holds a place that others wait for.
        total_seconds: for everything: redirects, retries and waiting between them.
        redirects: followed in a row.
        attempts: requests in all before giving up.
        max_wait_seconds: longest pause between attempts. A server that asks for more (Retry-After) is left alone until
            the next hourly look.
    """

    max_bytes: int = 300 * 10**6
    max_ratio: int = 200
    ratio_free_bytes: int = 10**6
    wrapping_bytes: int = 10**6
    page_bytes: int = 10**6
    parts: int = 1_000
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    slow_bytes: int = 60_000
    slow_seconds: float = 60.0
    total_seconds: float = 900.0
    redirects: int = 5
    attempts: int = 4
    max_wait_seconds: float = 60.0

    def capped(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Bytes as transferred, refused as soon as they are more than any body within the limits needs (F3).

        Raises:
            SupplierError: `file_too_large`.
        """
        taken = 0
        for chunk in chunks:
            taken += len(chunk)
            if taken > self.max_bytes + self.wrapping_bytes:
                raise self.too_large()
            yield chunk

    def paced(self, chunks: Iterable[bytes], clock: Callable[[], float]) -> Iterator[bytes]:
        """Bytes as transferred, refused when too few of them come in `slow_seconds`.

        Raises:
            SupplierError: `link_unreachable`.
        """
        began, taken = clock(), 0
        for chunk in chunks:
            taken += len(chunk)
            if clock() - began >= self.slow_seconds:
                if taken < self.slow_bytes:
                    detail = f"за {self.slow_seconds:g} с передано только {taken} байт"
                    raise SupplierError("link_unreachable", detail=detail)
                began, taken = clock(), 0
            yield chunk

    def bounded(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """A body as it will be archived, refused as soon as it is past `max_bytes` (F3).

        Raises:
            SupplierError: `file_too_large`.
        """
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self.max_bytes:
                raise self.too_large()
            yield chunk

    def too_large(self) -> SupplierError:
        """The refusal of a body past `max_bytes` (F3)."""
        return SupplierError("file_too_large", detail=f"больше {self.max_bytes} байт")

    def inflated(self, taken: int, given: int) -> bool:
        """Whether `given` bytes out of `taken` compressed ones is past the ratio (F3)."""
        return given > self.ratio_free_bytes and given > self.max_ratio * taken


STANDARD_LIMITS = FetchLimits()
