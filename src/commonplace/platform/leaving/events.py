"""The facts of taking along and leaving. None carries what it is about."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from commonplace.platform.events.event import Event


@dataclass(frozen=True, kw_only=True)
class ArchiveAsked(Event):
    """A person wants an archive of all they have."""

    name: ClassVar[str] = "archive.asked"
    archive_id: UUID


@dataclass(frozen=True, kw_only=True)
class ArchiveSent(Event):
    """A person sent an archive that is to be read in."""

    name: ClassVar[str] = "archive.sent"
    archive_id: UUID


@dataclass(frozen=True, kw_only=True)
class ArchiveProgressed(Event):
    """An archive is further on, done, failed or gone: whoever shows it looks again. Once a second at most."""

    name: ClassVar[str] = "archive.progressed"
    archive_id: UUID


@dataclass(frozen=True, kw_only=True)
class ErasureAsked(Event):
    """A person is to be erased after a while. Who it is stands with the erasure."""

    name: ClassVar[str] = "erasure.asked"
    erasure_id: UUID


@dataclass(frozen=True, kw_only=True)
class ErasureDue(Event):
    """A person's waiting time is over: now they are erased. Who it is stands with the erasure."""

    name: ClassVar[str] = "erasure.due"
    erasure_id: UUID


@dataclass(frozen=True, kw_only=True)
class PersonErased(Event):
    """Somebody was erased; the receipt says what was removed. No id of theirs is in it."""

    name: ClassVar[str] = "person.erased"
    erasure_id: UUID
