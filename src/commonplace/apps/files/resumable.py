"""Uploads that can be resumed: begin one, send to it, put several together, give one up.

What holds, whoever dies when: `received_bytes` bytes are durable; the last of them count in the transaction that makes
the file, so an upload is whole exactly when its file is there; and every stored object has a row that names it, before
its bytes come and until they are gone.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, cast
from uuid import UUID

import structlog

from commonplace.apps.files import queries as file_queries
from commonplace.apps.files import resumable_queries as queries
from commonplace.apps.files import service
from commonplace.apps.files.errors import (
    ChecksumMismatch,
    FileNotFound,
    FileTooLarge,
    MalformedUpload,
    TooManyUploads,
    UploadBusy,
    UploadConflict,
    UploadFinal,
    UploadNotFound,
    UploadTooLong,
)
from commonplace.apps.files.known import Known, find_known
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.resumable_sink import Pieces, Sink
from commonplace.apps.files.schemas import OnConflict
from commonplace.apps.files.service import NewFile, Written
from commonplace.apps.files.settings import FilesSettings
from commonplace.apps.files.tus import Checksum, Creation
from commonplace.apps.files.uploads import Received
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession, WriteSession
from commonplace.platform.errors import Problem
from commonplace.platform.history import places
from commonplace.platform.history.record import NameTaken
from commonplace.platform.identity.caller import Caller
from commonplace.platform.media.types import HEAD_BYTES, detect
from commonplace.platform.parts import Parts
from commonplace.platform.space.room import Room, room_of
from commonplace.platform.storage.errors import ObjectBusy, ObjectNotFound, StorageFull
from commonplace.platform.storage.objects import reference
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.reading import read_all

_HASHED_HERE: Final = 256 * 1024  #: bytes; below, a hop to a thread costs more than the hash
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is."""

    received_bytes: int
    expires_at: datetime | None  #: None when it is whole
    made_id: UUID | None = None  #: the file that it became


async def find(session: ReadSession, caller: Caller, upload_id: UUID) -> Row:
    """The caller's upload.

    Raises:
        UploadNotFound: there is none.
    """
    row = await session.first(queries.FIND, upload_id=upload_id, person_id=caller.person_id)
    if row is None:
        raise UploadNotFound
    return row


async def begin(parts: Parts, caller: Caller, creation: Creation) -> Row:
    """Begin an upload: nothing is stored yet, but everything that can be refused is refused now.

    Raises:
        FileTooLarge, StorageFull, QuotaExceeded: it is too long.
        ContainerNotFound, ReadOnly, NameTaken, FileNotFound, StaleVersion: it cannot be put where it is meant to be.
        TooManyUploads: the caller has many that are unfinished.
    """
    await _require_room(parts, creation.size_bytes)
    settings, wanted, upload_id = parts[FilesSettings], creation.wanted, new_id()
    async with parts[Database].writing() as session:
        owner_id = await require_place(session, caller, creation)
        unfinished = await session.first(queries.UNFINISHED, person_id=caller.person_id)
        if unfinished is not None:
            if unfinished.number >= settings.uploads_open:
                raise TooManyUploads(settings.uploads_open)
            # What is not finished counts in no quota yet, and takes room all the same.
            room = await room_of(session, owner_id, caller_id=caller.person_id)
            room.refuse(unfinished.received_bytes + (creation.size_bytes or 0))
        await session.execute(
            queries.ADD,
            upload_id=upload_id,
            person_id=caller.person_id,
            purpose=creation.purpose,
            size_bytes=creation.size_bytes,
            metadata=creation.metadata,
            concat=creation.concat,
            name=wanted.name,
            folder_id=wanted.folder_id,
            replaces_id=wanted.replaces_id,
            replaces_version=wanted.replaces_version,
            on_conflict=wanted.on_conflict,
            sha256=wanted.sha256,
            days=settings.upload_days,
        )
        return await find(session, caller, upload_id)


async def require_place(session: ReadSession, caller: Caller, creation: Creation) -> UUID:
    """Refuse what could not be put where it is meant to be; what is only a part of something is put nowhere.

    Back comes whose it will be.

    Raises:
        ContainerNotFound, ReadOnly, NameTaken, FileNotFound, StaleVersion: it could not.
    """
    wanted = creation.wanted
    if creation.purpose == "partial":
        return caller.person_id
    if wanted.replaces_id is not None:
        _, owner_id = await service.title_for_change(
            session, caller, wanted.replaces_id, expected=wanted.replaces_version
        )
        return owner_id
    owner_id = await places.require_container(session, caller.person_id, wanted.folder_id, kind=FOLDER.name)
    if wanted.on_conflict == "fail":
        place, key = wanted.folder_id or caller.person_id, places.name_key(wanted.name)
        if await session.first(file_queries.NAMED, place=place, name_key=key, person_id=caller.person_id) is not None:
            raise NameTaken(wanted.name)
    return owner_id


