"""How long notices are kept, and how many devices a person has notified."""

from pydantic import BaseModel, Field


class NotificationsSettings(BaseModel):
    """The inbox."""

    kept_days: int = Field(default=180, ge=1, le=36_500, description="A notice goes after so many days, read or not.")
    devices: int = Field(
        default=10, ge=0, le=100, description="How many devices (browsers) one person can have notified by Web Push."
    )
