"""What tasks does with tasks. Every function takes many: a batch and a single request go the same way.

What is refused is refused for all: the transaction is rolled back, and nothing happened.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.errors import AttachmentNotFound, NamedTwice, TaskNotFound
from commonplace.apps.tasks.events import (
    TaskChanged,
    TaskCompleted,
    TaskCreated,
    TaskMoved,
    TaskReopened,
    TaskRestored,
    TaskTrashed,
)
from commonplace.apps.tasks.fields import ENDED, attached, columns_of, differing, next_columns, refuse_what_never_comes
from commonplace.apps.tasks.models import TASK
from commonplace.apps.tasks.places import Place, owners_of, place_of, refuse_bad_nesting
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places as platform_places
from commonplace.platform.history import record, versions
from commonplace.platform.history.record import Changed, ItemFields, NewItem, StaleVersion
from commonplace.platform.identity.caller import Caller
from commonplace.platform.sharing.access import access_of, refuse_other_owner
from commonplace.platform.sharing.errors import PlaceNotYours, ReadOnly

_NAMES = {"position": "order", "start_at": "start", "due_at": "due"}  #: of columns, in the API
_OF_SERIES = ("recurrence", "due", "start")
_OWN = frozenset({"completed_at", "next_id", "is_subtask"})  #: columns that only the service sets


class Written(NamedTuple):
    """A task as it is now."""

    json: str
    version: int
    id: UUID


class Change(NamedTuple):
    """What is to become of one task: fields as a client gave them."""

    id: UUID
    given: Mapping[str, Any]
    expected: int | None = None  #: the version that the client read


async def new_items(session: ReadSession, caller: Caller, given: Sequence[Mapping[str, Any]]) -> list[NewItem]:
    """Tasks to be made by `create_tasks`; nothing is written yet.

    Raises:
        TwoPlaces, PlaceNotFound, AttachmentNotFound, InvalidRecurrence, RecurrenceNeverComes: of one of them.
    """
    columns = [columns_of(one) for one in given]
    await _refuse_what_never_comes(columns)
    places = [place_of(one) for one in given]
    owners = await owners_of(session, caller, set(places))
    await _refuse_unseen(session, caller, set().union(*(attached(one) for one in columns)))
    now = datetime.now(UTC)
    items = []
    ids = sorted(new_id() for _ in given)  # of one moment, and yet in the order given
    for task_id, one, own, place in zip(ids, given, columns, places, strict=True):
        values = {
            **own,
            "is_subtask": place.is_subtask,
            "completed_at": now if own["status"] == "done" else None,
            "next_id": None,
        }
        items.append(new_item(task_id, owners[place], place.container_id, one["title"], values))
    return items


async def create_tasks(
    session: WriteSession, caller: Caller, items: Sequence[NewItem], *, deepest: int
) -> list[Written]:
    """Make tasks in one statement, in the order given.

    Raises:
        SubtasksTooDeep: one would lie deeper than `deepest`.
    """
    rows = await record.create_many(session, TASK, items, by=caller.person_id, returning=queries.TASK_JSON)
    subtasks = [item["id"] for item in items if item["values"]["is_subtask"]]
    if subtasks:
        await refuse_bad_nesting(session, subtasks, deepest=deepest)
    made = {row.id: Written(row.returned, row.version, row.id) for row in rows}
    return [made[item["id"]] for item in items]


async def change_tasks(session: WriteSession, caller: Caller, changes: Sequence[Change], *, deepest: int) -> None:
    """Change tasks; one whose fields are as they are to be stays at its version.

    One that recurs and is done for the first time makes its next occurrence.

    Raises:
        TaskNotFound, ReadOnly, StaleVersion: of one of them.
        PlaceNotYours: one that was shared by itself cannot be moved.
        TwoPlaces, PlaceNotFound, OtherOwner, TaskInsideItself, SubtasksTooDeep: one cannot lie where it is to.
        AttachmentNotFound, InvalidRecurrence, RecurrenceNeverComes: of one of them.
        NamedTwice: a task is named twice.
    """
    locked = await _locked(session, caller, {change.id: change.expected for change in changes}, len(changes))
    places = {change.id: place_of(change.given, _place(locked[change.id])) for change in changes}
    moved = [change.id for change in changes if places[change.id].container_id != locked[change.id].parent_id]
    if moved:
        rights = await _rights(session, caller, moved)
        if not all(right.may_place for right in rights.values()):
            raise PlaceNotYours
    await _refuse_places(session, caller, {task_id: places[task_id] for task_id in moved}, locked)
    columns = {change.id: columns_of(change.given) for change in changes}
    added = set[UUID]()
    for task_id, own in columns.items():
        added |= attached(own) - attached({"attachments": locked[task_id].attachments})
    await _refuse_unseen(session, caller, added)
    # A rule that stays is not asked again: the last occurrence of a series keeps its own, and can be put off.
    renewed = [task_id for task_id, own in columns.items() if _renews(own, locked[task_id])]
    await _refuse_what_never_comes(
        [{name: columns[one].get(name, locked[one][name]) for name in _OF_SERIES} for one in renewed]
    )
    now = datetime.now(UTC)
    written: list[Changed] = []
    following: list[NewItem] = []
    ids = sorted(new_id() for _ in changes)  # of one moment, and yet in the order given
    for change, following_id in zip(changes, ids, strict=True):
        row, place = locked[change.id], places[change.id]
        values = differing({**columns[change.id], "is_subtask": place.is_subtask}, row)
        fields: ItemFields = {}
        if "title" in change.given and change.given["title"] != row.title:
            fields["title"] = change.given["title"]
        if place.container_id != row.parent_id:
            fields["parent_id"] = place.container_id
        if not values and not fields:
            continue
        next_id = None
        if values.get("status", row.status) != row.status:
            values["completed_at"] = now if values["status"] == "done" else None
            next_id = _occurrence(row, values, fields, now, following_id, following)
        written.append(Changed(row, values, fields, _fact(row, values, fields, next_id)))
    await record.change_many(session, TASK, written, by=caller.person_id)
    await record.create_many(session, TASK, following, by=caller.person_id)
    if moved:
        await refuse_bad_nesting(session, moved, deepest=deepest)


async def trash_tasks(session: WriteSession, caller: Caller, tasks: Mapping[UUID, int | None]) -> None:
    """Move tasks to the trash, each at the version given, or at any; their subtasks go out of sight with them.

    Raises:
        TaskNotFound, ReadOnly, PlaceNotYours, StaleVersion: of one of them.
    """
    locked = await _locked(session, caller, tasks, len(tasks), in_place=True)
    now = datetime.now(UTC)
    changes = [Changed(row, {}, {"trashed_at": now}, TaskTrashed(task_id=row.id)) for row in locked.values()]
    await record.change_many(session, TASK, changes, by=caller.person_id)


async def restore_tasks(session: WriteSession, caller: Caller, ids: Sequence[UUID]) -> None:
    """Take tasks out of the trash, where they were; to the top level when what they lay in is gone or in the trash.

    A task that can be seen stays as it is. Whoever is not its owner can put it back only where it lay.

    Raises:
        TaskNotFound: of one of them.
    """
    rows = {row.id: row for row in await record.lock_many(session, TASK, ids)}
    rights = await _rights(session, caller, ids)
    changes = []
    for task_id in dict.fromkeys(ids):
        right, row = rights.get(task_id), rows.get(task_id)
        if right is None or row is None or not right.may_read:
            raise TaskNotFound(task_id)
        if row.trashed_at is None and not row.is_hidden:
            continue
        if not right.may_put_back:
            raise TaskNotFound(task_id)
        fields: ItemFields = {"trashed_at": None}
        if row.parent_id is not None and not right.is_place_open:
            fields["parent_id"] = None
        changes.append(Changed(row, {}, fields, TaskRestored(task_id=task_id)))
    await record.change_many(session, TASK, changes, by=caller.person_id)


async def restore_version(
    session: WriteSession, caller: Caller, task_id: UUID, number: int, *, expected: int | None
) -> None:
    """Make the next version of a task out of an earlier one: everything but its place.

    That its completion made a next occurrence stays known, so that it makes no second one.

    Raises:
        TaskNotFound, ReadOnly, StaleVersion: of the task.
        VersionNotFound: there is no such version.
    """
    locked = (await _locked(session, caller, {task_id: expected}, 1))[task_id]
    since = (await access_of(session, caller.person_id, locked)).past_since
    version = await versions.read_version(session, TASK, task_id, number, since=since)
    state = {name: version.state[name] for name in TASK.columns if name in version.state}
    values = {name: value for name, value in state.items() if name not in {"id", "is_subtask", "next_id"}}
    fields: ItemFields = {} if version.row.title == locked.title else {"title": version.row.title}
    names = _fields(differing(values, locked), fields)
    fact = TaskChanged(task_id=task_id, fields=names, restored_version=number)
    await record.change_many(session, TASK, [Changed(locked, values, fields, fact)], by=caller.person_id)


async def as_written(session: ReadSession, ids: Sequence[UUID]) -> list[Written]:
    """Tasks as they are after they were written, in the order given."""
    rows = {row.id: row for row in await session.all(queries.WRITTEN_TASKS, ids=list(ids))}
    return [Written(rows[task_id].json, rows[task_id].version, task_id) for task_id in ids]


def new_item(
    task_id: UUID,
    owner_id: UUID,
    parent_id: UUID | None,
    title: str,
    values: Mapping[str, Any],
    *,
    previous_id: UUID | None = None,
) -> NewItem:
    """A task to be made by `create_tasks`; `values` are all columns but its id."""
    fact = TaskCreated(task_id=task_id, previous_id=previous_id)
    return NewItem(
        id=task_id, owner_id=owner_id, parent_id=parent_id, title=title, name_key=None, values=values, fact=fact
    )


async def _refuse_what_never_comes(columns: Sequence[Mapping[str, Any]]) -> None:
    recurring = [one for one in columns if one["recurrence"] is not None]
    if recurring:
        await asyncio.to_thread(refuse_what_never_comes, recurring, datetime.now(UTC))


def _renews(columns: Mapping[str, Any], row: Row) -> bool:
    return "recurrence" in columns and bool(columns["recurrence"] != row.recurrence)


def _place(row: Row) -> Place:
    return Place(row.parent_id, is_subtask=row.is_subtask and row.parent_id is not None)


def _occurrence(
    row: Row, values: dict[str, Any], fields: ItemFields, now: datetime, next_id: UUID, following: list[NewItem]
) -> UUID | None:
    """Add the next occurrence of a task that is done for the first time to `following`; its id, if there is one."""
    if values["status"] != "done" or row.next_id is not None:
        return None
    after = next_columns({name: values.get(name, row[name]) for name in TASK.columns}, now)
    if after is None:
        return None
    parent_id = fields.get("parent_id", row.parent_id)
    item = new_item(next_id, row.owner_id, parent_id, fields.get("title", row.title), after, previous_id=row.id)
    following.append(item)
    values["next_id"] = next_id
    return next_id


def _fact(row: Row, values: Mapping[str, Any], fields: ItemFields, next_id: UUID | None) -> Event:
    names = _fields(values, fields)
    if "status" in values and values["status"] == "done":
        return TaskCompleted(task_id=row.id, fields=names, next_id=next_id)
    if "status" in values and row.status in ENDED and values["status"] not in ENDED:
        return TaskReopened(task_id=row.id, fields=names)
    if "parent_id" in fields:
        return TaskMoved(task_id=row.id, fields=names, from_id=row.parent_id, to_id=fields["parent_id"])
    return TaskChanged(task_id=row.id, fields=names)


def _fields(values: Mapping[str, Any], fields: ItemFields) -> tuple[str, ...]:
    names = {_NAMES.get(name, name) for name in values if name not in _OWN}
    if "parent_id" in fields:
        names.add("parent_id" if values.get("is_subtask") else "list_id")
    if "title" in fields:
        names.add("title")
    return tuple(sorted(names))


async def _locked(
    session: WriteSession, caller: Caller, tasks: Mapping[UUID, int | None], number: int, *, in_place: bool = False
) -> Mapping[UUID, Row]:
    """The tasks, locked, in the order given, if the caller may change every one of them at its version.

    With `in_place` the caller must be allowed to move and trash them, too.
    """
    ids = list(tasks)
    if len(ids) < number:
        raise NamedTwice
    rows = {row.id: row for row in await record.lock_many(session, TASK, ids)}
    rights = await _rights(session, caller, ids)
    for task_id, expected in tasks.items():
        right, row = rights.get(task_id), rows.get(task_id)
        if right is None or row is None or not right.is_seen:
            raise TaskNotFound(task_id)
        if not right.may_write:
            raise ReadOnly
        if in_place and not right.may_place:
            raise PlaceNotYours
        if expected is not None and expected != row.version:
            raise StaleVersion(expected=expected, actual=row.version)
    return {task_id: rows[task_id] for task_id in ids}


async def _rights(session: ReadSession, caller: Caller, ids: Sequence[UUID]) -> Mapping[UUID, Row]:
    rows = await session.all(queries.RIGHTS, ids=list(ids), kind=TASK.name, person_id=caller.person_id)
    return {row.id: row for row in rows}


async def _refuse_places(
    session: WriteSession, caller: Caller, places: Mapping[UUID, Place], locked: Mapping[UUID, Row]
) -> None:
    """Refuse what cannot be moved where it is to lie. One owner's moves wait for each other until the end."""
    if not places:
        return
    owners = await owners_of(session, caller, set(places.values()))
    for task_id, place in places.items():
        refuse_other_owner(locked[task_id], owners[place])
    for owner_id in sorted({locked[task_id].owner_id for task_id in places}):
        await platform_places.lock_moves(session, owner_id)


async def _refuse_unseen(session: ReadSession, caller: Caller, file_ids: set[UUID]) -> None:
    if not file_ids:
        return
    seen = await session.all(queries.SEEN_FILES, ids=list(file_ids), person_id=caller.person_id)
    if len(seen) < len(file_ids):
        raise AttachmentNotFound
