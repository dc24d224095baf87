"""What the holder of a link does: show a password, look, download, put files in. Each is noted in the link's ledger."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.http import context
from commonplace.platform.http.unit import Unit
from commonplace.platform.media.serving import Content, respond
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import (
    LinkForbids,
    LinkFull,
    LinkNameNeeded,
    LinkNotKnown,
    LinkPasswordNeeded,
    NoPreview,
)
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.settings import SharingSettings
from commonplace.platform.sharing.visits import counting, ledger, opening
from commonplace.platform.sharing.visits.gate import LinkGate
from commonplace.platform.sharing.visits.guesses import require_password
from commonplace.platform.sharing.visits.linked import Put, Room
from commonplace.platform.sharing.visits.opening import GOOD, Visit
from commonplace.platform.sharing.visits.showing import left
from commonplace.platform.storage.protocol import ObjectStorage

_EXCERPT_BYTES: Final = 64 * 1024
_SMALL: Final = 256  #: pixels: what stands in lists is not looked at by itself

# Within the transaction that makes the files: what was good when the bytes began to come may be revoked or full now.
_TAKE = Query(
    text(f"""
    UPDATE platform.item_link SET files_taken = files_taken + CAST(:files AS integer),
        bytes_taken = bytes_taken + CAST(:size AS bigint)
    FROM platform.item
    WHERE item_link.id = :link_id AND item.id = item_link.item_id AND item_link.access = 'upload' AND {GOOD}
    AND (most_files IS NULL OR files_taken + CAST(:files AS integer) <= most_files)
    AND (most_bytes IS NULL OR bytes_taken + CAST(:size AS bigint) <= most_bytes)
    """)
)
_LEFT = Query(
    text(f"""
    SELECT item_link.most_files, item_link.files_taken, item_link.most_bytes, item_link.bytes_taken
    FROM platform.item_link JOIN platform.item ON item.id = item_link.item_id
    WHERE item_link.id = :link_id AND item_link.access = 'upload' AND {GOOD}
    """)
)


async def give_pass(
    parts: Parts, request: Request, token: str, *, password: str | None, name: str | None
) -> tuple[str, int]:
    """A pass for whoever shows what the link asks for, and until when it is good (Unix seconds).

    Raises:
        LinkNotKnown: the token leads nowhere.
        LinkPasswordNeeded, LinkNameNeeded: nothing was shown of what is asked for.
        WrongLinkPassword, TooManyGuesses, LinkBusy: as `guesses.require_password` says.
    """
    async with parts[Database].reading() as session:
        link = await opening.opened(session, token, kinds=parts[Loaders].kinds)
    name = name.strip() if name is not None and link.asks_name else None
    if link.asks_name and not name:
        raise LinkNameNeeded
    if link.password_hash is not None:
        if password is None:
            raise LinkPasswordNeeded
        await require_password(parts, link, password, context.of(request.scope).client_address)
    seconds = parts[SharingSettings].link_pass_seconds
    return parts[LinkGate].make_pass(link.link_id, link.password_hash, name, seconds)


async def note_visit(unit: Unit, parts: Parts, visit: Visit) -> None:
    """Note that somebody came, once in half an hour, and have the link's maker told if they want to be."""
    if not await ledger.is_known(await unit.reading(), visit, "visit", None):
        session = await unit.writing()
        await ledger.enter(session, visit, "visit")
        await ledger.count_untold(session, visit, visits=1, seconds=parts[SharingSettings].link_notice_seconds)


async def preview(request: Request, unit: Unit, parts: Parts, visit: Visit, item_id: UUID, *, size: int) -> Response:
    """A picture of an item, or the beginning of its text; noted, but for the small ones that stand in lists.

    Raises:
        LinkForbids, SharedItemNotFound: as `showing.item_of` says.
        NoPreview: there is nothing to show.
    """
    visit.require("view", "download", what="seeing what is there")
    session = await unit.reading()
    row = await opening.item_below(session, visit.link.id, item_id, kinds=parts[Loaders].kinds)
    kind = parts[Loaders].linked(row.kind)
    content = None if kind.picture is None else await kind.picture(session, item_id, size)
    if content is not None:
        if size > _SMALL:
            await note_preview(unit, visit, row.id, row.title)
        return await respond(request, parts[ObjectStorage], content)
    content = None if kind.text is None else await kind.text(session, item_id)
    if content is None:
        raise NoPreview
    await note_preview(unit, visit, row.id, row.title)
    await unit.commit()
    excerpt = await beginning_of(parts, content)
    if excerpt is None:
        raise NoPreview
    return Response(excerpt.text, media_type="text/plain", headers={"Cache-Control": "no-store"})


