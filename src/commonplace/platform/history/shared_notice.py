"""Telling people what was shared with them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.registry import Context
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.identity.people import People
from commonplace.platform.messages.notices import Notice
from commonplace.platform.sharing.events import ItemShared
from commonplace.platform.sharing.rights import Level, visible

_ITEM: Final = Query(text(f"SELECT item.kind, item.title FROM platform.item WHERE item.id = :item_id AND {visible()}"))
_MAY: Final[dict[Level, str]] = {
    "view": "You can read it.",
    "comment": "You can read it and comment on it.",
    "edit": "You can change it.",
    "own": "You can change it and share it.",
}


async def item_shared(event: ItemShared, context: Context) -> Sequence[Notice]:
    """Who was given access is told; nobody is of what they do not see (any more)."""
    by, parts = context.delivery.envelope.by, context.parts
    if event.person_id is None or event.person_id == by:
        return []
    async with parts[Database].reading() as session:
        item = await session.first(_ITEM, item_id=event.item_id, person_id=event.person_id)
    if item is None:
        return []
    sharer = None if by is None else await parts[People].person(by)
    name = "Somebody" if sharer is None else sharer.name
    return [
        Notice(
            person_id=event.person_id,
            title=f"{name} shared “{item.title}” with you",
            text=_MAY[event.level],
            path=_path(parts[Kinds], item.kind, str(event.item_id)),
            item_id=event.item_id,
        )
    ]


def _path(kinds: Kinds, kind: str, item_id: str) -> str | None:
    try:
        path = kinds[kind].path
    except KeyError:  # this process does not serve the app
        return None
    return None if path is None else path.format(id=item_id)
