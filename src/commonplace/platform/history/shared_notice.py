"""Telling people what was shared with them, and who came by links of theirs."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.registry import Context
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.identity.people import People
from commonplace.platform.messages.notices import Notice
from commonplace.platform.sharing.events import ItemShared, LinkUsed
from commonplace.platform.sharing.rights import Level, visible
from commonplace.platform.sharing.visits import ledger

_ITEM: Final = Query(text(f"SELECT item.kind, item.title FROM platform.item WHERE item.id = :item_id AND {visible()}"))
_NAMES: Final = 3
_LINK: Final = Query(
    text("""
    SELECT item.title, item.kind, item_link.label, item_link.created_by
    FROM platform.item_link JOIN platform.item ON item.id = item_link.item_id WHERE item_link.id = :link_id
    """)
)
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


async def link_used(event: LinkUsed, context: Context) -> Sequence[Notice]:
    """Whoever made the link is told how many came, and who, as far as they said."""
    async with context.parts[Database].reading() as session:
        row = await session.first(_LINK, link_id=event.link_id)
        names = [] if row is None else await ledger.latest_names(session, event.link_id, limit=_NAMES + 1)
    if row is None:
        return []
    told = [_counted(event.visits, "visit"), _counted(event.uploads, "new file")]
    path = _path(context.parts[Kinds], row.kind, str(event.item_id))
    return [
        Notice(
            person_id=row.created_by,
            title=f"“{row.title}”: {' and '.join(filter(None, told))} by"
            f" {f'the link “{row.label}”' if row.label else 'a link'}",
            text=f"Last came {', '.join(names[:_NAMES])}{' and others' if len(names) > _NAMES else ''}."
            if names
            else "",
            path=None if path is None else f"{path}#share={event.item_id}/{event.link_id}",
            item_id=event.item_id,
        )
    ]


def _counted(number: int, what: str) -> str:
    return "" if not number else f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _path(kinds: Kinds, kind: str, item_id: str) -> str | None:
    try:
        path = kinds[kind].path
    except KeyError:  # this process does not serve the app
        return None
    return None if path is None else path.format(id=item_id)
