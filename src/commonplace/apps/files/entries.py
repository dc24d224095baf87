"""Files and folders together: found by their ids, locked in one order, and held against what a person may do."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from commonplace.apps.files import entry_queries as queries
from commonplace.apps.files.errors import EntryNotFound
from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.names import numbered_file, numbered_folder
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.history import places, record
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.trash import Numbered
from commonplace.platform.sharing import access
from commonplace.platform.sharing.access import Access
from commonplace.platform.sharing.errors import PlaceNotYours, ReadOnly

_KINDS: Final = (FOLDER, FILE)


class Entry(NamedTuple):
    """A locked file or folder, and what the person may do with it."""

    kind: Kind
    row: Row
    rights: Access

    @property
    def id(self) -> UUID:
        """Its id."""
        found: UUID = self.row.id
        return found

    @property
    def is_folder(self) -> bool:
        """Whether other things may lie in it."""
        return self.kind is FOLDER

    @property
    def is_away(self) -> bool:
        """Whether it is in the trash, or lies in something that is."""
        return self.row.trashed_at is not None or bool(self.row.is_hidden)


def numbered(kind: Kind) -> Numbered:
    """How another name beside a taken one looks, for files or for folders."""
    return numbered_folder if kind is FOLDER else numbered_file


async def lock_entries(session: WriteSession, person_id: UUID, ids: Sequence[UUID]) -> list[Entry]:
    """Lock files and folders, in the order given; those in the trash too.

    Changes to many things of one owner wait for each other: each locks rows that another may come to later.

    Raises:
        EntryNotFound: one of them is none, or the person may not see it.
    """
    known = {row.id: row for row in await session.all(queries.KNOWN, ids=list(ids))}
    for owner_id in sorted({row.owner_id for row in known.values()}):
        await places.lock_moves(session, owner_id)
    locked: dict[UUID, tuple[Kind, Row]] = {}
    for kind in _KINDS:
        own = [row.id for row in known.values() if row.kind == kind.name]
        if own:
            locked |= {row.id: (kind, row) for row in await record.lock_many(session, kind, own)}
    rights = await access.access_of_each(session, person_id, [row for _, row in locked.values()])
    for entry_id in ids:
        if entry_id not in locked or not rights[entry_id].may("read"):
            raise EntryNotFound(entry_id)
    return [Entry(*locked[entry_id], rights[entry_id]) for entry_id in ids]


def require_in_place(entries: Sequence[Entry]) -> None:
    """Refuse what cannot be seen, or what the person may not rename, move and trash.

    Raises:
        EntryNotFound, ReadOnly, PlaceNotYours: see `sharing.access.require_in_place`.
    """
    require_seen(entries)
    for entry in entries:
        if not entry.rights.may("write"):
            raise ReadOnly
        if not entry.rights.may_place:
            raise PlaceNotYours


def require_seen(entries: Sequence[Entry]) -> None:
    """Refuse what is in the trash.

    Raises:
        EntryNotFound: one of them is.
    """
    for entry in entries:
        if entry.is_away:
            raise EntryNotFound(entry.id)


class Names:
    """The names of one place, while several things come to lie there in one transaction."""

    def __init__(self, session: ReadSession, place: UUID) -> None:
        """`place` is a container's id, or at the top level the owner's."""
        self._session = session
        self._place = place
        self._by_key: dict[str, tuple[UUID, str]] = {}
        self.new: set[UUID] = set()  #: what came to lie there in this transaction

    async def load(self, titles: Sequence[str]) -> None:
        """Find out about these names."""
        rows = await self._session.all(
            queries.NAMED, place=self._place, keys=[places.name_key(title) for title in titles]
        )
        for row in rows:
            self._by_key.setdefault(row.name_key, (row.id, row.kind))

    def at(self, title: str) -> tuple[UUID, str] | None:
        """The id and kind of what has this name, which was loaded; None: it is free."""
        return self._by_key.get(places.name_key(title))

    def leave(self, title: str) -> None:
        """What had this name has it no more."""
        self._by_key.pop(places.name_key(title), None)

    def take(self, title: str, entry_id: UUID, kind: Kind) -> None:
        """This has the name from now on."""
        self._by_key[places.name_key(title)] = (entry_id, kind.name)
        self.new.add(entry_id)

    async def free(self, session: WriteSession, title: str, kind: Kind) -> str:
        """Another name beside a taken one, with the least number that is free."""
        await places.lock_name(session, self._place, title)
        first, tried = 2, 20
        while True:
            candidates = [numbered(kind)(title, number) for number in range(first, first + tried)]
            await self.load(candidates)
            for candidate in candidates:
                if self.at(candidate) is None:
                    return candidate
            first, tried = first + tried, min(tried * 4, 2000)


async def shown(session: ReadSession, person_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, tuple[str, str]]:
    """Files and folders as they are answered: their kind and their JSON."""
    rows = await session.all(queries.SHOWN, ids=list(ids), person_id=person_id)
    return {row.id: (row.kind, row.json) for row in rows}
