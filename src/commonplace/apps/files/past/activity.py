"""When something changed: how much in each day or hour, for who looks for the moment to go back to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from commonplace.apps.files.past import queries
from commonplace.apps.files.past.tree import Tree
from commonplace.platform.database.session import ReadSession

Unit = Literal["day", "hour"]
MOST: Final = 400  #: days or hours that are told of


class Active(NamedTuple):
    """A day or an hour in which something changed."""

    at: datetime  #: when it began
    changes: int  #: how many versions were made


async def activity(
    session: ReadSession,
    owner_id: UUID,
    folder_id: UUID | None,
    *,
    since: datetime,
    until: datetime,
    unit: Unit,
    zone: str,
) -> Sequence[Active]:
    """The days or hours of a zone from `since` until before `until` with changes in a folder (None: the whole drive).

    A change counts where it was made: what lies in the folder now and was elsewhere then counts there.
    """
    rows = await session.all(queries.ACTIVITY, owner_id=owner_id, since=since, until=until, unit=unit, zone=zone)
    is_inside = await _inside(session, folder_id, {row.parent_id for row in rows})
    sums: dict[datetime, int] = {}
    for row in rows:
        if row.parent_id in is_inside:
            sums[row.at] = sums.get(row.at, 0) + row.changes
    return [Active(at, sums[at]) for at in sorted(sums)][-MOST:]


async def _inside(session: ReadSession, folder_id: UUID | None, parents: set[UUID | None]) -> set[UUID | None]:
    if folder_id is None:
        return parents
    known = [parent for parent in parents if parent is not None]
    tree = Tree(folder_id, await session.all(queries.ABOVE_NOW, ids=known))
    return {parent for parent in parents if tree.way(parent) is not None}
