"""What restoring tells."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commonplace.platform.events.event import Event


@dataclass(frozen=True, kw_only=True)
class InstallationRestored(Event):
    """A backup was restored: everything is as it was at `taken_at`.

    What happened after that is unknown here. Whoever handed something out since (sessions, links) should think again;
    what machines derived may be missing in part.
    """

    name: ClassVar[str] = "installation.restored"
    backup_id: UUID
    taken_at: datetime
