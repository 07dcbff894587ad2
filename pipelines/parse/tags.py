"""What is remembered of the tags of a document: how many there are, and which of them nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from lxml import etree

from pipelines.errors import SupplierError
from pipelines.model import Issue

DISTINCT_TAGS_LIMIT = 2_000
UNKNOWN_TAGS_LISTED = 50
_TAG_SHOWN = 100


class TagNames:
    """The distinct names of tags of one document. libxml2 keeps every one of them for as long as the process lives."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def meet(self, tag: str, line: int) -> None:
        """Take note of a tag that stands at `line`.

        Raises:
            SupplierError: `xml_limit`, when there are too many different ones.
        """
        self._names.add(tag)
        if len(self._names) > DISTINCT_TAGS_LIMIT:
            raise SupplierError("xml_limit", line=line, detail=f"больше {DISTINCT_TAGS_LIMIT} разных меток")

    def meet_all(self, record: etree._Element, lines: Sequence[int], start: int) -> int:
        """Take note of all tags of a record, which stand at `lines[start:]`; their number is returned.

        Raises:
            SupplierError: `xml_limit`.
        """
        tags = [element.tag for element in record.iter()]
        if not self._names.issuperset(tags):
            for place, tag in enumerate(tags, start):
                self.meet(tag, lines[place])
        return len(tags)

    def follow(self, later: Self) -> bool:
        """Add the names in the part of the document that follows; whether there are not too many together."""
        self._names |= later._names
        return len(self._names) <= DISTINCT_TAGS_LIMIT

    def as_json(self) -> list[str]:
        """As values of JSON."""
        return sorted(self._names)

    @classmethod
    def from_json(cls, names: list[str]) -> Self:
        """What `as_json` told."""
        tags = cls()
        tags._names = set(names)
        return tags


class UnknownTags:
    """Tags that no column is made of and that are not known to be without one."""

    def __init__(self) -> None:
        self._found: dict[str, list[int]] = {}  # tag -> [count, first line]

    def meet(self, name: str, line: int, count: int = 1) -> None:
        """Count a tag, by its local name, that stands at `line` first."""
        self._found.setdefault(name[:_TAG_SHOWN], [0, line])[0] += count

    def follow(self, later: Self) -> None:
        """Add the tags of the part of the document that follows."""
        for name, (count, line) in later._found.items():
            self._found.setdefault(name, [0, line])[0] += count

    def as_json(self) -> dict[str, list[int]]:
        """As values of JSON, in order."""
        return self._found

    @classmethod
    def from_json(cls, found: dict[str, list[int]]) -> Self:
        """What `as_json` told."""
        tags = cls()
        tags._found = found
        return tags

    def issues(self) -> Iterator[Issue]:
        """One for each of them, in the order of their first appearance, at most `UNKNOWN_TAGS_LISTED`."""
        found = list(self._found.items())
        for tag, (count, line) in found[:UNKNOWN_TAGS_LISTED]:
            yield Issue("unknown_tags", line=line, field=tag, sent=str(count))
        if len(found) > UNKNOWN_TAGS_LISTED:
            yield Issue("unknown_tags_more", sent=str(len(found) - UNKNOWN_TAGS_LISTED))
