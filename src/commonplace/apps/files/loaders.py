"""What others are shown of files and folders besides their names: for links, which know no app."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from commonplace.apps.files import queries
from commonplace.platform.database.session import ReadSession


async def file_details(session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """Size, type and hash of each of these files, and whether there are smaller pictures of it."""
    rows = await session.all(queries.FILE_DETAILS, ids=list(ids))
    return {row.id: {name: row[name] for name in ("size_bytes", "media_type", "sha256", "has_picture")} for row in rows}


async def folder_details(_session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """Of a folder there is nothing else to know."""
    return {folder_id: {} for folder_id in ids}
