"""Pictures of people over HTTP."""

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.pictures import queries, service
from commonplace.apps.accounts.pictures.errors import (
    PictureNotAllowed,
    PictureNotFound,
    PicturesBusy,
    PictureTooLarge,
)
from commonplace.apps.accounts.pictures.schemas import PictureRead, SquareChange
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.media.pictures import WHOLE
from commonplace.platform.media.serving import FOR_EVER, Content, respond, served
from commonplace.platform.storage.errors import ObjectNotFound, StorageFull
from commonplace.platform.storage.protocol import ObjectStorage

# Plain routes: the picture is stored and cut before a transaction begins.
by_themselves = APIRouter()
router = Router()


@router.get("/profile/picture", responses=problems(NotAuthenticated, PictureNotFound))
async def read_picture(caller: CurrentCaller, session: Reading) -> PictureRead:
    """The caller's own picture: what is shown of it, and where."""
    return await service.read_picture(session, caller.person_id)


@by_themselves.put(
    "/profile/picture",
    responses=problems(NotAuthenticated, PictureTooLarge, PictureNotAllowed, PicturesBusy, StorageFull),
    openapi_extra={"requestBody": {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def take_picture(
    request: Request, caller: CurrentCaller, parts: AllParts, square: Annotated[SquareChange, Depends()]
) -> PictureRead:
    """Make the bytes of the body the caller's picture: any image, cut to a square, in the middle unless said otherwise.

    What it is is found out from the bytes. What is shown of it has neither place nor time of the photograph in it.
    """
    service.refuse_too_large(parts[Accounts], request.headers.get("content-length"))
    return await service.take_picture(parts, caller.person_id, request.stream(), square.as_square())


@by_themselves.patch(
    "/profile/picture", responses=problems(NotAuthenticated, PictureNotFound, PictureNotAllowed, PicturesBusy)
)
async def choose_square(square: SquareChange, caller: CurrentCaller, parts: AllParts) -> PictureRead:
    """Show another square of the caller's picture."""
    return await service.choose_square(parts, caller.person_id, square.as_square())


@by_themselves.delete(
    "/profile/picture",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, PictureNotFound),
)
async def remove_picture(caller: CurrentCaller, parts: AllParts) -> None:
    """Remove the caller's picture; initials are shown again."""
    await service.remove_picture(parts, caller.person_id)


@by_themselves.get(
    "/pictures/{picture_id}/{variant}",
    response_class=Response,
    response_model=None,
    responses={
        **served("The picture.", "image/jpeg", "image/webp"),
        **problems(NotAuthenticated, PictureNotFound),
    },
)
async def show_picture(
    picture_id: UUID,
    variant: Literal["128", "512", "whole"],
    request: Request,
    caller: CurrentCaller,
    parts: AllParts,
) -> Response:
    """A square of a person's picture, for whoever is signed in; `whole` for the person alone.

    A picture that is changed has another id, which cannot be guessed; so these may be kept for ever.
    """
    async with parts[Database].reading() as session:
        row = await session.first(queries.VARIANT, picture_id=picture_id, name=variant)
    if row is None or (variant == WHOLE and row.person_id != caller.person_id):
        raise PictureNotFound
    content = Content(
        key=row.key,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        tag=f"{picture_id}-{variant}",
        modified_at=row.changed_at,
        cache_control=FOR_EVER,
    )
    try:
        return await respond(request, parts[ObjectStorage], content)
    except ObjectNotFound as error:
        raise PictureNotFound from error


router.include_router(by_themselves)
