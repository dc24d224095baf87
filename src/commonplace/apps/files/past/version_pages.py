"""Pages of a file's versions: the list, two of them side by side, and removing one.

All of them work without scripts.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Path, Query, Request
from starlette.responses import RedirectResponse, Response

from commonplace.apps.files import page_queries, queries, service
from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.models import FILE
from commonplace.apps.files.past import version_api
from commonplace.apps.files.past.schemas import VersionMark
from commonplace.apps.files.schemas import FileVersionRead
from commonplace.apps.files.version_api import Number, current_version, version_read
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.history import versions
from commonplace.platform.history.marking import LONGEST_LABEL
from commonplace.platform.http.dependencies import AllParts, Reading, Writing
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.people import People
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer
from commonplace.platform.parts import Parts

router = Router(include_in_schema=False, prefix="/app/files/file/{file_id:uuid}/versions")

_PAGE: Final = 50
Mark = Annotated[str, Path(pattern="^(keep|let-go)$")]


@router.get("")
async def list_versions(
    file_id: UUID,
    request: Request,
    viewer: CurrentViewer,
    session: Reading,
    parts: AllParts,
    after: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """A file's versions, the newest first."""
    file = await _file(session, viewer, file_id)
    current, since = await current_version(session, viewer.caller, file_id)
    # One more than is shown: what the last one changed is told by the one before it.
    found = await versions.list_versions(session, FILE, file_id, limit=_PAGE + 1, before=after, since=since)
    read = [version_read(version, current) for version in found]
    shown = [
        {**one.model_dump(), "what": _difference(one, read[number + 1] if number + 1 < len(read) else None)}
        for number, one in enumerate(read[:_PAGE])
    ]
    return render(
        request,
        "files/versions.html",
        viewer=viewer,
        name=file.title,
        file_id=file_id,
        may_write=file.may_write,
        may_remove=file.owner_id == viewer.caller.person_id,
        versions=shown,
        people=await _people(parts, {one.created_by for one in read if one.created_by is not None}),
        next=read[_PAGE - 1].version if len(read) > _PAGE else None,
        path=await _path(session, viewer, file_id),
        own=_own(file_id),
    )


@router.get("/{number}/compare")
async def compare(file_id: UUID, number: Number, request: Request, viewer: CurrentViewer, parts: AllParts) -> Response:
    """A version beside how the file is now."""
    one = await version_api.compared(parts, viewer.caller, file_id, number, None)
    async with parts[Database].reading() as session:
        file, path = await _file(session, viewer, file_id), await _path(session, viewer, file_id)
    return render(
        request,
        "files/comparison.html",
        viewer=viewer,
        one=one,
        may_write=file.may_write and not one.before.is_current,
        path=path,
        own=_own(file_id),
    )


@router.get("/{number}/remove")
async def ask_to_remove(
    file_id: UUID, number: Number, request: Request, viewer: CurrentViewer, session: Reading
) -> Response:
    """Asks before a version is removed for good."""
    file = await _file(session, viewer, file_id)
    current, since = await current_version(session, viewer.caller, file_id)
    version = await versions.read_version(session, FILE, file_id, number, since=since)
    return render(
        request,
        "files/remove_version.html",
        viewer=viewer,
        name=file.title,
        one=version_read(version, current),
        path=await _path(session, viewer, file_id),
        own=_own(file_id),
    )


@router.post("/{number}/remove")
async def remove(file_id: UUID, number: Number, viewer: CurrentViewer, session: Writing) -> Response:
    """Remove a version for good."""
    await version_api.remove_version(file_id, number, viewer.caller, session)
    return _back(file_id)


@router.post("/{number}/restore")
async def restore(file_id: UUID, number: Number, viewer: CurrentViewer, session: Writing) -> Response:
    """Restore a version."""
    await service.restore_version(session, viewer.caller, file_id, number, expected=None)
    return _back(file_id)


@router.post("/{number}/label")
async def label(file_id: UUID, number: Number, request: Request, viewer: CurrentViewer, session: Writing) -> Response:
    """Give a version a label, or take it away."""
    form = await request.form()
    written = str(form.get("label", "")).replace("\0", "")[:LONGEST_LABEL]
    await version_api.mark_version(file_id, number, VersionMark(label=written or None), viewer.caller, session)
    return _back(file_id, number)


@router.post("/{number}/{mark}")
async def mark(file_id: UUID, number: Number, mark: Mark, viewer: CurrentViewer, session: Writing) -> Response:
    """Keep a version for ever, or let it go."""
    await version_api.mark_version(file_id, number, VersionMark(kept=mark == "keep"), viewer.caller, session)
    return _back(file_id, number)


async def _file(session: ReadSession, viewer: Viewer, file_id: UUID) -> Row:
    row = await session.first(queries.FILE_TITLE, file_id=file_id, person_id=viewer.caller.person_id)
    if row is None:
        raise FileNotFound
    return row


async def _path(session: ReadSession, viewer: Viewer, file_id: UUID) -> str:
    """The page of the folder that the file lies in."""
    row: Any = await session.first(page_queries.PLACE_OF_FILE, file_id=file_id, person_id=viewer.caller.person_id)
    return "/app/files" if row is None or row.parent_id is None else f"/app/files/folder/{row.parent_id}"


async def _people(parts: Parts, ids: set[UUID]) -> dict[UUID, str]:
    return {person_id: person.name for person_id, person in (await parts[People].people(ids)).items()}


def _difference(one: FileVersionRead, before: FileVersionRead | None) -> str:
    """What this version changed, for people."""
    if before is None:
        return "uploaded" if one.version == 1 else ""
    if one.is_trashed != before.is_trashed:
        return "moved to the trash" if one.is_trashed else "came back from the trash"
    if one.sha256 != before.sha256:
        return "new content"
    if one.folder_id != before.folder_id:
        return "moved"
    return "renamed" if one.name != before.name else ""


def _own(file_id: UUID) -> str:
    return f"/app/files/file/{file_id}/versions"


def _back(file_id: UUID, number: int | None = None) -> Response:
    place = "" if number is None else f"#version-{number}"
    return RedirectResponse(_own(file_id) + place, HTTPStatus.SEE_OTHER)
