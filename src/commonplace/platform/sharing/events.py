"""The facts of sharing.

That something is shared is told twice, into two logs: the owner's, without the person, for an address that was shared
with must not tell whether it has an account; and the person's own, with their id. Whoever notifies heeds those that
name a person.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal
from uuid import UUID

from commonplace.platform.events.event import Event
from commonplace.platform.sharing.rights import Level


@dataclass(frozen=True, kw_only=True)
class ItemShared(Event):
    """Somebody was given access to an item."""

    name: ClassVar[str] = "item.shared"
    grant_id: UUID
    item_id: UUID
    level: Level
    person_id: UUID | None  #: the person whose log it stands in; None in the owner's


@dataclass(frozen=True, kw_only=True)
class ShareChanged(Event):
    """Somebody's access to an item is another one now."""

    name: ClassVar[str] = "share.changed"
    grant_id: UUID
    item_id: UUID
    level: Level
    person_id: UUID | None  #: the person whose log it stands in; None in the owner's


@dataclass(frozen=True, kw_only=True)
class ShareRevoked(Event):
    """Somebody has access to an item no longer: it was taken from them, or they left."""

    name: ClassVar[str] = "share.revoked"
    grant_id: UUID
    item_id: UUID
    how: Literal["revoked", "left"]
    person_id: UUID | None  #: the person whose log it stands in; None in the owner's


@dataclass(frozen=True, kw_only=True)
class ItemLeft(Event):
    """An item was moved out of a shared container: told to each person who does not see it any more."""

    name: ClassVar[str] = "item.left"
    item_id: UUID
    container_id: UUID  #: where it lay


@dataclass(frozen=True, kw_only=True)
class ShareHidden(Event):
    """What is shared with a person went to the trash with a container that they may not see; told to them alone."""

    name: ClassVar[str] = "share.hidden"
    grant_id: UUID
    item_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShareShown(Event):
    """A container above what is shared with a person came back from the trash; told to them alone."""

    name: ClassVar[str] = "share.shown"
    grant_id: UUID
    item_id: UUID


@dataclass(frozen=True, kw_only=True)
class LinkCreated(Event):
    """An item can be read by whoever holds a link."""

    name: ClassVar[str] = "link.created"
    link_id: UUID
    item_id: UUID


@dataclass(frozen=True, kw_only=True)
class LinkRevoked(Event):
    """A link leads nowhere any more."""

    name: ClassVar[str] = "link.revoked"
    link_id: UUID
    item_id: UUID


@dataclass(frozen=True, kw_only=True)
class LinkChanged(Event):
    """What a link is good for, its password or its address is another one now."""

    name: ClassVar[str] = "link.changed"
    link_id: UUID
    item_id: UUID


@dataclass(frozen=True, kw_only=True)
class LinkUsed(Event):
    """Strangers came by a link: so many since this was told last. Who they were stands in the link's ledger."""

    name: ClassVar[str] = "link.used"
    link_id: UUID
    item_id: UUID
    visits: int
    uploads: int