async def send(
    parts: Parts,
    caller: Caller,
    upload_id: UUID,
    chunks: AsyncIterator[bytes],
    *,
    offset: int,
    announced_bytes: int | None = None,
    size_bytes: int | None = None,
    checksum: Checksum | None = None,
) -> Progress:
    """Take the bytes from `offset` on. Who sends the last one has made the file when this returns.

    `announced_bytes` is how many will come, `size_bytes` the length of an upload that had none yet. When the client
    breaks off, what came counts, unless it came with a checksum.

    Raises:
        UploadNotFound, UploadFinal, UploadConflict, UploadBusy: these bytes are not wanted; none was taken.
        UploadTooLong, ChecksumMismatch: those that came do not count.
        FileTooLarge, StorageFull, QuotaExceeded: there is no room for them.
    """
    async with parts[Database].reading() as session:
        _require_next(await find(session, caller, upload_id), offset)
        room = await room_of(session, caller.person_id, caller_id=caller.person_id)
    async with _claimed(parts, caller, upload_id) as (row, claim):
        _require_next(row, offset)
        if row.made_id is not None:  # the answer to the last bytes was lost
            if announced_bytes:
                raise UploadTooLong(row.size_bytes)
            return Progress(row.size_bytes, None, row.made_id)
        size_bytes = await _length(parts, row, size_bytes)
        if size_bytes is not None and announced_bytes is not None and offset + announced_bytes > size_bytes:
            raise UploadTooLong(size_bytes)
        try:
            async with Sink(parts, row, claim, checksum) as sink:
                sink.set_size(size_bytes)
                await _take(sink, chunks, size_bytes, partial(_refuse, parts[FilesSettings].largest_file_bytes, room))
                await sink.end_piece()
                if not sink.fits():
                    raise ChecksumMismatch
                if sink.position == size_bytes and row.purpose != "partial":
                    written = await _make(parts, caller, row, claim, sink)
                    return Progress(size_bytes, None, written.id)
                await sink.save()
                return Progress(sink.position, None if sink.position == size_bytes else sink.expires_at)
        except ObjectNotFound as error:
            await _end(parts, upload_id, claim)  # its bytes are gone: it has to begin anew
            raise UploadNotFound from error
        except ObjectBusy as error:
            raise UploadBusy from error


async def put_together(parts: Parts, caller: Caller, creation: Creation) -> tuple[Row, Progress]:
    """Make a file of partial uploads, in their order; they can be used again within the hour.

    Raises:
        UploadNotFound: one of them is not there.
        MalformedUpload: one of them is no partial upload, or is not whole.
        And what `begin` raises.
    """
    ids = list(creation.parts)
    async with parts[Database].reading() as session:
        rows = {row.id: row for row in await session.all(queries.FIND_ALL, ids=ids, person_id=caller.person_id)}
        stored = await session.all(queries.PARTS_OF, ids=ids)
    if any(one not in rows for one in ids):
        raise UploadNotFound
    if any(row.purpose != "partial" or row.received_bytes != row.size_bytes for row in rows.values()):
        raise MalformedUpload("Only partial uploads that are whole can be put together.")
    pieces = [(part.key, part.size_bytes) for one in ids for part in stored if part.upload_id == one]
    size_bytes = sum(rows[one].size_bytes for one in ids)
    await _require_room(parts, size_bytes)
    begun = await begin(parts, caller, creation)
    async with _claimed(parts, caller, begun.id) as (row, claim):
        try:
            async with Sink(parts, row, claim, None) as sink:
                written = await _make(parts, caller, row, claim, sink, of=pieces)
        except BaseException:
            await _end(parts, row.id, claim)
            raise
    async with parts[Database].writing() as session:
        await session.execute(queries.EXPIRE_SOON, ids=ids, person_id=caller.person_id)
        return await find(session, caller, begun.id), Progress(size_bytes, None, written.id)


