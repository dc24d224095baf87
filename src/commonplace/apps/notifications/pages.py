"""Pages of notifications: the inbox, and what one is told. Both work without scripts."""

from datetime import date, datetime, time
from http import HTTPStatus
from itertools import groupby
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from commonplace.apps.notifications import inbox, queries
from commonplace.apps.notifications.devices import devices_of, remove_device
from commonplace.apps.notifications.preferences import change_preferences, read_preferences
from commonplace.apps.notifications.schemas import KindChange, PreferencesChange, PreferencesRead, QuietHours
from commonplace.platform.database.row import Row
from commonplace.platform.errors import BadRequest, Problem
from commonplace.platform.events import log
from commonplace.platform.http.dependencies import AllParts, Reading, Writing
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer

router = Router(prefix="/app/notifications", include_in_schema=False)

_ON_A_PAGE: Final = 50
_INBOX: Final = "/app/notifications"
_PREFERENCES: Final = f"{_INBOX}/settings"


@router.get("")
async def inbox_page(
    request: Request,
    viewer: CurrentViewer,
    session: Reading,
    show: str = "all",
    after: Annotated[str | None, Query(max_length=2048)] = None,
    dismissed: UUID | None = None,
) -> HTMLResponse:
    """The inbox; `dismissed` is what was dismissed a moment ago, to offer its return."""
    person_id, is_unread = viewer.caller.person_id, show == "unread"
    cursor = await log.now(session)  # before the notices: what comes meanwhile is told again, nothing is missed
    found = await inbox.rows(session, person_id, unread=is_unread, limit=_ON_A_PAGE, after=after)
    undo = None
    if dismissed is not None:
        undo = await session.scalar(queries.IS_DISMISSED, notice_id=dismissed, person_id=person_id)
    return render(
        request,
        "notifications/inbox.html",
        viewer=viewer,
        days=_by_day(found.rows, viewer.zone),
        newest=found.rows[0].id if found.rows and after is None else None,
        next=found.next,
        is_first=after is None,
        show="unread" if is_unread else "all",
        unread=await inbox.unread(session, person_id),
        most=inbox.MOST_COUNTED,
        dismissed=dismissed,
        undo=undo,
        cursor=cursor,
    )


@router.get("/badge")
async def badge(request: Request, viewer: CurrentViewer, session: Reading) -> HTMLResponse:
    """A piece of the frame: how many notices are unread."""
    unread = await inbox.unread(session, viewer.caller.person_id)
    return render(request, "notifications/badge.html", viewer=viewer, unread=unread)


@router.post("")
async def act(request: Request, viewer: CurrentViewer, session: Writing) -> Response:
    """Do one thing to a notice, or mark all as read; then show the inbox again."""
    form = await request.form()
    person_id, what = viewer.caller.person_id, _text(form, "do")
    notice_id = _id(form)
    back = f"{_INBOX}?show=unread" if _text(form, "show") == "unread" else f"{_INBOX}?show=all"
    if what == "read-all":
        await inbox.mark_all(session, person_id, up_to=notice_id)
    elif notice_id is None:
        raise BadRequest("The form names no notice.")
    elif what in {"read", "unread"}:
        await inbox.mark(session, person_id, notice_id, is_read=what == "read")
    elif what == "dismiss":
        await inbox.dismiss(session, person_id, notice_id)
        back += f"&dismissed={notice_id}"
    elif what == "put-back":
        await inbox.put_back(session, person_id, notice_id)
    else:
        raise BadRequest("`do` is read, unread, read-all, dismiss or put-back.")
    return RedirectResponse(back, HTTPStatus.SEE_OTHER)


@router.get("/settings")
async def preferences_page(request: Request, viewer: CurrentViewer, session: Reading, parts: AllParts) -> Response:
    """What one is told, and how."""
    preferences = await read_preferences(session, parts, viewer.caller.person_id, viewer.person.time_zone)
    shown = _shown(preferences) | {"devices": await devices_of(session, viewer.caller)}
    is_saved = "saved" in request.query_params
    return render(request, "notifications/preferences.html", viewer=viewer, is_saved=is_saved, **shown)


@router.post("/settings")
async def save_preferences(request: Request, viewer: CurrentViewer, session: Writing, parts: AllParts) -> Response:
    """Keep what was chosen."""
    form, person_id = await request.form(), viewer.caller.person_id
    present = await read_preferences(session, parts, person_id, viewer.person.time_zone)
    kinds = [
        KindChange(
            kind=kind.kind,
            inbox=f"inbox:{kind.kind}" in form,
            # Where no mail is sent the boxes cannot be ticked, and say nothing.
            mail=f"mail:{kind.kind}" in form if present.is_mail_configured else None,
            push=f"push:{kind.kind}" in form,
        )
        for kind in present.kinds
    ]
    try:
        quiet = None
        if "quiet" in form:
            quiet = QuietHours(begins=_wall(form, "begins"), ends=_wall(form, "ends"))
        change = PreferencesChange(kinds=kinds, quiet_hours=quiet)
        await change_preferences(session, parts, person_id, change)
    except Problem as problem:
        shown = _shown(_as_chosen(present, kinds)) | {"problem": problem.detail, "is_quiet": True}
        shown |= {"begins": _text(form, "begins"), "ends": _text(form, "ends")}
        shown["devices"] = await devices_of(session, viewer.caller)
        return render(
            request,
            "notifications/preferences.html",
            viewer=viewer,
            status=problem.status,
            is_saved=False,
            **shown,
        )
    return RedirectResponse(f"{_PREFERENCES}?saved", HTTPStatus.SEE_OTHER)


@router.post("/settings/devices/{device_id:uuid}/stop")
async def stop_device(device_id: UUID, viewer: CurrentViewer, session: Writing) -> Response:
    """Have a device notified no more."""
    await remove_device(session, viewer.caller, device_id)
    return RedirectResponse(_PREFERENCES, HTTPStatus.SEE_OTHER)


def _as_chosen(present: PreferencesRead, kinds: list[KindChange]) -> PreferencesRead:
    """The preferences as a form has them that was refused: what was ticked in it is not lost."""
    chosen = {kind.kind: kind.model_dump(exclude_none=True) for kind in kinds}
    as_chosen = [kind.model_copy(update=chosen[kind.kind]) for kind in present.kinds]
    return present.model_copy(update={"kinds": as_chosen})


def _shown(preferences: PreferencesRead) -> dict[str, Any]:
    quiet = preferences.quiet_hours
    return {
        "preferences": preferences,
        "apps": [(app, list(kinds)) for app, kinds in groupby(preferences.kinds, lambda kind: kind.app)],
        "is_quiet": quiet is not None,
        "begins": quiet.begins if quiet else "22:00",
        "ends": quiet.ends if quiet else "07:00",
        "problem": None,
    }


def _by_day(rows: list[Row] | Any, zone: ZoneInfo) -> list[tuple[datetime, list[Row]]]:
    def day(row: Row) -> date:
        created_at: datetime = row.created_at
        return created_at.astimezone(zone).date()

    days = [list(group) for _, group in groupby(rows, day)]
    return [(group[0].created_at, group) for group in days]


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _id(form: FormData) -> UUID | None:
    try:
        return UUID(_text(form, "id"))
    except ValueError:
        return None


def _wall(form: FormData, name: str) -> str:
    try:
        return f"{time.fromisoformat(_text(form, name)):%H:%M}"
    except ValueError:
        raise BadRequest("Quiet hours begin and end at a time such as 22:00.") from None
