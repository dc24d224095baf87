"""The page of the audit trail. It works without scripts."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, cast, get_args
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.responses import Response

from commonplace.apps.accounts import audit, queries
from commonplace.apps.accounts.administrators import Administrator
from commonplace.apps.accounts.audit import Action, Filter
from commonplace.apps.accounts.audit_words import ACTIONS, TITLES
from commonplace.apps.accounts.context import Accounts
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http.dependencies import Reading, part
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer

AUDIT_PATH: Final = "/app/admin/audit"
_PAGE: Final = 50
_LONGEST_WORDS: Final = 200

router = Router(include_in_schema=False)

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]


@router.get(AUDIT_PATH)
async def audit_page(
    request: Request,
    viewer: CurrentViewer,
    _caller: Administrator,
    accounts: TheAccounts,
    session: Reading,
    after: str | None = None,
) -> Response:
    """Who did what to whom. Days are those of the viewer's time zone; what cannot be read of a filter is left out."""
    given = request.query_params
    wanted = _filter(given, viewer.zone)
    page = await audit.list_entries(session, wanted, limit=_PAGE, after=after)
    shown = {name: given.get(name, "") for name in ("q", "action", "since", "until", "person", "by")}
    return render(
        request,
        "accounts/audit.html",
        viewer=viewer,
        entries=page.items,
        wanted=shown,
        person=await _name_of(session, wanted.person_id),
        by=await _name_of(session, wanted.by_id),
        older=page.next and _query({**shown, "after": page.next}),
        csv=_query(_for_api(wanted)),
        titles=TITLES,
        words=ACTIONS,
        audit_days=accounts.settings.audit_days,
    )


def _filter(given: Any, zone: ZoneInfo) -> Filter:
    action = given.get("action", "")
    until = _day(given.get("until", ""))
    since = _day(given.get("since", ""))
    words = given.get("q", "").replace("\x00", "")[:_LONGEST_WORDS].strip()
    return Filter(
        action=cast("Action", action) if action in get_args(Action) else None,
        person_id=_id(given.get("person", "")),
        by_id=_id(given.get("by", "")),
        words=words or None,
        since=None if since is None else _midnight(since, zone),
        until=None if until is None else _midnight(until + timedelta(days=1), zone),
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year < 9999 else None  # noqa: PLR2004 - the next day is to be one, too


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _for_api(wanted: Filter) -> dict[str, str]:
    given = {
        "action": wanted.action,
        "person": wanted.person_id and str(wanted.person_id),
        "by": wanted.by_id and str(wanted.by_id),
        "q": wanted.words,
        "since": wanted.since and wanted.since.isoformat(),
        "until": wanted.until and wanted.until.isoformat(),
    }
    return {name: value for name, value in given.items() if value}


def _query(parameters: dict[str, str]) -> str:
    return urlencode({name: value for name, value in parameters.items() if value})


async def _name_of(session: ReadSession, person_id: UUID | None) -> str | None:
    row = None if person_id is None else await session.first(queries.PROFILE, person_id=person_id)
    return None if row is None else str(row.name)
