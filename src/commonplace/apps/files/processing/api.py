"""What machines found in files, over HTTP: look at it, have it found anew, see how far it is."""

from http import HTTPStatus
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.files.errors import FileNotFound, FolderNotFound
from commonplace.apps.files.events import FileToBeRead
from commonplace.apps.files.processing import pages, queries
from commonplace.apps.files.processing.errors import NothingFound, PagesBusy
from commonplace.apps.files.processing.schemas import (
    EntryPage,
    EntryRead,
    FailedPage,
    FailedRead,
    FoundRead,
    Overview,
    PagesRead,
    PlaceChange,
    PlaceRead,
    Which,
)
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.events.log import tell
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import Caller
from commonplace.platform.jobs.api import JobRead, job_read
from commonplace.platform.jobs.errors import TooManyJobs
from commonplace.platform.jobs.store import start_job
from commonplace.platform.media.found import MOST_ENTRIES, READER
from commonplace.platform.media.serving import respond, served
from commonplace.platform.sharing.errors import ReadOnly
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(prefix="/api/process", tags=["processing"])

_COUNTED = 10_000
_KIND = "files.read"
Only = Annotated[
    Which,
    QueryParameter(description="`failed`: what could not be read; `outdated`: what this release has not read yet."),
]


class _AfterFile(NamedTuple):
    """Where a page of files ended."""

    id: UUID


class _AfterEntry(NamedTuple):
    """Where a page of entries ended."""

    number: int


@router.get("", responses=problems(NotAuthenticated))
async def overview(caller: CurrentCaller, session: Reading) -> Overview:
    """How many of the caller's files wait to be read, and how many could not be."""
    row = await session.first(queries.OVERVIEW, person_id=caller.person_id, most=_COUNTED)
    assert row is not None, "counts always have a row"  # noqa: S101 - for the type checker
    return Overview(waiting=row.waiting, failed=row.failed)


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=problems(NotAuthenticated, TooManyJobs))
async def read_drive_again(caller: CurrentCaller, session: Writing, which: Only = "outdated") -> JobRead:
    """Have the caller's files read anew, all or some: a job."""
    return await _start(session, caller, caller.person_id, "Reading your files", which)


