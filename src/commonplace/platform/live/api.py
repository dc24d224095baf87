"""What changed: `GET /api/sync` for those who ask, WebSocket `/api/live` for those who wait."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import msgspec
from fastapi import Query, Response
from pydantic import BaseModel, Field
from starlette.websockets import WebSocket, WebSocketDisconnect

from commonplace.platform.errors import NotAuthenticated, Problem
from commonplace.platform.events.log import CURSOR_PATTERN, Cursor, CursorTooOld, MalformedCursor
from commonplace.platform.http.dependencies import CurrentCaller, Reading
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import SESSION_COOKIE, Caller
from commonplace.platform.identity.requests import caller_of
from commonplace.platform.identity.verifier import Identity
from commonplace.platform.live import errors
from commonplace.platform.live.changes import Page, changes_for, page_json, present
from commonplace.platform.live.client import Client, close
from commonplace.platform.live.hub import Hub
from commonplace.platform.parts import Parts

LONGEST_MESSAGE: Final = 4096  #: characters that a client may send at a time
_NEVER: Final = float("inf")

router = Router(prefix="/api", tags=["changes"])


class ChangedItem(BaseModel):
    """The item that a change is about, as it was right after it."""

    kind: str
    id: str
    version: int
    parent_id: str | None


class ChangeRead(BaseModel):
    """Something that happened."""

    cursor: str = Field(description="Behind this change: go on from here.")
    name: str = Field(description="What happened, such as `file.uploaded`.")
    at: str = Field(description="RFC 3339, UTC.")
    item: ChangedItem | None
    by: str | None = Field(description="The person who did it.")
    payload: dict[str, Any]


class Changes(BaseModel):
    """Some changes, in order."""

    events: list[ChangeRead]
    next: str = Field(description="The cursor to send as `since` next time.")
    more: bool = Field(description="Whether there is more already: ask again at once.")


@router.hot_get("/sync", response_model=Changes, responses=problems(CursorTooOld, MalformedCursor))
async def sync(
    caller: CurrentCaller,
    session: Reading,
    since: Annotated[
        str | None,
        Query(
            max_length=100,
            description="The cursor of the last answer.",
            json_schema_extra={"pattern": CURSOR_PATTERN},
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Response:
    """What changed since a cursor, the oldest first. Without a cursor: the present one, and no changes.

    A cursor that is older than the log (90 days by default), or than the last restore of a backup, answers 410: load
    everything anew and go on from the cursor that was asked for before.
    """
    if since is None:
        page = Page([], await present(session), has_more=False)
    else:
        page = await changes_for(session, caller.person_id, Cursor.parse(since), limit=limit)
    return Response(page_json(page), media_type="application/json")


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Send `{"cursor": …, "events": […]}` for what changes, within a second of its commit.

    With `?since=cursor` it begins there. The caller is known by the browser's cookie, by an `Authorization` header, or
    by the first message, `{"token": "…"}`. `{"ping": x}` is answered `{"pong": x}`.
    """
    hub = socket.app.state.parts[Hub]
    try:
        client = await _join(hub, socket)
    except errors.Refused as refused:
        await _refuse(socket, refused)
        return
    except WebSocketDisconnect:
        return
    try:
        await _converse(hub, client, socket)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if client.ending is None or task is None:
            raise
        task.uncancel()  # it was we who ended it
    except WebSocketDisconnect:
        return
    except errors.Refused as refused:
        client.end(refused.code, refused.reason)
    finally:
        hub.leave(client)
    await client.say_goodbye()


async def _join(hub: Hub, socket: WebSocket) -> Client:
    """Find out who it is, and take the client in."""
    hub.refuse_if_full()
    parts: Parts = socket.app.state.parts
    if "authorization" in socket.headers or SESSION_COOKIE in socket.cookies:
        header = socket.headers.get("authorization")
        token = None if header is None else header.partition(" ")[2].strip()
        caller, expires_at = await _verified(parts, token, lambda: caller_of(socket))
        client = _joined(hub, socket, caller, token, expires_at)
        try:
            await socket.accept()
        except BaseException:
            hub.leave(client)
            raise
        return client
    hub.waiting += 1
    try:
        await socket.accept()
        token = await _first_message(hub, socket)
        identity = parts[Identity]
        caller, expires_at = await _verified(parts, token, lambda: identity.caller_of_bearer(token))
    finally:
        hub.waiting -= 1
    return _joined(hub, socket, caller, token, expires_at)


async def _verified(parts: Parts, token: str | None, verify: Callable[[], Awaitable[Caller]]) -> tuple[Caller, float]:
    """The caller, and when the credential expires; the caller last, since nothing may be awaited after that."""
    try:
        expires_at = _NEVER if token is None else float((await parts[Identity].tokens.verify(token)).expires_at)
        return await verify(), expires_at
    except NotAuthenticated as refused:
        raise errors.Refused(errors.SIGN_IN_AGAIN, refused.detail) from refused
    except Problem as problem:
        raise errors.Refused(errors.TRY_AGAIN_LATER, problem.detail) from problem


def _joined(hub: Hub, socket: WebSocket, caller: Caller, token: str | None, expires_at: float) -> Client:
    identity: Identity = socket.app.state.parts[Identity]
    cookie = socket.cookies.get(SESSION_COOKIE, "")
    client = Client(
        socket,
        hub.settings,
        person_id=caller.person_id,
        session_id=caller.session_id,
        verify=lambda: identity.caller_of_cookie(cookie) if token is None else identity.caller_of_bearer(token),
        expires_at=expires_at,
    )
    hub.join(client)
    return client


async def _first_message(hub: Hub, socket: WebSocket) -> str:
    try:
        async with asyncio.timeout(hub.settings.sign_in_seconds):
            message = _parsed(await _received(socket))
    except TimeoutError as error:
        raise errors.Refused(errors.SIGN_IN_AGAIN, "No credential came in time.") from error
    token = message.get("token")
    if not isinstance(token, str):
        raise errors.Refused(errors.SIGN_IN_AGAIN, 'Send {"token": "…"} first.')
    return token


async def _converse(hub: Hub, client: Client, socket: WebSocket) -> None:
    """Catch up, then listen until the client goes; what happens meanwhile is the hub's to send."""
    try:
        since = socket.query_params.get("since")
        await hub.catch_up(client, None if since is None else Cursor.parse(since))
    except CursorTooOld as problem:
        raise errors.Refused(errors.CURSOR_TOO_OLD, problem.detail) from problem
    except MalformedCursor as problem:
        raise errors.Refused(errors.MALFORMED, problem.detail) from problem
    except Problem as problem:
        raise errors.Refused(errors.TRY_AGAIN_LATER, problem.detail) from problem
    while not client.is_ended:
        message = _parsed(await _received(socket))
        if "ping" in message:
            client.reply(msgspec.json.encode({"pong": message["ping"]}).decode())


async def _received(socket: WebSocket) -> str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if not isinstance(text, str) or len(text) > LONGEST_MESSAGE:
        raise errors.Refused(errors.MALFORMED, f"Send text messages of {LONGEST_MESSAGE} characters at most.")
    return text


def _parsed(text: str) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise errors.Refused(errors.MALFORMED, "Messages are JSON objects.") from error
    if not isinstance(message, dict):
        raise errors.Refused(errors.MALFORMED, "Messages are JSON objects.")
    return message


async def _refuse(socket: WebSocket, refused: errors.Refused) -> None:
    """Say why with a code: a browser shows its page none of an HTTP answer to a handshake."""
    if socket.application_state.name == "CONNECTING":
        await socket.accept()
    await close(socket, refused)
