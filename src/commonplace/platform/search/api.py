"""Search over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query as QueryParameter

from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.http.dependencies import AllParts, CurrentCaller
from commonplace.platform.http.moments import Moment
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import EVERYTHING, Caller
from commonplace.platform.parts import Parts
from commonplace.platform.search.document import Indexers
from commonplace.platform.search.finding import Answer, Found, find
from commonplace.platform.search.schemas import FoundItem, MarkedText, SearchPage, Sort
from commonplace.platform.search.searching import Asked
from commonplace.platform.search.snippets import Marked
from commonplace.platform.search.wishes import Wishes
from commonplace.platform.search.words import folded

router = Router(prefix="/api/search", tags=["search"])
_BYTES: Final = 2**62
Words = Annotated[list[str], QueryParameter(max_length=20)]


@router.get("", responses=problems(NotAuthenticated, UnknownPage))
async def search(
    caller: CurrentCaller,
    parts: AllParts,
    *,
    q: Annotated[
        str,
        QueryParameter(
            max_length=1000,
            description='Words, the last of which may be a beginning; `"phrases"`; `-without`; and filters: `type:pdf`'
            " `kind:task` `size:>10MB` `tag:family` `in:holiday` `before:2024` `after:2023-05` `on:today` `owner:ben`"
            " `is:shared` `name:report` `place:vienna` `near:48.2,16.4,5`.",
        ),
    ] = "",
    kind: Words = [],  # noqa: B006 - FastAPI copies it
    type: Words = [],  # noqa: A002, B006 - the parameter's name; FastAPI copies it
    tag: Words = [],  # noqa: B006 - FastAPI copies it
    within: Annotated[UUID | None, QueryParameter(description="Only what lies in this folder or list.")] = None,
    min_size: Annotated[int | None, QueryParameter(ge=0, le=_BYTES, description="Bytes.")] = None,
    max_size: Annotated[int | None, QueryParameter(ge=0, le=_BYTES, description="Bytes.")] = None,
    since: Annotated[
        Moment | None, QueryParameter(description="RFC 3339: taken, due or changed then or later.")
    ] = None,
    until: Annotated[Moment | None, QueryParameter(description="RFC 3339: before this moment.")] = None,
    sort: Sort = "relevance",
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> SearchPage:
    """Find what the caller may see by its name, the text inside, tags, type, size, date, place and owner.

    The best come first: names before texts, the very words before others, the new before the old. What is in the trash
    is not found. Without anything to look for the page is empty. A token finds items of the apps that its scopes open.
    """
    filters = Wishes(
        kinds=tuple(kind),
        types=tuple(one.lower() for one in type),
        tags=tuple(folded(one) for one in tag),
        containers=() if within is None else (str(within),),
        smallest=min_size,
        largest=max_size,
        since=since,
        until=until,
    )
    asked = Asked(query=q, sort=sort, limit=limit, after=after, kinds=kinds_open_to(caller, parts), filters=filters)
    return page_of(await find(parts, caller.person_id, asked), parts, caller)


def kinds_open_to(caller: Caller, parts: Parts) -> list[str] | None:
    """The kinds that the caller's credential lets them read; None: all of them."""
    if caller.scopes == EVERYTHING:
        return None
    indexers = parts[Indexers]
    return [
        kind
        for kind in indexers.kinds
        if caller.scopes & {f"{indexers.app_of(kind)}:{level}" for level in ("read", "write")}
    ]


def page_of(answer: Answer, parts: Parts, caller: Caller) -> SearchPage:
    """An answer as JSON."""
    return SearchPage(
        items=[_item(found, parts[Kinds], caller) for found in answer.items],
        next=answer.next,
        number=answer.number,
        is_more=answer.is_more,
        by_kind=dict(answer.by_kind),
        by_type=dict(answer.by_type),
        corrections={word: list(ways) for word, ways in answer.corrections.items()},
        hints=list(answer.hints),
    )


def _item(found: Found, kinds: Kinds, caller: Caller) -> FoundItem:
    row = found.row
    kind = kinds[row.kind]
    shown: Mapping[str, Any] = {
        name: row[name]
        for name in ("id", "kind", "owner_id", "version", "media_type", "size_bytes", "tags", "at", "updated_at")
    }
    return FoundItem(
        **shown,
        title=_marked(found.title),
        snippet=None if found.snippet is None else _marked(found.snippet),
        path=None if kind.path is None else kind.path.format(id=row.id),
        icon=kind.icon,
        trail=list(found.trail),
        parent_id=None if row.place_title is None else row.place_id,
        is_mine=row.owner_id == caller.person_id,
        thumbnail=row.thumbnail,
    )


def _marked(marked: Marked) -> MarkedText:
    return MarkedText(text=marked.text, marks=list(marked.marks))
