"""Import and export over HTTP."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from fastapi import Depends, Request, Response
from fastapi import Query as QueryParameter
from starlette.responses import StreamingResponse

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.errors import (
    ImportRefused,
    ImportTooLarge,
    PlaceNotFound,
    TaskListNotFound,
    UnreadableImport,
)
from commonplace.apps.tasks.exchange import importing
from commonplace.apps.tasks.exchange.entries import LONGEST_FILE, MOST_TROUBLES, Findings
from commonplace.apps.tasks.plain import LISTS
from commonplace.apps.tasks.quick_api import zone_of
from commonplace.apps.tasks.schemas import ImportRead, ImportTrouble, Zone
from commonplace.apps.tasks.settings import TasksSettings
from commonplace.platform.app import load
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, UnitOfWork
from commonplace.platform.http.idempotency import attempt_of
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router, takes_a_stream
from commonplace.platform.http.unit import Unit
from commonplace.platform.identity.caller import Caller

router = Router(prefix="/api/tasks", tags=["tasks"])

_LONGEST_UPLOAD: Final = 120.0  #: seconds
_BATCH: Final = 500  #: tasks read at a time; no connection is held while they are sent
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


ImportFormat = Literal["icalendar", "todo_txt", "todoist", "microsoft_to_do", "vikunja"]
ExportFormat = Literal["icalendar", "todo_txt"]
_EXCHANGE: Final = "commonplace.apps.tasks.exchange"
#: Loaded when they are asked for: some come with libraries.
_READERS: Final[Mapping[ImportFormat, str]] = {
    "icalendar": f"{_EXCHANGE}.vtodo:read",
    "todo_txt": f"{_EXCHANGE}.todo_txt:read",
    "todoist": f"{_EXCHANGE}.todoist:read",
    "microsoft_to_do": f"{_EXCHANGE}.microsoft:read",
    "vikunja": f"{_EXCHANGE}.vikunja:read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is to be imported."""

    format: ImportFormat
    is_dry_run: bool
    skips_unreadable: bool
    list_id: UUID | None
    time_zone: str | None


async def _options(
    format: Annotated[ImportFormat, QueryParameter(description="What the body is.")],  # noqa: A002 - the parameter
    dry_run: Annotated[bool, QueryParameter(description="Only say what would happen.")] = False,
    unreadable: Annotated[
        Literal["refuse", "skip"],
        QueryParameter(description="When tasks cannot be read: nothing is imported, or all but them."),
    ] = "refuse",
    list_id: Annotated[
        UUID | None, QueryParameter(description="The list that all go into. Left out: lists by the file's titles.")
    ] = None,
    time_zone: Annotated[
        Zone | None, QueryParameter(description="Of times that name none. Left out: the person's time zone.")
    ] = None,
) -> ImportOptions:
    return ImportOptions(
        format=format,
        is_dry_run=dry_run,
        skips_unreadable=unreadable == "skip",
        list_id=list_id,
        time_zone=time_zone,
    )


@router.post(
    "/import",
    responses=problems(NotAuthenticated, PlaceNotFound, UnreadableImport, ImportRefused, ImportTooLarge),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}},
    response_model=ImportRead,
)
@takes_a_stream
async def import_tasks(
    request: Request,
    caller: CurrentCaller,
    unit: UnitOfWork,
    parts: AllParts,
    options: Annotated[ImportOptions, Depends(_options)],
) -> Response:
    """Take in the tasks of another program, all or none; the same file again makes nothing twice."""
    content = await _received(request)
    attempt = attempt_of(request)
    if attempt is not None:
        attempt.fingerprint = hashlib.sha256(request.url.query.encode() + b"\0" + content).digest()
        if attempt.is_repetition:
            return attempt.replay()
    zone = options.time_zone or await zone_of(parts, caller)
    findings: Findings = await asyncio.to_thread(load(_READERS[options.format]), content, zone=zone)
    deepest = parts[TasksSettings].deepest_subtask
    report = await _import(unit, caller, findings, options, deepest=deepest)
    return Response(report.model_dump_json(), media_type="application/json")


async def _received(request: Request) -> bytes:
    content = bytearray()
    async with asyncio.timeout(_LONGEST_UPLOAD):
        async for chunk in request.stream():
            content += chunk
            if len(content) > LONGEST_FILE:
                raise ImportTooLarge(LONGEST_FILE)
    return bytes(content)


