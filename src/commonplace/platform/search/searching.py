"""One search as the database is asked for it: where it begins, what has to hold, and the page of what matches."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from commonplace.platform.database.pages import UnknownPage, read_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.identity.people import People
from commonplace.platform.search import queries
from commonplace.platform.search.asking import Question, Spelling, beginning, question, stemmer
from commonplace.platform.search.wishes import TYPES, Wishes
from commonplace.platform.search.words import can_be_mistyped, closest, folded, near

BODY: Final = 8_000  #: characters of a text that come along, in which its words are looked for first
LONGEST_QUERY: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One search."""

    query: str
    sort: str = "relevance"
    limit: int = 20
    after: str | None = None
    kinds: Collection[str] | None = None  #: those that the caller's credential opens; None: all
    filters: Wishes = field(default_factory=Wishes)  #: those that came as parameters, besides the ones in the query


class Cursor(NamedTuple):
    """Where a page ended: the order, the key there, and what makes the next search the same as this one."""

    sort: str
    key: str
    id: UUID
    now: datetime
    corrections: dict[str, list[str]]


class Reach(NamedTuple):
    """Where a person's search begins."""

    places: Sequence[UUID]
    owners: Sequence[UUID]  #: who shares with them
    stems: Mapping[str, str]  #: words to the beginnings that their other forms share


def read(asked: Asked) -> Cursor | None:
    """The cursor that came with a search.

    Raises:
        UnknownPage: it is of another search, or none of ours.
    """
    if asked.after is None:
        return None
    cursor = read_cursor(asked.after, Cursor)
    if cursor.sort != asked.sort or cursor.now.tzinfo is None or len(str(cursor.corrections)) > LONGEST_QUERY:
        raise UnknownPage
    if any(folded(way) != way or " " in way for ways in cursor.corrections.values() for way in ways):
        raise UnknownPage
    return cursor


async def reach_of(session: ReadSession, person_id: UUID, words: Sequence[str], language: str) -> Reach:
    """Where the person's search begins; `words` are those whose other forms will do, in their language."""
    row = await session.first(
        queries.REACH, person_id=person_id, most=queries.MOST_PLACES, stemmer=stemmer(language), words=list(words)
    )
    if row is None:
        raise LookupError("A SELECT without FROM has one row.")
    stems = {
        word: start
        for word, stem in zip(words, row.stems, strict=True)
        if (start := beginning(word, None if stem is None else folded(stem))) is not None
    }
    return Reach([person_id, *row.places], row.owners, stems)


async def owners_of(people: People, person_id: UUID, reach: Reach, wishes: Wishes) -> list[UUID] | None:
    """Whose items are asked for; None: anybody's."""
    owners: set[UUID] | None = None
    if wishes.people:
        known = await people.people(reach.owners)
        owners = set()
        for name in wishes.people:
            if name == "me":
                owners.add(person_id)
            owners.update(
                person.id
                for person in known.values()
                if f" {name}" in f" {folded(person.name)}" or folded(person.email).startswith(name)
            )
    if wishes.is_shared is not None:
        those = set(reach.owners) if wishes.is_shared else {person_id}
        owners = those if owners is None else owners & those
    return None if owners is None else sorted(owners)


