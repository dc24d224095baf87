"""The facts that the platform itself tells of items, whatever their kind."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from commonplace.platform.events.event import Event


@dataclass(frozen=True, kw_only=True)
class ItemPurged(Event):
    """An item was removed for good, with its versions: its time in the trash was over. Told once for each item."""

    name: ClassVar[str] = "item.purged"
    item_id: UUID
    kind: str
