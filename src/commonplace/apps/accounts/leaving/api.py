"""Taking along and leaving over HTTP. None of these routes can be reached with an API token."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Query as QueryParameter

from commonplace.apps.accounts.administrators import ProvedAdministrator
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import clear_cookie
from commonplace.apps.accounts.errors import AdministratorsOnly, LastAdministrator, PersonNotFound
from commonplace.apps.accounts.leaving import erasure, receiving
from commonplace.apps.accounts.leaving.schemas import (
    ArchivePage,
    ArchiveRead,
    ErasureAsked,
    ErasureCreate,
    ErasureRead,
)
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, UnitOfWork, Writing, part
from commonplace.platform.http.problems import problems
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.http.routing import Router, takes_a_stream
from commonplace.platform.identity.caller import SESSION_COOKIE
from commonplace.platform.identity.proofs import ProofNeeded, ProvedCaller
from commonplace.platform.leaving import archives, erasures
from commonplace.platform.leaving.erasures import Asked
from commonplace.platform.leaving.errors import (
    ArchiveGone,
    ArchiveNotFound,
    ArchiveNotReady,
    ArchiveTooLarge,
    ArchiveUnderWay,
    ErasureNotFound,
    ErasureUnderWay,
)
from commonplace.platform.leaving.settings import LeavingSettings
from commonplace.platform.media.serving import Content, disposition_of, respond, served
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import StorageFull
from commonplace.platform.storage.protocol import ObjectStorage

_MEDIA_TYPE: Final = "application/zip"

# Plain routes: these functions commit by themselves, answer when every process knows, and a token must not be stored.
by_themselves = APIRouter()
router = Router()

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
TheSettings = Annotated[LeavingSettings, Depends(part(LeavingSettings))]


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


@router.post(
    "/archives/read-in",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(NotAuthenticated, ArchiveUnderWay, ArchiveTooLarge, StorageFull),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
@takes_a_stream
async def send_archive(request: Request, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts) -> ArchiveRead:
    """Send an archive, as the raw body, to be read in: what it holds becomes the caller's, with its past.

    It is verified as a whole before anything is taken; a damaged one is told by `problem`, later. What was read in
    before is not read in twice. `report` says what was taken, and what was not and why.
    """
    return ArchiveRead.of(await receiving.receive(parts, unit, caller.person_id, request.stream()))


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


@by_themselves.post(
    "/erasure",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(NotAuthenticated, ProofNeeded, LastAdministrator, ErasureUnderWay),
)
async def leave(
    caller: ProvedCaller,
    accounts: TheAccounts,
    settings: TheSettings,
    parts: AllParts,
    request: Request,
    response: Response,
) -> ErasureAsked:
    """Have the caller erased, with all they have, after the waiting time. Signing in again until then cancels it.

    All sessions end at once. The answer holds the link to the receipt.
    """
    asked = await erasure.ask_for_oneself(accounts, caller.person_id, waiting_days=settings.waiting_days)
    response.headers["Cache-Control"] = "no-store"
    if SESSION_COOKIE in request.cookies:
        clear_cookie(response)
    return _asked(asked, parts)


@by_themselves.get("/erasures/{token}", responses=problems(ErasureNotFound))
async def read_erasure(token: str, parts: AllParts, response: Response) -> ErasureRead:
    """What became of an erasure, and its receipt. The token is the credential."""
    response.headers["Cache-Control"] = "no-store"
    async with parts[Database].reading() as session:
        return ErasureRead.of(await erasures.by_token(session, token))


@by_themselves.post(
    "/people/{person_id}/erasure",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(
        NotAuthenticated, AdministratorsOnly, ProofNeeded, PersonNotFound, LastAdministrator, ErasureUnderWay
    ),
)
async def erase_person(
    person_id: UUID,
    wanted: ErasureCreate,
    caller: ProvedAdministrator,
    accounts: TheAccounts,
    settings: TheSettings,
    parts: AllParts,
) -> ErasureAsked:
    """Have a person erased, with all they have. They are suspended at once. For administrators."""
    days = 0.0 if wanted.at_once else settings.waiting_days
    return _asked(await erasure.ask_for_another(accounts, person_id, by=caller.person_id, waiting_days=days), parts)


@by_themselves.delete(
    "/people/{person_id}/erasure",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, AdministratorsOnly, ProofNeeded, ErasureNotFound),
)
async def cancel_erasure(person_id: UUID, caller: ProvedAdministrator, accounts: TheAccounts) -> None:
    """Cancel the erasure of a person that an administrator asked for, and reinstate them. For administrators."""
    await erasure.cancel_for_another(accounts, person_id, by=caller.person_id)


router.include_router(by_themselves)


def _asked(asked: Asked, parts: Parts) -> ErasureAsked:
    link = parts[PublicUrl].to(f"/api/auth/erasures/{asked.token}")
    return ErasureAsked(**ErasureRead.of(asked.row).model_dump(), token=asked.token, receipt_at=link)
