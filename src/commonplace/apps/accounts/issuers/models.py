"""The table of identities."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Text
from sqlmodel import Field, SQLModel


class Identity(SQLModel, table=True):
    """Who a person is elsewhere: by the issuer that vouches for them, and what it calls them for ever."""

    __tablename__: ClassVar[Any] = "identity"
    __table_args__ = (
        Index("identity_by_subject", "issuer", "subject", unique=True),
        Index("identity_of_person", "person_id", "linked_at"),
        {"schema": "accounts"},
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")])
    issuer: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    shown: str | None = Field(default=None, sa_type=Text)
    linked_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    role_told_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
