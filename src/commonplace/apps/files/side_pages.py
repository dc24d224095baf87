"""Pieces beside the list: what is in a text, what is known of an entry, the folders of the tree."""

import asyncio
from typing import Final
from uuid import UUID

from fastapi import Request
from starlette.responses import HTMLResponse

from commonplace.apps.files import detail_queries, previews, shown
from commonplace.apps.files.details import details_of
from commonplace.apps.files.errors import FileNotFound
from commonplace.apps.files.found_words import place_of, words_of
from commonplace.platform.database.session import Database
from commonplace.platform.http.dependencies import AllParts, Reading
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import UTC, CurrentViewer
from commonplace.platform.storage.protocol import ObjectStorage

router = Router(include_in_schema=False)

_AT_ONCE: Final = asyncio.Semaphore(2)  # previews that a process makes side by side: others shall be served meanwhile


@router.get("/app/files/preview/{file_id:uuid}")
async def preview(file_id: UUID, request: Request, viewer: CurrentViewer, parts: AllParts) -> HTMLResponse:
    """A text as a person reads it: code in colours, Markdown as prose, CSV as a table; up to `MOST_BYTES` of it."""
    async with parts[Database].reading() as session:
        row = await session.first(
            detail_queries.PREVIEW, file_id=file_id, person_id=viewer.caller.person_id, longest=previews.MOST_FOUND
        )
    if row is None:
        raise FileNotFound
    if previews.is_text(row.media_type):
        head = await _head(parts[ObjectStorage], row.key, row.size_bytes)
        async with _AT_ONCE:
            drawn = await asyncio.to_thread(
                previews.preview_of, row.title, row.media_type, head, is_whole=len(head) == row.size_bytes
            )
    else:
        drawn = previews.found_in(row.text, row.entries, row.facts, is_cut=bool(row.is_cut))
    return render(request, "files/preview.html", viewer=viewer, shown=drawn, row=row)


@router.get("/app/files/details/{item_id:uuid}")
async def details(item_id: UUID, request: Request, viewer: CurrentViewer, parts: AllParts) -> HTMLResponse:
    """What is known of one file or folder."""
    known = await details_of(parts, viewer, item_id)
    owner = known.name_of(known.row.owner_id, viewer)
    row = known.row
    is_place_told = known.is_owner or row.is_place_shared
    return render(
        request,
        "files/details.html",
        viewer=viewer,
        details=known,
        owner=owner,
        utc=UTC,
        found_facts=words_of(row.facts),
        place_on_earth=place_of(row.latitude, row.longitude) if is_place_told else "",
    )


@router.get("/app/files/tree")
async def tree(request: Request, viewer: CurrentViewer, session: Reading, folder: UUID | None = None) -> HTMLResponse:
    """The folders in one folder, as items of the tree."""
    place = await shown.place_of(session, viewer, folder)
    return render(request, "files/tree.html", viewer=viewer, folders=await shown.folders_of(session, viewer, place))


async def _head(storage: ObjectStorage, key: str, size_bytes: int) -> bytes:
    if not size_bytes:
        return b""
    async with await storage.read(key, 0, min(size_bytes, previews.MOST_BYTES)) as chunks:
        return b"".join([chunk async for chunk in chunks])
