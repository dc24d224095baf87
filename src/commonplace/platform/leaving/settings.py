"""How people take along what they have, and how they leave. The environment's names start with `LEAVING__`."""

from pydantic import BaseModel, Field


class LeavingSettings(BaseModel):
    """Archives of a person's data, and erasure."""

    archive_days: int = Field(
        default=7, ge=1, le=365, description="How long an archive of a person's data can be downloaded; then it goes."
    )
    read_in_bytes: int = Field(
        default=1024**4, ge=1, description="The largest archive that is read in, in bytes; also when it is unpacked."
    )
    waiting_days: float = Field(
        default=7.0,
        ge=0,
        le=365,
        description="Days between a person's wish to be erased and the erasure. Signing in meanwhile cancels it."
        " 0: at once.",
    )
