"""Taking tasks in: all that a file holds in one transaction, or nothing; what is there already is left as it is.

A task's id is made of the person and of what the file calls the task, so the same file makes the same tasks whenever it
is imported: those that are there, changed or in the trash, stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from commonplace.apps.tasks import queries, service
from commonplace.apps.tasks.events import TaskListCreated
from commonplace.apps.tasks.exchange.entries import Entry, Findings
from commonplace.apps.tasks.fields import moment_columns
from commonplace.apps.tasks.filters import PRIORITIES
from commonplace.apps.tasks.models import TASK_LIST
from commonplace.apps.tasks.order import last
from commonplace.apps.tasks.places import Place, owners_of
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.history import places as platform_places
from commonplace.platform.history import record
from commonplace.platform.history.record import NewItem
from commonplace.platform.identity.caller import Caller


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import makes; nothing of it is written yet."""

    lists: Sequence[NewItem]
    tasks: Sequence[NewItem]  #: those that lie under another one behind it
    present: int  #: tasks of the file that are there already


async def plan(
    session: ReadSession, caller: Caller, findings: Findings, *, origin: str, list_id: UUID | None, deepest: int
) -> Plan:
    """See what of `findings` is new, and where it goes: into the list `list_id`, or into lists of the file's titles.

    `origin` is the format, for what a task is called in one means nothing in another. What has no place is noted in
    `findings`.

    Raises:
        PlaceNotFound: there is no such list, or the caller may not put anything into it.
    """
    owner_id = caller.person_id
    if list_id is not None:
        place = Place(list_id, is_subtask=False)
        owner_id = (await owners_of(session, caller, [place]))[place]
    entries = _by_uid(findings)
    ids = await _ids(session, caller, origin, entries)
    taken = {row.id for row in await session.all(queries.TAKEN_IDS, ids=[*ids.values()])}
    parents = _parents(entries, findings, deepest)
    lists = _Lists(caller, {} if list_id is not None else await _own_lists(session, caller))
    now, behind = datetime.now(UTC), last()
    tasks = []
    for number, (uid, entry) in enumerate(_parents_first(entries, parents)):
        if ids[uid] in taken:
            continue
        parent_uid = parents.get(uid)
        parent_id = list_id if parent_uid is None else ids[parent_uid]
        if parent_id is None and entry.list_title is not None:
            parent_id = lists.named(entry.list_title)
        values = _columns(entry, now, behind + number, is_subtask=parent_uid is not None)
        tasks.append(service.new_item(ids[uid], owner_id, parent_id, entry.title, values))
    return Plan(lists.new(), tasks, len(entries) - len(tasks))


async def carry_out(session: WriteSession, caller: Caller, planned: Plan, *, deepest: int) -> None:
    """Write what `plan` gave, made behind `lock` in the same transaction."""
    await record.create_many(session, TASK_LIST, planned.lists, by=caller.person_id)
    await service.create_tasks(session, caller, planned.tasks, deepest=deepest)


async def lock(session: WriteSession, caller: Caller) -> None:
    """Let one import of this person at a time see what is there: two of the same file would both find nothing."""
    await platform_places.lock_moves(session, caller.person_id)


def _by_uid(findings: Findings) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for entry in findings.entries:
        if entry.uid in entries:
            findings.unreadable(entry.where, entry.title, "Another task of the file has the same id; the first counts.")
        entries.setdefault(entry.uid, entry)
    return entries


async def _ids(session: ReadSession, caller: Caller, origin: str, entries: Mapping[str, Entry]) -> dict[str, UUID]:
    """The id of each task here: its own where it comes from here, or else one made of what it is called."""
    own = {uid: one for uid in entries if (one := _uuid(uid)) is not None}
    rows = await session.all(queries.READABLE_TASKS, ids=[*own.values()], person_id=caller.person_id)
    readable = {row.id for row in rows}
    return {
        uid: own[uid] if own.get(uid) in readable else uuid5(caller.person_id, uid if uid in own else f"{origin} {uid}")
        for uid in entries
    }


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _parents(entries: Mapping[str, Entry], findings: Findings, deepest: int) -> dict[str, str]:
    """Under which task each lies, for those that lie under one: within the file, in no ring, and not too deep."""
    parents: dict[str, str] = {}
    depths: dict[str, int] = {}
    for uid, entry in entries.items():
        above: list[str] = []
        place: str | None = uid
        while place is not None and place not in depths and place not in above:
            above.append(place)
            place = entries[place].parent_uid if entries[place].parent_uid in entries else None
        for one in reversed(above):
            parent = entries[one].parent_uid
            if parent is None:
                depths[one] = 1
            elif parent not in depths:
                depths[one] = 1
                why = "it would lie in itself" if parent in entries else "the file has no such task"
                findings.lost(entries[one].where, entries[one].title, f"It is no subtask here: {why}.")
            elif depths[parent] >= deepest:
                parents[one], depths[one] = parents[parent], depths[parent]
                findings.lost(
                    entry.where, entries[one].title, f"Tasks lie {deepest} levels deep at most; it lies higher."
                )
            else:
                parents[one], depths[one] = parent, depths[parent] + 1
    return parents


def _parents_first(entries: Mapping[str, Entry], parents: Mapping[str, str]) -> list[tuple[str, Entry]]:
    levels: dict[str, int] = {}

    def level(uid: str) -> int:
        if uid not in levels:
            levels[uid] = level(parents[uid]) + 1 if uid in parents else 1
        return levels[uid]

    return sorted(entries.items(), key=lambda pair: level(pair[0]))


def _columns(entry: Entry, now: datetime, position: int, *, is_subtask: bool) -> dict[str, Any]:
    return {
        "is_subtask": is_subtask,
        "notes": entry.notes,
        "status": entry.status,
        "priority": PRIORITIES.index(entry.priority),
        **moment_columns("start", entry.start),
        **moment_columns("due", entry.due),
        "tags": list(entry.tags),
        "position": position if entry.order is None else entry.order,
        "recurrence": entry.recurrence,
        "reminders": list(entry.reminders),
        "attachments": [],
        "completed_at": (entry.completed_at or now) if entry.status == "done" else None,
        "next_id": None,
    }


async def _own_lists(session: ReadSession, caller: Caller) -> dict[str, UUID]:
    rows = await session.all(queries.OPEN_LISTS, person_id=caller.person_id)
    return {row.title.casefold(): row.id for row in reversed(rows) if row.owner_id == caller.person_id}


class _Lists:
    """The lists of an import, by their titles: those that are there, and new ones."""

    def __init__(self, caller: Caller, present: dict[str, UUID]) -> None:
        self._caller = caller
        self._ids = present
        self._new: dict[UUID, str] = {}

    def named(self, title: str) -> UUID:
        """The list of this title, in any case."""
        key = title.casefold()
        if key not in self._ids:
            self._ids[key] = new_id()
            self._new[self._ids[key]] = title
        return self._ids[key]

    def new(self) -> list[NewItem]:
        """Those that have to be made, in the order in which they were named."""
        behind = last()
        return [
            NewItem(
                id=list_id,
                owner_id=self._caller.person_id,
                parent_id=None,
                title=title,
                name_key=None,
                values={"colour": None, "position": behind + number},
                fact=TaskListCreated(list_id=list_id),
            )
            for number, (list_id, title) in enumerate(self._new.items())
        ]
