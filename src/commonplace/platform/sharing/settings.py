"""How much may be shared."""

from pydantic import BaseModel, Field


class SharingSettings(BaseModel):
    """The limits of grants and links."""

    grants_per_item: int = Field(
        default=200, ge=1, le=10_000, description="With so many people one item can be shared at most."
    )
    links_per_item: int = Field(default=50, ge=1, le=10_000, description="So many links can lead to one item at most.")
    ledger_days: int = Field(
        default=180,
        ge=1,
        le=3650,
        description="For so many days it is kept who came by a link, and a link that was revoked or has expired.",
    )
    ledger_entries: int = Field(
        default=20_000, ge=100, le=1_000_000, description="So many entries the ledger of one link has at most."
    )
    guesses_per_link: int = Field(
        default=30, ge=1, le=10_000, description="Wrong passwords of one link within the window; then all wait."
    )
    guesses_per_address: int = Field(
        default=10, ge=1, le=10_000, description="Wrong passwords of links from one address within the window."
    )
    guess_window_seconds: int = Field(
        default=3600, ge=1, le=86_400, description="The window in which wrong passwords of links are counted."
    )
    link_pass_seconds: int = Field(
        default=43_200, ge=60, le=2_592_000, description="How long a link's password, once given, need not be repeated."
    )
    link_notice_seconds: int = Field(
        default=3600,
        ge=0,
        le=604_800,
        description="Its maker is told of a link's visits and uploads once in this time at most, all together.",
    )
