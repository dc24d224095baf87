"""By what files and folders are found: for search, which knows no app."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from commonplace.apps.files import queries
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.search.document import Document
from commonplace.platform.search.index import LONGEST_BODY

_TECHNICAL: Final = frozenset({"encoding", "codec", "format", "producer", "version"})  # nobody looks for these


async def file_documents(session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Document]:
    """What these files are, and what was found in them."""
    rows = await session.all(queries.FILES_TO_INDEX, ids=list(ids), longest=LONGEST_BODY)
    return {
        row.id: Document(
            body="\n".join(_texts(row)),
            tags=row.tags,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            at=row.taken_at,
            coordinates=None if row.latitude is None else (row.latitude, row.longitude),
            is_place_shared=bool(row.is_place_shared),
            thumbnail=f"/api/files/{row.id}/thumbnail?size=256" if row.has_thumbnail else None,
        )
        for row in rows
    }


def _texts(row: Row) -> Iterator[str]:
    """The text inside, what the file tells of itself in words, and the names of what is packed in it."""
    yield row.text or ""
    for name, fact in (row.facts or {}).items():
        if name in _TECHNICAL:
            continue
        if isinstance(fact, str):
            yield fact
        elif isinstance(fact, list):
            yield ", ".join(map(str, fact))
    yield "\n".join(row.entries or ())


async def folder_documents(session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Document]:
    """Folders are found by their names and tags."""
    rows = await session.all(queries.FOLDERS_TO_INDEX, ids=list(ids))
    return {row.id: Document(tags=row.tags) for row in rows}
