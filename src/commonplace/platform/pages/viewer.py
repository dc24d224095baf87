"""Who looks at a page."""

from dataclasses import dataclass
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, Request

from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.identity.people import People, Person
from commonplace.platform.identity.requests import caller_of
from commonplace.platform.parts import Parts

UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A signed-in person in front of a page."""

    caller: Caller
    person: Person
    zone: ZoneInfo  #: their time zone


def zone_named(name: str) -> ZoneInfo:
    """The time zone of this name; UTC when this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


async def viewer_of(request: Request) -> Viewer:
    """The person who asks for a page.

    Raises:
        NotAuthenticated: nobody is signed in; the browser is sent to the sign-in page.
    """
    caller = await caller_of(request)
    parts: Parts = request.app.state.parts
    person = await parts[People].person(caller.person_id)
    if person is None:
        raise SessionOver
    return Viewer(caller=caller, person=person, zone=zone_named(person.time_zone))


CurrentViewer = Annotated[Viewer, Depends(viewer_of)]
"""Who looks at this page. Name it before a session: no connection is held while it is asked."""
