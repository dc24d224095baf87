"""What an app gives to search: for items of one of its kinds, by what they are found.

A manifest names the function by `App.index`, a mapping of kinds to dotted references.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commonplace.platform.app import App, load
from commonplace.platform.database.session import ReadSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """By what an item is found, besides its title and owner, which its item says."""

    body: str = ""  #: the text inside; of a long one the beginning is indexed (see `index.LONGEST_BODY`)
    tags: Sequence[str] = ()
    media_type: str | None = None
    size_bytes: int | None = None
    at: datetime | None = None  #: when it was taken, or is due; None: when it was last changed
    place: str | None = None  #: where it was made, in words; found by its owner alone
    coordinates: tuple[float, float] | None = None  #: the same as latitude and longitude in degrees (WGS 84)
    is_place_shared: bool = False  #: whether others who may see the item find it by these coordinates, too
    thumbnail: str | None = None  #: path of a small picture of it


Indexer = Callable[[ReadSession, Sequence[UUID]], Awaitable[Mapping[UUID, Document]]]
"""Gives the documents of these items of one kind, in few queries. What it leaves out is not found."""


class Indexers:
    """A part: the indexers of all installed apps by kind. Each is imported when it is first needed."""

    def __init__(self, apps: Iterable[App]) -> None:
        self._references: dict[str, str] = {}
        self._apps: dict[str, str] = {}
        for app in apps:
            for kind, reference in app.index.items():
                self._references[kind] = reference
                self._apps[kind] = app.name

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds that can be found."""
        return list(self._references)

    def app_of(self, kind: str) -> str:
        """The name of the app that a kind belongs to."""
        return self._apps[kind]

    async def documents(self, session: ReadSession, kind: str, ids: Sequence[UUID]) -> Mapping[UUID, Document]:
        """What the app gives for these items."""
        indexer: Indexer = load(self._references[kind])
        return await indexer(session, ids)
