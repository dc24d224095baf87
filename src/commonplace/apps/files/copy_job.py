"""Beginning a copy: at once where it is little, as a job where it is much or where bytes have to be brought."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, NamedTuple
from uuid import UUID

from commonplace.apps.files import entry_queries as queries
from commonplace.apps.files.copying import Copying, Walk, next_files, own_objects
from commonplace.apps.files.errors import CopyIntoItself, EntryNotFound
from commonplace.apps.files.merging import MOST_AT_ONCE, is_long
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.names import extension_of
from commonplace.apps.files.schemas import Rule
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession, WriteSession
from commonplace.platform.history import places
from commonplace.platform.history.places import MoveIntoOwnSubtree
from commonplace.platform.history.record import NameTaken
from commonplace.platform.jobs.store import start_job
from commonplace.platform.jobs.work import Job
from commonplace.platform.storage.errors import ContentGone
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.protocol import ObjectStorage

KIND: Final = "files.copy"
_MOST_COUNTED: Final = 1_000_000
_TRIES: Final = 5
_FETCHED_BYTES: Final = 64 * 1024 * 1024  #: brought at a time, or one file that is larger


class Copied(NamedTuple):
    """What a request came to."""

    ids: list[UUID]  #: what was made, or got a new version, right in the target
    skipped: list[UUID]
    job: Row | None  #: what does it, when it is done later


async def copy_entries(
    session: WriteSession,
    person_id: UUID,
    ids: Sequence[UUID],
    folder_id: UUID | None,
    *,
    rule: Rule,
    deepest: int,
    names: Mapping[UUID, str] | None = None,
) -> Copied:
    """Copy files and folders into a folder, or to the person's top level.

    Raises:
        EntryNotFound: one of them is none, or the person may not see it.
        ContainerNotFound, ReadOnly: there is no such folder, or the person may put nothing into it.
        CopyIntoItself, TooDeep: it cannot lie there.
        InvalidName, NameTaken: see `moving.move_entries`.
        TooManyJobs: it would be a job, and the person has too many.
    """
    owner_id = await places.require_container(session, person_id, folder_id, kind=FOLDER.name)
    files = await session.all(queries.FILES_TO_COPY, ids=list(ids), person_id=person_id)
    folders = await session.all(queries.FOLDERS_TO_COPY, ids=list(ids), person_id=person_id)
    found = {row.id: row for row in (*files, *folders)}
    for entry_id in ids:
        if entry_id not in found:
            raise EntryNotFound(entry_id)
    trees = [row.id for row in folders]
    if trees:
        try:
            await places.require_copies(session, trees, folder_id, limit=deepest)
        except MoveIntoOwnSubtree as error:
            raise CopyIntoItself from error
    if rule == "fail":
        await _require_free(
            session, folder_id or owner_id, [(names or {}).get(row.id, row.title) for row in found.values()]
        )
    walk = Walk(
        folder_id=None if folder_id is None else str(folder_id),
        files=[str(one) for one in ids if found[one].kind == "file"],
        folders=[str(one) for one in ids if found[one].kind == "folder"],
        names={str(one): name for one, name in (names or {}).items()},
        rule=rule,
        frames=[],
        tops=[],
        skipped=[],
    )
    is_foreign = any(row.owner_id != owner_id for row in found.values())
    if is_foreign or await is_long(session, list(ids)):
        title = f"Copying “{next(iter(found.values())).title}”" if len(ids) == 1 else f"Copying {len(ids):,} things"
        return Copied([], [], await start_job(session, kind=KIND, owner_id=person_id, title=title, given=walk))
    copying = Copying(session, person_id, walk, owner_id=owner_id, deepest=deepest, fetched={})
    while await copying.some(MOST_AT_ONCE):
        pass
    if walk["files"] or walk["frames"]:
        raise ContentGone
    return Copied([UUID(one) for one in walk["tops"]], [UUID(one) for one in walk["skipped"]], None)


async def _require_free(session: ReadSession, place: UUID, titles: Sequence[str]) -> None:
    """Refuse at once what the job would be refused later."""
    taken = await places.taken(session, place, titles)
    for title in titles:
        if places.name_key(title) in taken:
            raise NameTaken(title)


async def copy(job: Job) -> Mapping[str, Any]:
    """The runner: `given` is the walk at its beginning, the cursor is where it is."""
    walk: Walk = deepcopy(job.cursor or job.given)  # type: ignore[assignment]
    failed = 0
    while walk["frames"] or walk["folders"] or walk["files"]:
        owner_id, fetched = await _fetch(job, walk)
        ahead = deepcopy(walk)
        try:
            async with job.step() as step:
                if step.total is None:
                    roots = [UUID(one) for one in (*walk["files"], *walk["folders"])]
                    step.total = await step.session.scalar(queries.WITHIN, ids=roots, most=_MOST_COUNTED)
                copying = Copying(
                    step.session,
                    job.owner_id,
                    ahead,
                    owner_id=owner_id,
                    deepest=job.parts[FilesSettings].deepest_folder,
                    fetched=fetched,
                )
                step.done += await copying.some(MOST_AT_ONCE)
                step.cursor = ahead
        except NameTaken:  # somebody took a name in the same moment: it is looked at anew
            failed += 1
            if walk["rule"] == "fail" or failed == _TRIES:
                raise
            continue
        walk, failed = ahead, 0
        # Only now, when it is certain that they are needed by nobody; of any other outcome the sweep knows more.
        await job.parts[ObjectStorage].delete(*({*fetched.values()} - copying.used))
    made, skipped = len(walk["tops"]), len(walk["skipped"])
    path = "/app/files" if walk["folder_id"] is None else f"/app/files/folder/{walk['folder_id']}"
    return {"made": made, "skipped": skipped, "path": path}


async def _fetch(job: Job, walk: Walk) -> tuple[UUID, dict[str, str]]:
    """Whose the copies are; and the bytes of the next files that this owner has not, stored under keys of their own."""
    storage = job.parts[ObjectStorage]
    folder_id = None if walk["folder_id"] is None else UUID(walk["folder_id"])
    async with job.parts[Database].reading() as session:
        owner_id = await places.require_container(session, job.owner_id, folder_id, kind=FOLDER.name)
        rows = await _ahead(session, job.owner_id, walk)
        have = await own_objects(session, owner_id, [row.sha256 for row in rows])
    fetched: dict[str, str] = {}
    size_bytes = 0
    try:
        for row in rows:
            if row.sha256 in have or row.sha256 in fetched:
                continue
            if fetched and size_bytes + row.size_bytes > _FETCHED_BYTES:
                break
            key = new_key(Category.FILES, extension_of(row.title))
            fetched[row.sha256] = key
            await storage.copy(row.key, key)
            size_bytes += row.size_bytes
            await job.progress(job.done)
    except BaseException:
        await storage.delete(*fetched.values())
        raise
    return owner_id, fetched


async def _ahead(session: ReadSession, person_id: UUID, walk: Walk) -> Sequence[Row]:
    if walk["frames"]:
        frame = walk["frames"][-1]
        return [] if frame["are_files_done"] else await next_files(session, person_id, frame, limit=100)
    ids = [UUID(one) for one in walk["files"][:100]]
    rows = {row.id: row for row in await session.all(queries.FILES_TO_COPY, ids=ids, person_id=person_id)}
    return [rows[one] for one in ids if one in rows]
