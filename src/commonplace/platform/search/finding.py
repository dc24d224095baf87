"""Finding: from what a person types to what they may see of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from commonplace.platform.database.pages import write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.identity.people import People
from commonplace.platform.pages.viewer import zone_named
from commonplace.platform.parts import Parts
from commonplace.platform.search import queries, searching
from commonplace.platform.search.asking import Spelling, plain_words
from commonplace.platform.search.document import Indexers
from commonplace.platform.search.searching import BODY, LONGEST_QUERY, Asked, Searching
from commonplace.platform.search.snippets import Marked, beginning, marked, pattern, snippet
from commonplace.platform.search.wishes import Wishes, read_wishes

FEW: Final = 3  #: with fewer matches than this mistyped words are thought of


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One match."""

    row: Row
    title: Marked
    snippet: Marked | None
    trail: Sequence[str]  #: names of what it lies in, outermost first, as far as they may be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found, the best first."""

    items: Sequence[Found] = ()
    next: str | None = None
    by_kind: Mapping[str, int] = field(default_factory=dict)
    by_type: Mapping[str, int] = field(default_factory=dict)
    number: int = 0  #: of the best matches; see `is_more`
    is_more: bool = False  #: whether there are more than can be paged through
    is_asked: bool = True  #: whether there was anything to look for
    hints: Sequence[str] = ()
    corrections: Mapping[str, Sequence[str]] = field(default_factory=dict)


async def find(parts: Parts, person_id: UUID, asked: Asked) -> Answer:
    """What of what the person may see matches; see `wishes.read_wishes` for what can be asked.

    Raises:
        UnknownPage: `after` leads to no page of this search.
    """
    person = await parts[People].person(person_id)
    zone = ZoneInfo("UTC") if person is None else zone_named(person.time_zone)
    wishes = read_wishes(asked.query[:LONGEST_QUERY], zone=zone, kinds=parts[Indexers].kinds)
    wishes = _together(wishes, asked.filters)
    cursor = searching.read(asked)
    if wishes.is_empty:
        return Answer(hints=wishes.hints, is_asked=False)
    words = plain_words(wishes)
    async with parts[Database].reading() as session:
        language = "en" if person is None else person.language
        reach = await searching.reach_of(session, person_id, words, language)
    owners = await searching.owners_of(parts[People], person_id, reach, wishes)
    spelling = Spelling(stems=reach.stems, corrections={} if cursor is None else cursor.corrections)
    async with parts[Database].reading() as session:
        search = Searching(session=session, person_id=person_id, asked=asked, wishes=wishes, reach=reach, owners=owners)
        rows = await search.page(spelling, cursor)
        if cursor is None and _number(rows) < FEW and (corrections := await search.corrections(words)):
            corrected = replace(spelling, corrections=corrections)
            others = await search.page(corrected, None)
            if _number(others) > _number(rows):
                rows, spelling = others, corrected
        return await _answer(search, rows, spelling)


def _number(rows: Sequence[Row]) -> int:
    return rows[0].number if rows else 0


def _together(wishes: Wishes, filters: Wishes) -> Wishes:
    """The query's wishes and those of the parameters: lists are joined, of single values the parameters' count."""
    given: dict[str, Any] = {}
    for name in Wishes.__dataclass_fields__:
        value = getattr(filters, name)
        if isinstance(value, tuple) and name != "near":
            given[name] = (*getattr(wishes, name), *value)
        elif value is not None:
            given[name] = value
    return replace(wishes, **given)


async def _answer(search: Searching, rows: Sequence[Row], spelling: Spelling) -> Answer:
    shown = rows[: search.asked.limit]
    items = await _shown(search, shown, spelling)
    first = rows[0] if rows else None
    return Answer(
        items=items,
        next=None if len(rows) <= search.asked.limit else _next(search, shown[-1], spelling),
        by_kind={} if first is None else first.by_kind or {},
        by_type={} if first is None else first.by_type or {},
        number=_number(rows),
        is_more=first is not None and first.candidates >= queries.BEST,
        hints=search.wishes.hints,
        corrections=spelling.corrections,
    )


async def _shown(search: Searching, rows: Sequence[Row], spelling: Spelling) -> list[Found]:
    """The matches as they are shown: marked, with a piece of their text, and where they lie."""
    words = pattern(search.wishes, spelling)
    titles = {row.id: marked(row.title, words) for row in rows}
    pieces = {row.id: piece for row in rows if (piece := snippet(row.body, words)) is not None}
    cut = [row.id for row in rows if row.id not in pieces and not titles[row.id].marks and len(row.body) == BODY]
    if cut and words is not None:  # deep in a long text
        for row in await search.session.all(queries.BODIES, ids=cut):
            if (piece := snippet(row.body, words)) is not None:
                pieces[row.id] = piece
    trails = await _trails(search.session, search.person_id, rows)
    return [
        Found(
            row=row,
            title=titles[row.id],
            snippet=pieces.get(row.id) or beginning(row.body),
            trail=trails.get(row.place_id, ()),
        )
        for row in rows
    ]


async def _trails(session: ReadSession, person_id: UUID, rows: Sequence[Row]) -> Mapping[UUID, Sequence[str]]:
    places = {row.place_id for row in rows if row.place_title is not None}
    if not places:
        return {}
    return {row.id: row.titles for row in await session.all(queries.TRAILS, ids=list(places), person_id=person_id)}


def _next(search: Searching, last: Row, spelling: Spelling) -> str:
    key = last.key.isoformat() if isinstance(last.key, datetime) else str(last.key)
    corrections = {word: list(ways) for word, ways in spelling.corrections.items()}
    return write_cursor(search.asked.sort, key, last.id, search.now, corrections)
