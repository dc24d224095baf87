"""How much a person may keep."""

from pydantic import BaseModel, Field


class SpaceSettings(BaseModel):
    """The space of each person, where an administrator has not said otherwise."""

    quota_bytes: int | None = Field(
        default=None,
        ge=0,
        description="How many bytes each person may keep, earlier versions and the trash included, unless an"
        " administrator gave them another quota. Left out: as much as there is room for.",
    )
