"""How Commonplace reaches its database, and how much of it a process may use."""

from typing import Literal

from pydantic import BaseModel, Field


class DatabaseSettings(BaseModel):
    """The limits of a process towards the database; its address is `DATABASE_URL`."""

    pool_size: int = Field(
        default=5, ge=1, le=10, description="Connections a process may hold at most, besides the one that listens."
    )
    acquire_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long a request waits for a connection before it is told 503."
    )
    connect_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How long opening a connection may take."
    )
    statement_timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="A statement that runs longer is cancelled and its transaction rolled back.",
    )
    transaction_timeout_seconds: float = Field(
        default=5.0,
        gt=0,
        le=600,
        description="A write transaction idle for longer is ended: while it is open no later event becomes visible.",
    )
    lock_timeout_seconds: float = Field(default=4.0, gt=0, le=60, description="How long a statement waits for a lock.")
    pooler: Literal["none", "transaction"] = Field(
        default="none",
        description="`transaction` when DATABASE_URL leads to PgBouncer or Neon's pooler in transaction mode.",
    )
    listen_url: str | None = Field(
        default=None,
        description="A direct address for LISTEN when DATABASE_URL leads through a pooler; without it, polling.",
    )
