"""How much may be shared."""

from pydantic import BaseModel, Field


class SharingSettings(BaseModel):
    """The limits of grants and links."""

    grants_per_item: int = Field(
        default=200, ge=1, le=10_000, description="With so many people one item can be shared at most."
    )
    links_per_item: int = Field(default=50, ge=1, le=10_000, description="So many links can lead to one item at most.")
