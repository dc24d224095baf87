"""How long the past is kept."""

from pydantic import BaseModel, Field


class HistorySettings(BaseModel):
    """The limits of trash and versions. An item's newest version, and one that is marked to be kept, always stay."""

    trash_days: int = Field(
        default=30, ge=1, le=3650, description="What was deleted can be put back for so many days, then it is removed."
    )
    version_days: int = Field(
        default=365, ge=1, le=36500, description="An earlier version is dropped so many days after it was replaced."
    )
    versions_per_item: int = Field(
        default=1000, ge=2, le=1_000_000, description="Of one item so many versions are kept at most, the newest ones."
    )
    version_bytes_per_person: int | None = Field(
        default=None,
        ge=0,
        description="What the earlier versions of one person may take, in bytes; beyond, the oldest are dropped."
        " Left out: no limit.",
    )
