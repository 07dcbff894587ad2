"""Errors by who must act.

The type decides what happens next: a supplier's error ends the load `rejected` and goes into the report, a network
error is retried, an operator's error stops with a hint, and anything else is ours and turns the run red.
"""

from __future__ import annotations


class CatalogFeedsError(Exception):
    """Base of every error this product raises on purpose."""


class SupplierError(CatalogFeedsError):
    """The supplier's file or server is at fault; the supplier must act, the load is `rejected` (F5).

    Attributes:
        code: a code of `pipelines.issue_codes`, stable.
        line: line of the file where it shows, 1-based; None when the whole file is meant.
        part: name of that file where the load is a set of files; None for a single file.
        detail: what was found there, as evidence (quoted in the report, already cut to a bounded length).
    """

    def __init__(
        self, code: str, *, line: int | None = None, part: str | None = None, detail: str | None = None
    ) -> None:
        where = f" in {part!r}" if part is not None else ""
        where += f" at line {line}" if line is not None else ""
        what = f": {detail}" if detail else ""
        super().__init__(f"{code}{where}{what}")
        self.code = code
        self.line = line
        self.part = part
        self.detail = detail


class NetworkError(CatalogFeedsError):
    """The other side could not be reached or broke off; trying again may help."""


class OperatorError(CatalogFeedsError):
    """Configuration or use is wrong: an unknown link, a bad setting, no access. The message says what to do."""


class InternalError(CatalogFeedsError):
    """A bug or a broken promise of ours, such as counts that do not add up (P2). The load is `failed`."""
