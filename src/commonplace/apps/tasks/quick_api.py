"""Quick entry over HTTP: a task out of one line, and a look at what the line would become."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from uuid import UUID

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from commonplace.apps.tasks import queries, service
from commonplace.apps.tasks.errors import NothingToDo, PlaceNotFound, SubtasksTooDeep, TwoPlaces
from commonplace.apps.tasks.fields import given_fields
from commonplace.apps.tasks.quick_entry import QuickEntry, parse
from commonplace.apps.tasks.schemas import Moment, MomentRead, QuickPart, QuickRead, QuickText, TaskCreate, TaskRead
from commonplace.apps.tasks.settings import TasksSettings
from commonplace.apps.tasks.times import When
from commonplace.platform.database.session import ReadSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.conditional import etag
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, UnitOfWork
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.clock import Clock
from commonplace.platform.identity.people import People
from commonplace.platform.pages.viewer import zone_named
from commonplace.platform.parts import Parts

router = Router(prefix="/api/tasks/quick", tags=["tasks"])

_LONGEST_AWAY: Final = timedelta(days=366)  # a clock that is years behind is no longer believed
_CREATING: Final = (NotAuthenticated, NothingToDo, TwoPlaces, PlaceNotFound, SubtasksTooDeep)


class Understood(NamedTuple):
    """What a line says, and the list that it names."""

    entry: QuickEntry
    list_id: UUID | None


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=TaskRead,
    responses={201: with_headers("ETag", "Location"), **problems(*_CREATING)},
)
async def create_quickly(quick: QuickText, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts) -> Response:
    """Make a task out of one line."""
    zone = quick.time_zone or await zone_of(parts, caller)
    session = await unit.writing()
    understood = await understand(session, caller, parts, quick, zone)
    items = await service.new_items(session, caller, [given_fields(task_of(quick, understood))])
    (made,) = await service.create_tasks(session, caller, items, deepest=parts[TasksSettings].deepest_subtask)
    headers = {"ETag": etag(made.version), "Location": f"/api/tasks/{made.id}"}
    return Response(made.json, status_code=HTTPStatus.CREATED, headers=headers, media_type="application/json")


@router.post("/preview", responses=problems(NotAuthenticated))
async def preview(quick: QuickText, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts) -> QuickRead:
    """What a line would become; nothing is made."""
    zone = quick.time_zone or await zone_of(parts, caller)
    entry, list_id = await understand(await unit.reading(), caller, parts, quick, zone)
    priority: Any = entry.priority  # one of the four
    return QuickRead(
        title=entry.title,
        due=None if (due := _due(quick, entry)) is None else MomentRead.model_validate(due.stored()),
        recurrence=entry.recurrence,
        tags=list(entry.tags),
        priority=priority,
        list_id=list_id or (quick.list_id if quick.parent_id is None else None),
        list_title=entry.list_title,
        parts=[
            QuickPart(kind=part.kind, start=part.start, end=part.end, text=quick.text[part.start : part.end])
            for part in entry.parts
        ],
    )


async def zone_of(parts: Parts, caller: Caller) -> str:
    """The name of the caller's time zone; hold no session while it is asked."""
    person = await parts[People].person(caller.person_id)
    return "UTC" if person is None else zone_named(person.time_zone).key


async def understand(session: ReadSession, caller: Caller, parts: Parts, quick: QuickText, zone: str) -> Understood:
    """Read a line as this caller means it: with their lists, now, by the clocks of `zone`."""
    lists: Mapping[str, UUID] = {}
    if "+" in quick.text and quick.parent_id is None:
        rows = await session.all(queries.OPEN_LISTS, person_id=caller.person_id)
        lists = {row.title: row.id for row in reversed(rows)}
    clock = parts[Clock] if Clock in parts else Clock()
    now = datetime.fromtimestamp(clock.time(), UTC)
    if quick.written_at is not None:  # without a connection, and sent when there was one again
        now = min(now, max(quick.written_at.astimezone(UTC), now - _LONGEST_AWAY))
    entry = parse(quick.text, now=now, zone=zone, lists=lists.keys())
    return Understood(entry, None if entry.list_title is None else lists[entry.list_title])


def task_of(quick: QuickText, understood: Understood) -> TaskCreate:
    """The task that a line means.

    Raises:
        NothingToDo: it has no title.
        RequestValidationError: the title is longer than one may be, or holds what none may hold.
    """
    entry, list_id = understood
    if not entry.title:
        raise NothingToDo
    fields: dict[str, Any] = {
        "title": entry.title,
        "due": None if (due := _due(quick, entry)) is None else Moment.model_validate(due.stored()),
        "recurrence": entry.recurrence,
        "tags": list(entry.tags),
        "priority": entry.priority,
        "list_id": list_id or quick.list_id,
        "parent_id": quick.parent_id,
    }
    try:
        return TaskCreate(**fields)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", "text")} for one in error.errors(include_url=False, include_context=False)]
        ) from error


def _due(quick: QuickText, entry: QuickEntry) -> When | None:
    if entry.due is None and quick.day is not None:
        return When(date.fromisoformat(quick.day))
    return entry.due
