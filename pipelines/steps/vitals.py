"""The numbers by which an installation is watched."""

from __future__ import annotations

from pipelines import registry
from pipelines.steps.house import House


def vital_signs(house: House) -> dict[str, float]:
    """What waits for a person, which links are silent or fail, which mails are stuck: counts and seconds, by name."""
    with house.database.connect() as conn:
        return registry.vital_signs(conn)
