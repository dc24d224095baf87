"""Taking along and leaving over HTTP. None of these routes can be reached with an API token."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.accounts.leaving.schemas import ArchivePage, ArchiveRead
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, UnitOfWork, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.proofs import ProofNeeded, ProvedCaller
from commonplace.platform.leaving import archives
from commonplace.platform.leaving.errors import ArchiveGone, ArchiveNotFound, ArchiveNotReady, ArchiveUnderWay
from commonplace.platform.media.serving import Content, disposition_of, respond, served
from commonplace.platform.storage.protocol import ObjectStorage

_MEDIA_TYPE: Final = "application/zip"

router = Router()


@router.get("/archives", responses=problems(NotAuthenticated, UnknownPage))
async def list_archives(
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> ArchivePage:
    """The caller's archives, made and read in, the latest first."""
    before = None if after is None else read_cursor(after, tuple[UUID])[0]
    rows = await archives.of_person(session, caller.person_id, limit=limit + 1, before=before)
    following = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return ArchivePage(items=[ArchiveRead.of(row) for row in rows[:limit]], next=following)


@router.post(
    "/archives", status_code=HTTPStatus.ACCEPTED, responses=problems(NotAuthenticated, ProofNeeded, ArchiveUnderWay)
)
async def make_archive(caller: ProvedCaller, session: Writing) -> ArchiveRead:
    """Have one archive made of all that the caller has. Look at it again, or follow `archive.progressed`."""
    return ArchiveRead.of(await archives.ask(session, caller.person_id))


@router.get("/archives/{archive_id}", responses=problems(NotAuthenticated, ArchiveNotFound))
async def read_archive(archive_id: UUID, caller: CurrentCaller, session: Reading) -> ArchiveRead:
    """One archive: how far it is, and what came of it."""
    return ArchiveRead.of(await archives.read(session, archive_id, caller.person_id))


@router.delete(
    "/archives/{archive_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, ArchiveNotFound),
)
async def remove_archive(archive_id: UUID, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts) -> None:
    """Cancel an archive that is at work; it stays in the list. One that is not is removed, with its bytes."""
    key = await archives.cancel_or_remove(await unit.writing(), archive_id, caller.person_id)
    if key is not None:
        unit.after_commit(partial(parts[ObjectStorage].delete, key))


@router.get(
    "/archives/{archive_id}/content",
    response_class=Response,
    response_model=None,
    responses={
        **served("The archive.", _MEDIA_TYPE),
        **problems(NotAuthenticated, ProofNeeded, ArchiveNotFound, ArchiveNotReady, ArchiveGone),
    },
)
async def download_archive(archive_id: UUID, request: Request, caller: ProvedCaller, parts: AllParts) -> Response:
    """The bytes of an archive that is `done`. One range a request (`Range: bytes=…`), so a break costs little."""
    async with parts[Database].reading() as session:
        row = await archives.read(session, archive_id, caller.person_id)
    if row.direction != "out" or row.state != "done":
        raise ArchiveNotReady
    if row.key is None:
        raise ArchiveGone
    content = Content(
        key=row.key,
        size_bytes=row.size_bytes,
        media_type=_MEDIA_TYPE,
        tag=row.sha256,
        modified_at=row.ended_at,
        disposition=disposition_of(f"commonplace-{row.ended_at:%Y-%m-%d}.zip", _MEDIA_TYPE, as_download=True),
        cache_control="no-store",
    )
    return await respond(request, parts[ObjectStorage], content)
