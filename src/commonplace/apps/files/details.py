"""All that is known of one file or folder: facts, versions, people it is shared with, what happened to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from commonplace.apps.files import detail_queries
from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.type_names import type_name
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.history import versions
from commonplace.platform.history.versions import Version
from commonplace.platform.identity.people import People, Person
from commonplace.platform.pages.viewer import Viewer
from commonplace.platform.parts import Parts
from commonplace.platform.sharing import grants, links
from commonplace.platform.sharing.access import access_of

MOST_HAPPENED: Final = 12  #: changes that are told
_MOST_VERSIONS: Final = 200  #: that are counted
_MOST_PEOPLE: Final = 50
_LEVELS: Final = {"view": "may look", "comment": "may comment", "edit": "may change it", "own": "may do everything"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One change, in words."""

    words: str
    at: datetime
    by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the panel shows."""

    row: Row
    type_name: str
    versions: int  #: that the viewer may see, counted up to 200
    happened: Sequence[Happened]
    is_owner: bool
    may_share: bool
    shares: Sequence[tuple[str, str]]  #: to whom, and what they may
    links: int
    shared_above: Sequence[Row]  #: folders above it through which others see it: id, title
    people: Mapping[UUID, Person]

    def name_of(self, person_id: UUID | None, viewer: Viewer) -> str:
        """Who that is, as the viewer would say it."""
        if person_id == viewer.caller.person_id:
            return "You"
        person = self.people.get(person_id) if person_id else None
        return "Somebody" if person is None else person.name


async def details_of(parts: Parts, viewer: Viewer, item_id: UUID) -> Details:
    """The details of a file or folder.

    Raises:
        FileNotFound: there is no such file or folder, or the viewer may not see it.
    """
    person_id = viewer.caller.person_id
    async with parts[Database].reading() as session:
        row = await session.first(detail_queries.DETAILS, id=item_id, person_id=person_id)
        if row is None:
            raise FileNotFound
        kind = FILE if row.kind == FILE.name else FOLDER
        rights = await access_of(session, person_id, row)
        found = await versions.list_versions(session, kind, item_id, limit=_MOST_VERSIONS, since=rights.past_since)
        may_share = rights.may("share")
        given: Sequence[Row] = ()
        led: Sequence[Row] = ()
        above: Sequence[Row] = ()
        if may_share:
            kinds = [kind.name]
            given = await grants.grants_of(session, person_id, item_id, kinds=kinds, limit=_MOST_PEOPLE, after=None)
            led = await links.links_of(session, person_id, item_id, kinds=kinds, limit=_MOST_PEOPLE, after=None)
            above = await session.all(detail_queries.SHARED_ABOVE, id=item_id, person_id=person_id)
    happened = _happened(found)[:MOST_HAPPENED]
    ids = {row.owner_id, *(one.by for one in happened if one.by), *(one.person_id for one in given if not one.address)}
    people = await parts[People].people(ids)
    return Details(
        row=row,
        type_name="Folder" if kind is FOLDER else type_name(row.media_type),
        versions=len(found),
        happened=happened,
        is_owner=rights.is_owner,
        may_share=may_share,
        shares=[(one.address or _name(people, one.person_id), _LEVELS[one.level]) for one in given],
        links=len(led),
        shared_above=above,
        people=people,
    )


def _name(people: Mapping[UUID, Person], person_id: UUID) -> str:
    person = people.get(person_id)
    return "Somebody" if person is None else person.name


def _happened(found: Sequence[Version]) -> list[Happened]:
    """What each version changed, the newest first; the oldest that can be seen is only known to be there."""
    told = [
        Happened(words=_change(before, now), at=now.row.valid_from, by=now.row.by) for now, before in pairwise(found)
    ]
    if found and found[-1].row.version == 1:
        first = found[-1].row
        words = "made this folder" if first.kind == FOLDER.name else "uploaded it"
        told.append(Happened(words=words, at=first.valid_from, by=first.by))
    return told


def _change(before: Version, now: Version) -> str:
    if now.row.trashed_at and not before.row.trashed_at:
        return "deleted it"
    if before.row.trashed_at and not now.row.trashed_at:
        return "put it back"
    if now.state.get("object_id") != before.state.get("object_id"):
        return "put in new content"
    changes = []
    if now.row.title != before.row.title:
        changes.append(f"renamed it from “{before.row.title}”")
    if now.row.parent_id != before.row.parent_id:
        changes.append("moved it")
    return " and ".join(changes) or "changed it"