async def give_up(parts: Parts, caller: Caller, upload_id: UUID) -> None:
    """Forget an upload and remove its bytes; a file that was made of it stays.

    Raises:
        UploadNotFound: there is none.
        UploadBusy: bytes are being sent to it.
    """
    async with _claimed(parts, caller, upload_id) as (_, claim):
        await _end(parts, upload_id, claim)


async def finish_known(parts: Parts, caller: Caller, begun: Row, known: Known) -> Progress:
    """Finish an upload whose bytes its person has already: none needs to be sent.

    Raises:
        ContentGone: not any more.
        And what making a file raises.
    """
    async with _claimed(parts, caller, begun.id) as (row, claim):
        received = known.received
        async with parts[Database].writing() as session:
            await reference(session, known.object_id)
            written = await _write(session, caller, row, received)
            await _note(session, row.id, claim, received.size_bytes, written)
        return Progress(received.size_bytes, None, written.id)


async def known_to(parts: Parts, caller: Caller, creation: Creation) -> Known | None:
    """What the caller has of the bytes that a new upload says it will bring."""
    wanted = creation.wanted
    if wanted.sha256 is None or creation.size_bytes is None or creation.purpose != "file":
        return None
    async with parts[Database].reading() as session:
        if wanted.replaces_id is not None:
            target = await session.first(
                file_queries.FILE_TITLE, file_id=wanted.replaces_id, person_id=caller.person_id
            )
            if target is None:
                raise FileNotFound
            owner_id = target.owner_id
        else:
            owner_id = await places.require_container(session, caller.person_id, wanted.folder_id, kind=FOLDER.name)
    if owner_id != caller.person_id:
        return None
    return await find_known(parts, caller, wanted.sha256, creation.size_bytes, name=wanted.name)


async def clear(parts: Parts, upload_id: UUID) -> None:
    """Remove the bytes of an upload that is over which nobody needs. What fails here, the schedule does."""
    async with parts[Database].reading() as session:
        keys = [row.key for row in await session.all(queries.RUBBISH_OF, upload_id=upload_id)]
    await remove(parts, [upload_id], keys)


async def remove(parts: Parts, ids: Sequence[UUID], keys: Sequence[str]) -> None:
    """Remove bytes, then the rows that name them, then the uploads that are over and have none left."""
    if keys:
        await parts[ObjectStorage].delete(*keys)
    async with parts[Database].writing() as session:
        if keys:
            await session.execute(queries.FORGET_PARTS, keys=list(keys))
        await session.execute(queries.FORGET, ids=list(ids))


@asynccontextmanager
async def _claimed(parts: Parts, caller: Caller, upload_id: UUID) -> AsyncIterator[tuple[Row, UUID]]:
    """Keep others away from an upload for as long as this goes on, or this process lives.

    Raises:
        UploadNotFound: there is none.
        UploadBusy: somebody else has it.
    """
    claim = new_id()
    async with parts[Database].writing() as session:
        who = {"upload_id": upload_id, "person_id": caller.person_id}
        process = parts[Bus].application_name
        row = await session.first(queries.CLAIM, **who, claim=claim, process=process)
        if row is None:
            await find(session, caller, upload_id)
            raise UploadBusy
    try:
        yield row, claim
    finally:
        async with parts[Database].writing() as session:
            has_rubbish = await session.scalar(queries.RELEASE, upload_id=upload_id, claim=claim)
        if has_rubbish:
            with suppress(Problem):  # The schedule does it again.
                await clear(parts, upload_id)


def _refuse(limit_bytes: int | None, room: Room, size_bytes: int) -> None:
    if limit_bytes is not None and size_bytes > limit_bytes:
        raise FileTooLarge(limit_bytes)
    room.refuse(size_bytes)


async def _take(
    sink: Sink, chunks: AsyncIterator[bytes], size_bytes: int | None, refuse: Callable[[int], None]
) -> None:
    """Read the request's body into the sink; when it breaks off, save what came."""
    while True:
        try:
            chunk = await anext(chunks, b"")
        except BaseException:
            # Only what the line did is saved: with an error of ours, what came is wrong or has no room.
            if sink.may_save and sink.position != size_bytes:
                await _save_in_peace(sink)
            raise
        if not chunk:
            return
        if size_bytes is not None and sink.position + len(chunk) > size_bytes:
            raise UploadTooLong(size_bytes)
        if size_bytes is None:  # else it was asked at the beginning, and is again at the end
            refuse(sink.position + len(chunk))
        await sink.add(chunk)
        if sink.position == size_bytes:
            return  # Whether the client waits for more is no matter: these are all.


