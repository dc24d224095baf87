"""How long notices are kept."""

from pydantic import BaseModel, Field


class NotificationsSettings(BaseModel):
    """The inbox."""

    kept_days: int = Field(default=180, ge=1, le=36_500, description="A notice goes after so many days, read or not.")
