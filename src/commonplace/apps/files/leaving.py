"""What files does when a person takes along what they have, or leaves.

An archive gets the bytes, in folders and under names as people know them.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from commonplace.apps.files import leaving_queries as queries
from commonplace.apps.files import resumable_queries
from commonplace.apps.files.models import FILE
from commonplace.platform.leaving.erasing import Erasing
from commonplace.platform.leaving.exporting import Export, StoredBytes
from commonplace.platform.leaving.safe_names import marked_name, safe_name

_TREE: Final = "files/tree"
_TRASH: Final = "files/trash"
_BATCH: Final = 1000


class _Folder(NamedTuple):
    parent_id: UUID | None
    title: str
    is_trashed: bool


async def export(export: Export) -> None:
    """Place each file in its folder, those in the trash apart, and the bytes of earlier versions by their numbers."""
    session, person_id = export.session, export.person_id
    folders = {
        row.id: _Folder(row.parent_id, row.title, row.is_trashed)
        for row in await session.all(queries.FOLDERS, person_id=person_id)
    }
    paths: dict[UUID, str] = {}
    async for row in session.stream(queries.FILES, person_id=person_id):
        name = safe_name(row.title, row.id)
        if row.is_trashed:
            path = f"{_TRASH}/{marked_name(name, row.id)}"
        else:
            path = f"{_path(row.parent_id, folders, paths)}/{name}"
        export.place(
            StoredBytes(row.object_id, row.key, row.size_bytes, row.sha256),
            path,
            at=row.updated_at,
            media_type=row.media_type,
            title=None if name == row.title else row.title,
        )
    async for row in session.stream(queries.VERSIONS, person_id=person_id, kind=FILE.name):
        export.place(
            StoredBytes(row.object_id, row.key, row.size_bytes, row.sha256),
            f"files/versions/{row.item_id}/{row.version} {safe_name(row.title, row.item_id)}",
            at=row.valid_from,
            media_type=row.media_type or "",
            extra=False,
        )


async def erase(erasing: Erasing) -> None:
    """Part of erasing a person: the smaller pictures, which no object's row names."""
    async with erasing.database.reading() as session:
        keys = [row.key for row in await session.all(queries.RENDITIONS, person_id=erasing.person_id)]
    for start in range(0, len(keys), _BATCH):
        some = keys[start : start + _BATCH]
        async with erasing.database.writing() as session:
            await erasing.doom(session, some)
            await erasing.count(session, "files.rendition", await session.execute(queries.FORGET_RENDITIONS, keys=some))
            await erasing.count(session, "files.form", await session.execute(queries.FORGET_FORMS, keys=some))
    await _erase_uploads(erasing)


async def _erase_uploads(erasing: Erasing) -> None:
    """What the person had begun to send."""
    number = _BATCH
    while number == _BATCH:
        async with erasing.database.writing() as session:
            rows = await session.all(resumable_queries.UPLOADS_OF, person_id=erasing.person_id, limit=_BATCH)
            ids, number = [row.id for row in rows], len(rows)
            await erasing.doom(session, [row.key for row in await session.all(resumable_queries.KEYS_OF, ids=ids)])
            await session.execute(resumable_queries.ERASE_PARTS, ids=ids)
            await erasing.count(session, "files.upload", await session.execute(resumable_queries.ERASE, ids=ids))


def _path(folder_id: UUID | None, folders: Mapping[UUID, _Folder], paths: dict[UUID, str]) -> str:
    """Where what lies in a folder goes. What lies in a trashed one is in the trash; each path is made once."""
    way: list[UUID] = []
    path: str | None = None
    while path is None:
        if folder_id is None or folder_id not in folders:
            path = _TREE
        elif folder_id in paths:
            path = paths[folder_id]
        else:
            way.append(folder_id)
            folder = folders[folder_id]
            if folder.is_trashed:
                path = _TRASH
            folder_id = folder.parent_id
    for one in reversed(way):
        folder = folders[one]
        name = safe_name(folder.title, one)
        path = f"{path}/{marked_name(name, one) if folder.is_trashed else name}"
        paths[one] = path
    return path
