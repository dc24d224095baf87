"""Notifications over HTTP."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Response

from commonplace.apps.notifications import inbox
from commonplace.apps.notifications.devices import add_device, read_push, remove_device
from commonplace.apps.notifications.errors import (
    DeviceNotAllowed,
    DeviceNotFound,
    NoDeviceWithoutSession,
    NoticeNotFound,
    QuietHoursNotAllowed,
    TooManyDevices,
    UnknownNoticeKind,
)
from commonplace.apps.notifications.preferences import change_preferences, read_preferences
from commonplace.apps.notifications.schemas import (
    AllRead,
    Changed,
    DeviceCreate,
    DeviceRead,
    NoticeChange,
    NoticePage,
    NoticeRead,
    PreferencesChange,
    PreferencesRead,
    PushRead,
    Unread,
)
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.viewer import CurrentViewer

router = Router(prefix="/api/notifications", tags=["notifications"])


@router.hot_get("", response_model=NoticePage, responses=problems(NotAuthenticated, UnknownPage))
async def list_notices(
    caller: CurrentCaller,
    session: Reading,
    unread: Annotated[bool, QueryParameter(description="Only what was not read.")] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> Response:
    """The inbox, the newest first."""
    content = await inbox.page(session, caller.person_id, unread=unread, limit=limit, after=after)
    return Response(content, media_type="application/json")


@router.hot_get("/unread", response_model=Unread, responses=problems(NotAuthenticated))
async def count_unread(caller: CurrentCaller, session: Reading) -> Response:
    """How many notices are unread."""
    unread = await inbox.unread(session, caller.person_id)
    return Response(f'{{"unread":{unread}}}', media_type="application/json")


@router.post("/read", responses=problems(NotAuthenticated))
async def read_all(caller: CurrentCaller, session: Writing, seen: AllRead | None = None) -> Changed:
    """Mark everything as read. With `up_to`, what came after that notice stays unread."""
    up_to = None if seen is None else seen.up_to
    return Changed(changed=await inbox.mark_all(session, caller.person_id, up_to=up_to))


@router.get("/preferences", responses=problems(NotAuthenticated))
async def preferences(viewer: CurrentViewer, session: Reading, parts: AllParts) -> PreferencesRead:
    """What the caller is told, how, and when."""
    return await read_preferences(session, parts, viewer.caller.person_id, viewer.person.time_zone)


@router.patch("/preferences", responses=problems(NotAuthenticated, UnknownNoticeKind, QuietHoursNotAllowed))
async def prefer(
    viewer: CurrentViewer, change: PreferencesChange, session: Writing, parts: AllParts
) -> PreferencesRead:
    """Choose what to be told, how, and when. What is left out stays; `quiet_hours` null: there are none.

    In quiet hours, by the clock of the caller's time zone, mail and what is pushed wait until they end. The inbox
    fills at any time.
    """
    await change_preferences(session, parts, viewer.caller.person_id, change)
    return await read_preferences(session, parts, viewer.caller.person_id, viewer.person.time_zone)


@router.get("/push", responses=problems(NotAuthenticated))
async def push(caller: CurrentCaller, session: Reading, parts: AllParts) -> PushRead:
    """What a browser needs to subscribe to Web Push, and which of the caller's devices are notified."""
    return await read_push(session, parts, caller)


@router.post(
    "/push/devices",
    status_code=HTTPStatus.CREATED,
    responses=problems(NotAuthenticated, NoDeviceWithoutSession, DeviceNotAllowed, TooManyDevices),
)
async def notify_device(caller: CurrentCaller, device: DeviceCreate, session: Writing, parts: AllParts) -> DeviceRead:
    """Have a browser notified for as long as the caller's session lasts; the same one again is no second device.

    Notices go to it encrypted (RFC 8291), under a topic and tag that stay the same when one is sent twice. A push
    service that no longer knows the browser (404, 410) ends it, as signing out does.
    """
    return await add_device(session, parts, caller, device)


@router.delete(
    "/push/devices/{device_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, DeviceNotFound),
)
async def stop_notifying(device_id: UUID, caller: CurrentCaller, session: Writing) -> None:
    """Have a device notified no more."""
    await remove_device(session, caller, device_id)


@router.patch("/{notice_id:uuid}", response_model=NoticeRead, responses=problems(NotAuthenticated, NoticeNotFound))
async def mark(notice_id: UUID, change: NoticeChange, caller: CurrentCaller, session: Writing) -> Response:
    """Mark a notice as read, or as unread."""
    json = await inbox.mark(session, caller.person_id, notice_id, is_read=change.is_read)
    return Response(json, media_type="application/json")


@router.delete(
    "/{notice_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, NoticeNotFound),
)
async def dismiss(notice_id: UUID, caller: CurrentCaller, session: Writing) -> None:
    """Take a notice out of the inbox."""
    await inbox.dismiss(session, caller.person_id, notice_id)


@router.post(
    "/{notice_id:uuid}/restore", response_model=NoticeRead, responses=problems(NotAuthenticated, NoticeNotFound)
)
async def put_back(notice_id: UUID, caller: CurrentCaller, session: Writing) -> Response:
    """Put a dismissed notice back into the inbox."""
    return Response(await inbox.put_back(session, caller.person_id, notice_id), media_type="application/json")
