"""What is done to many files and folders together: all of it in one transaction, an event for each."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from commonplace.apps.files.entries import Entry, lock_entries, require_in_place, require_seen
from commonplace.apps.files.errors import EntryNotFound, TooManyTags
from commonplace.apps.files.events import (
    FileRestored,
    FileTagged,
    FileTrashed,
    FolderRestored,
    FolderTagged,
    FolderTrashed,
)
from commonplace.apps.files.merging import MOST_AT_ONCE, is_long, merge_some
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.moving import Outcome, Placed, arrange, move_entries
from commonplace.apps.files.schemas import MOST_TAGS, Rule
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places, record
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.record import Changed, ItemFields, StaleVersion
from commonplace.platform.jobs.store import start_job
from commonplace.platform.sharing.errors import PlaceNotYours, ReadOnly

MERGE: Final = "files.merge"
_Change = tuple[Entry, Mapping[str, Any], ItemFields, Event]


async def move(
    session: WriteSession,
    person_id: UUID,
    ids: Sequence[UUID],
    folder_id: UUID | None,
    *,
    rule: Rule,
    deepest: int,
    names: Mapping[UUID, str] | None = None,
) -> tuple[Outcome, Row | None]:
    """Move files and folders; folders that are merged by a job, because much lies in them, come with that job.

    Raises:
        EntryNotFound, ReadOnly, PlaceNotYours, ContainerNotFound, OtherOwner, MoveIntoOwnSubtree, TooDeep, InvalidName,
        NameTaken: see `moving.move_entries`.
        TooManyJobs: it would be a job, and the person has too many.
    """
    entries = await lock_entries(session, person_id, ids)
    return await _move(session, person_id, entries, folder_id, rule=rule, deepest=deepest, names=names)


async def move_one(
    session: WriteSession,
    person_id: UUID,
    entry_id: UUID,
    kind: Kind,
    *,
    name: str | None,
    place: tuple[UUID | None] | None,
    rule: Rule,
    expected: int | None,
    deepest: int,
) -> tuple[UUID, Row | None]:
    """Move or rename one file or folder by a rule: what it is then, itself or what it was joined with; see `move`.

    Raises:
        StaleVersion: `expected` is given and is not its version.
    """
    [entry] = await lock_entries(session, person_id, [entry_id])
    if entry.kind is not kind:
        raise EntryNotFound(entry_id)
    if expected is not None and expected != entry.row.version:
        raise StaleVersion(expected=expected, actual=entry.row.version)
    target = entry.row.parent_id if place is None else place[0]
    if place is None and not entry.rights.is_owner and target is None:
        raise PlaceNotYours  # the top level of somebody else
    names = {} if name is None else {entry_id: name}
    outcome, job = await _move(session, person_id, [entry], target, rule=rule, deepest=deepest, names=names)
    joined = [other for _, other in (*outcome.replaced, *outcome.merges)]
    return (joined[0] if joined else entry_id), job


async def _move(
    session: WriteSession,
    person_id: UUID,
    entries: Sequence[Entry],
    folder_id: UUID | None,
    *,
    rule: Rule,
    deepest: int,
    names: Mapping[UUID, str] | None,
) -> tuple[Outcome, Row | None]:
    outcome = await move_entries(session, person_id, entries, folder_id, rule=rule, deepest=deepest, names=names)
    if not outcome.merges:
        return outcome, None
    pairs = [[str(source), str(target)] for source, target in reversed(outcome.merges)]
    if await is_long(session, [source for source, _ in outcome.merges]):
        titles = {entry.id: entry.row.title for entry in entries}
        first = outcome.merges[0][0]
        title = f"Merging “{titles[first]}”" if len(pairs) == 1 else f"Merging {len(pairs):,} folders"
        given = {"pairs": pairs, "rule": rule}
        return outcome, await start_job(session, kind=MERGE, owner_id=person_id, title=title, given=given)
    while await merge_some(session, person_id, pairs, rule=rule, deepest=deepest, most=MOST_AT_ONCE):
        pass
    return outcome, None


async def trash(session: WriteSession, person_id: UUID, ids: Sequence[UUID]) -> None:
    """Move files and folders to the trash. One that lies in another of them goes with that one, and by itself too.

    Raises:
        EntryNotFound, ReadOnly, PlaceNotYours: one of them is none that the person may trash.
    """
    entries = await lock_entries(session, person_id, ids)
    require_in_place(entries)
    now = datetime.now(UTC)
    await _change(
        session,
        person_id,
        [
            (
                entry,
                {},
                ItemFields(trashed_at=now),
                FolderTrashed(folder_id=entry.id) if entry.is_folder else FileTrashed(file_id=entry.id),
            )
            for entry in entries
        ],
    )


async def restore(session: WriteSession, person_id: UUID, ids: Sequence[UUID]) -> None:
    """Take files and folders out of the trash, to where they lay, or to the top level where that is gone.

    A name that was taken meanwhile gets a number. What can be seen stays as it is.

    Raises:
        EntryNotFound: one of them is none, or none that the person may restore.
    """
    entries = [entry for entry in await lock_entries(session, person_id, ids) if entry.is_away]
    by_place: dict[tuple[UUID, UUID | None], list[Entry]] = {}
    is_open: dict[tuple[UUID, UUID], bool] = {}
    for entry in entries:
        owner_id, parent_id = entry.row.owner_id, entry.row.parent_id
        who = owner_id if entry.rights.is_owner else person_id
        if parent_id is not None and (who, parent_id) not in is_open:
            is_open[who, parent_id] = await places.is_open(session, who, parent_id)
        if parent_id is not None and not is_open[who, parent_id]:
            parent_id = None
        if not entry.rights.is_owner and not (entry.rights.may_place and parent_id is not None):
            raise EntryNotFound(entry.id)  # the owner's top level is out of others' sight
        by_place.setdefault((owner_id, parent_id), []).append(entry)
    for (owner_id, parent_id), inside in by_place.items():
        wanted = {entry.id: entry.row.title for entry in inside}
        outcome = await arrange(session, parent_id or owner_id, inside, wanted, rule="keep_both")
        await _change(session, person_id, [_restored(one, parent_id) for one in outcome.placed])


def _restored(one: Placed, parent_id: UUID | None) -> _Change:
    entry = one.entry
    fields = ItemFields(parent_id=parent_id, trashed_at=None, title=one.title, name_key=places.name_key(one.title))
    fact = FolderRestored(folder_id=entry.id) if entry.is_folder else FileRestored(file_id=entry.id)
    return entry, {}, fields, fact


async def tag(
    session: WriteSession, person_id: UUID, ids: Sequence[UUID], *, add: Sequence[str], remove: Sequence[str]
) -> None:
    """Add and remove tags of files and folders; what has them so already gets no version.

    Raises:
        EntryNotFound, ReadOnly: one of them is none that the person may change.
        TooManyTags: one would have more than `MOST_TAGS`.
    """
    entries = await lock_entries(session, person_id, ids)
    require_seen(entries)
    changes: list[_Change] = []
    for entry in entries:
        if not entry.rights.may("write"):
            raise ReadOnly
        tags = list(dict.fromkeys([*(one for one in entry.row.tags if one not in remove), *add]))
        if len(tags) > MOST_TAGS:
            raise TooManyTags(entry.row.title, MOST_TAGS)
        if tags != entry.row.tags:
            fact = FolderTagged(folder_id=entry.id) if entry.is_folder else FileTagged(file_id=entry.id)
            changes.append((entry, {"tags": tags}, ItemFields(), fact))
    await _change(session, person_id, changes)


async def _change(session: WriteSession, person_id: UUID, changes: Sequence[_Change]) -> None:
    for kind in (FOLDER, FILE):
        own = [
            Changed(entry.row, values, fields, fact) for entry, values, fields, fact in changes if entry.kind is kind
        ]
        if own:
            await record.change_many(session, kind, own, by=person_id)
