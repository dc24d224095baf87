"""What goes in and out over HTTP."""

from datetime import datetime, time
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


class QuietHoursRead(BaseModel):
    """When no mail is sent; it waits until they end."""

    begins: Annotated[time, Field(description="By the clock of the person's time zone.", examples=["22:00"])]
    ends: Annotated[time, Field(description="Before `begins`: on the next day.", examples=["07:00"])]


class PreferencesRead(BaseModel):
    """Who wants to be told what, how, and when."""

    kinds: list[KindPreference]
    quiet_hours: QuietHoursRead | None
    time_zone: str
    is_mail_configured: bool = Field(description="Whether this installation sends mail at all.")


class KindChange(BaseModel):
    """A preference for one kind; what is left out stays."""

    kind: str
    inbox: bool | None = None
    mail: bool | None = None


class QuietHoursChange(BaseModel):
    """Quiet hours, to the minute."""

    begins: time
    ends: time


class PreferencesChange(BaseModel):
    """Changed preferences. What is left out stays; `quiet_hours` null: there are none."""

    kinds: list[KindChange] = Field(default_factory=list, max_length=200)
    quiet_hours: QuietHoursChange | None = None
