"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field


class NoticeRead(BaseModel):
    """Something that a person was told."""

    id: UUID
    kind: str = Field(description="`app.kind`, as the preferences have it.")
    title: str
    text: str
    path: str | None = Field(description="Where it leads, within this installation.")
    item_id: UUID | None = Field(description="The item that it is about.")
    created_at: datetime
    read_at: datetime | None


class NoticePage(BaseModel):
    """Some of an inbox, the newest first."""

    items: list[NoticeRead]
    next: str | None = Field(description="Send it as `after` for the next page; null: there is none.")


class NoticeChange(BaseModel):
    """What a person says of a notice."""

    is_read: bool


class AllRead(BaseModel):
    """Up to where everything is read."""

    up_to: UUID | None = Field(default=None, description="The newest notice that was seen; left out: all there are.")


class Changed(BaseModel):
    """How many notices were changed."""

    changed: int


class Unread(BaseModel):
    """How much is new."""

    unread: int = Field(description="1000 stands for all numbers from there on.")


class KindPreference(BaseModel):
    """What a person gets of one kind of notice."""

    kind: str
    app: str
    title: str
    inbox: bool
    mail: bool


WallTime = Annotated[
    str,
    Field(
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="By the clock of the person's time zone.",
        examples=["22:00"],
    ),
]


class QuietHours(BaseModel):
    """When no mail is sent; it waits until they end. What ends before it begins ends on the next day."""

    begins: WallTime
    ends: WallTime


class PreferencesRead(BaseModel):
    """Who wants to be told what, how, and when."""

    kinds: list[KindPreference]
    quiet_hours: QuietHours | None
    time_zone: str
    is_mail_configured: bool = Field(description="Whether this installation sends mail at all.")


class KindChange(BaseModel):
    """A preference for one kind; what is left out stays."""

    kind: str
    inbox: bool | None = None
    mail: bool | None = None


class PreferencesChange(BaseModel):
    """Changed preferences. What is left out stays; `quiet_hours` null: there are none."""

    kinds: list[KindChange] = Field(default_factory=list, max_length=200)
    quiet_hours: QuietHours | None = None
