"""The page of results. It works without scripts: a form, links, and the next page by a link."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlencode

from fastapi import Query, Request
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from commonplace.platform.history.kinds import Kinds
from commonplace.platform.http.dependencies import AllParts
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.people import People
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer
from commonplace.platform.parts import Parts
from commonplace.platform.search.api import kinds_open_to
from commonplace.platform.search.document import Indexers
from commonplace.platform.search.finding import Answer, Found, find
from commonplace.platform.search.schemas import Sort
from commonplace.platform.search.searching import LONGEST_QUERY, Asked
from commonplace.platform.search.snippets import Marked
from commonplace.platform.search.wishes import Wishes

router = Router(prefix="/app/search", include_in_schema=False)

PATH: Final = "/app/search"
_ON_A_PAGE: Final = 25
_KINDS: Final = {"file": "Files", "folder": "Folders", "task": "Tasks", "task_list": "Lists"}
_SORTS: Final = {
    "relevance": "Best first",
    "newest": "Newest first",
    "oldest": "Oldest first",
    "largest": "Largest first",
    "smallest": "Smallest first",
    "name": "By name",
}
_DEEPER: Final = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
_ICONS: Final = {"image": "file-image", "video": "file-video", "audio": "file-music", "text": "file-text"}
#: What the empty page teaches.
EXAMPLES: Final = (
    ("harvest rep", "Both words, in names or texts; the last may be a beginning. A slipped letter is forgiven."),
    ('"two weeks" -rome', "These words in a row, and not that one."),
    ("type:pdf size:>10MB", "By type (an ending, or image, video, audio, document) and size."),
    ("in:holiday tag:family", "In a folder or list with that name, with a tag."),
    ("before:2024 after:2023-05", "By when it was taken, is due, or was last changed; on:today, too."),
    ("kind:task owner:ben", "Of one kind; shared with you by somebody. Also is:shared and is:mine."),
    ("near:48.21,16.37,5", "Photographs taken within five kilometres of a place."),
)
Text = Annotated[str, Query(max_length=LONGEST_QUERY)]
Cursor = Annotated[str | None, Query(max_length=2048)]


@router.get("")
async def results_page(  # noqa: PLR0917 - parameters of the address
    request: Request,
    viewer: CurrentViewer,
    parts: AllParts,
    q: Text = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    sort: Annotated[str, Query(max_length=20)] = "relevance",
    after: Cursor = None,
) -> HTMLResponse:
    """What was found, the best first; without a query, how to ask."""
    return await _results(request, viewer, parts, "search.html", q=q, kind=kind, sort=sort, after=after)


@router.get("/results")
async def results(  # noqa: PLR0917 - parameters of the address
    request: Request,
    viewer: CurrentViewer,
    parts: AllParts,
    q: Text = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    sort: Annotated[str, Query(max_length=20)] = "relevance",
    after: Cursor = None,
) -> HTMLResponse:
    """The part of the page that changes while one types, or the entries of a further page."""
    template = "search_results.html" if after is None else "search_entries.html"
    return await _results(request, viewer, parts, template, q=q, kind=kind, sort=sort, after=after)


async def _results(
    request: Request,
    viewer: Viewer,
    parts: Parts,
    template: str,
    *,
    q: str,
    kind: str,
    sort: Any,
    after: str | None,
) -> HTMLResponse:
    sort = sort if sort in get_args(Sort) else "relevance"
    kind = kind if kind in parts[Indexers].kinds else ""
    asked = Asked(
        query=q, sort=sort, limit=_ON_A_PAGE, after=after, kinds=kinds_open_to(viewer.caller, parts),
        filters=Wishes(kinds=(kind,) if kind else ()) if q.strip() else Wishes(),
    )  # fmt: skip
    answer = await find(parts, viewer.caller.person_id, asked)
    owners = await _owners(parts, viewer, answer)
    given = {"q": q, "kind": kind, "sort": sort}

    def address(path: str = PATH, **changed: Any) -> str:
        now = {**given, **changed}
        usual = {"q": "", "kind": "", "sort": "relevance", "after": None}
        return f"{path}?{urlencode({name: value for name, value in now.items() if value != usual[name]})}"

    return render(
        request,
        template,
        viewer=viewer,
        q=q,
        kind=kind,
        sort=sort,
        is_asked=answer.is_asked,
        items=[_shown(found, parts[Kinds], owners) for found in answer.items],
        next=answer.next,
        number=answer.number,
        is_more=answer.is_more,
        kinds=_choices(parts[Indexers].kinds, answer.by_kind, kind),
        sorts=_SORTS,
        hints=answer.hints,
        corrections=[(word, ", ".join(ways)) for word, ways in answer.corrections.items()],
        examples=EXAMPLES,
        address=address,
    )


async def _owners(parts: Parts, viewer: Viewer, answer: Answer) -> Mapping[Any, str]:
    others = {found.row.owner_id for found in answer.items} - {viewer.caller.person_id}
    if not others:
        return {}
    return {person_id: person.name for person_id, person in (await parts[People].people(others)).items()}


def _choices(kinds: Sequence[str], numbers: Mapping[str, int], chosen: str) -> list[tuple[str, str, int | None]]:
    """Kinds to choose from: those that were found, and the chosen one; numbers only where all are counted."""
    shown = [kind for kind in kinds if numbers.get(kind) or kind == chosen]
    return [(kind, _KINDS.get(kind, kind), None if chosen else numbers.get(kind, 0)) for kind in shown]


def _shown(found: Found, kinds: Kinds, owners: Mapping[Any, str]) -> dict[str, Any]:
    row = found.row
    kind = kinds[row.kind]
    return {
        "title": markup(found.title),
        "snippet": None if found.snippet is None else markup(found.snippet),
        "path": None if kind.path is None else kind.path.format(id=row.id),
        "icon": _icon(kind.icon, row.media_type),
        "thumbnail": row.thumbnail,
        "kind": _KINDS.get(row.kind, row.kind).removesuffix("s"),
        "trail": _DEEPER.join(found.trail),
        "size_bytes": row.size_bytes,
        "at": row.at,
        "tags": row.tags,
        "owner": owners.get(row.owner_id),
    }


def _icon(of_kind: str, media_type: str | None) -> str:
    if media_type is None:
        return of_kind
    return _ICONS.get(media_type.partition("/")[0], "file-text" if media_type == "application/pdf" else of_kind)


def markup(marked: Marked) -> Markup:
    """A text as HTML, with `<mark>` around what was looked for; whatever else is in it is text."""
    pieces, last = [], 0
    for begin, end in marked.marks:
        pieces += [escape(marked.text[last:begin]), Markup("<mark>{}</mark>").format(marked.text[begin:end])]
        last = end
    return Markup().join([*pieces, escape(marked.text[last:])])
