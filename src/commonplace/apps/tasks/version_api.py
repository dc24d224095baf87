"""A task's versions over HTTP: list them, read one, compare two, put one back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Response
from fastapi import Query as QueryParameter

from commonplace.apps.tasks import queries, service
from commonplace.apps.tasks.errors import TaskNotFound
from commonplace.apps.tasks.filters import PRIORITIES
from commonplace.apps.tasks.models import TASK
from commonplace.apps.tasks.schemas import (
    FieldDifference,
    TaskDifference,
    TaskRead,
    TaskVersionPage,
    TaskVersionRead,
)
from commonplace.platform.database.session import ReadSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history import versions
from commonplace.platform.history.record import StaleVersion
from commonplace.platform.history.versions import Version, VersionNotFound
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, etag
from commonplace.platform.http.dependencies import CurrentCaller, Reading, Writing
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import Caller
from commonplace.platform.sharing.access import access_of
from commonplace.platform.sharing.errors import ReadOnly

router = Router(prefix="/api/tasks/{task_id:uuid}/versions", tags=["tasks"])

Number = Annotated[int, Path(ge=1, le=2**31 - 2)]
_DERIVED = frozenset({"id", "is_subtask", "start_at", "due_at", "priority", "position"})


@router.get("", responses=problems(NotAuthenticated, TaskNotFound))
async def list_versions(
    task_id: UUID,
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="`next` of the page before.")] = None,
) -> TaskVersionPage:
    """A task's versions, the newest first.

    Its owner sees all of them; whoever may edit it those since it was shared with them; others the newest.
    """
    current, since = await _current_version(session, caller, task_id)
    found = await versions.list_versions(session, TASK, task_id, limit=limit + 1, before=after, since=since)
    earlier = [*found[1:], None]
    items = [_read(version, before, current) for version, before in zip(found[:limit], earlier, strict=False)]
    return TaskVersionPage(items=items, next=str(items[-1].version) if len(found) > limit else None)


@router.get("/{number}", responses=problems(NotAuthenticated, TaskNotFound, VersionNotFound))
async def read_version(task_id: UUID, number: Number, caller: CurrentCaller, session: Reading) -> TaskVersionRead:
    """One version of a task."""
    current, since = await _current_version(session, caller, task_id)
    found = await versions.list_versions(session, TASK, task_id, limit=2, before=number + 1, since=since)
    if not found or found[0].row.version != number:
        raise VersionNotFound
    return _read(found[0], found[1] if len(found) > 1 else None, current)


@router.get("/{number}/diff", responses=problems(NotAuthenticated, TaskNotFound, VersionNotFound))
async def compare_versions(
    task_id: UUID,
    number: Number,
    caller: CurrentCaller,
    session: Reading,
    to: Annotated[
        int | None, QueryParameter(ge=1, le=2**31 - 1, description="The version to compare with; else the newest.")
    ] = None,
) -> TaskDifference:
    """What differs between this version and another one, field by field."""
    current, since = await _current_version(session, caller, task_id)
    before = await versions.read_version(session, TASK, task_id, number, since=since)
    after = await versions.read_version(session, TASK, task_id, current if to is None else to, since=since)
    old, new = fields_of(before), fields_of(after)
    differences = [FieldDifference(field=name, before=old[name], after=new[name]) for name in changed(old, new)]
    return TaskDifference(from_version=number, to_version=after.row.version, fields=differences)


@router.post(
    "/{number}/restore",
    response_model=TaskRead,
    responses={
        200: with_headers("ETag"),
        **problems(NotAuthenticated, TaskNotFound, ReadOnly, VersionNotFound, StaleVersion, MalformedPrecondition),
    },
)
async def restore_version(
    task_id: UUID, number: Number, caller: CurrentCaller, session: Writing, if_match: IfMatch
) -> Response:
    """Make the next version of the task out of an earlier one. The place stays: to put it elsewhere is a move."""
    await service.restore_version(session, caller, task_id, number, expected=if_match)
    (written,) = await service.as_written(session, [task_id])
    return Response(written.json, headers={"ETag": etag(written.version)}, media_type="application/json")


async def _current_version(session: ReadSession, caller: Caller, task_id: UUID) -> tuple[int, datetime | None]:
    """The number of the task's newest version, and since when its past may be seen (None: all of it).

    Raises:
        TaskNotFound: there is no such task, or the caller may not see it.
    """
    row = await session.first(queries.TASK_VERSION, task_id=task_id, person_id=caller.person_id)
    if row is None:
        raise TaskNotFound(task_id)
    return int(row.version), (await access_of(session, caller.person_id, row)).past_since


def fields_of(version: Version) -> dict[str, Any]:
    """A version's state by the names of the API."""
    state = version.state
    parent_id = None if version.row.parent_id is None else str(version.row.parent_id)
    return {
        "title": version.row.title,
        "list_id": None if state["is_subtask"] else parent_id,
        "parent_id": parent_id if state["is_subtask"] else None,
        "priority": PRIORITIES[state["priority"]],
        "order": state["position"],
        **{name: value for name, value in state.items() if name not in _DERIVED},
        "is_trashed": version.row.trashed_at is not None,
    }


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The names of the fields that differ."""
    return sorted(name for name in new if old.get(name) != new[name])


def _read(version: Version, before: Version | None, current: int) -> TaskVersionRead:
    row, fields = version.row, fields_of(version)
    is_known = before is not None and before.row.version == row.version - 1
    return TaskVersionRead(
        version=row.version,
        title=row.title,
        state=fields,
        changed=changed(fields_of(before), fields) if is_known and before is not None else [],
        created_at=row.valid_from,
        created_by=row.by,
        is_current=row.version == current,
        is_trashed=row.trashed_at is not None,
    )
