"""Folders and selections as one ZIP archive: streamed, of a known length, and to be resumed.

Whoever calls `answer` has seen to it that the caller may read what is asked for: a tree has one owner, and what may be
read of a folder may be read of all that lies in it.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import structlog
from fastapi import Request, Response

from commonplace.apps.files.archives import layout, queries
from commonplace.apps.files.archives.plan import Entry, Plan
from commonplace.apps.files.archives.reader import ArchiveReader, Known
from commonplace.apps.files.errors import ArchiveChanged, DownloadTooLarge, NotInSelection
from commonplace.apps.files.names import numbered_file, numbered_folder
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.errors import Problem
from commonplace.platform.history.places import name_key
from commonplace.platform.http.conditional import etag
from commonplace.platform.media.serving import Content, StreamResponse, disposition_of, respond_from
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage

MEDIA_TYPE: Final = "application/zip"
_UNNAMED: Final = "Commonplace"
_HARMLESS: Final = str.maketrans(dict.fromkeys("/\\\0", "_"))
_log = structlog.get_logger(__name__)


class Root(NamedTuple):
    """What stands at the top of an archive."""

    id: UUID
    name: str


async def choose(session: ReadSession, person_id: UUID, ids: Sequence[UUID]) -> list[Root]:
    """The files and folders of a selection, in its order; of those with one name all but the first get a number.

    Raises:
        NotInSelection: one of them is not there, or the person may not see it.
    """
    rows = {row.id: row for row in await session.all(queries.CHOSEN, ids=list(ids), person_id=person_id)}
    taken: set[str] = set()
    roots = []
    for item_id in dict.fromkeys(ids):
        row = rows.get(item_id)
        if row is None:
            raise NotInSelection(item_id)
        roots.append(Root(item_id, _free_name(row, taken)))
    return roots


async def answer(request: Request, parts: Parts, roots: Sequence[Root]) -> Response:
    """The archive of `roots` and all that lies in them, as the answer to a GET, HEAD or POST: 200, 206 or 304.

    Raises:
        DownloadTooLarge: it holds more entries, or longer paths, than an archive may.
        ArchiveChanged: `If-Match` names the archive of another moment.
        RangeNotSatisfiable: the range asked for has none of its bytes.
    """
    plan = await make_plan(parts, roots)
    response: Response | None = None
    try:
        condition = request.headers.get("if-match")
        if condition is not None and condition.strip() not in ("*", etag(plan.tag)):
            raise ArchiveChanged
        name = roots[0].name if len(roots) == 1 else _UNNAMED
        content = Content(
            key="",
            size_bytes=plan.size_bytes,
            media_type=MEDIA_TYPE,
            tag=plan.tag,
            modified_at=None,  # what was removed leaves no date behind
            disposition=disposition_of(f"{name}.zip", MEDIA_TYPE, as_download=True),
        )

        async def read(start: int, end: int) -> ArchiveReader:
            return ArchiveReader(parts[ObjectStorage], plan, start, end, keep=lambda new: _keep(parts[Database], new))

        response = await respond_from(request, content, read)
        return response
    finally:
        if not isinstance(response, StreamResponse):
            plan.close()


async def make_plan(parts: Parts, roots: Sequence[Root]) -> Plan:
    """What the archive will hold, as of one moment; close it.

    Raises:
        DownloadTooLarge: there are more entries, or longer paths, than an archive may have.
    """
    limit = parts[FilesSettings].archive_entries
    plan = Plan()
    try:
        async with parts[Database].writing() as session:  # for its transaction: a long answer needs one
            for statement in queries.AS_OF_NOW:
                await session.execute(statement)
            ids, names = [root.id for root in roots], [root.name for root in roots]
            async for row in session.stream(queries.CONTENTS, ids=ids, names=names, limit=limit + 1):
                plan.add(_entry(row, room=limit - plan.entries))
    except BaseException:
        plan.close()
        raise
    return plan


def _entry(row: Row, *, room: int) -> Entry:
    if not room:
        raise DownloadTooLarge("An archive may hold so many files and folders as FILES__ARCHIVE_ENTRIES says.")
    path = safe_path(row.path)
    if len(path) >= layout.LONGEST_PATH:
        raise DownloadTooLarge(
            f"An archive takes paths of {layout.LONGEST_PATH:,} bytes at most, and there is a longer."
        )
    if row.object_id is None:
        return Entry(path=path + b"/", changed=row.changed)
    return Entry(
        path=path,
        changed=row.changed,
        size=row.size_bytes,
        key=row.key.encode(),
        object_id=row.object_id.bytes,
        sha256=row.sha256,
        crc32=row.crc32,
    )


def safe_path(path: str) -> bytes:
    """A path as it stands in an archive. Names are checked on their way in; none leads out of the archive anyway."""
    parts = (part.translate(_HARMLESS) for part in path.split("/"))
    return "/".join("_" if part in ("", ".", "..") else part for part in parts).encode()


def _free_name(row: Row, taken: set[str]) -> str:
    numbered = numbered_folder if row.kind == "folder" else numbered_file
    name, number = row.title, 1
    while name_key(name) in taken:
        number += 1
        name = numbered(row.title, number)
    taken.add(name_key(name))
    return str(name)


async def _keep(database: Database, new: Sequence[Known]) -> None:
    """Checksums are derived: where they cannot be kept they are computed again."""
    try:
        async with database.writing() as session:
            await session.execute(
                queries.KEEP_CHECKSUMS,
                object_ids=[UUID(bytes=known[0]) for known in new],
                crc32s=[known[1] for known in new],
            )
    except Problem as problem:
        _log.warning("archive.checksums_not_kept", reason=str(problem))
