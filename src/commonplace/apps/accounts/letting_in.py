"""Signing in, in their browser, somebody who has made their account this moment."""

from contextlib import suppress
from http import HTTPStatus
from uuid import UUID

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import set_cookie
from commonplace.apps.accounts.device import device_of
from commonplace.apps.accounts.errors import ProfileNotAllowed
from commonplace.apps.accounts.languages import preferred_language
from commonplace.apps.accounts.next_page import next_page
from commonplace.apps.accounts.profile import change_profile
from commonplace.apps.accounts.profile_rules import clean_time_zone
from commonplace.apps.accounts.schemas import ProfileChange
from commonplace.apps.accounts.sessions import open_browser_session
from commonplace.platform.identity.caller import Caller


async def let_in(request: Request, accounts: Accounts, person_id: UUID, *, time_zone: str, wanted: str) -> Response:
    """Sign a newcomer in, with the time zone and the language of their device, and lead to the page `wanted`."""
    device = device_of(request)
    session = await open_browser_session(accounts, person_id=person_id, device=device)
    change = ProfileChange(language=preferred_language(request.headers.get("accept-language", "")))
    # Without scripts, or in a zone that this machine does not know: UTC, until the person says otherwise.
    with suppress(ProfileNotAllowed):
        change.time_zone = clean_time_zone(time_zone)
    caller = Caller(person_id=person_id, session_id=session.session_id, role="user")
    async with accounts.database.writing() as writing:
        await change_profile(writing, caller.person_id, change, expected=None)
    response = RedirectResponse(next_page(wanted), HTTPStatus.SEE_OTHER)
    set_cookie(response, session, device, accounts)
    return response
