"""How many clients may listen for changes, and how far behind one may fall."""

from pydantic import BaseModel, Field


class LiveSettings(BaseModel):
    """The limits of a process's WebSockets."""

    connections: int = Field(default=5000, ge=1, le=100_000, description="WebSockets of one process at a time.")
    connections_of_a_person: int = Field(
        default=50, ge=1, le=10_000, description="WebSockets of one person in one process at a time."
    )
    sign_in_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long a client that connects without a credential has to send one."
    )
    backlog_events: int = Field(
        default=1000, ge=1, le=100_000, description="Events that wait for a slow client; then it is closed with 4408."
    )
    send_seconds: float = Field(
        default=15.0, gt=0, le=600, description="How long a client may take to accept a message; then it is closed."
    )
    poll_seconds: float = Field(
        default=1.0, gt=0, le=10, description="How often the log is read while no wake-up can come from the database."
    )
    heartbeat_seconds: float = Field(
        default=25.0, gt=0, le=3600, description="After so long without an event a client is sent its new cursor."
    )
    recheck_seconds: float = Field(
        default=60.0, gt=0, le=3600, description="How often each client's session is looked at again."
    )
