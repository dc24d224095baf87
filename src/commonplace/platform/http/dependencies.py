"""What an endpoint may ask for: its sessions, its caller, and the parts of the installation."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.http.unit import Unit, unit_of
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.requests import caller_of
from commonplace.platform.parts import Parts

T = TypeVar("T")


async def _reading(request: Request) -> ReadSession:
    return await unit_of(request).reading()


async def _writing(request: Request) -> WriteSession:
    return await unit_of(request).writing()


async def _caller(request: Request) -> Caller:
    return await caller_of(request)


# Not one of these waits for anything, and yet they are coroutines: FastAPI takes any other function to a thread.
async def _unit(request: Request) -> Unit:
    return unit_of(request)


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def part(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """A dependency that gives the installation's part of this type: `Annotated[Media, Depends(part(Media))]`."""

    async def find(request: Request) -> T:
        return (await _parts(request))[kind]

    return find


CurrentCaller = Annotated[Caller, Depends(_caller)]
"""Who is calling; 401 without a valid credential. Name it before a session: no connection is held while it is asked."""

Reading = Annotated[ReadSession, Depends(_reading)]
"""A session that writes nothing."""

Writing = Annotated[WriteSession, Depends(_writing)]
"""The request's transaction, committed before the response leaves."""

UnitOfWork = Annotated[Unit, Depends(_unit)]
"""For an endpoint that must not hold a connection from the beginning: `await unit.writing()` when it is time."""

AllParts = Annotated[Parts, Depends(_parts)]
