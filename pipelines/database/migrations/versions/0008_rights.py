"""Roles and their rights: nothing here, since they are granted anew after every migration (`rights.sql`)."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing: to have a migration to run is what brings the rights to a catalog that is at 0007."""
