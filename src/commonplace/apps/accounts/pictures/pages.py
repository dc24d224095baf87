"""The pages of a person's picture. They work without scripts, which let the square be seen as it moves."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.pictures import service
from commonplace.apps.accounts.pictures.errors import PictureNotAllowed, PictureNotFound
from commonplace.platform.errors import Problem
from commonplace.platform.http.dependencies import AllParts, Reading
from commonplace.platform.http.routing import Router
from commonplace.platform.media.square import CENTRE, SMALLEST_SIDE, Square
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer

PICTURE_PATH: Final = "/app/account/picture"
_BLOCK: Final = 1024 * 1024

# Plain routes (as in api.py): the picture is stored and cut before a transaction begins.
by_themselves = APIRouter(include_in_schema=False)
router = Router(include_in_schema=False)


@router.get(PICTURE_PATH)
async def picture_page(request: Request, viewer: CurrentViewer, session: Reading) -> Response:
    """Take another picture, choose the square that is shown of it, or remove it."""
    try:
        picture = await service.read_picture(session, viewer.caller.person_id)
    except PictureNotFound:
        picture = None
    return _page(request, viewer, picture=picture, said=_SAID.get(request.query_params.get("done", "")))


@by_themselves.post(PICTURE_PATH)
async def take_picture(request: Request, viewer: CurrentViewer, parts: AllParts) -> Response:
    """Take a picture, and lead on to choosing the square."""
    try:
        service.refuse_too_large(parts[Accounts], request.headers.get("content-length"))
        async with request.form(max_files=1) as form:
            file = form.get("picture")
            if not isinstance(file, UploadFile) or not file.size:
                raise PictureNotAllowed("No file was chosen.")
            await service.take_picture(parts, viewer.caller.person_id, _chunks(file), CENTRE)
    except Problem as problem:
        return await _again(request, viewer, parts, problem)
    return RedirectResponse(f"{PICTURE_PATH}?done=taken", HTTPStatus.SEE_OTHER)


@by_themselves.post(f"{PICTURE_PATH}/square")
async def choose_square(request: Request, viewer: CurrentViewer, parts: AllParts) -> Response:
    """Show another square."""
    form = await request.form()
    square = Square(
        side=max(SMALLEST_SIDE, _share(form, "side", 1.0)), x=_share(form, "x", 0.5), y=_share(form, "y", 0.5)
    )
    try:
        await service.choose_square(parts, viewer.caller.person_id, square)
    except Problem as problem:
        return await _again(request, viewer, parts, problem)
    return RedirectResponse(f"{PICTURE_PATH}?done=chosen", HTTPStatus.SEE_OTHER)


@by_themselves.post(f"{PICTURE_PATH}/remove")
async def remove_picture(viewer: CurrentViewer, parts: AllParts) -> Response:
    """Remove the picture. One that is gone is removed as well."""
    try:
        await service.remove_picture(parts, viewer.caller.person_id)
    except PictureNotFound:
        return RedirectResponse(PICTURE_PATH, HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{PICTURE_PATH}?done=removed", HTTPStatus.SEE_OTHER)


router.include_router(by_themselves)

_SAID: Final = {
    "taken": "This is your picture now. Choose below what is shown of it.",
    "chosen": "So your picture is shown from now on.",
    "removed": "Your picture is removed; your initials are shown again.",
}


def _share(form: FormData, name: str, usual: float) -> float:
    """A percentage as a share of one; what is none is as the form shows it first."""
    value = form.get(name)
    try:
        share = float(value) / 100 if isinstance(value, str) else usual
    except ValueError:
        return usual
    return share if 0 <= share <= 1 else usual


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while block := await file.read(_BLOCK):
        yield block


async def _again(request: Request, viewer: Any, parts: Any, problem: Problem) -> Response:
    async with parts[Accounts].database.reading() as session:
        try:
            picture = await service.read_picture(session, viewer.caller.person_id)
        except PictureNotFound:
            picture = None
    return _page(request, viewer, picture=picture, problem=problem)


def _page(
    request: Request, viewer: Any, *, picture: Any, said: str | None = None, problem: Problem | None = None
) -> Response:
    return render(
        request,
        "accounts/picture.html",
        viewer=viewer,
        status=HTTPStatus.OK if problem is None else problem.status,
        headers={} if problem is None else problem.headers(),
        picture=picture,
        said=said,
        problem=None if problem is None else problem.detail,
    )
