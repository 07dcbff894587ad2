"""What is learned of goods and offers besides their records, in parts that follow one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from pipelines.parse.commerceml.price_types import PriceTypes
from pipelines.parse.repair import Repairs
from pipelines.parse.slices import Unproven
from pipelines.parse.tags import TagNames, UnknownTags


@dataclass
class ItemFacts:
    """Of an exchange, or of a part of it.

    Attributes:
        repairs: what was repaired (F6).
        unknown: elements of goods and offers that nobody knows.
        names: all names of tags.
        types: types of prices.
        pictures_skipped: (number, first file name, its line) of pictures that have no address.
    """

    repairs: Repairs = field(default_factory=Repairs)
    unknown: UnknownTags = field(default_factory=UnknownTags)
    names: TagNames = field(default_factory=TagNames)
    types: PriceTypes = field(default_factory=PriceTypes)
    pictures_skipped: tuple[int, str, int] = (0, "", 0)

    def skip_pictures(self, count: int, name: str, line: int) -> None:
        """Count pictures without an address, the first of them with this name at `line`."""
        known, first, first_line = self.pictures_skipped
        self.pictures_skipped = (known + count, first or name, first_line or line)

    def follow(self, later: Self) -> None:
        """Add the facts of the part that follows, which holds records only.

        Raises:
            Unproven: the parts together say something else than each of them did.
            SupplierError: `xml_limit`, when there are too many types of prices.
        """
        if not self.names.follow(later.names):
            raise Unproven("too many names of tags")
        self.repairs.follow(later.repairs)
        self.unknown.follow(later.unknown)
        self.types.follow(later.types)
        self.skip_pictures(*later.pictures_skipped)

    def as_json(self) -> dict[str, Any]:
        """As values of JSON; without declared types of prices, which records do not hold."""
        return {
            "repairs": self.repairs.as_json(),
            "unknown": self.unknown.as_json(),
            "names": self.names.as_json(),
            "types": self.types.used_as_json(),
            "pictures_skipped": self.pictures_skipped,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `as_json` told."""
        count, name, line = values["pictures_skipped"]
        return cls(
            Repairs.from_json(values["repairs"]),
            UnknownTags.from_json(values["unknown"]),
            TagNames.from_json(values["names"]),
            PriceTypes.from_json(values["types"]),
            (count, name, line),
        )
