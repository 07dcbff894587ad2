"""What is learned of a document besides its offers, in parts that follow one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from pipelines.parse.repair import Repairs
from pipelines.parse.slices import Unproven
from pipelines.parse.tags import TagNames, UnknownTags


@dataclass
class Facts:
    """Of one part of a document.

    Attributes:
        repairs: what was repaired (F6).
        unknown: tags without a column.
        names: all names of tags.
        spellings: raw column -> the tag as it was first written.
    """

    repairs: Repairs = field(default_factory=Repairs)
    unknown: UnknownTags = field(default_factory=UnknownTags)
    names: TagNames = field(default_factory=TagNames)
    spellings: dict[str, str] = field(default_factory=dict)

    def follow(self, later: Self) -> None:
        """Add the facts of the part that follows.

        Raises:
            Unproven: the parts together say something else than each of them did.
        """
        ours, theirs = (facts.spellings.get("position_codes") for facts in (self, later))
        if ours and theirs and ours != theirs:  # a value that is repeated is told under the first spelling (O17)
            raise Unproven("the parts spell the buyer's positions in different ways")
        if not self.names.follow(later.names):
            raise Unproven("too many names of tags")
        self.repairs.follow(later.repairs)
        self.unknown.follow(later.unknown)
        self.spellings = later.spellings | self.spellings

    def as_json(self) -> dict[str, Any]:
        """As values of JSON."""
        return {
            "repairs": self.repairs.as_json(),
            "unknown": self.unknown.as_json(),
            "names": self.names.as_json(),
            "spellings": self.spellings,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `as_json` told."""
        return cls(
            Repairs.from_json(values["repairs"]),
            UnknownTags.from_json(values["unknown"]),
            TagNames.from_json(values["names"]),
            values["spellings"],
        )
