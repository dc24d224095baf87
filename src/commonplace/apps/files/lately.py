"""Entries that lie in different folders and are shown together: what changed lately, and what others share with one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

from commonplace.apps.files import page_queries
from commonplace.apps.files.shown import Entries, Entry, Look, Place
from commonplace.platform.database.session import ReadSession
from commonplace.platform.identity.people import Person
from commonplace.platform.pages.viewer import Viewer
from commonplace.platform.sharing import grants

MOST_RECENT: Final = 120
MOST_SHARED: Final = 200
_KINDS: Final = ("file", "folder")

RECENT: Final = Place(folder_id=None, name="Recent", above=(), gathered="recent")
SHARED: Final = Place(folder_id=None, name="Shared with me", above=(), gathered="shared")
GATHERED: Final = {place.gathered: place for place in (RECENT, SHARED)}


async def recent_entries(session: ReadSession, viewer: Viewer, look: Look) -> Entries:
    """The viewer's files to which something happened lately, the latest first."""
    rows = await session.all(page_queries.RECENT, person_id=viewer.caller.person_id, limit=MOST_RECENT)
    return Entries(folders=(), files=[Entry.of(row, viewer, look.sort) for row in rows], next=None)


async def shared_entries(session: ReadSession, viewer: Viewer, look: Look) -> tuple[Entries, dict[UUID, UUID]]:
    """What others share with the viewer, the latest first; and the owner of each, by the entry's id."""
    person_id = viewer.caller.person_id
    received = await grants.received(session, person_id, limit=MOST_SHARED, after=None)
    owners = {row.item_id: row.owner_id for row in received if row.kind in _KINDS}
    found: dict[UUID, Entry] = {}
    for query in (page_queries.FOLDERS_BY_ID, page_queries.FILES_BY_ID):
        for row in await session.all(query, ids=list(owners), person_id=person_id):
            found[row.id] = Entry.of(row, viewer, look.sort)
    entries = [found[item_id] for item_id in owners if item_id in found]
    shown = Entries(
        folders=[entry for entry in entries if entry.kind == "folder"],
        files=[entry for entry in entries if entry.kind == "file"],
        next=None,
    )
    return shown, owners


def from_whom(entries: Entries, owners: Mapping[UUID, UUID], people: Mapping[UUID, Person]) -> Entries:
    """The same entries, each with the name of its owner."""

    def named(entry: Entry) -> Entry:
        person = people.get(owners[entry.id])
        return entry if person is None else replace(entry, owner_name=person.name)

    return replace(
        entries, folders=[named(entry) for entry in entries.folders], files=[named(entry) for entry in entries.files]
    )
