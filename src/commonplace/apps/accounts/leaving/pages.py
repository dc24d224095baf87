"""The page about one's data: what there is, taking it along, bringing it in, leaving. It works without scripts."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import clear_cookie
from commonplace.apps.accounts.errors import LastAdministrator
from commonplace.apps.accounts.leaving import erasure, receiving
from commonplace.apps.accounts.leaving.holdings import holdings
from commonplace.platform.database.session import ReadSession
from commonplace.platform.errors import BadRequest, Problem
from commonplace.platform.events import log
from commonplace.platform.http.dependencies import AllParts, Reading, UnitOfWork, Writing, part
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.http.routing import Router, takes_a_stream
from commonplace.platform.identity.proofs import PROOF_PAGE, ProofNeeded, Proofs, ProvedCaller
from commonplace.platform.leaving import archives, erasures
from commonplace.platform.leaving.errors import ArchiveUnderWay
from commonplace.platform.leaving.personal import PersonalData
from commonplace.platform.leaving.settings import LeavingSettings
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage

PATH: Final = "/app/account/data"
_SHOWN: Final = 20
_CHUNK: Final = 1024 * 1024
TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

# What ends sessions commits by itself (as in api.py).
by_themselves = APIRouter(include_in_schema=False)
router = Router(include_in_schema=False)


@router.get(PATH)
async def data_page(request: Request, viewer: CurrentViewer, parts: AllParts, session: Reading) -> Response:
    """What the viewer has here, and what can be done with all of it."""
    return await _page(request, viewer, parts, session)


@router.post(PATH + "/archives")
async def make_archive(viewer: CurrentViewer, _caller: ProvedCaller, session: Writing) -> Response:
    """Have an archive made. One that is under way is the one that is wanted."""
    with contextlib.suppress(ArchiveUnderWay):
        await archives.ask(session, viewer.caller.person_id)
    return RedirectResponse(f"{PATH}#archives", HTTPStatus.SEE_OTHER)


@router.post(PATH + "/archives/{archive_id}/remove")
async def remove_archive(archive_id: UUID, viewer: CurrentViewer, unit: UnitOfWork, parts: AllParts) -> Response:
    """Cancel an archive, or remove it."""
    key = await archives.cancel_or_remove(await unit.writing(), archive_id, viewer.caller.person_id)
    if key is not None:
        unit.after_commit(partial(parts[ObjectStorage].delete, key))
    return RedirectResponse(f"{PATH}#archives", HTTPStatus.SEE_OTHER)


@router.post(PATH + "/archives/read-in")
@takes_a_stream
async def send_archive(request: Request, viewer: CurrentViewer, unit: UnitOfWork, parts: AllParts) -> Response:
    """Take an archive out of a form; with scripts it goes to the API instead, with a bar."""
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("archive")
        if not isinstance(file, UploadFile) or not file.size:
            raise BadRequest("The form holds no archive. Choose the file first.")
        await receiving.receive(parts, unit, viewer.caller.person_id, _chunks(file))
    return RedirectResponse(f"{PATH}#bring-in", HTTPStatus.SEE_OTHER)


@by_themselves.post(PATH + "/leave")
async def leave(
    request: Request, viewer: CurrentViewer, _caller: ProvedCaller, accounts: TheAccounts, parts: AllParts
) -> Response:
    """Have the viewer erased after the waiting time, and sign them out."""
    form = await request.form()
    days = parts[LeavingSettings].waiting_days
    try:
        if form.get("sure") != "yes":
            raise BadRequest("Say first that you know what will happen: tick the box.")
        asked = await erasure.ask_for_oneself(accounts, viewer.caller.person_id, waiting_days=days)
    except Problem as problem:
        async with accounts.database.reading() as session:
            return await _page(request, viewer, parts, session, problem=problem)
    response = render(
        request,
        "accounts/left.html",
        due_at=asked.row.due_at,
        days=days,
        zone=viewer.zone,
        receipt_at=parts[PublicUrl].to(f"/api/auth/erasures/{asked.token}"),
        headers={"Cache-Control": "no-store"},
    )
    clear_cookie(response)
    return response


router.include_router(by_themselves)


async def _page(
    request: Request, viewer: Viewer, parts: Parts, session: ReadSession, *, problem: Problem | None = None
) -> Response:
    person_id = viewer.caller.person_id
    cursor = await log.now(session)  # before the rest: what comes meanwhile is told again, nothing is missed
    rows = await archives.of_person(session, person_id, limit=_SHOWN)
    last = await erasures.latest(session, person_id)
    kept = await holdings(session, parts[PersonalData], person_id)
    is_proved = await _is_proved(parts, viewer)
    return render(
        request,
        "accounts/data.html",
        viewer=viewer,
        status=HTTPStatus.OK if problem is None else problem.status,
        cursor=cursor,
        holdings=kept,
        size_bytes=sum(one.size_bytes for one in kept),
        made=[row for row in rows if row.direction == "out"],
        brought=[row for row in rows if row.direction == "in"],
        at_work={row.direction for row in rows if row.state in {"waiting", "running"}},
        was_cancelled=last is not None and last.state == "cancelled",
        refusal=last.problem if last is not None and last.state == "refused" else None,
        problem=None if problem is None else problem.detail,
        is_last_administrator=isinstance(problem, LastAdministrator),
        is_proved=is_proved,
        prove_at=f"{PROOF_PAGE}?{urlencode({'next': PATH})}",
        archive_days=parts[LeavingSettings].archive_days,
        waiting_days=parts[LeavingSettings].waiting_days,
    )


async def _is_proved(parts: Parts, viewer: Viewer) -> bool:
    try:
        await parts[Proofs].refuse_unless_recent(viewer.caller)
    except ProofNeeded:
        return False
    return True


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk
