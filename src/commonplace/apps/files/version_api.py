"""A file's versions over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response
from fastapi import Query as QueryParameter

from commonplace.apps.files import handing_over, queries, service
from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.handing_over import Taken
from commonplace.apps.files.models import FILE
from commonplace.apps.files.schemas import FileRead, FileVersionPage, FileVersionRead
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history import versions
from commonplace.platform.history.record import NameTaken, StaleVersion
from commonplace.platform.history.versions import Version, VersionNotFound
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, etag
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading, Writing
from commonplace.platform.http.openapi import with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import Caller
from commonplace.platform.media.serving import Content, disposition_of, respond, served
from commonplace.platform.sharing.access import access_of
from commonplace.platform.sharing.errors import ReadOnly
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(prefix="/api/files/{file_id:uuid}/versions", tags=["files"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("", responses=problems(NotAuthenticated, FileNotFound))
async def list_versions(
    file_id: UUID,
    caller: CurrentCaller,
    session: Reading,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    after: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="`next` of the page before.")] = None,
) -> FileVersionPage:
    """A file's versions, the newest first.

    Its owner sees all of them; whoever may edit it those since it was shared with them; others the newest.
    """
    current, since = await current_version(session, caller, file_id)
    found = await versions.list_versions(session, FILE, file_id, limit=limit + 1, before=after, since=since)
    items = [version_read(version, current) for version in found[:limit]]
    return FileVersionPage(items=items, next=str(items[-1].version) if len(found) > limit else None)


@router.get("/{number}", responses=problems(NotAuthenticated, FileNotFound, VersionNotFound))
async def read_version(file_id: UUID, number: Number, caller: CurrentCaller, session: Reading) -> FileVersionRead:
    """One version of a file."""
    current, since = await current_version(session, caller, file_id)
    return version_read(await versions.read_version(session, FILE, file_id, number, since=since), current)


@router.get(
    "/{number}/content",
    response_class=Response,
    response_model=None,
    responses={**served("The bytes."), **problems(NotAuthenticated, FileNotFound, VersionNotFound)},
)
async def read_version_content(
    file_id: UUID, number: Number, request: Request, caller: CurrentCaller, parts: AllParts
) -> Response:
    """The bytes of one version; ranges and conditions as for the file's own."""
    async with parts[Database].reading() as session:
        _, since = await current_version(session, caller, file_id)
        version = await versions.read_version(session, FILE, file_id, number, since=since)
        key = await session.scalar(queries.OBJECT_KEY, object_id=UUID(version.state["object_id"]))
    if key is None:
        raise VersionNotFound
    state = version.state
    content = Content(
        key=key,
        size_bytes=state["size_bytes"],
        media_type=state["media_type"],
        tag=state["sha256"],
        modified_at=version.row.valid_from,
        disposition=disposition_of(version.row.title, state["media_type"]),
    )
    taken = Taken(file_id, version.row.owner_id, state["size_bytes"], by=caller.person_id)
    past_us = await handing_over.redirect(request, parts, content, taken)
    return past_us or await respond(request, parts[ObjectStorage], content)


@router.post(
    "/{number}/restore",
    response_model=FileRead,
    responses={
        200: with_headers("ETag"),
        **problems(
            NotAuthenticated, FileNotFound, ReadOnly, VersionNotFound, StaleVersion, NameTaken, MalformedPrecondition
        ),
    },
)
async def restore_version(
    file_id: UUID, number: Number, caller: CurrentCaller, session: Writing, if_match: IfMatch
) -> Response:
    """Make the next version of the file out of an earlier one: its bytes and name of then. The place stays."""
    written = await service.restore_version(session, caller, file_id, number, expected=if_match)
    return Response(written.json, headers={"ETag": etag(written.version)}, media_type="application/json")


async def current_version(session: ReadSession, caller: Caller, file_id: UUID) -> tuple[int, datetime | None]:
    """The number of the file's newest version, and since when its past may be seen (None: all of it).

    Raises:
        FileNotFound: there is no such file, or the caller may not see it.
    """
    row = await session.first(queries.FILE_TITLE, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    return int(row.version), (await access_of(session, caller.person_id, row)).past_since


def version_read(version: Version, current: int) -> FileVersionRead:
    """A version as it is told; `current` is the number of the newest one."""
    row, state = version.row, version.state
    return FileVersionRead(
        version=row.version,
        name=row.title,
        folder_id=row.parent_id,
        size_bytes=state["size_bytes"],
        media_type=state["media_type"],
        sha256=state["sha256"],
        created_at=row.valid_from,
        created_by=row.by,
        is_current=row.version == current,
        is_trashed=row.trashed_at is not None,
        kept=row.kept,
        label=row.label,
    )