class Excerpt(NamedTuple):
    """The beginning of a text."""

    text: str
    is_whole: bool


async def beginning_of(parts: Parts, content: Content) -> Excerpt | None:
    """How a text begins; None where the bytes are none. What is not UTF-8 shows as the sign for it."""
    end = min(content.size_bytes, _EXCERPT_BYTES)
    async with await parts[ObjectStorage].read(content.key, 0, end) as chunks:
        found = b"".join([chunk async for chunk in chunks])
    is_whole = end == content.size_bytes
    return None if b"\0" in found else Excerpt(found.decode("utf-8", "replace" if is_whole else "ignore"), is_whole)


async def note_preview(unit: Unit, visit: Visit, item_id: UUID, name: str) -> None:
    """Note that somebody looked at an item, once in half an hour."""
    if not await ledger.is_known(await unit.reading(), visit, "preview", item_id):
        await ledger.enter(await unit.writing(), visit, "preview", item=(item_id, name))


async def download(
    request: Request, unit: Unit, parts: Parts, visit: Visit, item_id: UUID, *, is_archive: bool = False
) -> Response:
    """The bytes of an item, or all that lies in it as an archive, counted when they have left; see `counting`.

    Raises:
        LinkForbids: the link is not for downloads, or there is nothing to download.
        SharedItemNotFound: there is no such item below the link's root.
        DownloadsUsedUp: as many were finished as the link is good for.
    """
    visit.require("download", what="downloads: it shows previews only")
    counting.require_more(visit)
    session = await unit.reading()
    row = await opening.item_below(session, visit.link.id, item_id, kinds=parts[Loaders].kinds)
    kind = parts[Loaders].linked(row.kind)
    streamed = counting.through_us(request)
    content = None if kind.content is None or is_archive else await kind.content(session, item_id)
    await unit.commit()  # the connection is given back before any byte is read
    if content is not None:
        response = await respond(streamed, parts[ObjectStorage], content)
    elif is_archive and kind.archive is not None:
        response = await kind.archive(streamed, parts, item_id, row.title)
    else:
        raise LinkForbids("this: there are no bytes of this kind")
    return await counting.counted(request, parts, visit, response, (row.id, row.title))


async def upload(request: Request, unit: Unit, parts: Parts, visit: Visit) -> Sequence[Put]:
    """Put the files of a request into the folder of a link. No connection is held while they come.

    Raises:
        LinkForbids: the link is not for this.
        LinkFull: there is less room, in number or bytes; nothing is kept.
        LinkNotKnown: it was revoked meanwhile; nothing is kept.
    """
    visit.require("upload", what="putting files in")
    link = visit.link
    kind = parts[Loaders].linked(link.kind)
    if kind.receive is None or kind.put is None:
        raise LinkForbids("putting files in")
    room = Room(left(link.most_files, link.files_taken), left(link.most_bytes, link.bytes_taken))
    if room.files == 0 or room.size_bytes == 0:
        raise LinkFull(*room)
    arrived = await kind.receive(request, parts, unit, room)
    session = await unit.writing()
    size = sum(one.size_bytes for one in arrived)
    if not await session.execute(_TAKE, link_id=link.link_id, files=len(arrived), size=size):
        now = await session.first(_LEFT, link_id=link.link_id)
        if now is None:
            raise LinkNotKnown
        raise LinkFull(left(now.most_files, now.files_taken), left(now.most_bytes, now.bytes_taken))
    put = await kind.put(session, parts, unit, arrived, link.id, link.owner_id)
    for one in put:
        await ledger.enter(session, visit, "upload", item=(one.id, one.name), size_bytes=one.size_bytes)
    seconds = parts[SharingSettings].link_notice_seconds
    await ledger.count_untold(session, visit, uploads=len(put), seconds=seconds)
    return put
