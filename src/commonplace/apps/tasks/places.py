"""Where tasks lie: in a list, under another task, or in neither. A list is a task's container by the item's parent."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.errors import PlaceNotFound, SubtasksTooDeep, TaskInsideItself, TwoPlaces
from commonplace.apps.tasks.models import TASK
from commonplace.platform.database.session import ReadSession
from commonplace.platform.identity.caller import Caller


class Place(NamedTuple):
    """A container, or the top level of the owner."""

    container_id: UUID | None
    is_subtask: bool  #: whether the container is a task; otherwise it is a list


def place_of(given: Mapping[str, Any], present: Place | None = None) -> Place:
    """The place that `list_id` and `parent_id` name; what is not given stays, unless the other one is given.

    Raises:
        TwoPlaces: both name one.
    """
    list_id = parent_id = None
    if present is not None and present.is_subtask:
        parent_id = present.container_id
    elif present is not None:
        list_id = present.container_id
    if given.get("list_id") is not None and given.get("parent_id") is not None:
        raise TwoPlaces
    if "list_id" in given:
        list_id = given["list_id"]
        parent_id = parent_id if list_id is None else None
    if "parent_id" in given:
        parent_id = given["parent_id"]
        list_id = list_id if parent_id is None else None
    return Place(list_id, is_subtask=False) if parent_id is None else Place(parent_id, is_subtask=True)


async def owners_of(session: ReadSession, caller: Caller, places: Collection[Place]) -> Mapping[Place, UUID]:
    """Whom a task belongs to that is made in each of the places: the owner of the list or task it lies in.

    Raises:
        PlaceNotFound: there is no such list or task, or the caller may not put anything into it.
    """
    ids = {place.container_id for place in places if place.container_id is not None}
    if not ids:
        return dict.fromkeys(places, caller.person_id)
    rows = {row.id: row for row in await session.all(queries.PLACES, ids=list(ids), person_id=caller.person_id)}
    owners: dict[Place, UUID] = {}
    for place in places:
        if place.container_id is None:
            owners[place] = caller.person_id
            continue
        row = rows.get(place.container_id)
        if row is None or (row.kind == TASK.name) != place.is_subtask:
            raise PlaceNotFound
        owners[place] = row.owner_id
    return owners


async def refuse_bad_nesting(session: ReadSession, ids: Sequence[UUID], *, deepest: int) -> None:
    """Look at tasks where they lie now, before the transaction is committed.

    Raises:
        TaskInsideItself: one lies under itself.
        SubtasksTooDeep: tasks lie in each other deeper than `deepest`.
    """
    row = await session.first(queries.NESTING, ids=list(ids), limit=deepest + 1)
    if row is not None and row.is_ring:
        raise TaskInsideItself
    if row is not None and row.depth > deepest:
        raise SubtasksTooDeep(deepest)
