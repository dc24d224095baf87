"""Pages of what lay in a folder, as JSON."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from starlette.responses import Response

from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.past import looking
from commonplace.apps.files.past.looking import Then
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.session import ReadSession
from commonplace.platform.history.asof import PastState
from commonplace.platform.identity.caller import Caller

_KINDS: Final = (FOLDER, FILE)


class _Cursor(NamedTuple):
    """Where a page ended: at which kind, name and id."""

    kind: str
    name: str
    id: UUID


class Listed(NamedTuple):
    """One page of entries, each with the name of its kind."""

    entries: Sequence[tuple[str, PastState]]
    next: str | None


async def page_of(session: ReadSession, caller: Caller, then: Then, *, limit: int, after: str | None) -> Listed:
    """A page of what lay there: folders first, each by name.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    place = None if after is None else read_cursor(after, _Cursor)
    if place is not None and (place.kind not in {kind.name for kind in _KINDS} or "\0" in place.name):
        raise UnknownPage
    if place is None:
        first, end, has_more = await looking.first_entries(session, caller, then, limit=limit)
        following = write_cursor(end[0].name, end[1].title, end[1].item_id) if has_more and end else None
        return Listed([(kind.name, state) for kind, state in first], following)
    listed: list[tuple[str, PastState]] = []
    for kind in _KINDS:
        if place.kind == FILE.name and kind is FOLDER:
            continue
        keys = (place.name, place.id) if place.kind == kind.name else None
        room = limit - len(listed)
        if not room:  # the files begin with the next page; their cursor is before the first of them
            return Listed(listed, write_cursor(FILE.name, "", UUID(int=0)))
        found, last, has_more = await looking.entries(session, caller, then, kind, limit=room, after=keys)
        listed += ((kind.name, state) for state in found)
        if has_more and last is not None:
            return Listed(listed, write_cursor(kind.name, last.title, last.item_id))
    return Listed(listed, None)


def as_json(then: Then, listed: Listed) -> Response:
    """The page as `schemas.PastPage` describes it."""
    page = {
        "at": then.moment.at,
        "whole_since": then.whole_since,
        "items": [_entry(kind, state) for kind, state in listed.entries],
        "next": listed.next,
    }
    return Response(msgspec.json.encode(page), media_type="application/json")


def _entry(kind: str, state: PastState) -> dict[str, Any]:
    held = state.state
    return {
        "id": state.item_id,
        "kind": kind,
        "name": state.title,
        "version": state.version,
        "since": state.valid_from,
        "is_current": state.valid_until is None,
        "size_bytes": held.get("size_bytes"),
        "media_type": held.get("media_type"),
        "sha256": held.get("sha256"),
    }
