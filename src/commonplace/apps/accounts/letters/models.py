"""The table of letters."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel


class Letter(SQLModel, table=True):
    """A mail with a link that does one thing once; of somebody without an account, too. Used ones have no row."""

    __tablename__: ClassVar[Any] = "letter"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify', 'reset', 'change', 'undo', 'register')", name="letter_purpose"),
        Index("letter_to_address", "email_key", "purpose", "created_at"),
        Index("letter_of_network", "network", "created_at"),
        Index("letter_of_person", "person_id", postgresql_where=text("person_id IS NOT NULL")),
        Index("letter_by_age", "expires_at"),
        {"schema": "accounts"},
    )

    id: UUID = Field(primary_key=True)
    purpose: str = Field(sa_type=Text)
    person_id: UUID | None = Field(
        default=None, sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")]
    )
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=Text)
    network: str = Field(sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    password_hash: str | None = Field(default=None, sa_type=Text)
    invitation_id: UUID | None = Field(default=None)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
