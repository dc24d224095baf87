"""The table of invitations."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel


class Invitation(SQLModel, table=True):
    """A link that makes accounts; what was used up or revoked has no row. It goes with the administrator who made it.

    Nothing in it opens anything: see `link_tokens`.
    """

    __tablename__: ClassVar[Any] = "invitation"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'administrator')", name="invitation_role"),
        CheckConstraint("uses_left > 0", name="invitation_uses_left"),
        Index("invitation_by_time", "created_at", "id"),
        Index("invitation_of_person", "by_id", postgresql_where=text("by_id IS NOT NULL")),
        Index("invitation_to_address", "email_key", unique=True, postgresql_where=text("email_key IS NOT NULL")),
        {"schema": "accounts"},
    )

    id: UUID = Field(primary_key=True)
    by_id: UUID | None = Field(  #: None: a command on the server
        default=None, sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")]
    )
    email: str | None = Field(default=None, sa_type=Text)  #: None: whoever has the link
    email_key: str | None = Field(default=None, sa_type=Text)
    role: str = Field(sa_type=Text)
    uses_left: int
    is_mailed: bool  #: the link went to the address by mail and was shown to nobody: who follows it gets its mail
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
