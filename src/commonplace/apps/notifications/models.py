"""The tables of notifications.

A notice is no item: nobody keeps versions of having read something, and what it tells of has its own history. It goes
after `kept_days`.
"""

from datetime import datetime, time
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    Time,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlmodel import BigInteger, Field, SQLModel

_SCHEMA = {"schema": "notifications"}
_MOMENT: Any = DateTime(timezone=True)


class NoticeRow(SQLModel, table=True):
    """Something that a person was told, and what became of it."""

    __tablename__: ClassVar[Any] = "notice"
    __table_args__ = (
        UniqueConstraint("event_seq", "person_id", "kind", name="notice_is_told_once"),
        CheckConstraint("mail IN ('none', 'held', 'due', 'sent')", name="notice_mail"),
        Index(
            "notice_in_inbox",
            "person_id",
            sql("created_at DESC"),
            sql("id DESC"),
            postgresql_where=sql("in_inbox AND dismissed_at IS NULL"),
        ),
        Index(
            "notice_unread",
            "person_id",
            sql("created_at DESC"),
            sql("id DESC"),
            postgresql_where=sql("in_inbox AND dismissed_at IS NULL AND read_at IS NULL"),
        ),
        Index("notice_mail_held", "mail_due_at", postgresql_where=sql("mail = 'held'")),
        Index("notice_by_age", "created_at"),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID
    kind: str = Field(sa_type=Text)
    event_seq: int = Field(sa_type=BigInteger)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    path: str | None = Field(default=None, sa_type=Text)
    item_id: UUID | None = None
    created_at: datetime = Field(sa_type=_MOMENT)
    in_inbox: bool
    read_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    dismissed_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    mail: str = Field(sa_type=Text)  #: none; held: until `mail_due_at`; due: being sent; sent
    mail_due_at: datetime | None = Field(default=None, sa_type=_MOMENT)


class Preference(SQLModel, table=True):
    """What a person chose for one kind of notice; null: as the kind has it."""

    __tablename__: ClassVar[Any] = "preference"
    __table_args__ = (PrimaryKeyConstraint("person_id", "kind", name="preference_pkey"), _SCHEMA)

    person_id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text, primary_key=True)
    inbox: bool | None = None
    mail: bool | None = None
    push: bool | None = None


class QuietHours(SQLModel, table=True):
    """When a person gets no mail and nothing is pushed, by the clock of their time zone."""

    __tablename__: ClassVar[Any] = "quiet_hours"
    __table_args__ = (CheckConstraint("begins <> ends", name="quiet_hours_differ"), _SCHEMA)

    person_id: UUID = Field(primary_key=True)
    begins: time = Field(sa_type=Time)
    ends: time = Field(sa_type=Time)


class Device(SQLModel, table=True):
    """A browser that a person has notified by Web Push, for as long as its session lasts."""

    __tablename__: ClassVar[Any] = "device"
    __table_args__ = (
        UniqueConstraint("digest", name="device_once"),
        Index("device_of_person", "person_id"),
        Index("device_of_session", "session_id"),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID
    session_id: UUID
    name: str = Field(sa_type=Text)  #: what the browser says of itself
    endpoint: str = Field(sa_type=Text)
    public_key: bytes = Field(sa_type=LargeBinary)
    auth: bytes = Field(sa_type=LargeBinary)
    our_key: str = Field(sa_type=Text)  #: the public key of ours that it subscribed with
    digest: bytes = Field(sa_type=LargeBinary)  #: SHA-256 of endpoint and keys: a browser is here once
    created_at: datetime = Field(sa_type=_MOMENT)
    seen_at: datetime = Field(sa_type=_MOMENT)


class Push(SQLModel, table=True):
    """A notice on its way to a device; gone when the push service has it."""

    __tablename__: ClassVar[Any] = "push"
    __table_args__ = (
        PrimaryKeyConstraint("notice_id", "device_id", name="push_pkey"),
        Index("push_to_device", "device_id"),
        Index("push_held", "held_until", postgresql_where=sql("held_until IS NOT NULL")),
        _SCHEMA,
    )

    notice_id: UUID = Field(
        sa_column_args=(ForeignKey("notifications.notice.id", name="push_notice", ondelete="CASCADE"),),
        primary_key=True,
    )
    device_id: UUID = Field(
        sa_column_args=(ForeignKey("notifications.device.id", name="push_device", ondelete="CASCADE"),),
        primary_key=True,
    )
    held_until: datetime | None = Field(default=None, sa_type=_MOMENT)  #: the quiet hours' end; null: being sent
