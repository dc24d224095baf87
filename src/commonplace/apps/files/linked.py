"""What files gives by a link: bytes, pictures and beginnings of files, and folders that strangers put files into."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from commonplace.apps.files import linked_queries, service, uploads
from commonplace.apps.files.archives import archives
from commonplace.apps.files.archives.archives import Root
from commonplace.apps.files.errors import FilePartMissing, FileTooLarge, MalformedUpload
from commonplace.apps.files.forms import Form, Part
from commonplace.apps.files.names import checked_name
from commonplace.apps.files.service import NewFile
from commonplace.apps.files.settings import FilesSettings
from commonplace.apps.files.uploads import Chunks, Received
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.http.unit import Unit
from commonplace.platform.media.serving import FOR_EVER, Content, disposition_of
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import LinkFull
from commonplace.platform.sharing.visits.linked import Arrived, LinkedKind, Put, Room
from commonplace.platform.storage.protocol import ObjectStorage

_MOST_PARTS: Final = 1000  #: files in one form


async def content(session: ReadSession, file_id: UUID) -> Content | None:
    """A file's bytes, as an attachment."""
    row = await session.first(linked_queries.CONTENT, file_id=file_id)
    if row is None:
        return None
    return Content(
        key=row.key,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        tag=row.sha256,
        modified_at=row.updated_at,
        disposition=disposition_of(row.title, row.media_type, as_download=True),
        cache_control="private, no-store",
    )


async def picture(session: ReadSession, file_id: UUID, size: int) -> Content | None:
    """A smaller picture of a file, where one was made."""
    row = await session.first(linked_queries.PICTURE, file_id=file_id, size=size)
    if row is None:
        return None
    return Content(
        key=row.key,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        tag=f"{row.sha256}-{size}",
        modified_at=row.processed_at,
        cache_control=FOR_EVER.replace("31536000", "600"),
    )


async def readable(session: ReadSession, file_id: UUID) -> Content | None:
    """A file's bytes where they are a text, to show how it begins."""
    found = await content(session, file_id)
    is_text = found is not None and found.media_type.startswith(("text/", "application/json"))
    return found if is_text and found is not None and found.size_bytes else None


async def archive(request: Request, parts: Parts, folder_id: UUID, name: str) -> Response:
    """A folder with all that lies in it, as a ZIP archive.

    Raises:
        DownloadTooLarge, ArchiveChanged, RangeNotSatisfiable: as `archives.answer` says.
    """
    return await archives.answer(request, parts, [Root(folder_id, name)])


async def receive(request: Request, parts: Parts, unit: Unit, room: Room) -> Sequence[Arrived]:
    """Store the files of a form (parts `file`), or the raw body as one named in the query.

    Raises:
        LinkFull: they are more, or larger together, than there is room for.
        MalformedUpload, FilePartMissing, InvalidName, FileTooLarge, StorageFull: as for other uploads.
    """
    receiving = _Receiving(parts, unit, room)
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        async for part in Form(content_type, _body(request)):
            await receiving.take_part(part)
    elif "name" in request.query_params:
        await receiving.take(request.query_params["name"], _body(request))
    if not receiving.arrived:
        raise FilePartMissing
    return receiving.arrived


async def put(
    session: WriteSession,
    parts: Parts,
    unit: Unit,
    arrived: Sequence[Arrived],
    folder_id: UUID,
    owner_id: UUID,
) -> Sequence[Put]:
    """Make the files, each beside what has its name. They belong to the folder's owner."""
    made: list[Put] = []
    for one in arrived:
        received: Received = one.stored
        new = NewFile(one.name, received)
        written = await service.create_for_visitor(session, new, folder_id=folder_id, owner_id=owner_id)
        if received.key is not None and written.key != received.key:
            uploads.remove_once_committed(unit, parts[ObjectStorage], received.key)
        made.append(Put(written.id, written.title, one.size_bytes))
    return made


class _Receiving:
    """An upload on its way in, with what it has used of the room."""

    def __init__(self, parts: Parts, unit: Unit, room: Room) -> None:
        self.arrived: list[Arrived] = []
        self._storage = parts[ObjectStorage]
        self._largest = parts[FilesSettings].largest_file_bytes
        self._unit = unit
        self._room = room

    async def take_part(self, part: Part) -> None:
        """One part of a form. A field without a file in it comes as a part without a name."""
        if part.file_name is None or part.name != "file":
            raise MalformedUpload(f"The form has a part “{part.name}”; this takes files, as the parts `file`.")
        if part.file_name:
            await self.take(part.file_name, aiter(part))

    async def take(self, name: str, chunks: Chunks) -> None:
        """One file."""
        room = self._room
        left = None if room.size_bytes is None else room.size_bytes - sum(one.size_bytes for one in self.arrived)
        if len(self.arrived) >= (_MOST_PARTS if room.files is None else room.files):
            raise LinkFull(*room)
        limits = [limit for limit in (left, self._largest) if limit is not None]
        try:
            received = await uploads.receive(
                self._storage,
                chunks,
                name=checked_name(name),
                expected_bytes=None,
                limit_bytes=min(limits) if limits else None,
            )
        except FileTooLarge:
            if left is not None and (self._largest is None or left < self._largest):
                raise LinkFull(*room) from None
            raise
        if received.key is not None:
            uploads.remove_unless_committed(self._unit, self._storage, received.key)
        self.arrived.append(Arrived(name=name, size_bytes=received.size_bytes, stored=received))


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


FILE: Final = LinkedKind(content=content, picture=picture, text=readable)
FOLDER: Final = LinkedKind(archive=archive, receive=receive, put=put)
