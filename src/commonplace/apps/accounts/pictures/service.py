"""A person's picture: taking it, choosing what is shown of it, removing it.

The bytes are stored and cut before a transaction begins; in it the rows change and what happened is told. What the rows
named before is removed after it, unless a backup is copying: then the sweep does.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.events import PictureChanged
from commonplace.apps.accounts.picture_paths import LARGE, SMALL, picture_path
from commonplace.apps.accounts.pictures import queries
from commonplace.apps.accounts.pictures.errors import (
    PictureNotAllowed,
    PictureNotFound,
    PicturesBusy,
    PictureTooLarge,
)
from commonplace.apps.accounts.pictures.schemas import SIZES, PictureRead
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.media.pictures import WHOLE, Picture, PictureUnusable, as_file, blocks_of, make_picture
from commonplace.platform.media.process import Media
from commonplace.platform.media.square import Square
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import ContentGone, ObjectNotFound
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.objects import reference, register
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.removal import MAY_REMOVE

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    """What a change puts in the place of what was there."""

    square: Square
    picture: Picture
    object_id: UUID


async def read_picture(session: ReadSession, person_id: UUID) -> PictureRead:
    """A person's own picture.

    Raises:
        PictureNotFound: they have none.
    """
    return _read(await _row(session, person_id))


def refuse_too_large(accounts: Accounts, content_length: str | None) -> None:
    """Let pass what says that it is small enough, before anything of it is read.

    Raises:
        PictureTooLarge: it is larger, or does not say.
    """
    megabytes = accounts.settings.picture_megabytes
    if content_length is None or not content_length.isdecimal() or int(content_length) > megabytes * _MEGABYTE:
        raise PictureTooLarge(megabytes)


async def take_picture(parts: Parts, person_id: UUID, chunks: AsyncIterator[bytes], square: Square) -> PictureRead:
    """Make these bytes the person's picture.

    Raises:
        PictureTooLarge: they are too many.
        PictureNotAllowed: they are no picture that can be shown.
        PicturesBusy: they could not be looked at now.
        StorageFull, StorageUnavailable: the storage does not take them.
    """
    accounts, storage = parts[Accounts], parts[ObjectStorage]
    async with _received(accounts, chunks) as source:
        picture = await _made(parts, source, square)
        keys = [variant.key for variant in picture.variants]
        try:
            key = new_key(Category.FILES, picture.media_type.partition("/")[2])
            stored = await storage.put(key, blocks_of(source), content_type=picture.media_type)
            keys.append(key)
            async with accounts.database.writing() as session:
                known = await register(session, person_id, stored)
                new = _New(square=square, picture=picture, object_id=known.id)
                unneeded = await _replace(session, accounts, person_id, new)
                read = await read_picture(session, person_id)
        except BaseException:
            await storage.delete(*keys)
            raise
    await storage.delete(*unneeded, *([key] if known.is_duplicate else []))
    return read


async def choose_square(parts: Parts, person_id: UUID, square: Square) -> PictureRead:
    """Show another part of the picture.

    Raises:
        PictureNotFound: the person has none, or it was replaced meanwhile.
        PicturesBusy: it could not be looked at now.
    """
    accounts, storage = parts[Accounts], parts[ObjectStorage]
    async with accounts.database.reading() as reading:
        present = await _row(reading, person_id)
    try:
        async with as_file(storage, present.key) as source:
            picture = await _made(parts, source, square)
    except ObjectNotFound as error:
        raise PictureNotFound from error
    try:
        async with accounts.database.writing() as session:
            await _require(session, person_id, present.id)
            await reference(session, present.object_id)
            new = _New(square=square, picture=picture, object_id=present.object_id)
            unneeded = await _replace(session, accounts, person_id, new)
            read = await read_picture(session, person_id)
    except BaseException as error:
        await storage.delete(*(variant.key for variant in picture.variants))
        if isinstance(error, ContentGone):
            raise PictureNotFound from error
        raise
    await storage.delete(*unneeded)
    return read


async def remove_picture(parts: Parts, person_id: UUID) -> None:
    """Show initials again.

    Raises:
        PictureNotFound: there is none to remove.
    """
    accounts = parts[Accounts]
    async with accounts.database.writing() as session:
        await _require(session, person_id)
        unneeded = await _replace(session, accounts, person_id, None)
    await parts[ObjectStorage].delete(*unneeded)


async def _require(session: WriteSession, person_id: UUID, picture_id: UUID | None = None) -> None:
    """Hold the person's picture, which is this one if an id is given.

    Raises:
        PictureNotFound: there is none, or another by now.
    """
    await session.execute(queries.LOCK, person_id=person_id)
    present = await session.scalar(queries.IS_THERE, person_id=person_id)
    if present is None or picture_id not in {None, present}:
        raise PictureNotFound


async def _replace(session: WriteSession, accounts: Accounts, person_id: UUID, new: _New | None) -> list[str]:
    """Put the new one in the place of the old one, and tell it; the keys that may be removed after the commit.

    The object as it came may be a file of the person's, too: the sweep removes it when nothing needs it.
    """
    await session.execute(queries.LOCK, person_id=person_id)
    unneeded = [row.key for row in await session.all(queries.KEYS, person_id=person_id)]
    await session.execute(queries.REMOVE, person_id=person_id)
    if new is not None:
        picture_id = uuid4()
        await session.execute(
            queries.ADD,
            person_id=person_id,
            id=picture_id,
            object_id=new.object_id,
            media_type=new.picture.media_type,
            width=new.picture.width,
            height=new.picture.height,
            side=new.square.side,
            x=new.square.x,
            y=new.square.y,
            now=accounts.now(),
        )
        for variant in new.picture.variants:
            await session.execute(
                queries.ADD_VARIANT,
                picture_id=picture_id,
                name=variant.name,
                key=variant.key,
                media_type=variant.media_type,
                size_bytes=variant.size_bytes,
            )
    fact = PictureChanged(person_id=person_id, is_removed=new is None)
    await log.tell(session, fact, owner_id=person_id, by=person_id)
    return unneeded if unneeded and await session.scalar(MAY_REMOVE) else []


async def _made(parts: Parts, source: Path, square: Square) -> Picture:
    try:
        return await make_picture(parts[Media], parts[ObjectStorage], source, square, SIZES)
    except PictureUnusable as error:
        raise PicturesBusy if error.may_pass else PictureNotAllowed(error.reason) from error


@asynccontextmanager
async def _received(accounts: Accounts, chunks: AsyncIterator[bytes]) -> AsyncIterator[Path]:
    """The bytes in a file of their own, for the time of the block."""
    megabytes, size = accounts.settings.picture_megabytes, 0
    with tempfile.NamedTemporaryFile(prefix="commonplace-picture-") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > megabytes * _MEGABYTE:
                raise PictureTooLarge(megabytes)
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(file.flush)
        yield Path(file.name)


async def _row(session: ReadSession, person_id: UUID) -> Row:
    row = await session.first(queries.READ, person_id=person_id)
    if row is None:
        raise PictureNotFound
    return row


def _read(row: Row) -> PictureRead:
    shown = {name: value for name, value in dict(row).items() if name not in {"object_id", "key"}}
    paths = {name: picture_path(row.id, of) for name, of in (("small", SMALL), ("large", LARGE), ("whole", WHOLE))}
    return PictureRead(**shown, **paths)