@dataclass(kw_only=True)
class Searching:
    """A search in a session: what it asks with, whatever the spelling."""

    session: ReadSession
    person_id: UUID
    asked: Asked
    wishes: Wishes
    reach: Reach
    owners: list[UUID] | None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))  #: what is new is new as of then

    async def page(self, spelling: Spelling, cursor: Cursor | None) -> Sequence[Row]:
        """The rows of one page, and one more when there is a further one."""
        words = question(self.wishes, spelling)
        parameters: dict[str, Any] = {
            "person_id": self.person_id,
            "places": self.reach.places,
            "limit": self.asked.limit + 1,
            "body": BODY,
        }
        has_words = bool(words.any_name)
        if cursor is not None:
            self.now = cursor.now
            parameters |= {"key": _key(cursor), "id": cursor.id}
        if self.asked.sort == "relevance":
            parameters["now"] = self.now
            if has_words:
                parameters["exact"] = words.exact
                parameters["plain"] = " ".join(word for term in self.wishes.terms for word in term.words)
        if has_words:
            parameters["any_name"] = words.any_name
        if words.everywhere:
            parameters["public"] = words.public
        conditions = await self._conditions(words)
        statement = queries.matches(
            tuple(sorted(conditions)), self.asked.sort, has_words=has_words, is_later_page=cursor is not None
        )
        given = {name: value for condition in conditions.values() for name, value in condition.items()}
        return await self.session.all(statement, **parameters, **given)

    async def corrections(self, words: Sequence[str]) -> dict[str, list[str]]:
        """What each word may have been meant as, out of the words that there are."""
        asked_for = [{"word": word, "near": near(word)} for word in words if can_be_mistyped(word)]
        if not asked_for:
            return {}
        owners = [self.person_id, *self.reach.owners]
        found: dict[str, list[str]] = {}
        for row in await self.session.all(queries.NEAR, words=asked_for, owners=owners):
            found.setdefault(row.mistyped, []).append(row.word)
        return {word: ways for word, others in found.items() if (ways := closest(word, others))}

    async def _conditions(self, words: Question) -> dict[str, dict[str, Any]]:
        """The conditions that hold, by name, with the parameters of each."""
        wishes = self.wishes
        values: dict[str, Any] = {
            "everywhere": words.everywhere or None,
            "in_names": words.in_names or None,
            "not_in_words": words.not_in_words or None,
            "kinds": self._kinds(),
            "tags": list(wishes.tags) or None,
            "smallest": wishes.smallest,
            "largest": wishes.largest,
            "since": wishes.since,
            "until": wishes.until,
            "place": wishes.place,
            "within": await self._within() if wishes.containers else None,
            "owners": self.owners,
        }
        found = {name: {name: value} for name, value in values.items() if value is not None}
        if wishes.types:
            found["media_types"] = _types(wishes.types)
        if wishes.near is not None:
            found["near"] = dict(zip(("latitude", "longitude", "kilometres"), wishes.near, strict=True))
        return found

    def _kinds(self) -> list[str] | None:
        wanted, admitted = self.wishes.kinds, self.asked.kinds
        if admitted is None:
            return sorted(wanted) if wanted else None
        return sorted(kind for kind in admitted if not wanted or kind in wanted)

    async def _within(self) -> list[UUID]:
        ids, names = [], []
        for container in self.wishes.containers:
            try:
                ids.append(UUID(container))
            except ValueError:
                names.append(container)
        found: list[UUID] = await self.session.scalar(
            queries.WITHIN, places=self.reach.places, ids=ids, names=names, most=queries.MOST_PLACES
        )
        return found


def _types(types: Sequence[str]) -> dict[str, Any]:
    """Types by their media types, by what people call them, and by the endings of names."""
    beginnings: list[str] = []
    endings: list[str] = []
    for wanted in types:
        if "/" in wanted:
            beginnings.append(_like(wanted.removesuffix("*")) + "%")
        elif known := TYPES.get(wanted) or TYPES.get(wanted.removesuffix("s")):
            beginnings.extend(_like(beginning) + "%" for beginning in known)
        else:
            endings.append("% " + _like(folded(wanted)))
    return {"media_types": beginnings, "endings": endings}


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_KEYS: Final[Mapping[str, Callable[[str], Any]]] = {
    "float8": float,
    "bigint": int,
    "timestamptz": lambda key: datetime.fromisoformat(key).astimezone(UTC),
    "text": str,
}
_GREATEST: Final = 2**63


def _key(cursor: Cursor) -> Any:
    """The key in a cursor, as the driver takes it.

    Raises:
        UnknownPage: it is none of this order.
    """
    try:
        key = _KEYS[queries.SORTS[cursor.sort][2]](cursor.key)
    except (ValueError, OverflowError):
        raise UnknownPage from None
    if isinstance(key, int) and not -_GREATEST <= key < _GREATEST:
        raise UnknownPage
    return key
