"""Where one's space went, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as QueryParameter

from commonplace.apps.files.errors import FolderNotFound
from commonplace.apps.files.space.report import SpaceRead, space_report
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import CurrentCaller, Reading
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router

router = Router(prefix="/api/space", tags=["files"])


@router.get("", responses=problems(NotAuthenticated, FolderNotFound))
async def read_space(
    caller: CurrentCaller,
    session: Reading,
    folder_id: Annotated[UUID | None, QueryParameter(description="Whose folders to weigh; left out: all.")] = None,
) -> SpaceRead:
    """What the caller keeps and may keep, and where it went."""
    return await space_report(session, caller.person_id, folder_id)
