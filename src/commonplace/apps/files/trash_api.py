"""The trash over HTTP: items of every kind, for their restoring is the same everywhere."""

from datetime import datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Query as QueryParameter

from commonplace.apps.files.schemas import TrashedRead, TrashPage
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history import trash
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading
from commonplace.platform.http.moments import moment_of_cursor
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router

router = Router(prefix="/api/trash", tags=["trash"])


class _Cursor(NamedTuple):
    """Where a page ended."""

    trashed_at: datetime
    id: UUID


@router.get("", responses=problems(NotAuthenticated, UnknownPage))
async def list_trash(
    caller: CurrentCaller,
    session: Reading,
    parts: AllParts,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> TrashPage:
    """What was moved to the trash, the latest first. What lies in a trashed folder comes and goes with the folder."""
    place = None if after is None else read_cursor(after, _Cursor)
    keys = None if place is None else (moment_of_cursor(place.trashed_at), place.id)
    rows = await trash.in_trash(session, caller.person_id, limit=limit + 1, after=keys)
    kept_for = timedelta(days=parts[HistorySettings].trash_days)
    items = [
        TrashedRead(
            id=row.id,
            kind=row.kind,
            name=row.title,
            parent_id=row.parent_id,
            parent_name=row.parent_title,
            version=row.version,
            trashed_at=row.trashed_at,
            removed_at=row.trashed_at + kept_for,
        )
        for row in rows[:limit]
    ]
    following = write_cursor(items[-1].trashed_at, items[-1].id) if len(rows) > limit else None
    return TrashPage(items=items, next=following)