async def _save_in_peace(sink: Sink) -> None:
    """Save, though the request may be being cancelled."""

    async def save() -> None:
        await sink.end_piece()
        await sink.save()

    saving = asyncio.create_task(save())
    while not saving.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([saving])
    if (error := saving.exception()) is not None:
        _log.warning("upload.not_saved", error=repr(error))


async def _make(
    parts: Parts, caller: Caller, row: Row, claim: UUID, sink: Sink, *, of: Pieces | None = None
) -> Written:
    """Make the file of an upload that is whole: of what was sent to it, or of the pieces `of` others."""
    pieces = await sink.end_piece() if of is None else of
    storage = parts[ObjectStorage]
    size_bytes = sum(size for _, size in pieces)
    sha256 = sink.sha256() if of is None else None
    if sha256 is None:
        sha256 = await _hashed(storage, pieces)
    if row.sha256 is not None and row.sha256 != sha256:
        await _end(parts, row.id, claim)
        raise ChecksumMismatch("The file's bytes do not have the `sha256` that was said at the beginning. Begin anew.")
    if len(pieces) == 1 and of is None:
        key = pieces[0][0]
    else:
        key = await sink.begin_part(0)
        if pieces:
            await storage.join(key, pieces)
        else:
            await storage.put(key, b"")
    head = b""
    if size_bytes:
        async with await storage.read(key, 0, min(size_bytes, HEAD_BYTES)) as reader:
            head = b"".join([chunk async for chunk in reader])
    received = Received(
        key=key, size_bytes=size_bytes, sha256=sha256, media_type=detect(head[:HEAD_BYTES], name=row.name)
    )
    async with parts[Database].writing() as session:
        written = await _write(session, caller, row, received)
        await _note(session, row.id, claim, size_bytes, written)
    return written


async def _write(session: WriteSession, caller: Caller, row: Row, received: Received) -> Written:
    if row.replaces_id is not None:
        return await service.replace_content(session, caller, row.replaces_id, received, expected=row.replaces_version)
    new, on_conflict = NewFile(row.name, received), cast("OnConflict", row.on_conflict)
    written, _ = await service.create_file(session, caller, new, folder_id=row.folder_id, on_conflict=on_conflict)
    return written


async def _note(session: WriteSession, upload_id: UUID, claim: UUID, size_bytes: int, written: Written) -> None:
    if not await session.execute(
        queries.FINISH, upload_id=upload_id, claim=claim, size_bytes=size_bytes, made_id=written.id
    ):
        raise UploadConflict(size_bytes)
    await session.execute(queries.KEEP_PART, key=written.key)


async def _hashed(storage: ObjectStorage, pieces: Pieces) -> str:
    """SHA-256 of what is stored, read once more: a hash that was begun in another process is gone with it."""
    digest = hashlib.sha256()
    async for chunk in read_all(storage, pieces):
        if len(chunk) < _HASHED_HERE:
            digest.update(chunk)
        else:
            await asyncio.to_thread(digest.update, chunk)
    return digest.hexdigest()


async def _end(parts: Parts, upload_id: UUID, claim: UUID) -> None:
    async with parts[Database].writing() as session:
        await session.execute(queries.END, upload_id=upload_id, claim=claim)


async def _require_room(parts: Parts, size_bytes: int | None) -> None:
    limit = parts[FilesSettings].largest_file_bytes
    if size_bytes is None:
        return
    if limit is not None and size_bytes > limit:
        raise FileTooLarge(limit)
    free = await parts[ObjectStorage].free_bytes()
    if free is not None and size_bytes > free:
        raise StorageFull(f"There is room for {free:,} bytes; delete something, or give the server more room.")


async def _length(parts: Parts, row: Row, size_bytes: int | None) -> int | None:
    """How long the upload is, if that is known by now."""
    if size_bytes is None or row.size_bytes == size_bytes:
        known: int | None = row.size_bytes
        return known
    if row.size_bytes is not None:
        raise MalformedUpload("The length of an upload cannot change.")
    if size_bytes < row.received_bytes:
        raise UploadTooLong(size_bytes)
    await _require_room(parts, size_bytes - row.received_bytes)
    return size_bytes


def _require_next(row: Row, offset: int) -> None:
    if row.purpose == "final":
        raise UploadFinal
    if row.received_bytes != offset:
        raise UploadConflict(row.received_bytes)