@router.get("/failed", responses=problems(NotAuthenticated, UnknownPage))
async def list_failed(
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> FailedPage:
    """The caller's files that could not be read, each with why; the newest first."""
    before = None if after is None else read_cursor(after, _AfterFile).id
    rows = await session.all(queries.FAILED, person_id=caller.person_id, before=before, limit=limit + 1)
    items = [
        FailedRead(
            file_id=row.id,
            name=row.title,
            folder_id=row.parent_id,
            media_type=row.media_type,
            reason=row.reason,
            processed_at=row.processed_at,
        )
        for row in rows[:limit]
    ]
    return FailedPage(items=items, next=write_cursor(items[-1].file_id) if len(rows) > limit else None)


@router.get("/files/{file_id:uuid}", responses=problems(NotAuthenticated, FileNotFound))
async def read_found(file_id: UUID, caller: CurrentCaller, session: Reading) -> FoundRead:
    """What was found in a file. `file.processed` on the live connection tells when to look again.

    The place where a photograph was taken is shown to its owner only, unless the owner shares it.
    """
    return _found(await _require(session, caller, file_id))


@router.post(
    "/files/{file_id:uuid}",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(NotAuthenticated, FileNotFound, ReadOnly),
)
async def read_file_again(file_id: UUID, caller: CurrentCaller, session: Writing) -> FoundRead:
    """Have a file read anew. What was found before stays until then; asking twice is asking once."""
    row = await session.first(queries.MAY_PROCESS, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    if not row.may_write:
        raise ReadOnly
    fact = FileToBeRead(file_id=file_id, object_id=row.object_id, is_asked=True)
    await tell(session, fact, owner_id=row.owner_id, by=caller.person_id, about=file_id)
    return _found(await _require(session, caller, file_id))


@router.put("/files/{file_id:uuid}/place", responses=problems(NotAuthenticated, FileNotFound, ReadOnly, NothingFound))
async def share_place(file_id: UUID, change: PlaceChange, caller: CurrentCaller, session: Writing) -> FoundRead:
    """Show the place of a photograph to those who can see the photograph, or keep it to oneself again. For its owner.

    The bytes are not changed: who may download the photograph has the place that the camera wrote into it.
    """
    row = await _require(session, caller, file_id)
    if not row.is_own:
        raise ReadOnly
    if row.latitude is None:
        raise NothingFound("The file tells no place.")
    await session.execute(queries.SHARE_PLACE, object_id=row.object_id, is_shared=change.is_shared)
    return _found(await _require(session, caller, file_id))


@router.get(
    "/files/{file_id:uuid}/text",
    response_class=Response,
    responses={
        200: {"description": "The text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(NotAuthenticated, FileNotFound, NothingFound),
    },
)
async def read_text(file_id: UUID, caller: CurrentCaller, session: Reading) -> Response:
    """The text that was found in a file: at most a million bytes of UTF-8, a form feed between pages."""
    row = await session.first(queries.FOUND_TEXT, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    if row.text is None:
        raise NothingFound(f"No text was found in the file. {row.reason or ''}".strip())
    return Response(row.text, media_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})


@router.get(
    "/files/{file_id:uuid}/entries",
    responses=problems(NotAuthenticated, FileNotFound, NothingFound, UnknownPage),
)
async def list_entries(
    file_id: UUID,
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> EntryPage:
    """What is in an archive, without unpacking it."""
    first = 0 if after is None else read_cursor(after, _AfterEntry).number
    if not 0 <= first <= MOST_ENTRIES:
        raise UnknownPage
    row = await session.first(
        queries.ENTRIES, file_id=file_id, person_id=caller.person_id, first=first, last=first + limit - 1
    )
    if row is None:
        raise FileNotFound
    if row.number is None:
        raise NothingFound(f"The file is no archive that was listed. {row.reason or ''}".strip())
    items = [EntryRead(**entry) for entry in row.entries]
    following = first + limit
    return EntryPage(items=items, number=row.number, next=write_cursor(following) if following < row.number else None)


@router.get("/files/{file_id:uuid}/pages", responses=problems(NotAuthenticated, FileNotFound, NothingFound))
async def read_pages(file_id: UUID, caller: CurrentCaller, parts: AllParts) -> PagesRead:
    """How many pages a document has that can be looked at as pictures."""
    return PagesRead(pages=await pages.number_of_pages(parts, caller, file_id), sizes=list(pages.SIZES))


@router.get(
    "/files/{file_id:uuid}/pages/{page}",
    response_class=Response,
    response_model=None,
    responses={
        **served("The page.", "image/webp"),
        **problems(NotAuthenticated, FileNotFound, NothingFound, PagesBusy),
    },
)
async def read_page(
    file_id: UUID,
    page: Annotated[int, PathParameter(ge=1, le=100_000, description="The first is 1.")],
    request: Request,
    *,
    caller: CurrentCaller,
    parts: AllParts,
    size: Annotated[Literal["256", "1024", "2048"], QueryParameter(description="Pixels of the longer side.")] = "1024",
    shown: Annotated[
        str | None,
        QueryParameter(alias="v", max_length=64, description="The file's `sha256`: the answer may be kept for ever."),
    ] = None,
) -> Response:
    """A page of a PDF as a picture; drawn when it is first asked for, which takes a moment."""
    content = await pages.page_picture(parts, caller, file_id, page, int(size), shown)
    return await respond(request, parts[ObjectStorage], content)


@router.post(
    "/folders/{folder_id:uuid}",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(NotAuthenticated, FolderNotFound, ReadOnly, TooManyJobs),
)
async def read_folder_again(folder_id: UUID, caller: CurrentCaller, session: Writing, which: Only = "all") -> JobRead:
    """Have every file in a folder, and in the folders within, read anew: a job."""
    row = await session.first(queries.FOLDER_TO_PROCESS, folder_id=folder_id, person_id=caller.person_id)
    if row is None:
        raise FolderNotFound
    if not row.may_write:
        raise ReadOnly
    return await _start(
        session,
        caller,
        folder_id,
        f"Reading \N{LEFT DOUBLE QUOTATION MARK}{row.title}\N{RIGHT DOUBLE QUOTATION MARK}",
        which,
    )


async def _start(session: WriteSession, caller: Caller, place: UUID, title: str, which: str) -> JobRead:
    given = {"place": str(place), "which": which}
    row = await start_job(session, kind=_KIND, owner_id=caller.person_id, title=title, given=given, unit="files")
    return job_read(row)


async def _require(session: ReadSession, caller: Caller, file_id: UUID) -> Row:
    row = await session.first(queries.FOUND, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    return row


def _found(row: Row) -> FoundRead:
    facts: dict[str, Any] = row.facts or {}
    place = None
    if row.may_see_place and row.latitude is not None:
        place = PlaceRead(latitude=row.latitude, longitude=row.longitude, is_shared=row.is_place_shared)
    return FoundRead(
        file_id=row.id,
        state=row.state or "pending",
        reason=row.reason,
        media_type=row.media_type,
        facts=facts,
        has_text=row.has_text,
        is_cut=bool(row.is_cut),
        has_entries=row.has_entries,
        place=place,
        is_outdated=row.reader is not None and row.reader < READER,
        processed_at=row.processed_at,
    )
