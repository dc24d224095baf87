"""Moving many files and folders into one place, and what is done where a name is taken.

| the rule | a file where a file is | a folder where a folder is | a file where a folder is, or the reverse |
|---|---|---|---|
| `fail` | refused | refused | refused |
| `keep_both` | another name | another name | another name |
| `skip` | stays where it was | stays where it was | stays where it was |
| `replace` | the other gets its bytes as the next version; it goes to the trash | merged by this rule | another name |
| `merge` | another name | merged by this rule | another name |

No rule loses anything: what is replaced is a version, and what gave its bytes is in the trash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from commonplace.apps.files.entries import Entry, Names, lock_entries, require_in_place
from commonplace.apps.files.events import (
    FileMoved,
    FileRenamed,
    FileReplaced,
    FileTrashed,
    FolderMoved,
    FolderRenamed,
)
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.names import checked_name
from commonplace.apps.files.schemas import Rule
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places, record
from commonplace.platform.history.record import Changed, ItemFields, NameTaken
from commonplace.platform.sharing import access


class Placed(NamedTuple):
    """Something that comes to lie in a place, under a name that is free there."""

    entry: Entry
    title: str


@dataclass
class Outcome:
    """What became of things that were to lie in one place."""

    placed: list[Placed] = field(default_factory=list)
    skipped: list[UUID] = field(default_factory=list)  #: those that stay where they are
    replaced: list[tuple[Entry, UUID]] = field(default_factory=list)  #: files, each with the one that gets its bytes
    merges: list[tuple[UUID, UUID]] = field(default_factory=list)  #: folders, each with the one it is merged into


async def move_entries(
    session: WriteSession,
    person_id: UUID,
    entries: Sequence[Entry],
    folder_id: UUID | None,
    *,
    rule: Rule,
    deepest: int,
    names: Mapping[UUID, str] | None = None,
) -> Outcome:
    """Move locked entries into a folder, or to the top level; `names` are new names for some of them.

    What is to be merged is not merged here: `merges` says so.

    Raises:
        EntryNotFound, ReadOnly, PlaceNotYours: an entry is none that the person may move.
        ContainerNotFound, OtherOwner, MoveIntoOwnSubtree, TooDeep: it cannot lie there.
        InvalidName: nothing can have this name.
        NameTaken: a name is taken, and the rule is `fail`; or somebody took it in the same moment.
    """
    require_in_place(entries)
    owner_id = await places.require_container(session, person_id, folder_id, kind=FOLDER.name)
    for entry in entries:
        access.refuse_other_owner(entry.row, owner_id)
    moved = [entry.id for entry in entries if entry.is_folder and entry.row.parent_id != folder_id]
    if moved:
        await places.require_moves(session, owner_id, moved, folder_id, limit=deepest)
    wanted = {entry.id: checked_name((names or {}).get(entry.id, entry.row.title)) for entry in entries}
    outcome = await arrange(session, folder_id or owner_id, entries, wanted, rule=rule)
    for kind in (FOLDER, FILE):
        changes = [
            _change(one, folder_id)
            for one in outcome.placed
            if one.entry.kind is kind and (one.entry.row.parent_id, one.entry.row.title) != (folder_id, one.title)
        ]
        if changes:
            await record.change_many(session, kind, changes, by=person_id)
    await _replace(session, person_id, outcome.replaced)
    return outcome


async def arrange(
    session: WriteSession, place: UUID, entries: Sequence[Entry], wanted: Mapping[UUID, str], *, rule: Rule
) -> Outcome:
    """Decide under which names entries can lie in a place; nothing is written."""
    names, outcome = Names(session, place), Outcome()
    await names.load(list(wanted.values()))
    for entry in entries:
        title = wanted[entry.id]
        other = names.at(title)
        if other is not None and other[0] != entry.id:
            if rule == "fail":
                raise NameTaken(title)
            if rule == "skip":
                outcome.skipped.append(entry.id)
                continue
            is_alike = other[1] == entry.kind.name and other[0] not in names.new
            if is_alike and rule == "replace" and not entry.is_folder:
                outcome.replaced.append((entry, other[0]))
                names.new.add(other[0])  # one version at a time
                continue
            if is_alike and rule in {"merge", "replace"} and entry.is_folder:
                outcome.merges.append((entry.id, other[0]))
                continue
            title = await names.free(session, title, entry.kind)
        names.take(title, entry.id, entry.kind)
        outcome.placed.append(Placed(entry, title))
    return outcome


def _change(one: Placed, folder_id: UUID | None) -> Changed:
    row = one.entry.row
    fields = ItemFields()
    if one.title != row.title:
        fields |= {"title": one.title, "name_key": places.name_key(one.title)}
    fact: Event
    if row.parent_id == folder_id:
        fact = FolderRenamed(folder_id=row.id) if one.entry.is_folder else FileRenamed(file_id=row.id)
        return Changed(row, {}, fields, fact)
    fields["parent_id"] = folder_id
    if one.entry.is_folder:
        fact = FolderMoved(folder_id=row.id, from_folder_id=row.parent_id, to_folder_id=folder_id)
    else:
        fact = FileMoved(file_id=row.id, from_folder_id=row.parent_id, to_folder_id=folder_id)
    return Changed(row, {}, fields, fact)


async def _replace(session: WriteSession, person_id: UUID, replaced: Sequence[tuple[Entry, UUID]]) -> None:
    if not replaced:
        return
    others = {entry.id: entry for entry in await lock_entries(session, person_id, [other for _, other in replaced])}
    versions, trashed = [], []
    for entry, other_id in replaced:
        row = entry.row
        values = {
            "object_id": row.object_id,
            "size_bytes": row.size_bytes,
            "media_type": row.media_type,
            "sha256": row.sha256,
        }
        replacing = FileReplaced(
            file_id=other_id, object_id=row.object_id, media_type=row.media_type, size_bytes=row.size_bytes
        )
        versions.append(Changed(others[other_id].row, values, ItemFields(), replacing))
        trashed.append(Changed(row, {}, ItemFields(trashed_at=datetime.now(UTC)), FileTrashed(file_id=row.id)))
    await record.change_many(session, FILE, versions, by=person_id)
    await record.change_many(session, FILE, trashed, by=person_id)
