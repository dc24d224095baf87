"""The facts of notifications. None holds what a notice says: that is the person's alone."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from commonplace.platform.events.event import Event


@dataclass(frozen=True, kw_only=True)
class NoticeGiven(Event):
    """There is something new in a person's inbox."""

    name: ClassVar[str] = "notice.given"
    notice_id: UUID
    kind: str  #: `app.kind`


@dataclass(frozen=True, kw_only=True)
class NoticesChanged(Event):
    """Notices in a person's inbox were read, marked as unread, dismissed or put back."""

    name: ClassVar[str] = "notices.changed"
    notice_id: UUID | None  #: the one; None: perhaps all of them


@dataclass(frozen=True, kw_only=True)
class MailDue(Event):
    """A notice is to be sent by mail now."""

    name: ClassVar[str] = "notice.mail_due"
    notice_id: UUID


@dataclass(frozen=True, kw_only=True)
class PushDue(Event):
    """A notice is to be pushed to a device now."""

    name: ClassVar[str] = "notice.push_due"
    notice_id: UUID
    device_id: UUID


@dataclass(frozen=True, kw_only=True)
class DevicesChanged(Event):
    """A person has a device notified, or one not any more."""

    name: ClassVar[str] = "notices.devices_changed"
