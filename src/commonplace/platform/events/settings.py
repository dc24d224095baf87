"""How a worker goes about its deliveries, and how long the log remembers."""

from pydantic import BaseModel, Field


class EventsSettings(BaseModel):
    """The limits of a worker and of the log."""

    processing_concurrency: int = Field(
        default=2, ge=1, le=64, description="Deliveries of the queue `processing` at a time; one process renders them."
    )
    concurrency: int = Field(
        default=64, ge=1, le=1000, description="Deliveries of each other queue at a time in one worker."
    )
    lease_seconds: float = Field(
        default=30.0, ge=1, le=3600, description="How long after its last heartbeat a worker is taken for dead."
    )
    poll_seconds: float = Field(
        default=2.0, gt=0, le=60, description="How often a worker looks by itself, should a wake-up have been lost."
    )
    retry_base_seconds: float = Field(
        default=1.0, gt=0, le=3600, description="Wait before the second attempt; it doubles with each further one."
    )
    retry_limit_seconds: float = Field(default=3600.0, gt=0, le=86400, description="The longest wait between attempts.")
    stop_seconds: float = Field(
        default=20.0, ge=0, le=600, description="How long a stopping worker lets its handlers finish."
    )
    retention_days: int = Field(default=90, ge=1, le=3650, description="How long the log of events is kept.")