async def _import(
    unit: Unit, caller: Caller, findings: Findings, options: ImportOptions, *, deepest: int
) -> ImportRead:
    writing = None if options.is_dry_run else await unit.writing()
    if writing is not None:
        await importing.lock(writing, caller)
    planned = await importing.plan(
        writing or await unit.reading(),
        caller,
        findings,
        origin=options.format,
        list_id=options.list_id,
        deepest=deepest,
    )
    wholes = sum(trouble.is_whole for trouble in findings.troubles)
    troubles = [
        ImportTrouble(**asdict(one.where), what=one.what, why=one.why, is_whole=one.is_whole)
        for one in sorted(findings.troubles, key=lambda one: not one.is_whole)[:MOST_TROUBLES]
    ]
    if writing is not None:
        if wholes and not options.skips_unreadable:
            raise ImportRefused(wholes, [one.model_dump() for one in troubles])
        await importing.carry_out(writing, caller, planned, deepest=deepest)
    return ImportRead(
        is_dry_run=options.is_dry_run,
        created=len(planned.tasks),
        present=planned.present,
        unreadable=wholes,
        lists_created=len(planned.lists),
        troubles=troubles,
        troubles_left_out=len(findings.troubles) - len(troubles),
    )


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/calendar": {"schema": {"type": "string"}},
                "text/plain": {"schema": {"type": "string"}},
            },
            "description": "The file.",
        },
        **problems(NotAuthenticated, TaskListNotFound),
    },
)
async def export_tasks(
    caller: CurrentCaller,
    parts: AllParts,
    format: Annotated[ExportFormat, QueryParameter(description="iCalendar has all but attachments.")],  # noqa: A002
    list_id: Annotated[UUID | None, QueryParameter(description="Only this list. Left out: all one's own.")] = None,
) -> StreamingResponse:
    """Tasks as a file that other programs read, and `/api/tasks/import`, too."""
    database = parts[Database]
    if list_id is not None:
        async with database.reading() as session:
            await LISTS.read(session, caller, list_id)
    tasks = _tasks(database, caller, list_id)
    if format == "icalendar":
        return _file(_calendar(tasks), "tasks.ics", "text/calendar; charset=utf-8")
    return _file(_lines(tasks), "todo.txt", "text/plain; charset=utf-8")


def _file(content: AsyncIterator[bytes], name: str, media_type: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=media_type, headers=headers)


Batch = list[tuple[Mapping[str, Any], str | None]]
"""Tasks as the API answers them, each with the title of its list."""


async def _tasks(database: Database, caller: Caller, list_id: UUID | None) -> AsyncIterator[Batch]:
    conditions: dict[str, Any] = {} if list_id is None else {"list_id": list_id}
    place: dict[str, Any] = {}
    while True:
        statement = queries.tasks_page(
            tuple(conditions), "created_at", reach="own" if list_id is None else "all", is_later_page=bool(place)
        )
        async with database.reading() as session:
            row = await session.first(statement, person_id=caller.person_id, limit=_BATCH + 1, **conditions, **place)
            tasks = msgspec.json.decode(f"[{'' if row is None else row['items']}]")
            ids = {task["list_id"] for task in tasks if task["list_id"]}
            rows = await session.all(queries.LIST_TITLES, ids=[*ids], person_id=caller.person_id)
        titles = {str(one.id): one.title for one in rows}
        yield [(task, titles.get(task["list_id"])) for task in tasks]
        if row is None or row["found"] <= _BATCH:
            return
        place = {"key": row["key"], "id": UUID(row["id"])}


async def _calendar(tasks: AsyncIterator[Batch]) -> AsyncIterator[bytes]:
    vtodo = import_module(f"{_EXCHANGE}.vtodo")
    yield vtodo.HEAD
    zones: set[str] = set()
    async for batch in tasks:
        yield await asyncio.to_thread(_joined, partial(vtodo.write, zones=zones), batch)
    for zone in sorted(zones):
        yield await asyncio.to_thread(vtodo.write_zone, zone)
    yield vtodo.END


async def _lines(tasks: AsyncIterator[Batch]) -> AsyncIterator[bytes]:
    write = load(f"{_EXCHANGE}.todo_txt:write")
    async for batch in tasks:
        yield _joined(write, batch)


def _joined(write: Callable[[Mapping[str, Any], str | None], bytes], batch: Batch) -> bytes:
    return b"".join(write(task, title) for task, title in batch)
