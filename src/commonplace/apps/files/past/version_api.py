"""A file's versions over HTTP, beyond reading and restoring: compare two, keep and label one, remove one for good."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as QueryParameter

from commonplace.apps.files import queries
from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.models import FILE
from commonplace.apps.files.past import comparing
from commonplace.apps.files.past.errors import NotYoursToRemove
from commonplace.apps.files.past.schemas import FileComparison, LineRead, VersionMark
from commonplace.apps.files.schemas import FileVersionRead
from commonplace.apps.files.version_api import Number, current_version, version_read
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history import marking, versions
from commonplace.platform.history.marking import NewestVersion, VersionIsKept
from commonplace.platform.history.versions import Version, VersionNotFound
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import Caller
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import ReadOnly
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(prefix="/api/files/{file_id:uuid}/versions", tags=["files"])


@router.get("/{number}/compare", responses=problems(NotAuthenticated, FileNotFound, VersionNotFound))
async def compare_versions(
    file_id: UUID,
    number: Number,
    caller: CurrentCaller,
    parts: AllParts,
    other: Annotated[
        int | None,
        QueryParameter(alias="with", ge=1, le=2**31 - 1, description="The other version; left out: the newest."),
    ] = None,
) -> FileComparison:
    """Two versions of a file: what is known of each, and for texts up to 256 kB what differs, line by line.

    The lines lead from the version in the path to the other one.
    """
    return await compared(parts, caller, file_id, number, other)


async def compared(parts: Parts, caller: Caller, file_id: UUID, number: int, other: int | None) -> FileComparison:
    """Two versions of a file; see `compare_versions`."""
    async with parts[Database].reading() as session:
        current, since = await current_version(session, caller, file_id)
        pair = [
            await versions.read_version(session, FILE, file_id, one, since=since) for one in (number, other or current)
        ]
        keys = [await _key(session, version) for version in pair]
    is_same = pair[0].state["sha256"] == pair[1].state["sha256"]
    found = comparing.Compared([])
    if not is_same:
        before, after = ((key, dict(version.state)) for key, version in zip(keys, pair, strict=True))
        found = await comparing.compare(parts[ObjectStorage], before, after)
    return FileComparison(
        before=version_read(pair[0], current),
        after=version_read(pair[1], current),
        is_same=is_same,
        lines=None if found.lines is None else [LineRead(**line._asdict()) for line in found.lines],
        why_not=found.why_not,
    )


@router.patch("/{number}", responses=problems(NotAuthenticated, FileNotFound, ReadOnly, VersionNotFound))
async def mark_version(
    file_id: UUID, number: Number, change: VersionMark, caller: CurrentCaller, session: Writing
) -> FileVersionRead:
    """Keep a version for ever or let it go, and give it a label. That makes no version of the file."""
    given: dict[str, Any] = change.model_dump(exclude_unset=True)
    row = await session.first(queries.FILE_TITLE, file_id=file_id, person_id=caller.person_id)
    current, since = await current_version(session, caller, file_id)
    if row is None or not row.may_write:
        raise ReadOnly
    await marking.mark(
        session,
        FILE,
        file_id,
        number,
        kept=given.get("kept"),
        label=((given["label"] or "").strip() or None,) if "label" in given else None,
        since=since,
    )
    return version_read(await versions.read_version(session, FILE, file_id, number, since=since), current)


@router.delete(
    "/{number}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, FileNotFound, NotYoursToRemove, VersionNotFound, NewestVersion, VersionIsKept),
)
async def remove_version(file_id: UUID, number: Number, caller: CurrentCaller, session: Writing) -> None:
    """Remove an earlier version for good: this cannot be undone, and only the file's owner may.

    Of the time before it was replaced the past is then no longer whole.
    """
    row = await session.first(queries.FILE_TITLE, file_id=file_id, person_id=caller.person_id)
    if row is None:
        raise FileNotFound
    if row.owner_id != caller.person_id:
        raise NotYoursToRemove
    await marking.remove(session, FILE, file_id, number)


async def _key(session: ReadSession, version: Version) -> str:
    key: str | None = await session.scalar(queries.OBJECT_KEY, object_id=UUID(version.state["object_id"]))
    if key is None:
        raise VersionNotFound
    return key
