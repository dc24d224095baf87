"""What goes in and out over HTTP."""

from collections.abc import Sequence
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
    push: bool


WallTime = Annotated[
    str,
    Field(
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="By the clock of the person's time zone.",
        examples=["22:00"],
    ),
]


class QuietHours(BaseModel):
    """When nothing is mailed or pushed; it waits until they end. What ends before it begins ends on the next day."""

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
    push: bool | None = None


class PreferencesChange(BaseModel):
    """Changed preferences. What is left out stays; `quiet_hours` null: there are none."""

    kinds: list[KindChange] = Field(default_factory=list, max_length=200)
    quiet_hours: QuietHours | None = None


class SubscriptionKeys(BaseModel):
    """The keys of a browser's subscription (RFC 8291), in base64url."""

    p256dh: str = Field(max_length=200, description="Its public key: a point of P-256, uncompressed.")
    auth: str = Field(max_length=50, description="A secret of 16 bytes.")


class DeviceCreate(BaseModel):
    """A browser's subscription as `PushSubscription.toJSON()` gives it, and a name to know the device by."""

    endpoint: str = Field(max_length=2048, description="An https:// address of a push service on the internet.")
    keys: SubscriptionKeys
    name: str = Field(default="", max_length=100, description="What people see: “Firefox on Android”.")


class DeviceRead(BaseModel):
    """A device that a person has notified."""

    id: UUID
    name: str
    is_current: bool = Field(description="Whether it is that of the session that asks.")
    created_at: datetime
    seen_at: datetime


class PushRead(BaseModel):
    """What a browser needs to subscribe, and the devices that are notified."""

    public_key: str = Field(description="The `applicationServerKey` of `pushManager.subscribe`, in base64url.")
    most_devices: int = Field(description="How many devices a person can have notified.")
    devices: Sequence[DeviceRead]
